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

/// The root of the seeds; nobody has its key.
const ROOT: &[u8] = include_bytes!("../../fuzz/certificates/root.der");
/// What it issued, and what its intermediate did: servers' certificates that may be accepted.
const GOOD: [&[u8]; 6] = [
    include_bytes!("../../fuzz/certificates/leaf3.der"),
    include_bytes!("../../fuzz/certificates/leaf1.der"),
    include_bytes!("../../fuzz/certificates/below3.der"),
    include_bytes!("../../fuzz/certificates/below1.der"),
    include_bytes!("../../fuzz/certificates/constrained3.der"),
    include_bytes!("../../fuzz/certificates/salted1.der"),
];
/// What it issued, and named in its revocation lists.
const REVOKED: &[u8] = include_bytes!("../../fuzz/certificates/revoked.der");
/// 2030-01-01, when they are valid.
const NOW: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(1_893_456_000));

/// Judges what is in `data`, one DER behind the other: revocation lists, and certificates, the server's first. With the
/// seeds' root trusted nothing may be accepted but what it has signed.
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
    // With roots of the other side's the verdict says nothing, but it comes.
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

/// A signature that is none, by the key of a server's certificate that nobody verifies.
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

/// Splits `data` where one element of DER ends and the next begins; what is no element stays together.
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

/// The size of the element at the start, if it is whole.
fn element(data: &[u8]) -> Option<usize> {
    let size = match *data {
        [_, length @ ..=0x7f, ..] => 2 + usize::from(length),
        [_, 0x81, length, ..] => 3 + usize::from(length),
        [_, 0x82, high, low, ..] => 4 + usize::from(u16::from_be_bytes([high, low])),
        _ => return None,
    };
    (size <= data.len()).then_some(size)
}

/// What the issuer has signed of a certificate; the signature itself may have several forms.
fn signed_part(der: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(certificate.tbs_certificate.as_ref().to_vec())
}
