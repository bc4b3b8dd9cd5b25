//! The certificate verifier for rustls.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::pem::{self, Roots};
use super::signatures::{self, Check, Rules};
use crate::{Refusal, Trust};

/// Verifies the chain if there are trusted roots; the default accepts any certificate. The host name is compared later, as
/// in libpq.
#[derive(Debug, Default)]
pub struct Verifier {
    trust: Option<Trust>,
    /// A chain must not contain one of these certificates, or an issuer with the key of one of them.
    distrusted: Vec<CertificateDer<'static>>,
    /// Some roots could not be parsed.
    incomplete: bool,
}

impl Verifier {
    /// Trusts `roots`, and checks their revocation lists if `with_lists`.
    pub fn trusting(roots: Roots, with_lists: bool) -> Verifier {
        let lists = with_lists.then_some(roots.lists);
        Verifier {
            trust: Some(Trust::new(roots.trusted, lists)),
            distrusted: roots.distrusted,
            incomplete: roots.incomplete,
        }
    }

    /// Verifies the chain without the distrusted certificates.
    fn verify_chain(
        &self,
        trust: &Trust,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Refusal> {
        match pem::without_distrusted(&self.distrusted, own, others) {
            Some(others) => trust.verify(own, &others, now),
            None => Err(Refusal::UnknownIssuer),
        }
    }

    /// Turns UnknownIssuer into Malformed if there are certificates that could not be parsed: one may be the issuer.
    fn refine(&self, refusal: Refusal, others: &[CertificateDer<'_>]) -> Refusal {
        let unread = |der: &CertificateDer<'_>| X509Certificate::from_der(der).is_err();
        match refusal {
            Refusal::UnknownIssuer if self.incomplete || others.iter().any(unread) => {
                Refusal::Malformed
            }
            other => other,
        }
    }

    fn check(
        &self,
        check: fn(SignatureScheme) -> Option<Check>,
        certificate: &CertificateDer<'_>,
        message: &[u8],
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = self.trust.is_some();
        let rules = Rules { check, verified };
        let outcome = rules.verify(certificate, signed.scheme, message, signed.signature());
        outcome.map_err(error)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // libpq: without root certificates, it accepts any certificate.
        if let Some(trust) = &self.trust {
            let verdict = self.verify_chain(trust, own, others, now);
            verdict.map_err(|refusal| error(self.refine(refusal, others)))?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check(signatures::in_tls12, certificate, message, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check(signatures::in_tls13, certificate, message, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        signatures::SCHEMES.to_vec()
    }
}

/// The error for rustls, which decides the alert that the server receives.
fn error(refusal: Refusal) -> Error {
    Error::InvalidCertificate(match refusal {
        Refusal::Malformed => CertificateError::BadEncoding,
        Refusal::UnknownIssuer => CertificateError::UnknownIssuer,
        Refusal::Expired => CertificateError::Expired,
        Refusal::NotYetValid => CertificateError::NotValidYet,
        Refusal::Revoked => CertificateError::Revoked,
        Refusal::NoRevocationList => CertificateError::UnknownRevocationStatus,
        Refusal::BadSignature => CertificateError::BadSignature,
        Refusal::WrongPurpose => CertificateError::InvalidPurpose,
        Refusal::TooComplex => CertificateError::Other(OtherError(std::sync::Arc::new(
            std::io::Error::other("certificate chain too complex"),
        ))),
    })
}
