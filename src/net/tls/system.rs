//! The system's trusted root certificates, for `sslrootcert=system`.

use rustls::pki_types::CertificateDer;

/// The roots of the system's store, or of `SSL_CERT_FILE` and `SSL_CERT_DIR`; Err is a text in libpq's manner.
pub fn roots() -> Result<Vec<CertificateDer<'static>>, Vec<u8>> {
    let found = rustls_native_certs::load_native_certs();
    match found.errors.into_iter().next() {
        Some(error) if found.certs.is_empty() => {
            let text = format!("could not load system root certificate paths: {error}");
            Err(text.into_bytes())
        }
        _ => Ok(found.certs),
    }
}
