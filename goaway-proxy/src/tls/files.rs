//! Reads certificates and keys from PEM files.

use std::path::Path;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::address::error_text;

/// Reads all certificates in a file; fails if there is none.
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
        true => Err(failed("the file contains no certificate")),
        false => Ok(found),
    }
}

pub fn key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| {
        format!(
            "could not read the private key in \"{}\": {}",
            file.display(),
            why(&error)
        )
    })
}

/// The text of an error.
fn why(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => error_text(error),
        pem::Error::NoItemsFound => "the file contains no private key".to_owned(),
        pem::Error::MissingSectionEnd { .. } => "a PEM section has no end line".to_owned(),
        pem::Error::IllegalSectionStart { .. } => {
            "a PEM section has an invalid begin line".to_owned()
        }
        other => other.to_string(),
    }
}

/// Reads the root certificates in the file, or the system's without a file.
pub fn roots(file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = match file {
        Some(file) => certificates(file)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    match found.is_empty() {
        true => Err("the system has no root certificates: use --server-ca".to_owned()),
        false => Ok(found),
    }
}
