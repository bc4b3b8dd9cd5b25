//! The server's health: logged when it changes, shown in the status and the metrics.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::{info, warn};

/// What the proxy knows about the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// There was no attempt to connect yet.
    Unknown,
    Up,
    /// It runs but does not accept sessions yet; holds its error text.
    Starting(String),
    ShuttingDown,
    /// The proxy cannot connect to it, for this reason.
    Unreachable(String),
}

impl State {
    pub fn name(&self) -> &'static str {
        match self {
            State::Unknown => "unknown",
            State::Up => "up",
            State::Starting(_) => "starting",
            State::ShuttingDown => "shutting down",
            State::Unreachable(_) => "unreachable",
        }
    }

    pub fn reason(&self) -> Option<&str> {
        match self {
            State::Starting(reason) | State::Unreachable(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether the server probably accepts a session.
    pub fn is_serving(&self) -> bool {
        matches!(self, State::Up | State::Unknown)
    }
}

/// The state, and the time of its last change.
#[derive(Debug)]
pub struct Health(Mutex<(State, Instant)>);

impl Default for Health {
    fn default() -> Health {
        Health(Mutex::new((State::Unknown, Instant::now())))
    }
}

impl Health {
    pub fn now(&self) -> (State, Duration) {
        let now = self.lock();
        (now.0.clone(), now.1.elapsed())
    }

    /// Stores the state after an attempt to connect. A new reason for the same state is not logged.
    pub fn set(&self, server: &str, state: State) {
        let mut now = self.lock();
        let has_changed = now.0.name() != state.name();
        let since = if has_changed { Instant::now() } else { now.1 };
        *now = (state.clone(), since);
        drop(now);
        if !has_changed {
            return;
        }
        match state {
            State::Unknown => {}
            State::Up => info!(server, "the server is up"),
            State::Starting(reason) => warn!(server, "the server is not ready: {reason}"),
            State::ShuttingDown => warn!(server, "the server is shutting down"),
            State::Unreachable(reason) => {
                warn!(server, "the server cannot be reached: {reason}");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, (State, Instant)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
