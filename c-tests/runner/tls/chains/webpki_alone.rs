//! Verifies a chain with webpki alone, without this library's verifier.

use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, KeyUsage, OwnedCertRevocationList,
    RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy,
};

/// Verifies the chain with the roots and lists in a directory, with the same rules for lists as C libpq.
pub fn verify(directory: &Path) -> Result<(), Error> {
    let chain = certificates(&directory.join("chain.pem"));
    let (root, list) = (directory.join("root.pem"), directory.join("list.pem"));
    let mut roots = certificates(&root);
    if list.exists() {
        roots.extend(certificates(&list));
    }
    let (own, others) = chain.split_first().expect("a chain");
    let between: Vec<_> = others.iter().chain(&roots).cloned().collect();
    let anchors = roots
        .iter()
        .filter_map(|root| webpki::anchor_from_trusted_cert(root).ok());
    let anchors: Vec<_> = anchors.collect();
    let mut lists = Vec::new();
    if list.exists() {
        lists.extend(revocations(&list)?);
        lists.extend(revocations(&root)?);
    }
    let lists: Vec<_> = lists.iter().collect();
    let options = RevocationOptionsBuilder::new(&lists).ok().map(|options| {
        options
            .with_depth(RevocationCheckDepth::Chain)
            .with_status_policy(UnknownStatusPolicy::Deny)
            .with_expiration_policy(ExpirationPolicy::Enforce)
            .build()
    });
    EndEntityCert::try_from(own)?.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors,
        &between,
        UnixTime::now(),
        KeyUsage::server_auth(),
        options,
        None,
    )?;
    Ok(())
}

fn certificates(path: &Path) -> Vec<CertificateDer<'static>> {
    let found = CertificateDer::pem_file_iter(path).expect("certificates");
    found.map(|found| found.expect("a certificate")).collect()
}

fn revocations(path: &Path) -> Result<Vec<CertRevocationList<'static>>, Error> {
    // A file without a list is also an error.
    let found = CertificateRevocationListDer::pem_file_iter(path).expect("lists");
    found
        .map(|list| OwnedCertRevocationList::from_der(&list.expect("a list")).map(Into::into))
        .collect()
}
