//! The state that all sessions share.

use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use pq_protocol::codes::answer;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

use crate::cancels::Cancels;
use crate::dial::Dialer;
use crate::health::{Health, State as ServerState};
use crate::registry::Registry;
use crate::tls::ClientTls;
use crate::wire::Wire;

/// The proxy's state.
pub struct State {
    pub dialer: Dialer,
    /// The TLS settings for clients; SIGHUP replaces them.
    client_tls: RwLock<Option<ClientTls>>,
    pub registry: Arc<Registry>,
    pub health: Health,
    /// The watch probes the server. Then only a successful probe, not a client's connection, sets the health to up.
    pub is_watched: bool,
    pub cancels: Cancels,
    /// Clients that did not request GoAway get a parameter instead.
    pub parameter_status: bool,
    /// Append the client's address to application_name.
    pub application_name_add_host: bool,
    /// The timeout for the startup packet, for connecting to the server, and for opening the session
    /// (PostgreSQL: authentication_timeout).
    pub startup_timeout: Duration,
    refusing: AtomicBool,
    /// New clients receive GoAway as soon as their session is open.
    tells_new_clients: AtomicBool,
    /// Notified when the server refuses a client with 57P03 or cannot be reached: the watch then probes at once.
    pub server_refused: Notify,
    /// Notified by the command `drain`.
    pub drain: Notify,
    pub draining: AtomicBool,
    /// Notified by the command `goaway`.
    pub announce: Notify,
}

/// The settings from the command line.
pub struct Settings {
    pub is_watched: bool,
    pub parameter_status: bool,
    pub application_name_add_host: bool,
    pub startup_timeout: Duration,
}

/// A handle to the state.
#[derive(Clone)]
pub struct Shared(Arc<State>);

impl Deref for Shared {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl Shared {
    pub fn new(dialer: Dialer, client_tls: Option<ClientTls>, settings: Settings) -> Shared {
        Shared(Arc::new(State {
            dialer,
            client_tls: RwLock::new(client_tls),
            registry: Arc::default(),
            health: Health::default(),
            is_watched: settings.is_watched,
            cancels: Cancels::default(),
            parameter_status: settings.parameter_status,
            application_name_add_host: settings.application_name_add_host,
            startup_timeout: settings.startup_timeout,
            refusing: AtomicBool::new(false),
            tells_new_clients: AtomicBool::new(false),
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

    /// Whether new clients receive GoAway as soon as their session is open.
    pub fn tells_new_clients(&self) -> bool {
        self.tells_new_clients.load(Ordering::Relaxed)
    }

    pub fn set_tells_new_clients(&self, tell: bool) {
        self.tells_new_clients.store(tell, Ordering::Relaxed);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Stores the server's state after an attempt to connect.
    pub fn set_health(&self, state: ServerState) {
        self.health.set(&self.dialer.server.to_string(), state);
    }

    /// Records whether connecting to the server for a client failed, and why.
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

    fn client_tls(&self) -> Option<ClientTls> {
        let client_tls = self
            .client_tls
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        client_tls.clone()
    }

    pub fn set_client_tls(&self, client_tls: Option<ClientTls>) {
        *self
            .client_tls
            .write()
            .unwrap_or_else(PoisonError::into_inner) = client_tls;
    }

    /// Answers SSLRequest, and does the TLS handshake if the proxy offers TLS.
    pub async fn answer_tls_request(&self, client: Wire) -> io::Result<Wire> {
        match (client, self.client_tls()) {
            (Wire::Tcp(mut client), Some(client_tls)) => {
                client.write_all(&[answer::TLS]).await?;
                client_tls.accept(client, false).await
            }
            (mut client, _) => {
                client.write_all(&[answer::NO]).await?;
                Ok(client)
            }
        }
    }

    /// Does the TLS handshake with a client that starts with it (direct TLS).
    pub async fn accept_direct_tls(&self, client: Wire) -> io::Result<Wire> {
        let Some(client_tls) = self.client_tls() else {
            return Ok(client);
        };
        let direct = client.begins_with_tls().await?;
        match client {
            Wire::Tcp(client) if direct => client_tls.accept(client, true).await,
            client => Ok(client),
        }
    }
}
