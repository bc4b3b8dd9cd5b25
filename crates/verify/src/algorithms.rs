//! webpki's signature algorithms, and signature checks with them.

use rustls::pki_types::{SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use webpki::{Error, RawPublicKeyEntity, aws_lc_rs as algorithms};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::Refusal;
use super::rsa_keys::Digest;

pub type Algorithm = &'static dyn SignatureVerificationAlgorithm;

/// The algorithms that webpki may use to verify a chain.
pub static ALGORITHMS: &[Algorithm] = &[
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P256_SHA512,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ECDSA_P384_SHA512,
    algorithms::ECDSA_P521_SHA256,
    algorithms::ECDSA_P521_SHA384,
    algorithms::ECDSA_P521_SHA512,
    algorithms::ED25519,
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
    algorithms::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
    algorithms::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
];

/// Verifies a signature with the first of `algorithms` that fits the key.
pub fn verify_any(
    key: &SubjectPublicKeyInfo<'_>,
    algorithms: &[Algorithm],
    message: &[u8],
    signature: &[u8],
) -> Result<(), Refusal> {
    let der = SubjectPublicKeyInfoDer::from(key.raw);
    let key = RawPublicKeyEntity::try_from(&der).map_err(|_| Refusal::Malformed)?;
    for algorithm in algorithms {
        match key.verify_signature(*algorithm, message, signature) {
            Ok(()) => return Ok(()),
            Err(Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
            Err(_) => return Err(Refusal::BadSignature),
        }
    }
    Err(Refusal::BadSignature)
}

/// The algorithms of each signature scheme, one for each kind of key.
pub mod kinds {
    use super::{Algorithm, Digest, algorithms};

    pub static ECDSA_SHA256: [Algorithm; 3] = [
        algorithms::ECDSA_P256_SHA256,
        algorithms::ECDSA_P384_SHA256,
        algorithms::ECDSA_P521_SHA256,
    ];
    pub static ECDSA_SHA384: [Algorithm; 3] = [
        algorithms::ECDSA_P256_SHA384,
        algorithms::ECDSA_P384_SHA384,
        algorithms::ECDSA_P521_SHA384,
    ];
    pub static ECDSA_SHA512: [Algorithm; 3] = [
        algorithms::ECDSA_P256_SHA512,
        algorithms::ECDSA_P384_SHA512,
        algorithms::ECDSA_P521_SHA512,
    ];
    pub static ED25519: [Algorithm; 1] = [algorithms::ED25519];

    pub fn rsa(digest: Digest) -> Algorithm {
        match digest {
            Digest::Sha256 => algorithms::RSA_PKCS1_2048_8192_SHA256,
            Digest::Sha384 => algorithms::RSA_PKCS1_2048_8192_SHA384,
            Digest::Sha512 => algorithms::RSA_PKCS1_2048_8192_SHA512,
        }
    }
}
