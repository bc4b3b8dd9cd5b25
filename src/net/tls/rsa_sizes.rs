//! Signatures in the handshake by RSA keys of a size that aws-lc-rs does not take.

use std::ops::RangeInclusive;

use rsa::{BoxedUint, Pkcs1v15Sign, Pss, PublicKey};
use rustls::SignatureScheme as Scheme;
use sha2::digest::FixedOutputReset;
use sha2::digest::const_oid::AssociatedOid;
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::RSAPublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::net::verify::pss::RSA;

/// Smaller than OpenSSL takes them where a certificate is verified: good enough where nobody asks who the server is.
const SMALL: RangeInclusive<usize> = 512..=2047;
/// Larger than aws-lc-rs takes them, up to OpenSSL's limit.
const LARGE: RangeInclusive<usize> = 8193..=16384;

/// Whether `key` made the signature; None if it is no RSA key of unusual size. Small ones count only if they are
/// `permitted`.
pub fn verify(
    key: &SubjectPublicKeyInfo<'_>,
    small_permitted: bool,
    scheme: Scheme,
    message: &[u8],
    signature: &[u8],
) -> Option<bool> {
    if key.algorithm.algorithm != RSA {
        return None;
    }
    let (_, numbers) = RSAPublicKey::from_der(&key.subject_public_key.data).ok()?;
    let number = BoxedUint::from_be_slice_vartime;
    let limits = match bits(numbers.modulus) {
        size if SMALL.contains(&size) && small_permitted => SMALL,
        size if LARGE.contains(&size) => LARGE,
        _ => return None,
    };
    let (modulus, exponent) = (number(numbers.modulus), number(numbers.exponent));
    let key = PublicKey::new_with_size_limits(modulus, exponent, limits).ok()?;
    Some(made_by(&key, scheme, message, signature).is_ok())
}

fn made_by(key: &PublicKey, scheme: Scheme, message: &[u8], signature: &[u8]) -> rsa::Result<()> {
    match scheme {
        Scheme::RSA_PSS_SHA256 => pss::<Sha256>(key, message, signature),
        Scheme::RSA_PSS_SHA384 => pss::<Sha384>(key, message, signature),
        Scheme::RSA_PSS_SHA512 => pss::<Sha512>(key, message, signature),
        Scheme::RSA_PKCS1_SHA256 => pkcs1::<Sha256>(key, message, signature),
        Scheme::RSA_PKCS1_SHA384 => pkcs1::<Sha384>(key, message, signature),
        Scheme::RSA_PKCS1_SHA512 => pkcs1::<Sha512>(key, message, signature),
        _ => Err(rsa::Error::Verification),
    }
}

/// RFC 8446, 4.2.3: in handshakes the salt is as long as the digest, as [`Pss::new`] has it.
fn pss<D>(key: &PublicKey, message: &[u8], signature: &[u8]) -> rsa::Result<()>
where
    D: Digest + FixedOutputReset,
{
    key.verify(Pss::<D>::new(), &D::digest(message), signature)
}

fn pkcs1<D>(key: &PublicKey, message: &[u8], signature: &[u8]) -> rsa::Result<()>
where
    D: Digest + AssociatedOid,
{
    let padding = Pkcs1v15Sign::new::<D>();
    key.verify(padding, &D::digest(message), signature)
}

/// The size of a number in bits.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(0, |byte| byte.leading_zeros());
    (number.len() - zeros) * 8 - first as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMES: [Scheme; 7] = [
        Scheme::RSA_PSS_SHA256,
        Scheme::RSA_PSS_SHA384,
        Scheme::RSA_PSS_SHA512,
        Scheme::RSA_PKCS1_SHA256,
        Scheme::RSA_PKCS1_SHA384,
        Scheme::RSA_PKCS1_SHA512,
        Scheme::ED25519,
    ];

    fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
        let [high, low] = (contents.len() as u16).to_be_bytes();
        [&[tag, 0x82, high, low], contents].concat()
    }

    /// SubjectPublicKeyInfo of an RSA key.
    fn key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        let numbers = [element(2, modulus), element(2, exponent)].concat();
        let bits = [&[0], &element(0x30, &numbers)[..]].concat();
        let algorithm = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
        element(0x30, &[&algorithm[..], &element(3, &bits)].concat())
    }

    fn check(spki: &[u8], small_permitted: bool, signature: &[u8]) -> Vec<Option<bool>> {
        let (_, key) = SubjectPublicKeyInfo::from_der(spki).expect("a key");
        let schemes = SCHEMES.iter();
        let check = |scheme: &Scheme| verify(&key, small_permitted, *scheme, b"m", signature);
        schemes.map(check).collect()
    }

    fn modulus(bits: usize) -> Vec<u8> {
        [vec![0], vec![0xff; bits / 8]].concat()
    }

    #[test]
    fn sizes_are_told_apart() {
        let exponent = [1, 0, 1];
        for (bits, small_permitted, other) in [
            (504, true, true),
            (512, true, false),
            (1024, true, false),
            (1024, false, true),
            (2040, true, false),
            (2048, true, true),
            (8192, true, true),
            (8200, true, false),
            (8200, false, false),
            (16384, false, false),
            (16392, true, true),
        ] {
            let spki = key(&modulus(bits), &exponent);
            let expected = if other { None } else { Some(false) };
            let outcome = check(&spki, small_permitted, &vec![1; bits / 8]);
            assert_eq!(outcome, [expected; 7], "{bits}");
        }
    }

    #[test]
    fn hostile_numbers_are_refused_without_a_panic() {
        let even = [&[0][..], &[0xfe; 128]].concat();
        let odd = modulus(1024);
        for modulus in [&even[..], &odd] {
            for exponent in [&[][..], &[0], &[1], &[2], &[3], &[0xff; 9], &odd] {
                let spki = key(modulus, exponent);
                for signature in [&[][..], &[0; 128], &[0xff; 128], &[1; 127], &[1; 4000]] {
                    let outcome = check(&spki, true, signature);
                    assert!(!outcome.contains(&Some(true)), "{exponent:?}");
                }
            }
        }
    }
}
