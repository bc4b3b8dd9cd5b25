//! Connects to the server: tries its addresses in turn, each with its own timeout.

use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};
use tracing::info;

use crate::address::{Server, error_text};
use crate::checks::OwnAddresses;
use crate::tls::ServerTls;
use crate::wire::{self, Wire};

/// The time between two attempts while the accept queue of a Unix socket is full.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// Opens connections to the server.
pub struct Dialer {
    pub server: Server,
    /// The TLS settings for the server; SIGHUP replaces them.
    server_tls: RwLock<Option<ServerTls>>,
    /// The timeout for each address, including its TLS handshake.
    timeout: Duration,
    /// The address that answered last; it is tried first.
    preferred: Mutex<Option<SocketAddr>>,
    /// The proxy's own listeners.
    own: OnceLock<OwnAddresses>,
}

/// A connection to the server, and the TCP address of the server.
pub struct Connected {
    pub wire: Wire,
    pub address: Option<SocketAddr>,
}

/// Why no address answered.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// The error of each address, in libpq's wording.
    pub detail: String,
    /// The same without the addresses, which clients must not see.
    pub reason: String,
}

impl Failure {
    pub fn timeout() -> Failure {
        Failure {
            detail: "timeout expired".to_owned(),
            reason: "timeout expired".to_owned(),
        }
    }

    fn add(&mut self, place: &str, reason: &str) {
        if !self.detail.is_empty() {
            self.detail.push_str("; ");
        }
        // Writing to a String cannot fail.
        let _ = write!(self.detail, "connection to server {place} failed: {reason}");
        let is_known = self.reason.split("; ").any(|known| known == reason);
        if !is_known {
            if !self.reason.is_empty() {
                self.reason.push_str("; ");
            }
            self.reason.push_str(reason);
        }
    }
}

impl Dialer {
    pub fn new(server: Server, server_tls: Option<ServerTls>, timeout: Duration) -> Dialer {
        Dialer {
            server,
            server_tls: RwLock::new(server_tls),
            timeout,
            preferred: Mutex::new(None),
            own: OnceLock::new(),
        }
    }

    /// Never connect to these addresses.
    pub fn avoid(&self, own: OwnAddresses) {
        // This is called once, at the start.
        let _ = self.own.set(own);
    }

    fn server_tls(&self) -> Option<ServerTls> {
        let server_tls = self
            .server_tls
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        server_tls.clone()
    }

    pub fn set_server_tls(&self, server_tls: Option<ServerTls>) {
        *self
            .server_tls
            .write()
            .unwrap_or_else(PoisonError::into_inner) = server_tls;
    }

    /// The address that answered last.
    pub fn preferred(&self) -> Option<SocketAddr> {
        *self
            .preferred
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a connection; tries the address `first` before all others.
    pub async fn connect(&self, first: Option<SocketAddr>) -> Result<Connected, Failure> {
        match &self.server {
            Server::Tcp(host, port) => self.connect_tcp(host, *port, first).await,
            Server::Unix(path) => match timeout(self.timeout, unix(path)).await {
                Ok(Ok(stream)) => Ok(Connected {
                    wire: stream.into(),
                    address: None,
                }),
                other => {
                    let mut failure = Failure::default();
                    let place = format!("on socket \"{}\"", path.display());
                    failure.add(&place, &reason(other));
                    Err(failure)
                }
            },
        }
    }

    async fn connect_tcp(
        &self,
        host: &str,
        port: u16,
        first: Option<SocketAddr>,
    ) -> Result<Connected, Failure> {
        let mut failure = Failure::default();
        let addresses = resolve(host, port).await.map_err(|detail| Failure {
            detail,
            reason: "could not translate its host name to address".to_owned(),
        })?;
        for address in self.in_order(addresses, first) {
            if self.own.get().is_some_and(|own| own.contains(address)) {
                failure.add(
                    &describe(host, address),
                    "this is an address of the proxy itself",
                );
                continue;
            }
            match timeout(self.timeout, self.try_address(address)).await {
                Ok(Ok(wire)) => {
                    self.prefer(address);
                    return Ok(Connected {
                        wire,
                        address: Some(address),
                    });
                }
                other => failure.add(&describe(host, address), &reason(other)),
            }
        }
        Err(failure)
    }

    fn in_order(
        &self,
        mut addresses: Vec<SocketAddr>,
        first: Option<SocketAddr>,
    ) -> Vec<SocketAddr> {
        // The sort is stable: the others keep the resolver's order.
        let best = first.or_else(|| self.preferred());
        addresses.sort_by_key(|address| Some(*address) != best);
        addresses
    }

    fn prefer(&self, address: SocketAddr) {
        let mut preferred = self
            .preferred
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = preferred.replace(address);
        drop(preferred);
        if before.is_some_and(|before| before != address) {
            info!(server = %self.server, %address, "the server answers at another of its addresses now");
        }
    }

    async fn try_address(&self, address: SocketAddr) -> io::Result<Wire> {
        let stream = wire::connect(address).await?;
        match self.server_tls() {
            Some(server_tls) => server_tls.connect(stream).await,
            None => Ok(Wire::Tcp(stream)),
        }
    }
}

/// Resolves a name to its addresses, without duplicates.
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let found = tokio::net::lookup_host((host, port)).await;
    let found = found.map_err(|error| {
        let text = error_text(&error);
        let text = text
            .strip_prefix("failed to lookup address information: ")
            .unwrap_or(&text);
        format!("could not translate host name \"{host}\" to address: {text}")
    })?;
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// Connects to a Unix socket; tries again while its accept queue is full.
async fn unix(path: &Path) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(RETRY_INTERVAL).await,
            other => return other,
        }
    }
}

fn describe(host: &str, address: SocketAddr) -> String {
    let (ip, port) = (address.ip().to_string(), address.port());
    match ip == host {
        true => format!("at \"{host}\", port {port}"),
        false => format!("at \"{host}\" ({ip}), port {port}"),
    }
}

fn reason<T>(outcome: Result<io::Result<T>, tokio::time::error::Elapsed>) -> String {
    match outcome {
        Ok(Err(error)) => error_text(&error),
        Ok(Ok(_)) | Err(_) => "timeout expired".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_address_that_answered_is_tried_first() {
        let server = Server::Tcp("h".to_owned(), 1);
        let dialer = Dialer::new(server, None, Duration::ZERO);
        let [a, b, c] = ["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"].map(address);
        let all = vec![a, b, c];
        assert_eq!(dialer.in_order(all.clone(), None), [a, b, c]);
        dialer.prefer(b);
        assert_eq!(dialer.in_order(all.clone(), None), [b, a, c]);
        assert_eq!(dialer.in_order(all.clone(), Some(c)), [c, a, b]);
        // The name may have other addresses by now.
        assert_eq!(dialer.in_order(vec![c, a], None), [c, a]);
    }

    #[test]
    fn failures_have_libpqs_wording() {
        let mut failure = Failure::default();
        failure.add(&describe("h", address("10.0.0.1:5")), "timeout expired");
        failure.add(
            &describe("10.0.0.2", address("10.0.0.2:5")),
            "timeout expired",
        );
        failure.add("on socket \"/s\"", "Connection refused");
        assert_eq!(
            failure.detail,
            "connection to server at \"h\" (10.0.0.1), port 5 failed: timeout expired; \
             connection to server at \"10.0.0.2\", port 5 failed: timeout expired; \
             connection to server on socket \"/s\" failed: Connection refused"
        );
        assert_eq!(failure.reason, "timeout expired; Connection refused");
    }
}
