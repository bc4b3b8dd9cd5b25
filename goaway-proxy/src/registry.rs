//! The connected clients, and the counters.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::address::Peer;
use crate::commands::{Command, CommandSet};

/// What a session is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Activity {
    Opening,
    Idle,
    Busy,
    InTransaction,
}

impl Activity {
    const ALL: [Activity; 4] = [
        Activity::Opening,
        Activity::Idle,
        Activity::Busy,
        Activity::InTransaction,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Activity::Opening => "opening",
            Activity::Idle => "idle",
            Activity::Busy => "active",
            Activity::InTransaction => "idle in transaction",
        }
    }
}

/// What the startup packet and the connection say about a client.
#[derive(Debug)]
pub struct ClientInfo {
    pub user: Box<str>,
    pub database: Box<str>,
    pub peer: Peer,
    /// The server's TCP address.
    pub server: Option<SocketAddr>,
    /// The client requested GoAway.
    pub asked: bool,
    pub replication: bool,
}

/// A client that is connected to the server, even if its session is not open yet.
#[derive(Debug)]
pub struct Client {
    pub about: ClientInfo,
    pub since: Instant,
    /// The backend's process ID; 0 before BackendKeyData.
    pid: AtomicI32,
    told: AtomicBool,
    activity: AtomicU8,
    pub commands: CommandSet,
}

impl Client {
    pub fn pid(&self) -> Option<i32> {
        Some(self.pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }

    pub fn set_pid(&self, pid: i32) {
        self.pid.store(pid, Ordering::Relaxed);
    }

    pub fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// Whether the proxy may ask it to disconnect. With `all`, clients that did not request GoAway get a parameter instead.
    pub fn can_be_told(&self, all: bool) -> bool {
        (self.about.asked || all) && !self.about.replication
    }

    pub fn activity(&self) -> Activity {
        Activity::ALL[usize::from(self.activity.load(Ordering::Relaxed))]
    }

    pub fn set_activity(&self, activity: Activity) {
        self.activity.store(activity as u8, Ordering::Relaxed);
    }

    pub fn command(&self, command: Command) {
        self.commands.send(command);
    }
}

/// Counters since the start of the proxy.
#[derive(Debug, Default)]
pub struct Counters {
    /// Clients that the proxy has asked to disconnect.
    pub told: AtomicU64,
    /// Sessions that the client or the server ended.
    pub left: AtomicU64,
    /// Sessions that the proxy terminated.
    pub ended: AtomicU64,
    pub bytes_to_server: AtomicU64,
    pub bytes_to_client: AtomicU64,
}

/// All clients.
#[derive(Debug, Default)]
pub struct Registry {
    clients: Mutex<HashMap<u64, Arc<Client>>>,
    next: AtomicU64,
    /// Accepted connections that are not registered as clients yet.
    openings: AtomicU64,
    pub counters: Counters,
    /// Notified when a client is removed.
    pub departure: Notify,
}

/// A client's entry in the registry; dropping this removes it.
#[derive(Debug)]
pub struct Registration {
    registry: Arc<Registry>,
    number: u64,
    pub client: Arc<Client>,
    /// The proxy terminated the session.
    pub was_ended: bool,
}

impl Registry {
    pub fn enter(self: &Arc<Registry>, about: ClientInfo) -> Registration {
        let client = Arc::new(Client {
            about,
            since: Instant::now(),
            pid: AtomicI32::new(0),
            told: AtomicBool::new(false),
            activity: AtomicU8::new(Activity::Opening as u8),
            commands: CommandSet::default(),
        });
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(number, client.clone());
        Registration {
            registry: self.clone(),
            number,
            client,
            was_ended: false,
        }
    }

    pub fn clients(&self) -> Vec<Arc<Client>> {
        self.lock().values().cloned().collect()
    }

    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// The address of the server with this backend.
    pub fn server_of(&self, pid: i32) -> Option<SocketAddr> {
        let clients = self.lock();
        let client = clients.values().find(|client| client.pid() == Some(pid))?;
        client.about.server
    }

    /// The number of accepted connections that are not registered yet.
    pub fn openings(&self) -> u64 {
        read(&self.openings)
    }

    /// Counts a connection until it is registered or closed.
    pub fn count_opening(self: &Arc<Registry>) -> OpeningGuard {
        count(&self.openings, 1);
        OpeningGuard(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Client>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts an accepted connection until this is dropped.
#[derive(Debug)]
pub struct OpeningGuard(Arc<Registry>);

impl Drop for OpeningGuard {
    fn drop(&mut self) {
        self.0.openings.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Registration {
    /// Records that the client was asked to disconnect, which happens at most once.
    pub fn note_told(&self) {
        self.client.told.store(true, Ordering::Relaxed);
        count(&self.registry.counters.told, 1);
    }

    pub fn counters(&self) -> &Counters {
        &self.registry.counters
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let counters = &self.registry.counters;
        let counter = match self.was_ended {
            true => &counters.ended,
            false => &counters.left,
        };
        count(counter, 1);
        self.registry.lock().remove(&self.number);
        self.registry.departure.notify_waiters();
    }
}

pub fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

pub fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
