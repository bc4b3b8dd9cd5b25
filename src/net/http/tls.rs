//! The root certificates that HTTPS requests trust.

use super::{HttpError, kind};
use crate::verify::pem::Roots;
use crate::verify::provider::provider;
use rustls::{ClientConfig, RootCertStore};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

pub type TlsConfig = Arc<ClientConfig>;

/// Trusts the certificates in the file or, without one, those of the system.
pub fn tls_config(ca_file: Option<&[u8]>) -> Result<TlsConfig, HttpError> {
    let roots = match ca_file {
        Some(name) => roots_of(Path::new(OsStr::from_bytes(name)))?,
        None => system_roots()?,
    };
    let config = ClientConfig::builder_with_provider(provider().clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpError::new(kind::TLS, error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn roots_of(file: &Path) -> Result<RootCertStore, HttpError> {
    let failed = |why: &dyn std::fmt::Display| {
        HttpError::new(kind::CA_FILE, format!("\"{}\": {why}", file.display()))
    };
    let contents = fs::read(file).map_err(|error| failed(&format!("I/O error: {error}")))?;
    let found = Roots::read_pem(&contents).map_err(|error| failed(&error.openssl_text()))?;
    let mut roots = RootCertStore::empty();
    // Like OpenSSL, this skips certificates that cannot be roots.
    roots.add_parsable_certificates(found.trusted);
    match roots.is_empty() {
        true => Err(failed(&"no certificate in it")),
        false => Ok(roots),
    }
}

fn system_roots() -> Result<RootCertStore, HttpError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(|error| error.to_string());
        let why = why.unwrap_or_else(|| "no certificate of the system's was found".to_owned());
        return Err(HttpError::new(kind::CA_FILE, why));
    }
    Ok(roots)
}

/// The error for a failed handshake or a broken connection.
pub(super) fn failure(error: &rustls::Error) -> HttpError {
    let kind = match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            kind::VERIFY
        }
        _ => kind::TLS,
    };
    HttpError::new(kind, error.to_string())
}
