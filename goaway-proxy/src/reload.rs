//! What is read again on SIGHUP: the certificates and keys of TLS.

use std::path::PathBuf;

use tokio::signal::unix::Signal;
use tracing::{error, info};

use crate::address::Server;
use crate::args::Serve;
use crate::shared::Shared;
use crate::tls::{Back, Front, Mode};

/// The files of TLS.
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

    /// TLS with clients and with the server, by what the files say now.
    pub fn read(&self) -> Result<(Option<Front>, Option<Back>), String> {
        let front = match &self.certificate_and_key {
            Some((certificate, key)) => Some(Front::new(certificate, key)?),
            None => None,
        };
        let back = match &self.server {
            Server::Tcp(host, _) => Back::new(self.mode, host, self.ca.as_deref())?,
            Server::Unix(_) => None,
        };
        Ok((front, back))
    }
}

/// Reads them again on each signal. New connections use what they say; what cannot be read changes nothing.
pub async fn on(mut signal: Signal, shared: Shared, files: Files) {
    while signal.recv().await.is_some() {
        match files.read() {
            Ok((None, None)) => info!("SIGHUP: there are no certificates to read again"),
            Ok((front, back)) => {
                shared.set_front(front);
                shared.dialer.set_back(back);
                info!("SIGHUP: certificates and keys were read again");
            }
            Err(complaint) => error!("SIGHUP: the certificates stay as they were: {complaint}"),
        }
    }
}
