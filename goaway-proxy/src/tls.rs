//! TLS on either side of the proxy: what it shows its clients, and what it asks of its server.

mod files;

use std::io;
use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum;
use pq_protocol::codes::answer;
use pq_verify::names::check as check_name;
use pq_verify::provider::provider;
use pq_verify::{Trust, Verifier};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::server::NoServerSessionStorage;
use rustls::{CertificateError, ClientConfig, ClientConnection, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::startup;
use crate::wire::Wire;

/// What PostgreSQL is called inside TLS (ALPN).
const PROTOCOL: &[u8] = b"postgresql";

/// How the server is spoken to; the words are those of libpq's sslmode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Without TLS
    Disable,
    /// With TLS if the server has it, whatever its certificate
    Prefer,
    /// With TLS, whatever the server's certificate
    Require,
    /// With TLS, the certificate issued by whom --server-ca names
    VerifyCa,
    /// The same, and the certificate names the host that --server says
    VerifyFull,
}

impl Mode {
    pub fn verifies(self) -> bool {
        matches!(self, Mode::VerifyCa | Mode::VerifyFull)
    }
}

fn why(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InconsistentKeys(_) => "it is not that of the certificate".to_owned(),
        other => other.to_string(),
    }
}

/// TLS with clients.
#[derive(Clone)]
pub struct Front(TlsAcceptor);

impl Front {
    /// With the chain of certificates and the key in these PEM files.
    pub fn new(certificate: &Path, key: &Path) -> Result<Front, String> {
        let (chain, key_der) = (files::certificates(certificate)?, files::key(key)?);
        let mut config = ServerConfig::builder_with_provider(provider().clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(chain, key_der)
            .map_err(|error| {
                format!(
                    "could not use the key \"{}\": {}",
                    key.display(),
                    why(&error)
                )
            })?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        // As in PostgreSQL, sessions are not resumed.
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Front(TlsAcceptor::from(Arc::new(config))))
    }

    /// A client's handshake. `direct`: the client did not ask first, and has to name the protocol.
    pub async fn accept(&self, client: TcpStream, direct: bool) -> io::Result<Wire> {
        let stream = self.0.accept(client).await?;
        if direct && stream.get_ref().1.alpn_protocol() != Some(PROTOCOL) {
            return Err(io::Error::other("direct TLS without ALPN"));
        }
        Ok(Wire::Tls(Box::new(stream.into())))
    }
}

/// TLS with the server.
#[derive(Clone)]
pub struct Back {
    connector: TlsConnector,
    name: ServerName<'static>,
    /// What the certificate has to name.
    host: Option<String>,
    /// No TLS will do, too.
    optional: bool,
}

impl Back {
    /// To the server `host`; None if `mode` is not to use TLS. Whom to trust: the certificates in the PEM file `ca`, or
    /// the system's.
    pub fn new(mode: Mode, host: &str, ca: Option<&Path>) -> Result<Option<Back>, String> {
        let trust = match mode {
            Mode::Disable => return Ok(None),
            Mode::Prefer | Mode::Require => None,
            Mode::VerifyCa | Mode::VerifyFull => Some(Trust::new(files::roots(ca)?, None)),
        };
        let verifier = Arc::new(Verifier::new(trust));
        let mut config = ClientConfig::builder_with_provider(provider().clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        config.resumption = Resumption::disabled();
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| format!("\"{host}\" cannot be a name in a certificate: {error}"))?;
        Ok(Some(Back {
            connector: TlsConnector::from(Arc::new(config)),
            name,
            host: (mode == Mode::VerifyFull).then(|| host.to_owned()),
            optional: mode == Mode::Prefer,
        }))
    }

    /// Asks the server for TLS. Its answer is read alone: what follows unencrypted is no part of the session.
    pub async fn connect(&self, mut server: TcpStream) -> io::Result<Wire> {
        server.write_all(&startup::tls_request()).await?;
        match server.read_u8().await? {
            answer::TLS => {
                let handshake = self.connector.connect(self.name.clone(), server).await;
                let stream = handshake.map_err(in_words)?;
                if let Some(host) = &self.host {
                    check_host(stream.get_ref().1, host)?;
                }
                Ok(Wire::Tls(Box::new(stream.into())))
            }
            answer::NO if self.optional => Ok(server.into()),
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

/// A handshake's error, where rustls has but a name for it, in OpenSSL's words.
fn in_words(error: io::Error) -> io::Error {
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

/// Whether the server's certificate names `host`; Err is libpq's complaint.
fn check_host(session: &ClientConnection, host: &str) -> io::Result<()> {
    let certificates = session.peer_certificates().unwrap_or_default();
    let own = certificates.first().map(AsRef::as_ref);
    check_name(own.unwrap_or_default(), host.as_bytes())
        .map_err(|text| io::Error::other(String::from_utf8_lossy(&text)))
}
