//! Whether the server can be reached: logged when it changes, shown in the status.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::{info, warn};

/// What is known of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nobody has tried yet.
    Unknown,
    Up,
    /// It is there and lets nobody in yet; its words.
    Starting(String),
    ShuttingDown,
    /// It cannot be reached, for this reason.
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

    /// Whether a session can be expected to be let in.
    pub fn is_fine(&self) -> bool {
        matches!(self, State::Up | State::Unknown)
    }
}

/// The state, and since when it is so.
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

    /// Takes in what a try to connect has shown. A reason that changes is no news while the state stays.
    pub fn set(&self, server: &str, state: State) {
        let mut now = self.lock();
        let is_news = now.0.name() != state.name();
        let since = if is_news { Instant::now() } else { now.1 };
        *now = (state.clone(), since);
        drop(now);
        if !is_news {
            return;
        }
        match state {
            State::Unknown => {}
            State::Up => info!(server, "the server is there"),
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
