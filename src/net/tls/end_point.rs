//! The channel binding tls-server-end-point (RFC 5929, 4.1): a hash of the server's certificate.

use aws_lc_rs::digest;
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::{Oid, oid};
use x509_parser::prelude::FromDer;
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::AlgorithmIdentifier;

/// The hash of `certificate` with the digest of its signature, SHA-256 in place of those too weak; Err is libpq's
/// complaint.
pub fn server_end_point(certificate: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
    let parsed = X509Certificate::from_der(certificate);
    let Ok((_, parsed)) = parsed else {
        return Err(b"could not determine server certificate signature algorithm".to_vec());
    };
    match digest_of(&parsed.signature_algorithm) {
        Some(digest) => Ok(digest::digest(digest, certificate).as_ref().to_vec()),
        None => Err(b"could not find digest for NID UNDEF".to_vec()),
    }
}

/// The digest for signatures of an algorithm.
fn digest_of(algorithm: &AlgorithmIdentifier<'_>) -> Option<&'static digest::Algorithm> {
    let pss = oid!(1.2.840.113549.1.1.10);
    if algorithm.algorithm == pss {
        let parameters = algorithm.parameters.clone()?;
        let parameters = RsaSsaPssParams::try_from(parameters).ok()?;
        return lookup(&digests(), parameters.hash_algorithm_oid());
    }
    lookup(&signatures(), &algorithm.algorithm)
}

type Table<const N: usize> = [(Oid<'static>, &'static digest::Algorithm); N];

fn lookup<const N: usize>(table: &Table<N>, oid: &Oid<'_>) -> Option<&'static digest::Algorithm> {
    let found = table.iter().find(|(known, _)| known == oid);
    found.map(|(_, digest)| *digest)
}

fn digests() -> Table<6> {
    [
        (oid!(1.2.840.113549.2.5), &digest::SHA256), // MD5
        (oid!(1.3.14.3.2.26), &digest::SHA256),      // SHA-1
        (oid!(2.16.840.1.101.3.4.2.4), &digest::SHA224),
        (oid!(2.16.840.1.101.3.4.2.1), &digest::SHA256),
        (oid!(2.16.840.1.101.3.4.2.2), &digest::SHA384),
        (oid!(2.16.840.1.101.3.4.2.3), &digest::SHA512),
    ]
}

fn signatures() -> Table<11> {
    [
        (oid!(1.2.840.113549.1.1.4), &digest::SHA256), // RSA with MD5
        (oid!(1.2.840.113549.1.1.5), &digest::SHA256), // RSA with SHA-1
        (oid!(1.2.840.113549.1.1.14), &digest::SHA224),
        (oid!(1.2.840.113549.1.1.11), &digest::SHA256),
        (oid!(1.2.840.113549.1.1.12), &digest::SHA384),
        (oid!(1.2.840.113549.1.1.13), &digest::SHA512),
        (oid!(1.2.840.10045.4.1), &digest::SHA256), // ECDSA with SHA-1
        (oid!(1.2.840.10045.4.3.1), &digest::SHA224),
        (oid!(1.2.840.10045.4.3.2), &digest::SHA256),
        (oid!(1.2.840.10045.4.3.3), &digest::SHA384),
        (oid!(1.2.840.10045.4.3.4), &digest::SHA512),
    ]
}
