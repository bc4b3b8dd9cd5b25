//! Certificates and keys in PEM files.

use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// All certificates in a file, of which there is at least one.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |why: &dyn std::fmt::Display| {
        format!(
            "could not read the certificates in \"{}\": {why}",
            file.display()
        )
    };
    let found = CertificateDer::pem_file_iter(file).map_err(|error| failed(&error))?;
    let found: Result<Vec<_>, _> = found.collect();
    let found = found.map_err(|error| failed(&error))?;
    match found.is_empty() {
        true => Err(failed(&"there is none")),
        false => Ok(found),
    }
}

pub fn key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(file)
        .map_err(|error| format!("could not read the key \"{}\": {error}", file.display()))
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
