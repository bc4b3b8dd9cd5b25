//! What rustls asks about the server's certificate and signatures.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use super::signatures::{self, Check, Rules};
use crate::net::verify::{Refusal, Trust};

/// Judges the chain if there is something to judge it by; the host name is compared later, when libpq does.
#[derive(Debug)]
pub struct Verifier {
    trust: Option<Trust>,
}

impl Verifier {
    pub fn new(trust: Option<Trust>) -> Verifier {
        Verifier { trust }
    }

    fn rules(&self, check: fn(SignatureScheme) -> Option<Check>) -> Rules {
        let verified = self.trust.is_some();
        Rules { check, verified }
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
            trust.verify(own, others, now).map_err(error)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let rules = self.rules(signatures::in_tls12);
        rules.verify(certificate, signed, message).map_err(error)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let rules = self.rules(signatures::in_tls13);
        rules.verify(certificate, signed, message).map_err(error)
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
