//! TLS to clients and TLS to the server.

mod files;

use std::io;
use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum;
use pq_protocol::codes::answer;
use pq_verify::Verifier;
use pq_verify::names::check as check_name;
use pq_verify::provider::provider;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::server::NoServerSessionStorage;
use rustls::{CertificateError, ClientConfig, ClientConnection, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::startup;
use crate::wire::Wire;

/// The ALPN name of PostgreSQL's protocol.
const PROTOCOL: &[u8] = b"postgresql";

/// The value of `--server-tls`, as libpq's sslmode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// No TLS
    Disable,
    /// TLS if the server offers it, with any certificate
    Prefer,
    /// TLS, with any certificate
    Require,
    /// TLS, with a certificate that --server-ca or the system's roots verify
    VerifyCa,
    /// Like verify-ca, and the certificate must match the host name in --server
    VerifyFull,
}

impl Mode {
    pub fn verifies(self) -> bool {
        matches!(self, Mode::VerifyCa | Mode::VerifyFull)
    }
}

fn why(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InconsistentKeys(_) => "it does not match the certificate".to_owned(),
        other => other.to_string(),
    }
}

/// The TLS settings for clients.
#[derive(Clone)]
pub struct ClientTls(TlsAcceptor);

impl ClientTls {
    /// Reads the certificate chain and the private key from these PEM files.
    pub fn new(certificate: &Path, key: &Path) -> Result<ClientTls, String> {
        let (chain, key_der) = (files::certificates(certificate)?, files::key(key)?);
        let mut config = ServerConfig::builder_with_provider(provider().clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(chain, key_der)
            .map_err(|error| {
                format!(
                    "could not use the private key in \"{}\": {}",
                    key.display(),
                    why(&error)
                )
            })?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        // As in PostgreSQL, there is no session resumption.
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(ClientTls(TlsAcceptor::from(Arc::new(config))))
    }

    /// Does a client's handshake. A `direct` client has sent no SSLRequest, so it must offer ALPN.
    pub async fn accept(&self, client: TcpStream, direct: bool) -> io::Result<Wire> {
        let stream = self.0.accept(client).await?;
        if direct && stream.get_ref().1.alpn_protocol() != Some(PROTOCOL) {
            return Err(io::Error::other(
                "the client started TLS without SSLRequest and without ALPN",
            ));
        }
        Ok(Wire::Tls(Box::new(stream.into())))
    }
}

/// The TLS settings for the server.
#[derive(Clone)]
pub struct ServerTls {
    connector: TlsConnector,
    name: ServerName<'static>,
    /// The host name that the certificate must match.
    host: Option<String>,
    /// Continue without TLS if the server does not offer it.
    optional: bool,
}

impl ServerTls {
    /// The settings for the server `host`; None if `mode` disables TLS. The root certificates are in the PEM file `ca`, or
    /// they are the system's.
    pub fn new(mode: Mode, host: &str, ca: Option<&Path>) -> Result<Option<ServerTls>, String> {
        let verifier = match mode {
            Mode::Disable => return Ok(None),
            // It accepts any certificate.
            Mode::Prefer | Mode::Require => Verifier::default(),
            Mode::VerifyCa | Mode::VerifyFull => Verifier::trusting(files::roots(ca)?, false),
        };
        let mut config = ClientConfig::builder_with_provider(provider().clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        config.resumption = Resumption::disabled();
        let name = ServerName::try_from(host.to_owned()).map_err(|error| {
            format!("the host \"{host}\" in --server is not a valid TLS server name: {error}")
        })?;
        Ok(Some(ServerTls {
            connector: TlsConnector::from(Arc::new(config)),
            name,
            host: (mode == Mode::VerifyFull).then(|| host.to_owned()),
            optional: mode == Mode::Prefer,
        }))
    }

    /// Requests TLS from the server, and does the handshake. It reads exactly one byte without encryption.
    pub async fn connect(&self, mut server: TcpStream) -> io::Result<Wire> {
        server.write_all(&startup::tls_request()).await?;
        match server.read_u8().await? {
            answer::TLS => {
                let handshake = self.connector.connect(self.name.clone(), server).await;
                let stream = handshake.map_err(with_openssl_text)?;
                if let Some(host) = &self.host {
                    check_host(stream.get_ref().1, host)?;
                }
                Ok(Wire::Tls(Box::new(stream.into())))
            }
            answer::NO if self.optional => Ok(Wire::Tcp(server)),
            answer::NO => Err(io::Error::other(
                "server does not support SSL, but SSL was required",
            )),
            other => Err(io::Error::other(format!(
                "received invalid response to SSL negotiation: {}",
                char::from(other).escape_default()
            ))),
        }
    }
}

/// Replaces a certificate error of rustls with OpenSSL's text.
fn with_openssl_text(error: io::Error) -> io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    let Some(rustls::Error::InvalidCertificate(fault)) = inner else {
        return error;
    };
    let words = match fault {
        CertificateError::UnknownIssuer => "unable to get local issuer certificate",
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "certificate is not yet valid"
        }
        CertificateError::Revoked => "certificate revoked",
        CertificateError::BadSignature => "certificate signature failure",
        _ => return io::Error::other(format!("SSL error: {error}")),
    };
    io::Error::other(format!("SSL error: certificate verify failed: {words}"))
}

/// Checks that the server's certificate matches `host`; the error has libpq's text.
fn check_host(session: &ClientConnection, host: &str) -> io::Result<()> {
    let certificates = session.peer_certificates().unwrap_or_default();
    let own = certificates.first().map(AsRef::as_ref);
    check_name(own.unwrap_or_default(), host.as_bytes())
        .map_err(|text| io::Error::other(String::from_utf8_lossy(&text)))
}
