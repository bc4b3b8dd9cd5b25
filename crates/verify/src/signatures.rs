//! Verifies the server's signature in the TLS handshake, with the key of a certificate of any X.509 version.

use rustls::SignatureScheme as Scheme;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::outline;
use crate::Refusal;
use crate::algorithms::{Algorithm, kinds, verify_any};
use crate::pss::Pss;
use crate::signature::{Digest, Strength, verify_pkcs1};

/// RFC 8446, 4.2.3: rsa_pss_pss_*, signatures with RSASSA-PSS keys.
pub const PSS_PSS_SHA256: Scheme = Scheme::Unknown(0x0809);
pub const PSS_PSS_SHA384: Scheme = Scheme::Unknown(0x080a);
pub const PSS_PSS_SHA512: Scheme = Scheme::Unknown(0x080b);

/// The schemes that the client offers, in order of preference.
pub const SCHEMES: [Scheme; 13] = [
    Scheme::ECDSA_NISTP256_SHA256,
    Scheme::ECDSA_NISTP384_SHA384,
    Scheme::ECDSA_NISTP521_SHA512,
    Scheme::ED25519,
    Scheme::RSA_PSS_SHA256,
    Scheme::RSA_PSS_SHA384,
    Scheme::RSA_PSS_SHA512,
    PSS_PSS_SHA256,
    PSS_PSS_SHA384,
    PSS_PSS_SHA512,
    Scheme::RSA_PKCS1_SHA256,
    Scheme::RSA_PKCS1_SHA384,
    Scheme::RSA_PKCS1_SHA512,
];

/// How to verify the signatures of a scheme.
pub enum Check {
    Pss(Digest),
    Pkcs1(Digest),
    /// With the first algorithm that fits the key.
    Any(&'static [Algorithm]),
}

/// TLS 1.3: the scheme includes the curve. RFC 8446, 4.2.3: handshakes do not use PKCS #1.
pub fn in_tls13(scheme: Scheme) -> Option<Check> {
    match scheme {
        Scheme::ECDSA_NISTP256_SHA256 => Some(Check::Any(&kinds::ECDSA_SHA256[..1])),
        Scheme::ECDSA_NISTP384_SHA384 => Some(Check::Any(&kinds::ECDSA_SHA384[1..2])),
        Scheme::ECDSA_NISTP521_SHA512 => Some(Check::Any(&kinds::ECDSA_SHA512[2..])),
        Scheme::RSA_PKCS1_SHA256 | Scheme::RSA_PKCS1_SHA384 | Scheme::RSA_PKCS1_SHA512 => None,
        other => in_tls12(other),
    }
}

/// TLS 1.2: the scheme includes the digest only.
pub fn in_tls12(scheme: Scheme) -> Option<Check> {
    Some(match scheme {
        Scheme::ECDSA_NISTP256_SHA256 => Check::Any(&kinds::ECDSA_SHA256),
        Scheme::ECDSA_NISTP384_SHA384 => Check::Any(&kinds::ECDSA_SHA384),
        Scheme::ECDSA_NISTP521_SHA512 => Check::Any(&kinds::ECDSA_SHA512),
        Scheme::ED25519 => Check::Any(&kinds::ED25519),
        Scheme::RSA_PKCS1_SHA256 => Check::Pkcs1(Digest::Sha256),
        Scheme::RSA_PKCS1_SHA384 => Check::Pkcs1(Digest::Sha384),
        Scheme::RSA_PKCS1_SHA512 => Check::Pkcs1(Digest::Sha512),
        Scheme::RSA_PSS_SHA256 | PSS_PSS_SHA256 => Check::Pss(Digest::Sha256),
        Scheme::RSA_PSS_SHA384 | PSS_PSS_SHA384 => Check::Pss(Digest::Sha384),
        Scheme::RSA_PSS_SHA512 | PSS_PSS_SHA512 => Check::Pss(Digest::Sha512),
        _ => return None,
    })
}

/// How a TLS version interprets the schemes, and whether the server's certificate was verified.
#[derive(Clone, Copy)]
pub struct Rules {
    pub check: fn(Scheme) -> Option<Check>,
    pub verified: bool,
}

impl Rules {
    /// Verifies a signature with the key of `certificate`.
    pub fn verify(
        self,
        certificate: &CertificateDer<'_>,
        scheme: Scheme,
        message: &[u8],
        signature: &[u8],
    ) -> Result<HandshakeSignatureValid, Refusal> {
        // Parse the key only: without verification, the rest of the certificate may be malformed.
        let outline = outline::outline(certificate).ok_or(Refusal::Malformed)?;
        let key = SubjectPublicKeyInfo::from_der(outline.key);
        let (_, key) = key.map_err(|_| Refusal::Malformed)?;
        let check = (self.check)(scheme).ok_or(Refusal::BadSignature)?;
        let strength = match self.verified {
            true => Strength::Level2,
            false => Strength::Any,
        };
        match check {
            Check::Pss(digest) => {
                Pss::of_handshake(digest).verify(&key, strength, message, signature)?;
            }
            Check::Pkcs1(digest) => verify_pkcs1(&key, strength, digest, message, signature)?,
            Check::Any(algorithms) => verify_any(&key, algorithms, message, signature)?,
        }
        Ok(HandshakeSignatureValid::assertion())
    }
}
