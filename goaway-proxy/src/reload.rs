//! Reloads TLS certificates and keys on SIGHUP.

use std::path::PathBuf;

use tokio::signal::unix::Signal;
use tracing::{error, info};

use crate::address::Server;
use crate::args::Serve;
use crate::shared::Shared;
use crate::tls::{ClientTls, Mode, ServerTls};

/// The paths of the TLS files, and the settings that go with them.
#[derive(Debug, Clone)]
pub struct Files {
    certificate_and_key: Option<(PathBuf, PathBuf)>,
    mode: Mode,
    server: Server,
    ca: Option<PathBuf>,
}

impl Files {
    pub fn of(arguments: &Serve) -> Files {
        let (certificate, key) = (arguments.tls_cert.clone(), arguments.tls_key.clone());
        Files {
            certificate_and_key: certificate.zip(key),
            mode: arguments.server_tls,
            server: arguments.server.clone(),
            ca: arguments.server_ca.clone(),
        }
    }

    /// Reads the files; returns the TLS settings for clients and for the server.
    pub fn read(&self) -> Result<(Option<ClientTls>, Option<ServerTls>), String> {
        let client_tls = match &self.certificate_and_key {
            Some((certificate, key)) => Some(ClientTls::new(certificate, key)?),
            None => None,
        };
        let server_tls = match &self.server {
            Server::Tcp(host, _) => ServerTls::new(self.mode, host, self.ca.as_deref())?,
            Server::Unix(_) => None,
        };
        Ok((client_tls, server_tls))
    }
}

/// Reloads the files on each signal. New connections use them. If one cannot be read, the old settings stay in use.
pub async fn run(mut signal: Signal, shared: Shared, files: Files) {
    while signal.recv().await.is_some() {
        match files.read() {
            Ok((None, None)) => {
                info!("SIGHUP: no TLS certificates are configured, so there is nothing to reload")
            }
            Ok((client_tls, server_tls)) => {
                shared.set_client_tls(client_tls);
                shared.dialer.set_server_tls(server_tls);
                info!("SIGHUP: reloaded TLS certificates and keys");
            }
            Err(error) => {
                error!(
                    "SIGHUP: could not reload TLS certificates, the old ones stay in use: {error}"
                );
            }
        }
    }
}
