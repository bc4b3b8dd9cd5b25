//! Listening for clients, and how to stop without losing one.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};
use tokio::net::{TcpListener, UnixListener};
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::address::{Listen, socket_path};
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

/// The file of a Unix socket, removed with its listener unless another has taken its place.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl SocketFile {
    pub fn new(path: PathBuf) -> io::Result<SocketFile> {
        let inode = fs::metadata(&path)?.ino();
        Ok(SocketFile { path, inode })
    }

    fn remove(&self) {
        if fs::metadata(&self.path).is_ok_and(|file| file.ino() == self.inode) {
            // What cannot be removed the next one to listen replaces.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Begins to listen at `address`: a name may stand for several addresses. `port` names a Unix socket, which has this mode.
pub async fn listen(
    address: &Listen,
    port: u16,
    socket_mode: u32,
    reuse_port: bool,
) -> io::Result<Vec<Listener>> {
    match address {
        Listen::Unix(directory) => {
            let (listener, file) = unix(&socket_path(directory, port), socket_mode)?;
            Ok(vec![Listener::Unix(listener, file)])
        }
        Listen::Tcp(host, port) => {
            let found = tokio::net::lookup_host((host.as_str(), *port)).await?;
            found.map(|address| tcp(address, reuse_port)).collect()
        }
    }
}

/// Listens at a Unix socket, in the place of one that is there already.
pub fn unix(path: &Path, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    // Made beside its place and then moved there, so that no connect falls into a gap.
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let _ = fs::remove_file(&new);
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(&new)?)?;
    // Nobody can connect before the mode is right.
    fs::set_permissions(&new, fs::Permissions::from_mode(mode))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener = UnixListener::from_std(socket.into())?;
    fs::rename(&new, path)?;
    Ok((listener, SocketFile::new(path.to_owned())?))
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
                Err(error) => error.to_string(),
            },
            Listener::Unix(_, file) => file.path.display().to_string(),
        }
    }

    /// The next client.
    pub async fn accept(&self) -> Wire {
        loop {
            let accepted = match self {
                Listener::Tcp(listener) => listener.accept().await.map(|(stream, _)| stream.into()),
                Listener::Unix(listener, _) => {
                    listener.accept().await.map(|(stream, _)| stream.into())
                }
            };
            match accepted {
                Ok(wire) => return wire,
                Err(error) => {
                    warn!(%error, "could not accept a connection");
                    // Out of descriptors, perhaps: some come free.
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// Ends listening: answers the clients that have connected already.
    pub async fn close(self) -> Vec<Wire> {
        match &self {
            Listener::Tcp(listener) => drop_new_handshakes(listener),
            Listener::Unix(_, file) => file.remove(),
        }
        let mut waiting = Vec::new();
        let _ = timeout(LONGEST_CLOSE, async {
            while let Ok(wire) = timeout(HANDSHAKES, self.accept()).await {
                waiting.push(wire);
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
        warn!(%error, "connects during the hand-over may be lost");
    }
}
