//! What every session refers to.

use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

use crate::cancels::Cancels;
use crate::dial::Dialer;
use crate::health::{Health, State as ServerState};
use crate::registry::Registry;
use crate::tls::Front;
use crate::wire::Wire;

/// The proxy's state.
pub struct State {
    pub dialer: Dialer,
    /// TLS with clients; replaced when its certificate is read again.
    front: RwLock<Option<Front>>,
    pub registry: Arc<Registry>,
    pub health: Health,
    /// Something looks at the server all the time: only that says that it is well.
    pub is_watched: bool,
    pub cancels: Cancels,
    /// Clients that did not ask are told by a parameter.
    pub parameter_status: bool,
    /// The server is told where clients connect from.
    pub application_name_add_host: bool,
    /// A client that has not said what it wants by then is gone, and a server that has not opened the session
    /// (PostgreSQL: authentication_timeout).
    pub startup_timeout: Duration,
    refusing: AtomicBool,
    /// Every client is to be told, new ones at once.
    leaving: AtomicBool,
    /// A client was refused as by a server that is shutting down, or did not reach it.
    pub server_refused: Notify,
    /// A drain was asked for; the program ends with it.
    pub drain: Notify,
    pub draining: AtomicBool,
    /// Everybody is to be told, while serving goes on.
    pub announce: Notify,
}

/// What the command line says of it.
pub struct Settings {
    pub is_watched: bool,
    pub parameter_status: bool,
    pub application_name_add_host: bool,
    pub startup_timeout: Duration,
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
    pub fn new(dialer: Dialer, front: Option<Front>, settings: Settings) -> Shared {
        Shared(Arc::new(State {
            dialer,
            front: RwLock::new(front),
            registry: Arc::default(),
            health: Health::default(),
            is_watched: settings.is_watched,
            cancels: Cancels::default(),
            parameter_status: settings.parameter_status,
            application_name_add_host: settings.application_name_add_host,
            startup_timeout: settings.startup_timeout,
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

    /// Takes in what a try to connect has shown of the server.
    pub fn set_health(&self, state: ServerState) {
        self.health.set(&self.dialer.server.to_string(), state);
    }

    /// A client's connection to the server was made, or not.
    pub fn note_connect(&self, failed: Option<&str>) {
        match failed {
            Some(reason) => {
                self.set_health(ServerState::Unreachable(reason.to_owned()));
                self.server_refused.notify_one();
            }
            None if !self.is_watched => self.set_health(ServerState::Up),
            None => {}
        }
    }

    fn front(&self) -> Option<Front> {
        let front = self.front.read().unwrap_or_else(PoisonError::into_inner);
        front.clone()
    }

    pub fn set_front(&self, front: Option<Front>) {
        *self.front.write().unwrap_or_else(PoisonError::into_inner) = front;
    }

    /// Answers a client's request for TLS; where there is some, shakes hands.
    pub async fn answer_tls_request(&self, client: Wire) -> io::Result<Wire> {
        match (client, self.front()) {
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
        let Some(front) = self.front() else {
            return Ok(client);
        };
        let direct = client.begins_with_tls().await?;
        match client {
            Wire::Tcp(client) if direct => front.accept(client, true).await,
            client => Ok(client),
        }
    }
}
