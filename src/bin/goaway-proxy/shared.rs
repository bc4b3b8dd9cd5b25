//! What every session refers to.

use std::io;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;

use crate::address::Server;
use crate::registry::Registry;
use crate::tls::{Back, Front};
use crate::wire::Wire;

/// The proxy's state.
pub struct State {
    pub server: Server,
    /// TLS with clients and with the server.
    front: Option<Front>,
    back: Option<Back>,
    pub registry: Arc<Registry>,
    /// Clients that did not ask are told by a parameter.
    pub parameter_status: bool,
    /// A client that has not said what it wants by then is gone (PostgreSQL: authentication_timeout).
    pub startup_timeout: Duration,
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
#[derive(Clone)]
pub struct Shared(Arc<State>);

impl Deref for Shared {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl Shared {
    pub fn new(
        server: Server,
        front: Option<Front>,
        back: Option<Back>,
        parameter_status: bool,
        startup_timeout: Duration,
    ) -> Shared {
        Shared(Arc::new(State {
            server,
            front,
            back,
            registry: Arc::default(),
            parameter_status,
            startup_timeout,
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
            Server::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                // A message is written whole; waiting for more would only delay it.
                let _ = stream.set_nodelay(true);
                match &self.back {
                    Some(back) => back.connect(stream).await?,
                    None => stream.into(),
                }
            }
            Server::Unix(path) => UnixStream::connect(path).await?.into(),
        })
    }

    /// Answers a client's request for TLS; where there is some, shakes hands.
    pub async fn answer_tls_request(&self, client: Wire) -> io::Result<Wire> {
        match (client, &self.front) {
            (Wire::Tcp(mut client), Some(front)) => {
                client.write_all(b"S").await?;
                front.accept(client, false).await
            }
            (mut client, _) => {
                client.write_all(b"N").await?;
                Ok(client)
            }
        }
    }

    /// Shakes hands with a client that begins with TLS, where there is some.
    pub async fn begin(&self, client: Wire) -> io::Result<Wire> {
        let Some(front) = &self.front else {
            return Ok(client);
        };
        let direct = client.begins_with_tls().await?;
        match client {
            Wire::Tcp(client) if direct => front.accept(client, true).await,
            client => Ok(client),
        }
    }
}
