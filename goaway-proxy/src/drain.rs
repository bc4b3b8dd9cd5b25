//! Asks clients to disconnect, and terminates those that do not.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use tracing::info;

use crate::commands::Command;
use crate::registry::{Activity, read};
use crate::shared::Shared;

/// How often a drain checks the remaining clients.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// After idle sessions were terminated: the time before all others are, too.
const IDLE_FIRST: Duration = Duration::from_millis(100);
/// How long a terminated session may take to write its last messages.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a drain waits for accepted connections that have no session yet.
const OPENING_TIMEOUT: Duration = Duration::from_secs(5);

/// The times of a drain, from its start.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// GoAway is sent to all clients within this time.
    pub spread: Duration,
    /// Idle sessions are terminated this long after the spread.
    pub grace: Option<Duration>,
    /// All sessions are terminated at this time.
    pub deadline: Option<Duration>,
}

/// The start of a drain: its time, and the counters at that time.
#[derive(Debug, Clone, Copy)]
pub struct DrainStart {
    time: Instant,
    left: u64,
    ended: u64,
}

impl DrainStart {
    pub fn now(shared: &Shared) -> DrainStart {
        let counters = &shared.registry.counters;
        DrainStart {
            time: Instant::now(),
            left: read(&counters.left),
            ended: read(&counters.ended),
        }
    }

    fn outcome(&self, shared: &Shared) -> Outcome {
        let counters = &shared.registry.counters;
        Outcome {
            left: read(&counters.left) - self.left,
            ended: read(&counters.ended) - self.ended,
            took: self.time.elapsed(),
        }
    }
}

/// How a drain ended.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    pub left: u64,
    pub ended: u64,
    pub took: Duration,
}

/// Sends GoAway to all clients that can receive it, in random order. `spread` avoids that all reconnect at once.
pub async fn announce(shared: Shared, spread: Duration) {
    let mut clients = shared.registry.clients();
    clients.retain(|client| client.can_be_told(shared.parameter_status) && !client.is_told());
    shuffle(&mut clients);
    info!(
        clients = clients.len(),
        spread = spread.as_secs_f64(),
        "asking clients to disconnect when convenient"
    );
    let begin = Instant::now();
    let count = u32::try_from(clients.len()).unwrap_or(u32::MAX);
    for (number, client) in (0..).zip(clients) {
        // Dividing first avoids an overflow.
        let due = spread / count * number;
        sleep(due.saturating_sub(begin.elapsed())).await;
        client.command(Command::SendGoAway);
    }
}

fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        // If the system has no random numbers, the order is not random.
        let random = getrandom::u64().unwrap_or_default();
        items.swap(last, (random % (last as u64 + 1)) as usize);
    }
}

/// Asks all clients to disconnect and waits for them, up to the deadline. When `stop_now` completes, all remaining sessions
/// are terminated at once.
pub async fn drain(
    shared: &Shared,
    start: DrainStart,
    schedule: Schedule,
    stop_now: impl Future<Output = ()>,
) -> Outcome {
    shared.set_tells_new_clients(true);
    let telling = tokio::spawn(announce(shared.clone(), schedule.spread));
    let reason = tokio::select! {
        () = wait_for_clients(shared, schedule, start.time) => None,
        () = sleep_until(start.time, schedule.deadline) => Some("the deadline has passed"),
        () = stop_now => Some("received a second signal"),
    };
    if let Some(reason) = reason {
        info!(
            clients = shared.registry.count(),
            "{reason}: terminating the remaining sessions"
        );
        end_all(shared).await;
    }
    telling.abort();
    start.outcome(shared)
}

async fn sleep_until(begin: Instant, time: Option<Duration>) {
    match time {
        Some(time) => sleep(time.saturating_sub(begin.elapsed())).await,
        None => std::future::pending().await,
    }
}

/// Waits until all clients have disconnected. After the grace time it terminates idle sessions.
async fn wait_for_clients(shared: &Shared, schedule: Schedule, begin: Instant) {
    let at_eof = || {
        let late = begin.elapsed() >= OPENING_TIMEOUT;
        shared.registry.count() == 0 && (late || shared.registry.openings() == 0)
    };
    while !at_eof() {
        let told = begin.elapsed().checked_sub(schedule.spread);
        if schedule.grace.is_some_and(|grace| told >= Some(grace)) {
            end_idle(shared);
        }
        sleep(POLL_INTERVAL).await;
    }
}

fn end_idle(shared: &Shared) {
    for client in shared.registry.clients() {
        if client.activity() == Activity::Idle {
            client.command(Command::EndIdle);
        }
    }
}

/// Terminates the idle sessions, then all others, then closes the connections of those that are left.
async fn end_all(shared: &Shared) {
    end_idle(shared);
    let begin = Instant::now();
    while begin.elapsed() < IDLE_FIRST && shared.registry.count() > 0 {
        sleep(IDLE_FIRST / 10).await;
    }
    command_all(shared, Command::End);
    while begin.elapsed() < FLUSH_TIMEOUT && shared.registry.count() > 0 {
        sleep(IDLE_FIRST / 10).await;
    }
    while shared.registry.count() > 0 {
        command_all(shared, Command::Abort);
        sleep(IDLE_FIRST / 10).await;
    }
}

fn command_all(shared: &Shared, command: Command) {
    for client in shared.registry.clients() {
        client.command(command);
    }
}
