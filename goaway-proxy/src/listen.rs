//! Listening for clients, and how to stop without losing one.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use tokio::net::{TcpListener, UnixListener};
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::address::{Listen, Peer, Place, socket_path, words};
use crate::dial::resolve;
use crate::socket_file::{self, LockFile, SocketFile};
use crate::wire::Wire;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;
/// How long a handshake may take that has begun when listening ends.
const HANDSHAKES: Duration = Duration::from_millis(100);
const LONGEST_CLOSE: Duration = Duration::from_secs(2);

/// A socket that listens.
#[derive(Debug)]
pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// The places of these addresses: a name may stand for several. `port` names Unix sockets.
pub async fn places(listen: &[Listen], port: u16) -> Result<Vec<Place>, String> {
    let mut places = Vec::new();
    for address in listen {
        match address {
            Listen::Unix(directory) => places.push(Place::Unix(socket_path(directory, port))),
            Listen::Tcp(host, port) => {
                let found = resolve(host, *port).await;
                let found =
                    found.map_err(|text| format!("could not listen at {address}: {text}"))?;
                places.extend(found.into_iter().map(Place::Tcp));
            }
        }
    }
    Ok(places)
}

/// Begins to listen. `replace`: another proxy may listen at the same place, to hand over.
pub fn listen(place: &Place, socket_mode: u32, replace: bool) -> Result<Listener, String> {
    match place {
        Place::Tcp(address) => tcp(*address, replace)
            .map_err(|error| format!("could not listen at {address}: {}", words(&error))),
        Place::Unix(path) => {
            let failed = |text: String| format!("could not listen at {}: {text}", path.display());
            let may_replace = replace && LockFile::is_a_proxys(path);
            // Before the lock is touched, which may be of one that is not known by its name.
            socket_file::check(path, || may_replace).map_err(failed)?;
            let lock = LockFile::take(path, replace).map_err(failed)?;
            let listening = socket_file::listen(path, socket_mode, || may_replace);
            let (listener, file) = listening.map_err(failed)?;
            Ok(Listener::Unix(listener, file.guarded_by(lock)))
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
    /// The address as others name it.
    pub fn address(&self) -> String {
        match self {
            Listener::Tcp(listener) => match listener.local_addr() {
                Ok(address) => address.to_string(),
                Err(error) => words(&error),
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

    /// The next client, and where it connects from.
    pub async fn accept(&self) -> (Wire, Peer) {
        loop {
            let accepted = match self {
                Listener::Tcp(listener) => listener
                    .accept()
                    .await
                    .map(|(stream, address)| (stream.into(), Peer::Tcp(address))),
                Listener::Unix(listener, _) => listener
                    .accept()
                    .await
                    .map(|(stream, _)| (stream.into(), Peer::Unix)),
            };
            match accepted {
                Ok(client) => return client,
                Err(error) => {
                    warn!("could not accept a connection: {}", words(&error));
                    // Out of descriptors, perhaps: some come free.
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// Ends listening: answers the clients that have connected already.
    pub async fn close(self) -> Vec<(Wire, Peer)> {
        match &self {
            Listener::Tcp(listener) => drop_new_handshakes(listener),
            Listener::Unix(_, file) => file.remove(),
        }
        let mut waiting = Vec::new();
        let _ = timeout(LONGEST_CLOSE, async {
            while let Ok(client) = timeout(HANDSHAKES, self.accept()).await {
                waiting.push(client);
            }
        })
        .await;
        waiting
    }
}

/// Lets the kernel drop what begins a connection, and nothing else: the client's kernel sends it again, and then the
/// listener that has taken over gets it.
fn drop_new_handshakes(listener: &TcpListener) {
    /// The byte of the TCP header that holds the flags, SYN and ACK of them, and SYN alone.
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
            "connects during the hand-over may be lost: {}",
            words(&error)
        );
    }
}
