//! Commands sent and not yet fully answered, oldest first.

use std::collections::VecDeque;

/// How a command was sent: decides which replies complete it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryClass {
    Simple,
    Extended,
    Prepare,
    Describe,
    Close,
    Sync,
}

/// One command that awaits its answer.
#[derive(Debug)]
pub struct Command {
    pub class: QueryClass,
    /// The query's text, for the error cursor; None where libpq keeps none.
    pub query: Option<Vec<u8>>,
}

/// What can move the queue on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// A result was handed out.
    Result,
    /// A PIPELINE_SYNC result was handed out.
    Sync,
    /// ReadyForQuery arrived outside of pipeline mode.
    Ready,
}

#[derive(Debug, Default)]
pub struct CommandQueue(VecDeque<Command>);

impl CommandQueue {
    pub fn push(&mut self, command: Command) {
        self.0.push_back(command);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The command whose replies are arriving.
    pub fn class(&self) -> Option<QueryClass> {
        self.0.front().map(|command| command.class)
    }

    pub fn query(&self) -> Option<&[u8]> {
        self.0.front()?.query.as_deref()
    }

    /// Drops the head if `cause` completes it: a simple query ends with ReadyForQuery only,
    /// a sync point with its own result only.
    pub fn advance(&mut self, cause: Advance) {
        let stays = match self.class() {
            Some(QueryClass::Simple) => cause != Advance::Ready,
            Some(QueryClass::Sync) => cause != Advance::Sync,
            _ => false,
        };
        if !stays {
            self.0.pop_front();
        }
    }
}
