//! Commands from the rest of the proxy to a session.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Waker};

/// A command to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Command {
    /// Ask the client to disconnect when convenient.
    SendGoAway = 1,
    /// Terminate the session if it is still idle.
    EndIdle = 2,
    /// Terminate the session at the next message boundary.
    End = 4,
    /// Close the session's connections now, even in the middle of a message.
    Abort = 8,
}

/// The commands that a session has not processed yet, as a set: a repeated command counts once.
#[derive(Debug, Default)]
pub struct CommandSet {
    pending: AtomicU8,
    waker: Mutex<Option<Waker>>,
}

impl CommandSet {
    pub fn send(&self, command: Command) {
        self.pending.fetch_or(command as u8, Ordering::AcqRel);
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        // Without a waker the session has not started; it reads the command when it does.
        if let Some(waker) = &*waker {
            waker.wake_by_ref();
        }
    }

    /// Makes each later command wake the task of `cx`.
    pub fn register(&self, cx: &Context<'_>) {
        let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        *waker = Some(cx.waker().clone());
    }

    /// Removes and returns the pending commands, in the order of [`Command`].
    pub fn take(&self) -> impl Iterator<Item = Command> + use<> {
        // Called for every message: without a command, this only loads.
        let pending = match self.pending.load(Ordering::Acquire) {
            0 => 0,
            _ => self.pending.swap(0, Ordering::AcqRel),
        };
        let all = [
            Command::SendGoAway,
            Command::EndIdle,
            Command::End,
            Command::Abort,
        ];
        all.into_iter()
            .filter(move |command| pending & *command as u8 != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_taken_once() {
        let commands = CommandSet::default();
        assert_eq!(commands.take().count(), 0);
        for command in [Command::Abort, Command::SendGoAway, Command::SendGoAway] {
            commands.send(command);
        }
        let taken: Vec<Command> = commands.take().collect();
        assert_eq!(taken, [Command::SendGoAway, Command::Abort]);
        assert_eq!(commands.take().count(), 0);
    }

    #[tokio::test]
    async fn a_command_wakes_the_session() {
        let commands = std::sync::Arc::new(CommandSet::default());
        let session = commands.clone();
        let session = tokio::spawn(async move {
            let mut polls = 0;
            std::future::poll_fn(|cx| {
                if polls == 0 {
                    session.register(cx);
                }
                polls += 1;
                match session.take().next() {
                    Some(command) => std::task::Poll::Ready(command),
                    None => std::task::Poll::Pending,
                }
            })
            .await
        });
        tokio::task::yield_now().await;
        commands.send(Command::End);
        assert_eq!(session.await.unwrap(), Command::End);
    }
}
