//! Who is connected, and what has been counted.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::address::Peer;
use crate::orders::{Command, Orders};

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

/// What is known of a client from its start on.
#[derive(Debug)]
pub struct About {
    pub user: Box<str>,
    pub database: Box<str>,
    pub peer: Peer,
    /// The server's address, where it has one.
    pub server: Option<SocketAddr>,
    /// It asked for GoAway.
    pub asked: bool,
    pub replication: bool,
}

/// A client with a session, or on the way to one.
#[derive(Debug)]
pub struct Client {
    pub about: About,
    pub since: Instant,
    /// 0 while it is not known.
    pid: AtomicI32,
    told: AtomicBool,
    activity: AtomicU8,
    pub orders: Orders,
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

    /// Whether it may be told to leave; `all`: by a parameter, if it did not ask.
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
        self.orders.give(command);
    }
}

/// Everything counted since the start.
#[derive(Debug, Default)]
pub struct Counters {
    pub told: AtomicU64,
    pub left: AtomicU64,
    pub ended: AtomicU64,
    pub bytes_to_server: AtomicU64,
    pub bytes_to_client: AtomicU64,
}

/// All clients.
#[derive(Debug, Default)]
pub struct Registry {
    clients: Mutex<HashMap<u64, Arc<Client>>>,
    next: AtomicU64,
    /// Connections that have not become sessions yet.
    openings: AtomicU64,
    pub counters: Counters,
    /// A client has left.
    pub departure: Notify,
}

/// A client's place in the registry, which it leaves when this is dropped.
#[derive(Debug)]
pub struct Place {
    registry: Arc<Registry>,
    number: u64,
    pub client: Arc<Client>,
    /// The session was ended by the proxy.
    pub was_ended: bool,
}

impl Registry {
    pub fn enter(self: &Arc<Registry>, about: About) -> Place {
        let client = Arc::new(Client {
            about,
            since: Instant::now(),
            pid: AtomicI32::new(0),
            told: AtomicBool::new(false),
            activity: AtomicU8::new(Activity::Opening as u8),
            orders: Orders::default(),
        });
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(number, client.clone());
        Place {
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

    /// The address of the server in which this process is.
    pub fn server_of(&self, pid: i32) -> Option<SocketAddr> {
        let clients = self.lock();
        let client = clients.values().find(|client| client.pid() == Some(pid))?;
        client.about.server
    }

    /// How many connections are on the way to a session.
    pub fn openings(&self) -> u64 {
        read(&self.openings)
    }

    /// Counts a connection until it is in the registry, or gone.
    pub fn begin(self: &Arc<Registry>) -> Beginning {
        count(&self.openings, 1);
        Beginning(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Client>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is to become a session.
#[derive(Debug)]
pub struct Beginning(Arc<Registry>);

impl Drop for Beginning {
    fn drop(&mut self) {
        self.0.openings.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Place {
    /// The client has been told; each is told once at the most.
    pub fn note_told(&self) {
        self.client.told.store(true, Ordering::Relaxed);
        count(&self.registry.counters.told, 1);
    }

    pub fn counters(&self) -> &Counters {
        &self.registry.counters
    }
}

impl Drop for Place {
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
