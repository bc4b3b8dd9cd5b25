//! The channel binding tls-server-end-point (RFC 5929, 4.1): a hash of the server's certificate.
//!
//! The digest follows OpenSSL 3.0, as on the server's side. If that digest is not available here, the session fails, even
//! with `channel_binding=prefer`: continuing without the binding would let an attacker in the middle avoid it by choosing a
//! certificate.

use crate::mem::error_text::ErrorText;
use aws_lc_rs::digest;
use sha2::Sha512_224;
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::{Oid, oid};
use x509_parser::prelude::FromDer;
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::AlgorithmIdentifier;

/// The hash of `certificate` with the digest of its signature, or SHA-256 instead of a weak digest. Err is libpq's
/// text.
pub fn server_end_point(certificate: &[u8]) -> Result<Vec<u8>, ErrorText> {
    let parsed = X509Certificate::from_der(certificate);
    let hash = parsed.map(|(_, parsed)| digest_of(&parsed.signature_algorithm));
    match hash.ok().flatten() {
        Some(Digest::Known(known)) => Ok(digest::digest(known, certificate).as_ref().to_vec()),
        Some(Digest::Sha512_224) => {
            let hash = <Sha512_224 as sha2::Digest>::digest(certificate);
            Ok(hash.to_vec())
        }
        Some(Digest::Missing(name)) => Err(ErrorText::concat(&[
            b"could not find digest for NID ",
            name.as_bytes(),
        ])),
        None => Err(b"could not determine server certificate signature algorithm".into()),
    }
}

#[derive(Clone, Copy)]
enum Digest {
    Known(&'static digest::Algorithm),
    Sha512_224,
    /// OpenSSL's name of a digest that is not available, or none.
    Missing(&'static str),
}

const NONE: Digest = Digest::Missing("UNDEF");
const RIPEMD160: Digest = Digest::Missing("RIPEMD160");
const SM3: Digest = Digest::Missing("SM3");
const SHA3_224: Digest = Digest::Missing("SHA3-224");
const SHA224: Digest = Digest::Known(&digest::SHA224);
const SHA256: Digest = Digest::Known(&digest::SHA256);
const SHA384: Digest = Digest::Known(&digest::SHA384);
const SHA512: Digest = Digest::Known(&digest::SHA512);
const SHA512_256: Digest = Digest::Known(&digest::SHA512_256);
const SHA3_256: Digest = Digest::Known(&digest::SHA3_256);
const SHA3_384: Digest = Digest::Known(&digest::SHA3_384);
const SHA3_512: Digest = Digest::Known(&digest::SHA3_512);
/// RFC 5929, 4.1: replaces MD5 and SHA-1.
const TOO_WEAK: Digest = SHA256;

/// The digest of a signature algorithm; None if OpenSSL 3.0 does not know it.
fn digest_of(algorithm: &AlgorithmIdentifier<'_>) -> Option<Digest> {
    const PSS: Oid<'static> = oid!(1.2.840.113549.1.1.10);
    if algorithm.algorithm != PSS {
        return lookup(&signatures(), &algorithm.algorithm);
    }
    let parameters = algorithm.parameters.clone()?;
    let parameters = RsaSsaPssParams::try_from(parameters).ok()?;
    let mask = parameters.mask_gen_algorithm().ok()?;
    lookup(&digests(), &mask.hash).filter(|_| parameters.trailer_field() == 1)?;
    lookup(&digests(), parameters.hash_algorithm_oid())
}

type Table<const N: usize> = [(Oid<'static>, Digest); N];

fn lookup<const N: usize>(table: &Table<N>, oid: &Oid<'_>) -> Option<Digest> {
    let found = table.iter().find(|(known, _)| known == oid);
    found.map(|(_, digest)| *digest)
}

fn digests() -> Table<14> {
    [
        (oid!(1.2.840.113549.2.5), TOO_WEAK), // MD5
        (oid!(1.3.14.3.2.26), TOO_WEAK),      // SHA-1
        (oid!(2.16.840.1.101.3.4.2.4), SHA224),
        (oid!(2.16.840.1.101.3.4.2.1), SHA256),
        (oid!(2.16.840.1.101.3.4.2.2), SHA384),
        (oid!(2.16.840.1.101.3.4.2.3), SHA512),
        (oid!(2.16.840.1.101.3.4.2.5), Digest::Sha512_224),
        (oid!(2.16.840.1.101.3.4.2.6), SHA512_256),
        (oid!(2.16.840.1.101.3.4.2.7), SHA3_224),
        (oid!(2.16.840.1.101.3.4.2.8), SHA3_256),
        (oid!(2.16.840.1.101.3.4.2.9), SHA3_384),
        (oid!(2.16.840.1.101.3.4.2.10), SHA3_512),
        (oid!(1.3.36.3.2.1), RIPEMD160),
        (oid!(1.2.156.10197.1.401), SM3),
    ]
}

fn signatures() -> Table<25> {
    [
        (oid!(1.2.840.113549.1.1.4), TOO_WEAK), // RSA with MD5
        (oid!(1.3.14.3.2.3), TOO_WEAK),
        (oid!(1.2.840.113549.1.1.5), TOO_WEAK), // RSA with SHA-1
        (oid!(1.3.14.3.2.29), TOO_WEAK),
        (oid!(1.2.840.113549.1.1.14), SHA224),
        (oid!(1.2.840.113549.1.1.11), SHA256),
        (oid!(1.2.840.113549.1.1.12), SHA384),
        (oid!(1.2.840.113549.1.1.13), SHA512),
        (oid!(2.16.840.1.101.3.4.3.13), SHA3_224),
        (oid!(2.16.840.1.101.3.4.3.14), SHA3_256),
        (oid!(2.16.840.1.101.3.4.3.15), SHA3_384),
        (oid!(2.16.840.1.101.3.4.3.16), SHA3_512),
        (oid!(1.3.36.3.3.1.2), RIPEMD160),
        (oid!(1.2.840.10045.4.1), TOO_WEAK), // ECDSA with SHA-1
        (oid!(1.2.840.10045.4.3.1), SHA224),
        (oid!(1.2.840.10045.4.3.2), SHA256),
        (oid!(1.2.840.10045.4.3.3), SHA384),
        (oid!(1.2.840.10045.4.3.4), SHA512),
        (oid!(1.2.840.10040.4.3), TOO_WEAK), // DSA with SHA-1
        (oid!(1.3.14.3.2.27), TOO_WEAK),
        (oid!(2.16.840.1.101.3.4.3.1), SHA224), // DSA
        (oid!(2.16.840.1.101.3.4.3.2), SHA256),
        (oid!(1.2.156.10197.1.501), SM3),
        (oid!(1.3.101.112), NONE), // Ed25519
        (oid!(1.3.101.113), NONE), // Ed448
    ]
}
