//! Telling clients to leave, and seeing them off.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use tracing::info;

use crate::orders::Command;
use crate::registry::{Activity, read};
use crate::shared::Shared;

/// How often the clients are looked at while a drain goes on.
const LOOK: Duration = Duration::from_millis(50);
/// Between the end of the idle and that of the others.
const STEP: Duration = Duration::from_millis(100);
/// How long a session that is ended may take for its last words.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long a connection that stands already may take to become a session.
const OPENINGS: Duration = Duration::from_secs(5);

/// When what happens in a drain; times from its start.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// Clients are told within this time.
    pub spread: Duration,
    /// So long after that idle sessions are ended.
    pub grace: Option<Duration>,
    /// Then all are.
    pub deadline: Option<Duration>,
}

/// The begin of a drain: its times and its counts are from here.
#[derive(Debug, Clone, Copy)]
pub struct Begin {
    time: Instant,
    left: u64,
    ended: u64,
}

impl Begin {
    pub fn now(shared: &Shared) -> Begin {
        let counters = &shared.registry.counters;
        Begin {
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

/// What became of the clients.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    pub left: u64,
    pub ended: u64,
    pub took: Duration,
}

/// Tells all clients that can be told, in random order, spread over a time so that they do not come back all at once.
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
        // A multiplication first would overflow.
        let due = spread / count * number;
        sleep(due.saturating_sub(begin.elapsed())).await;
        client.command(Command::Tell);
    }
}

fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        // Without randomness the order is as good as any.
        let random = getrandom::u64().unwrap_or_default();
        items.swap(last, (random % (last as u64 + 1)) as usize);
    }
}

/// Sees all clients off; `hurry` ends it at once.
pub async fn drain(
    shared: &Shared,
    begin: Begin,
    schedule: Schedule,
    hurry: impl Future<Output = ()>,
) -> Outcome {
    shared.set_told_to_leave(true);
    let telling = tokio::spawn(announce(shared.clone(), schedule.spread));
    let reason = tokio::select! {
        () = convince(shared, schedule, begin.time) => None,
        () = at(begin.time, schedule.deadline) => Some("the deadline has come"),
        () = hurry => Some("told again to end"),
    };
    if let Some(reason) = reason {
        info!(
            clients = shared.registry.count(),
            "{reason}: ending the sessions that are left"
        );
        end_all(shared).await;
    }
    telling.abort();
    begin.outcome(shared)
}

async fn at(begin: Instant, time: Option<Duration>) {
    match time {
        Some(time) => sleep(time.saturating_sub(begin.elapsed())).await,
        None => std::future::pending().await,
    }
}

/// Waits until the clients have left, from the end of the grace on with some force.
async fn convince(shared: &Shared, schedule: Schedule, begin: Instant) {
    let is_over = || {
        let late = begin.elapsed() >= OPENINGS;
        shared.registry.count() == 0 && (late || shared.registry.openings() == 0)
    };
    while !is_over() {
        let told = begin.elapsed().checked_sub(schedule.spread);
        if schedule.grace.is_some_and(|grace| told >= Some(grace)) {
            end_idle(shared);
        }
        sleep(LOOK).await;
    }
}

fn end_idle(shared: &Shared) {
    for client in shared.registry.clients() {
        if client.activity() == Activity::Idle {
            client.command(Command::EndIdle);
        }
    }
}

/// Ends the idle sessions, then those in transactions, then whatever does not listen.
async fn end_all(shared: &Shared) {
    end_idle(shared);
    let begin = Instant::now();
    while begin.elapsed() < STEP && shared.registry.count() > 0 {
        sleep(STEP / 10).await;
    }
    command_all(shared, Command::End);
    while begin.elapsed() < LAST_WORDS && shared.registry.count() > 0 {
        sleep(STEP / 10).await;
    }
    while shared.registry.count() > 0 {
        command_all(shared, Command::Abort);
        sleep(STEP / 10).await;
    }
}

fn command_all(shared: &Shared, command: Command) {
    for client in shared.registry.clients() {
        client.command(command);
    }
}
