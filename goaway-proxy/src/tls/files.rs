//! Certificates and keys in PEM files.

use std::path::Path;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::address::words;

/// All certificates in a file, of which there is at least one.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |why: &str| {
        format!(
            "could not read the certificates in \"{}\": {why}",
            file.display()
        )
    };
    let found = CertificateDer::pem_file_iter(file).map_err(|error| failed(&why(&error)))?;
    let found: Result<Vec<_>, _> = found.collect();
    let found = found.map_err(|error| failed(&why(&error)))?;
    match found.is_empty() {
        true => Err(failed("there is none")),
        false => Ok(found),
    }
}

pub fn key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| {
        format!(
            "could not read the key \"{}\": {}",
            file.display(),
            why(&error)
        )
    })
}

/// An error's words, for people.
fn why(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => words(error),
        pem::Error::NoItemsFound => "there is none".to_owned(),
        pem::Error::MissingSectionEnd { .. } => "a section has no end".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a section has no proper begin".to_owned(),
        other => other.to_string(),
    }
}

/// The roots in the file, or else the system's.
pub fn roots(file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = match file {
        Some(file) => certificates(file)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    match found.is_empty() {
        true => Err("no root certificate to trust: see --server-ca".to_owned()),
        false => Ok(found),
    }
}
