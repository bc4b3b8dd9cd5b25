//! Listeners, and how to stop one without losing a connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use tokio::net::{TcpListener, UnixListener};
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::address::{Listen, ListenAddress, Peer, error_text, socket_path};
use crate::dial::resolve;
use crate::socket_file::{self, LockFile, SocketFile};
use crate::wire::{self, Wire};

/// The length of the accept queue.
const BACKLOG: i32 = 4096;
/// When the listener stops: how long to wait for TCP handshakes that have begun.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_millis(100);
/// When the listener stops: how long to accept clients that are already connected.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A listening socket.
#[derive(Debug)]
pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// Resolves the addresses: a host name can have several. `port` is the one in the names of Unix sockets.
pub async fn resolve_all(listen: &[Listen], port: u16) -> Result<Vec<ListenAddress>, String> {
    let mut places = Vec::new();
    for address in listen {
        match address {
            Listen::Unix(directory) => {
                places.push(ListenAddress::Unix(socket_path(directory, port)))
            }
            Listen::Tcp(host, port) => {
                let found = resolve(host, *port).await;
                let found =
                    found.map_err(|text| format!("could not listen at {address}: {text}"))?;
                places.extend(found.into_iter().map(ListenAddress::Tcp));
            }
        }
    }
    Ok(places)
}

/// Opens a listener. `replace` allows another proxy to listen on the same address, for a rolling restart.
pub fn listen(place: &ListenAddress, socket_mode: u32, replace: bool) -> Result<Listener, String> {
    match place {
        ListenAddress::Tcp(address) => tcp(*address, replace)
            .map_err(|error| format!("could not listen at {address}: {}", error_text(&error))),
        ListenAddress::Unix(path) => {
            let failed = |text: String| format!("could not listen at {}: {text}", path.display());
            let may_replace = replace && LockFile::is_owned_by_proxy(path);
            // Before the lock file is replaced: its owner may be a process whose name is not known.
            socket_file::check(path, || may_replace).map_err(failed)?;
            let lock = LockFile::take(path, replace).map_err(failed)?;
            let listening = socket_file::listen(path, socket_mode, || may_replace);
            let (listener, file) = listening.map_err(failed)?;
            Ok(Listener::Unix(listener, file.with_lock(lock)))
        }
    }
}

fn tcp(address: SocketAddr, reuse_port: bool) -> io::Result<Listener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(reuse_port)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(Listener::Tcp(TcpListener::from_std(socket.into())?))
}

impl Listener {
    /// The address for the log and the status.
    pub fn address(&self) -> String {
        match self {
            Listener::Tcp(listener) => match listener.local_addr() {
                Ok(address) => address.to_string(),
                Err(error) => error_text(&error),
            },
            Listener::Unix(_, file) => file.path.display().to_string(),
        }
    }

    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            Listener::Unix(..) => None,
        }
    }

    /// Waits for the next client; returns its connection and address.
    pub async fn accept(&self) -> (Wire, Peer) {
        loop {
            let accepted = match self {
                Listener::Tcp(listener) => listener.accept().await.map(|(stream, address)| {
                    wire::set_options(&stream);
                    (Wire::Tcp(stream), Peer::Tcp(address))
                }),
                Listener::Unix(listener, _) => listener
                    .accept()
                    .await
                    .map(|(stream, _)| (stream.into(), Peer::Unix)),
            };
            match accepted {
                Ok(client) => return client,
                Err(error) => {
                    warn!("could not accept a connection: {}", error_text(&error));
                    // The process may be out of descriptors: wait until some are free.
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// Stops listening, and returns the clients that have already connected.
    pub async fn close(self) -> Vec<(Wire, Peer)> {
        match &self {
            Listener::Tcp(listener) => drop_new_handshakes(listener),
            Listener::Unix(_, file) => file.remove(),
        }
        let mut waiting = Vec::new();
        let _ = timeout(CLOSE_TIMEOUT, async {
            while let Ok(client) = timeout(HANDSHAKE_TIMEOUT, self.accept()).await {
                waiting.push(client);
            }
        })
        .await;
        waiting
    }
}

/// Makes the kernel drop new SYN packets on this listener, and nothing else. The client's kernel sends its SYN again, which
/// then reaches the listener of the new proxy.
fn drop_new_handshakes(listener: &TcpListener) {
    /// The offset of the flags in the TCP header; the mask of SYN and ACK; SYN alone.
    const FLAGS: u32 = 13;
    const SYN_ACK: u32 = 0x12;
    const SYN: u32 = 0x02;
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let filter = [
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(AND, 0, 0, SYN_ACK),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ];
    if let Err(error) = socket2::SockRef::from(listener).attach_filter(&filter) {
        warn!(
            "could not attach a socket filter, so connection attempts during the handover may be lost: {}",
            error_text(&error)
        );
    }
}
