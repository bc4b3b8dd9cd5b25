//! Certificates and revocation lists in PEM files.

use pem::Pem;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

fn blocks(contents: &[u8]) -> Vec<Pem> {
    pem::parse_many(contents).unwrap_or_default()
}

/// The certificates in `contents`, PEM or a single one in DER. One that cannot be read spoils them all: None.
pub fn certificates(contents: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let mut ders: Vec<Vec<u8>> = blocks(contents)
        .into_iter()
        .filter(|block| matches!(block.tag(), "CERTIFICATE" | "X509 CERTIFICATE"))
        .map(Pem::into_contents)
        .collect();
    if ders.is_empty() {
        ders.push(contents.to_vec());
    }
    let readable = |der: &Vec<u8>| matches!(X509Certificate::from_der(der), Ok(([], _)));
    let good = ders.iter().all(readable);
    good.then(|| ders.into_iter().map(CertificateDer::from).collect())
}

/// The revocation lists in `contents`.
pub fn lists(contents: &[u8]) -> Vec<CertificateRevocationListDer<'static>> {
    let blocks = blocks(contents).into_iter();
    let lists = blocks.filter(|block| block.tag() == "X509 CRL");
    lists.map(|block| block.into_contents().into()).collect()
}
