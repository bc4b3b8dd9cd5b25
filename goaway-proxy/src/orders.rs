//! What a session is told to do, by whoever holds its registration.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Waker};

/// What a session is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Command {
    /// Tell the client to disconnect when convenient.
    Tell = 1,
    /// End the session if it is idle still.
    EndIdle = 2,
    /// End it at the next message boundary.
    End = 4,
    /// End it now, whatever it is at.
    Abort = 8,
}

/// The commands that a session has not obeyed yet; the same one twice is one.
#[derive(Debug, Default)]
pub struct Orders {
    given: AtomicU8,
    waker: Mutex<Option<Waker>>,
}

impl Orders {
    pub fn give(&self, command: Command) {
        self.given.fetch_or(command as u8, Ordering::AcqRel);
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        // Without one the session has not begun, and finds the command when it does.
        if let Some(waker) = &*waker {
            waker.wake_by_ref();
        }
    }

    /// Has the task of `cx` woken by each command from now on.
    pub fn wake(&self, cx: &Context<'_>) {
        let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        *waker = Some(cx.waker().clone());
    }

    /// What was given since the last time, in the order of [`Command`].
    pub fn take(&self) -> impl Iterator<Item = Command> + use<> {
        // Every message passes here: only a command costs a write.
        let given = match self.given.load(Ordering::Acquire) {
            0 => 0,
            _ => self.given.swap(0, Ordering::AcqRel),
        };
        let all = [
            Command::Tell,
            Command::EndIdle,
            Command::End,
            Command::Abort,
        ];
        all.into_iter()
            .filter(move |command| given & *command as u8 != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_taken_once() {
        let orders = Orders::default();
        assert_eq!(orders.take().count(), 0);
        for command in [Command::Abort, Command::Tell, Command::Tell] {
            orders.give(command);
        }
        let taken: Vec<Command> = orders.take().collect();
        assert_eq!(taken, [Command::Tell, Command::Abort]);
        assert_eq!(orders.take().count(), 0);
    }

    #[tokio::test]
    async fn a_command_wakes() {
        let orders = std::sync::Arc::new(Orders::default());
        let session = orders.clone();
        let session = tokio::spawn(async move {
            let mut polls = 0;
            std::future::poll_fn(|cx| {
                if polls == 0 {
                    session.wake(cx);
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
        orders.give(Command::End);
        assert_eq!(session.await.unwrap(), Command::End);
    }
}
