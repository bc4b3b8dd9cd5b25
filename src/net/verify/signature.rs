//! Signatures, checked by aws-lc-rs: those that webpki knows, and RSA-PSS keys.

use aws_lc_rs::signature as aws;
use rustls::pki_types::{SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use webpki::{Error, RawPublicKeyEntity, aws_lc_rs as algorithms};
use x509_parser::der_parser::asn1_rs::BitString;
use x509_parser::der_parser::{Oid, oid};
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use super::Refusal;

pub type Algorithm = &'static dyn SignatureVerificationAlgorithm;

/// Every signature that webpki may check in a chain.
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

/// RFC 4055, 1.2: keys that are for RSA-PSS alone.
const RSA_PSS: Oid<'static> = oid!(1.2.840.113549.1.1.10);

/// The digests that signatures may use here: those that are broken are not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    fn of(oid: &Oid<'_>) -> Option<Digest> {
        let known = [
            (oid!(2.16.840.1.101.3.4.2.1), Digest::Sha256),
            (oid!(2.16.840.1.101.3.4.2.2), Digest::Sha384),
            (oid!(2.16.840.1.101.3.4.2.3), Digest::Sha512),
        ];
        let found = known.iter().find(|(known, _)| known == oid);
        found.map(|(_, digest)| *digest)
    }

    fn size(self) -> u32 {
        match self {
            Digest::Sha256 => 32,
            Digest::Sha384 => 48,
            Digest::Sha512 => 64,
        }
    }

    fn pss(self) -> &'static aws::RsaParameters {
        match self {
            Digest::Sha256 => &aws::RSA_PSS_2048_8192_SHA256,
            Digest::Sha384 => &aws::RSA_PSS_2048_8192_SHA384,
            Digest::Sha512 => &aws::RSA_PSS_2048_8192_SHA512,
        }
    }

    fn legacy_pss(self) -> Algorithm {
        match self {
            Digest::Sha256 => algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
            Digest::Sha384 => algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
            Digest::Sha512 => algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
        }
    }
}

/// A signed part of a certificate or of a revocation list.
pub struct Signed<'a> {
    pub algorithm: &'a AlgorithmIdentifier<'a>,
    pub message: &'a [u8],
    pub signature: &'a BitString<'a>,
}

impl Signed<'_> {
    /// Whether `key` made the signature.
    pub fn verify(&self, key: &SubjectPublicKeyInfo<'_>) -> Result<(), Refusal> {
        if self.signature.unused_bits != 0 {
            return Err(Refusal::Malformed);
        }
        let signature = self.signature.data.as_ref();
        if self.algorithm.algorithm == RSA_PSS {
            let digest = pss_digest(self.algorithm).ok_or(Refusal::Malformed)?;
            return verify_pss(key, digest, self.message, signature);
        }
        verify_any(
            key,
            candidates(&self.algorithm.algorithm),
            self.message,
            signature,
        )
    }
}

/// RFC 4055, 3.1: one digest in all places, and salt of its length, which is all that TLS uses.
fn pss_digest(algorithm: &AlgorithmIdentifier<'_>) -> Option<Digest> {
    let parameters = algorithm.parameters.clone()?;
    let parameters = RsaSsaPssParams::try_from(parameters).ok()?;
    let digest = Digest::of(parameters.hash_algorithm_oid())?;
    let mask = parameters.mask_gen_algorithm().ok()?;
    let same = Digest::of(&mask.hash) == Some(digest);
    let usual = parameters.salt_length() == digest.size() && parameters.trailer_field() == 1;
    (same && usual && mask.mgf == oid!(1.2.840.113549.1.1.8)).then_some(digest)
}

/// Whether the RSA key `key` made a PSS signature.
pub fn verify_pss(
    key: &SubjectPublicKeyInfo<'_>,
    digest: Digest,
    message: &[u8],
    signature: &[u8],
) -> Result<(), Refusal> {
    if key.algorithm.algorithm != RSA_PSS {
        return verify_any(key, &[digest.legacy_pss()], message, signature);
    }
    if !permits(key, digest) || key.subject_public_key.unused_bits != 0 {
        return Err(Refusal::BadSignature);
    }
    let bytes = key.subject_public_key.data.as_ref();
    let outcome = aws::UnparsedPublicKey::new(digest.pss(), bytes).verify(message, signature);
    outcome.map_err(|_| Refusal::BadSignature)
}

/// RFC 4055, 3.3: parameters in the key, if there are any, restrict what it signs with.
fn permits(key: &SubjectPublicKeyInfo<'_>, digest: Digest) -> bool {
    let Some(parameters) = key.algorithm.parameters.clone() else {
        return true;
    };
    let parameters = RsaSsaPssParams::try_from(parameters);
    parameters.is_ok_and(|parameters| {
        Digest::of(parameters.hash_algorithm_oid()) == Some(digest)
            && parameters.salt_length() <= digest.size()
    })
}

/// Whether `key` made the signature by the first of `algorithms` that fits the key.
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

/// The algorithms of a signature, one for each kind of key that can make it.
pub mod kinds {
    use super::{Algorithm, algorithms};

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
    pub static RSA_SHA256: [Algorithm; 1] = [algorithms::RSA_PKCS1_2048_8192_SHA256];
    pub static RSA_SHA384: [Algorithm; 1] = [algorithms::RSA_PKCS1_2048_8192_SHA384];
    pub static RSA_SHA512: [Algorithm; 1] = [algorithms::RSA_PKCS1_2048_8192_SHA512];
}

/// The algorithms that a signature's identifier stands for.
fn candidates(oid: &Oid<'_>) -> &'static [Algorithm] {
    let known: [(Oid<'_>, &[Algorithm]); 7] = [
        (oid!(1.2.840.113549.1.1.11), &kinds::RSA_SHA256),
        (oid!(1.2.840.113549.1.1.12), &kinds::RSA_SHA384),
        (oid!(1.2.840.113549.1.1.13), &kinds::RSA_SHA512),
        (oid!(1.2.840.10045.4.3.2), &kinds::ECDSA_SHA256),
        (oid!(1.2.840.10045.4.3.3), &kinds::ECDSA_SHA384),
        (oid!(1.2.840.10045.4.3.4), &kinds::ECDSA_SHA512),
        (oid!(1.3.101.112), &kinds::ED25519),
    ];
    let found = known.into_iter().find(|(known, _)| known == oid);
    found.map_or(&[], |(_, algorithms)| algorithms)
}
