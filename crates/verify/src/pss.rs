//! Verifies RSA-PSS signatures (RFC 4055) with salt of any length, by general RSA keys and by RSASSA-PSS keys.

use aws_lc_rs::signature as aws;
use webpki::aws_lc_rs as algorithms;
use x509_parser::der_parser::{Oid, oid};
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use super::algorithms::{Algorithm, verify_any};
use super::der::{Element, INTEGER, SEQUENCE, elements, one};
use super::rsa_keys::{Digest, Padding, RSA, RsaKey, Strength};
use super::{Refusal, form};

/// RFC 4055, 1.2: the identifier of RSASSA-PSS, for signatures and for keys.
pub const RSA_PSS: Oid<'static> = oid!(1.2.840.113549.1.1.10);
const MGF1: Oid<'static> = oid!(1.2.840.113549.1.1.8);
const DEFAULT_SALT: u32 = 20;
/// The only value of the trailer field.
const TRAILER: u8 = 1;

impl Digest {
    /// The digest of an AlgorithmIdentifier.
    fn of(element: &Element<'_>) -> Option<Digest> {
        let known = [
            (oid!(2.16.840.1.101.3.4.2.1), Digest::Sha256),
            (oid!(2.16.840.1.101.3.4.2.2), Digest::Sha384),
            (oid!(2.16.840.1.101.3.4.2.3), Digest::Sha512),
        ];
        let (oid, _) = form::algorithm(element)?;
        let found = known.iter().find(|(known, _)| known.as_bytes() == oid);
        found.map(|(_, digest)| *digest)
    }

    fn size(self) -> u32 {
        match self {
            Digest::Sha256 => 32,
            Digest::Sha384 => 48,
            Digest::Sha512 => 64,
        }
    }

    fn own(self) -> &'static aws::RsaParameters {
        match self {
            Digest::Sha256 => &aws::RSA_PSS_2048_8192_SHA256,
            Digest::Sha384 => &aws::RSA_PSS_2048_8192_SHA384,
            Digest::Sha512 => &aws::RSA_PSS_2048_8192_SHA512,
        }
    }

    fn legacy(self) -> Algorithm {
        match self {
            Digest::Sha256 => algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
            Digest::Sha384 => algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
            Digest::Sha512 => algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
        }
    }
}

/// The parameters of a signature: the digest, which is also the digest of MGF1, and the salt length in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Pss {
    digest: Digest,
    salt: u32,
}

impl Pss {
    /// RFC 8446, 4.2.3: in handshakes, the salt has the length of the digest.
    pub fn of_handshake(digest: Digest) -> Pss {
        Pss {
            digest,
            salt: digest.size(),
        }
    }

    /// RFC 4055, 3.1: parses the parameters of an algorithm identifier; None if there are two different digests.
    pub fn of(algorithm: &AlgorithmIdentifier<'_>) -> Option<Pss> {
        let parameters = algorithm.parameters.as_ref()?;
        (parameters.header.raw_tag() == Some(&[SEQUENCE])).then_some(())?;
        let parts = elements(parameters.data)?;
        form::in_order(&parts, |_| Some(()))?;
        // SHA-1, the default of both digests, is not supported.
        let (mut digest, mut masks, mut salt) = (None, None, DEFAULT_SALT);
        for part in parts {
            let value = one(part.data)?;
            match part.tag {
                0xa0 => digest = Some(Digest::of(&value)?),
                0xa1 => masks = Some(digest_of_masks(&value)?),
                0xa2 => salt = small(value.of(INTEGER)?)?,
                0xa3 if value.of(INTEGER) == Some(&[TRAILER]) => {}
                _ => return None,
            }
        }
        let digest = digest.filter(|_| digest == masks)?;
        Some(Pss { digest, salt })
    }

    pub fn digest(self) -> Digest {
        self.digest
    }

    /// Verifies the signature with the RSA key `key`.
    pub fn verify(
        self,
        key: &SubjectPublicKeyInfo<'_>,
        strength: Strength,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Refusal> {
        if !self.is_permitted(key) || key.subject_public_key.unused_bits != 0 {
            return Err(Refusal::BadSignature);
        }
        let bytes = key.subject_public_key.data.as_ref();
        let numbers = RsaKey::read(key, strength).ok_or(Refusal::BadSignature)?;
        // aws-lc-rs accepts only salt of the digest's length.
        if self.salt != self.digest.size() || !numbers.is_usual() {
            let padding = Padding::Pss(usize::try_from(self.salt).unwrap_or(usize::MAX));
            let good = numbers.verify(self.digest, padding, message, signature);
            return good.then_some(()).ok_or(Refusal::BadSignature);
        }
        if key.algorithm.algorithm == RSA {
            return verify_any(key, &[self.digest.legacy()], message, signature);
        }
        let key = aws::UnparsedPublicKey::new(self.digest.own(), bytes);
        let outcome = key.verify(message, signature);
        outcome.map_err(|_| Refusal::BadSignature)
    }

    /// RFC 4055, 3.3: if an RSASSA-PSS key has parameters, they restrict the digest and the salt length.
    fn is_permitted(self, key: &SubjectPublicKeyInfo<'_>) -> bool {
        if key.algorithm.algorithm != RSA_PSS {
            return key.algorithm.algorithm == RSA;
        }
        let limits = &key.algorithm;
        limits.parameters.is_none()
            || Pss::of(limits)
                .is_some_and(|limits| limits.digest == self.digest && limits.salt <= self.salt)
    }
}

/// The digest of MGF1, the only function for masks.
fn digest_of_masks(element: &Element<'_>) -> Option<Digest> {
    let (oid, digest) = form::algorithm(element)?;
    (oid == MGF1.as_bytes()).then_some(())?;
    Digest::of(&digest?)
}

/// The contents of an INTEGER, as a number of up to 32 bits.
fn small(contents: &[u8]) -> Option<u32> {
    form::number(contents)?;
    let is_positive = contents.first().is_some_and(|first| first & 0x80 == 0);
    (is_positive && contents.len() <= 4).then(|| {
        contents
            .iter()
            .fold(0, |all, byte| all << 8 | u32::from(*byte))
    })
}
