//! Certificate chains and revocation lists.

use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::net::tls::server_end_point;
use crate::verify::keys::KeyFile;
use crate::verify::pem::Roots;
use crate::verify::signatures::{self, Rules};
use crate::verify::{Trust, names};

/// The root certificate of the seeds. Its key does not exist any more.
const ROOT: &[u8] = include_bytes!("../../fuzz/certificates/root.der");
/// The servers' certificates that the root or its intermediate has issued. They may be accepted.
const GOOD: [&[u8]; 6] = [
    include_bytes!("../../fuzz/certificates/leaf3.der"),
    include_bytes!("../../fuzz/certificates/leaf1.der"),
    include_bytes!("../../fuzz/certificates/below3.der"),
    include_bytes!("../../fuzz/certificates/below1.der"),
    include_bytes!("../../fuzz/certificates/constrained3.der"),
    include_bytes!("../../fuzz/certificates/salted1.der"),
];
/// A certificate that the root has issued and revoked.
const REVOKED: &[u8] = include_bytes!("../../fuzz/certificates/revoked.der");
/// 2030-01-01, when all of them are valid.
const NOW: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(1_893_456_000));

/// Verifies a chain. `data` is a sequence of DER elements: revocation lists, and certificates, the server's first. If only the
/// root of the seeds is trusted, only certificates that it has signed may be accepted.
pub fn chain(data: &[u8]) {
    is_accepted(data);
}

pub(super) fn is_accepted(data: &[u8]) -> bool {
    let (lists, certificates): (Vec<_>, Vec<_>) = elements(data)
        .into_iter()
        .partition(|der| CertificateRevocationList::from_der(der).is_ok());
    let lists = (!lists.is_empty()).then(|| lists.iter().map(|der| der.to_vec().into()).collect());
    let [own, others @ ..] = &certificates[..] else {
        return false;
    };
    let others: Vec<_> = others
        .iter()
        .map(|der| CertificateDer::from(*der))
        .collect();
    let mut good = [&GOOD[..], &[ROOT]].concat();
    if lists.is_none() {
        good.push(REVOKED);
    }
    let trust = Trust::new(vec![CertificateDer::from(ROOT)], lists);
    let verdict = trust.verify(&CertificateDer::from(*own), &others, NOW);
    if verdict.is_ok() {
        let accepted = signed_part(own);
        let known = good.iter().any(|good| signed_part(good) == accepted);
        assert!(known, "a forged certificate is accepted");
    }
    // If the data is trusted, any result is right, but there must be one.
    let _ = Trust::new(
        others.iter().map(|der| der.clone().into_owned()).collect(),
        None,
    )
    .verify(&CertificateDer::from(*own), &others, NOW);
    let _ = server_end_point(own);
    check_handshake(own);
    let _ = (Roots::read(data), KeyFile::parse(data));
    for host in [&b"good.test"[..], b"127.0.0.1"] {
        let _ = names::check(own, host);
    }
    verdict.is_ok()
}

/// Checks that an invalid signature is refused, with the key of a server's certificate that is not verified.
fn check_handshake(own: &[u8]) {
    let own = CertificateDer::from(own);
    for scheme in signatures::SCHEMES {
        let rules = Rules {
            check: signatures::in_tls12,
            verified: false,
        };
        let signature = own.as_ref().get(..256).unwrap_or(&own);
        let outcome = rules.verify(&own, scheme, b"message", signature);
        assert!(outcome.is_err(), "a forged signature is accepted");
    }
}

/// Splits `data` into DER elements. The bytes after the last complete element are the last part.
fn elements(mut data: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while let Some(size) = element(data) {
        let (first, rest) = data.split_at(size);
        found.push(first);
        data = rest;
    }
    if !data.is_empty() {
        found.push(data);
    }
    found
}

/// The size of the element at the start, if it is complete.
fn element(data: &[u8]) -> Option<usize> {
    let size = match *data {
        [_, length @ ..=0x7f, ..] => 2 + usize::from(length),
        [_, 0x81, length, ..] => 3 + usize::from(length),
        [_, 0x82, high, low, ..] => 4 + usize::from(u16::from_be_bytes([high, low])),
        _ => return None,
    };
    (size <= data.len()).then_some(size)
}

/// The part of a certificate that the issuer has signed. The signature itself may be encoded in several ways.
fn signed_part(der: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(certificate.tbs_certificate.as_ref().to_vec())
}
