//! Verifies the signatures of certificates and revocation lists.

use x509_parser::der_parser::asn1_rs::BitString;
use x509_parser::der_parser::{Oid, oid};
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use super::Refusal;
use super::algorithms::{Algorithm, kinds, verify_any};
use super::pss::{Pss, RSA_PSS};
pub use super::rsa_keys::{Digest, Strength};
use super::rsa_keys::{Padding, RSA, RsaKey};

/// The signed part of a certificate or of a revocation list, and its signature.
pub struct Signed<'a> {
    pub algorithm: &'a AlgorithmIdentifier<'a>,
    pub message: &'a [u8],
    pub signature: &'a BitString<'a>,
}

impl Signed<'_> {
    /// Verifies the signature with `key`.
    pub fn verify(&self, key: &SubjectPublicKeyInfo<'_>) -> Result<(), Refusal> {
        if self.signature.unused_bits != 0 {
            return Err(Refusal::Malformed);
        }
        let signature = self.signature.data.as_ref();
        if self.algorithm.algorithm == RSA_PSS {
            let pss = Pss::of(self.algorithm).ok_or(Refusal::Malformed)?;
            return pss.verify(key, Strength::Level2, self.message, signature);
        }
        if let Some(digest) = digest_with_rsa(&self.algorithm.algorithm) {
            return verify_pkcs1(key, Strength::Level2, digest, self.message, signature);
        }
        verify_any(
            key,
            candidates(&self.algorithm.algorithm),
            self.message,
            signature,
        )
    }
}

/// Verifies a PKCS #1 signature with the RSA key `key`.
pub fn verify_pkcs1(
    key: &SubjectPublicKeyInfo<'_>,
    strength: Strength,
    digest: Digest,
    message: &[u8],
    signature: &[u8],
) -> Result<(), Refusal> {
    if key.algorithm.algorithm != RSA || key.subject_public_key.unused_bits != 0 {
        return Err(Refusal::BadSignature);
    }
    let numbers = RsaKey::read(key, strength).ok_or(Refusal::BadSignature)?;
    if numbers.is_usual() {
        return verify_any(key, &[kinds::rsa(digest)], message, signature);
    }
    let good = numbers.verify(digest, Padding::Pkcs1, message, signature);
    good.then_some(()).ok_or(Refusal::BadSignature)
}

/// The digest of a PKCS #1 signature algorithm.
fn digest_with_rsa(oid: &Oid<'_>) -> Option<Digest> {
    let known = [
        (oid!(1.2.840.113549.1.1.11), Digest::Sha256),
        (oid!(1.2.840.113549.1.1.12), Digest::Sha384),
        (oid!(1.2.840.113549.1.1.13), Digest::Sha512),
    ];
    let found = known.iter().find(|(known, _)| known == oid);
    found.map(|(_, digest)| *digest)
}

/// The algorithms of a signature's algorithm identifier.
fn candidates(oid: &Oid<'_>) -> &'static [Algorithm] {
    let known: [(Oid<'_>, &[Algorithm]); 4] = [
        (oid!(1.2.840.10045.4.3.2), &kinds::ECDSA_SHA256),
        (oid!(1.2.840.10045.4.3.3), &kinds::ECDSA_SHA384),
        (oid!(1.2.840.10045.4.3.4), &kinds::ECDSA_SHA512),
        (oid!(1.3.101.112), &kinds::ED25519),
    ];
    let found = known.into_iter().find(|(known, _)| known == oid);
    found.map_or(&[], |(_, algorithms)| algorithms)
}
