//! What every session refers to.

use std::io;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;

use crate::address::Server;
use crate::registry::Registry;
use crate::wire::Wire;

/// The proxy's state.
#[derive(Debug)]
pub struct State {
    pub server: Server,
    pub registry: Arc<Registry>,
    /// Clients that did not ask are told by a parameter.
    pub parameter_status: bool,
    refusing: AtomicBool,
    /// Every client is to be told, new ones at once.
    leaving: AtomicBool,
    /// A client was refused as by a server that is shutting down.
    pub server_refused: Notify,
    /// A drain was asked for; the program ends with it.
    pub drain: Notify,
    pub draining: AtomicBool,
    /// Everybody is to be told, while serving goes on.
    pub announce: Notify,
}

/// A handle of it.
#[derive(Debug, Clone)]
pub struct Shared(Arc<State>);

impl Deref for Shared {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl Shared {
    pub fn new(server: Server, parameter_status: bool) -> Shared {
        Shared(Arc::new(State {
            server,
            registry: Arc::default(),
            parameter_status,
            refusing: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            server_refused: Notify::new(),
            drain: Notify::new(),
            draining: AtomicBool::new(false),
            announce: Notify::new(),
        }))
    }

    /// Whether new sessions are refused.
    pub fn refuses(&self) -> bool {
        self.refusing.load(Ordering::Relaxed)
    }

    pub fn set_refusing(&self) {
        self.refusing.store(true, Ordering::Relaxed);
    }

    /// Whether a new client is to be told as soon as it is there.
    pub fn is_told_to_leave(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    pub fn set_told_to_leave(&self, leave: bool) {
        self.leaving.store(leave, Ordering::Relaxed);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// A new connection to the server.
    pub async fn connect(&self) -> io::Result<Wire> {
        Ok(match &self.server {
            Server::Tcp(host, port) => TcpStream::connect((host.as_str(), *port)).await?.into(),
            Server::Unix(path) => UnixStream::connect(path).await?.into(),
        })
    }

    /// Answers a client's request for TLS.
    pub async fn answer_tls_request(&self, client: &mut Wire) -> io::Result<()> {
        client.write_all(b"N").await
    }
}
