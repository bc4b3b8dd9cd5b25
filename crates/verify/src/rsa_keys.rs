//! RSA keys that OpenSSL accepts and aws-lc-rs or webpki does not: with an unusual size, a large exponent, or parameters other
//! than NULL.

use rsa::{BoxedUint, Pkcs1v15Sign, PublicKey};
use sha2::digest::FixedOutputReset;
use sha2::digest::const_oid::AssociatedOid;
use sha2::{Sha256, Sha384, Sha512};
use x509_parser::der_parser::{Oid, oid};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::der::{INTEGER, NULL, SEQUENCE, elements, first};

pub const RSA: Oid<'static> = oid!(1.2.840.113549.1.1.1);

/// The keys that aws-lc-rs accepts.
const USUAL_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
const USUAL_EXPONENT_BITS: usize = 33;
/// OpenSSL's limits for the modulus, and for the exponent of a large modulus.
const MAX_BITS: usize = 16384;
const SMALL_MODULUS_BITS: usize = 3072;
const MAX_EXPONENT_BITS: usize = 64;

/// The digests that are accepted in signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    Sha256,
    Sha384,
    Sha512,
}

/// The minimum strength of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// The server's certificate is not verified.
    Any,
    /// OpenSSL's security level 2, Debian's default: 112 bits of security.
    Level2,
}

impl Strength {
    /// OpenSSL rounds the bits of security to a multiple of 8: a key of 1963 bits has 108, which it rounds to 112.
    fn min_bits(self) -> usize {
        match self {
            Strength::Any => 512,
            Strength::Level2 => 1963,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub enum Padding {
    Pkcs1,
    /// Holds the length of the salt in bytes.
    Pss(usize),
}

/// An RSA key.
pub struct RsaKey<'a> {
    /// Modulus and exponent, both odd.
    numbers: [&'a [u8]; 2],
    is_usual: bool,
}

impl<'a> RsaKey<'a> {
    /// Parses a key; None if OpenSSL would not accept it.
    pub fn read(key: &'a SubjectPublicKeyInfo<'_>, strength: Strength) -> Option<RsaKey<'a>> {
        let numbers = numbers(&key.subject_public_key.data)?;
        let [size, exponent_size] = numbers.map(bits);
        let fits = (strength.min_bits()..=MAX_BITS).contains(&size)
            && (size <= SMALL_MODULUS_BITS || exponent_size <= MAX_EXPONENT_BITS);
        let is_odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
        let are_odd = numbers.iter().all(|number| is_odd(number));
        if !fits || !are_odd || exponent_size < 2 || exponent_size >= size {
            return None;
        }
        let parameters = key.algorithm.parameters.as_ref();
        let is_null = parameters
            .is_some_and(|value| value.header.raw_tag() == Some(&[NULL]) && value.data.is_empty());
        Some(RsaKey {
            numbers,
            is_usual: USUAL_BITS.contains(&size)
                && exponent_size <= USUAL_EXPONENT_BITS
                && (is_null || key.algorithm.algorithm != RSA),
        })
    }

    /// Whether aws-lc-rs accepts the key, too; its check is faster.
    pub fn is_usual(&self) -> bool {
        self.is_usual
    }

    /// Whether `made` is a valid signature of `message`.
    pub fn verify(&self, digest: Digest, padding: Padding, message: &[u8], made: &[u8]) -> bool {
        match digest {
            Digest::Sha256 => self.check::<Sha256>(padding, message, made),
            Digest::Sha384 => self.check::<Sha384>(padding, message, made),
            Digest::Sha512 => self.check::<Sha512>(padding, message, made),
        }
    }

    fn check<D>(&self, padding: Padding, message: &[u8], made: &[u8]) -> bool
    where
        D: sha2::Digest + FixedOutputReset + AssociatedOid,
    {
        let [modulus, exponent] = self.numbers.map(BoxedUint::from_be_slice_vartime);
        let key = PublicKey::new_unchecked(modulus, exponent);
        let hash = D::digest(message);
        let outcome = match padding {
            Padding::Pkcs1 => key.verify(Pkcs1v15Sign::new::<D>(), &hash, made),
            Padding::Pss(salt) => {
                let padding = rsa::Pss::<D>::new_with_salt(salt);
                key.verify(padding, &hash, made)
            }
        };
        outcome.is_ok()
    }
}

/// The modulus and the exponent (RFC 8017, A.1.1). OpenSSL: ignores bytes after the key.
fn numbers(key: &[u8]) -> Option<[&[u8]; 2]> {
    let parts = elements(first(key)?.0.of(SEQUENCE)?)?;
    let [modulus, exponent] = &parts[..] else {
        return None;
    };
    Some([modulus.of(INTEGER)?, exponent.of(INTEGER)?])
}

/// The size of a number in bits.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(0, |byte| byte.leading_zeros());
    (number.len() - zeros) * 8 - first as usize
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::FromDer;

    use super::*;

    fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
        let [high, low] = (contents.len() as u16).to_be_bytes();
        let head = match contents.len() {
            ..128 => vec![tag, low],
            128..256 => vec![tag, 0x81, low],
            _ => vec![tag, 0x82, high, low],
        };
        [&head, contents].concat()
    }

    /// SubjectPublicKeyInfo of an RSA key.
    fn key(modulus: &[u8], exponent: &[u8], parameters: &[u8]) -> Vec<u8> {
        let numbers = [element(2, modulus), element(2, exponent)].concat();
        let bits = [&[0], &element(0x30, &numbers)[..]].concat();
        let algorithm = [
            &b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"[..],
            parameters,
        ]
        .concat();
        let algorithm = element(0x30, &algorithm);
        element(0x30, &[algorithm, element(3, &bits)].concat())
    }

    fn is_usual(spki: &[u8], strength: Strength) -> Option<bool> {
        let (_, key) = SubjectPublicKeyInfo::from_der(spki).expect("a key");
        RsaKey::read(&key, strength).map(|key| key.is_usual())
    }

    /// An odd number with this many bits.
    fn modulus(bits: usize) -> Vec<u8> {
        let mut bytes = vec![0xff; bits / 8 + 1];
        bytes[0] = (1 << (bits % 8)) - 1;
        bytes
    }

    const NULL: [u8; 2] = [5, 0];

    #[test]
    fn key_sizes_within_openssls_limits_are_accepted() {
        for (bits, any, level2) in [
            (511, None, None),
            (512, Some(false), None),
            (1024, Some(false), None),
            (1962, Some(false), None),
            (1963, Some(false), Some(false)),
            (2047, Some(false), Some(false)),
            (2048, Some(true), Some(true)),
            (8192, Some(true), Some(true)),
            (8193, Some(false), Some(false)),
            (16384, Some(false), Some(false)),
            (16385, None, None),
        ] {
            let spki = key(&modulus(bits), &[1, 0, 1], &NULL);
            assert_eq!(is_usual(&spki, Strength::Any), any, "{bits}");
            assert_eq!(is_usual(&spki, Strength::Level2), level2, "{bits}");
        }
    }

    #[test]
    fn exponents_within_openssls_limits_are_accepted() {
        let long = |size: usize| [vec![1], vec![0; size - 1], vec![1]].concat();
        for (bits, exponent, expected) in [
            (2048, vec![1], None),
            (2048, vec![2], None),
            (2048, vec![3], Some(true)),
            (2048, vec![1, 0xff, 0xff, 0xff, 0xff], Some(true)),
            (2048, vec![3, 0xff, 0xff, 0xff, 0xff], Some(false)),
            (3072, long(300), Some(false)),
            (2048, long(300), None),
            (3073, vec![0, 0xff, 0, 0, 0, 0, 0, 0, 1], Some(false)),
            (3073, long(8), None),
        ] {
            let spki = key(&modulus(bits), &exponent, &NULL);
            assert_eq!(is_usual(&spki, Strength::Level2), expected, "{exponent:?}");
        }
    }

    #[test]
    fn parameters_other_than_null_are_unusual() {
        for (parameters, expected) in [
            (&NULL[..], true),
            (&[], false),
            (&[0x30, 0], false),
            (&[0x85, 0], false),
        ] {
            let spki = key(&modulus(2048), &[1, 0, 1], parameters);
            assert_eq!(is_usual(&spki, Strength::Level2), Some(expected));
        }
    }

    #[test]
    fn hostile_keys_are_refused_without_a_panic() {
        let even = [&[0][..], &[0xfe; 128]].concat();
        let odd = modulus(1024);
        for modulus in [&even[..], &odd, &[], &[0], &[1]] {
            for exponent in [&[][..], &[0], &[1], &[2], &[3], &[0xff; 9], &odd] {
                let spki = key(modulus, exponent, &NULL);
                let (_, key) = SubjectPublicKeyInfo::from_der(&spki).expect("a key");
                let Some(key) = RsaKey::read(&key, Strength::Any) else {
                    continue;
                };
                for made in [&[][..], &[0; 128], &[0xff; 128], &[1; 127], &[1; 4000]] {
                    for padding in [Padding::Pkcs1, Padding::Pss(32), Padding::Pss(usize::MAX)] {
                        for digest in [Digest::Sha256, Digest::Sha384, Digest::Sha512] {
                            assert!(!key.verify(digest, padding, b"m", made), "{exponent:?}");
                        }
                    }
                }
            }
        }
    }
}
