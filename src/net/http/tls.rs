//! The certificates that HTTPS requests trust.

use super::{HttpError, kind};
use crate::verify::pem::{self, Roots};
use crate::verify::provider::provider;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error};
use rustls::{RootCertStore, SignatureScheme};
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
    let verifier = HttpsVerifier::trusting(roots);
    let config = ClientConfig::builder_with_provider(provider().clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpError::new(kind::TLS, error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn roots_of(file: &Path) -> Result<Roots, HttpError> {
    let failed = |why: &dyn std::fmt::Display| {
        HttpError::new(kind::CA_FILE, format!("\"{}\": {why}", file.display()))
    };
    let contents = fs::read(file).map_err(|error| failed(&format!("I/O error: {error}")))?;
    Roots::read_pem(&contents).map_err(|error| failed(&error.openssl_text()))
}

fn system_roots() -> Result<Roots, HttpError> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why = found.errors.first().map(|error| error.to_string());
        let why = why.unwrap_or_else(|| "no certificate of the system's was found".to_owned());
        return Err(HttpError::new(kind::CA_FILE, why));
    }
    Ok(Roots {
        trusted: found.certs,
        ..Roots::default()
    })
}

/// Verifies the chain and the host name.
///
/// libcurl: any certificate in the CA file may end a chain, not only that of a root. So this is not the verifier for
/// PostgreSQL servers.
#[derive(Debug)]
struct HttpsVerifier {
    roots: RootCertStore,
    /// The same as in [`crate::verify::Verifier`].
    distrusted: Vec<CertificateDer<'static>>,
}

impl HttpsVerifier {
    fn trusting(trusted: Roots) -> HttpsVerifier {
        let mut roots = RootCertStore::empty();
        // Like OpenSSL, this skips certificates that cannot be roots.
        roots.add_parsable_certificates(trusted.trusted);
        HttpsVerifier {
            roots,
            distrusted: trusted.distrusted,
        }
    }
}

fn algorithms() -> &'static WebPkiSupportedAlgorithms {
    &provider().signature_verification_algorithms
}

impl ServerCertVerifier for HttpsVerifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let others = pem::without_distrusted(&self.distrusted, own, others);
        let others = others.ok_or(CertificateError::UnknownIssuer)?;
        let own = ParsedCertificate::try_from(own)?;
        let algorithms = algorithms().all;
        verify_server_cert_signed_by_trust_anchor(&own, &self.roots, &others, now, algorithms)?;
        verify_server_name(&own, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        algorithms().supported_schemes()
    }
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
