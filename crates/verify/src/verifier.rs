//! What rustls asks about the server's certificate and signatures.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::pem::Roots;
use super::signatures::{self, Check, Rules};
use crate::{Refusal, Trust};

/// Judges the chain if there is something to judge it by; the host name is compared later, when libpq does.
#[derive(Debug, Default)]
pub struct Verifier {
    trust: Option<Trust>,
    /// Certificates that may stand in no chain, whoever sends them.
    distrusted: Vec<CertificateDer<'static>>,
    /// Not all roots could be read.
    incomplete: bool,
}

impl Verifier {
    pub fn new(trust: Option<Trust>) -> Verifier {
        Verifier {
            trust,
            ..Verifier::default()
        }
    }

    /// Trusts `roots`. Their lists count if `with_lists`, as [`Trust::new`] takes them.
    pub fn trusting(roots: Roots, with_lists: bool) -> Verifier {
        let lists = with_lists.then_some(roots.lists);
        Verifier {
            trust: Some(Trust::new(roots.trusted, lists)),
            distrusted: roots.distrusted,
            incomplete: roots.incomplete,
        }
    }

    /// What `trust` says of the chain.
    fn judge(
        &self,
        trust: &Trust,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Refusal> {
        if self.distrusted.is_empty() {
            return trust.verify(own, others, now);
        }
        if self.distrusted.contains(own) {
            return Err(Refusal::UnknownIssuer);
        }
        let others = others
            .iter()
            .filter(|other| !self.distrusted.contains(other));
        trust.verify(own, &others.cloned().collect::<Vec<_>>(), now)
    }

    /// An issuer that is not known may be one that only OpenSSL can read.
    fn explained(&self, refusal: Refusal, others: &[CertificateDer<'_>]) -> Refusal {
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
        // libpq: without root certificates any certificate will do.
        if let Some(trust) = &self.trust {
            let verdict = self.judge(trust, own, others, now);
            verdict.map_err(|refusal| error(self.explained(refusal, others)))?;
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

/// The refusal as rustls tells it to the server in an alert.
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
