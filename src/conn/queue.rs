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
struct Command {
    class: QueryClass,
    /// The query's text, for the error cursor; None where libpq keeps none.
    query: Option<Vec<u8>>,
}

/// The memory of a query's text up to this size serves the next one.
const KEEP_TEXT: usize = 8 * 1024;

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
pub struct CommandQueue {
    commands: VecDeque<Command>,
    /// Room for the text of the next query.
    spare: Vec<u8>,
}

impl CommandQueue {
    /// Adds a command, with its query's text where libpq keeps that.
    pub fn push(&mut self, class: QueryClass, text: Option<&[u8]>) {
        let query = text.map(|text| {
            let mut query = std::mem::take(&mut self.spare);
            query.clear();
            query.extend_from_slice(text);
            query
        });
        self.commands.push_back(Command { class, query });
    }

    pub fn clear(&mut self) {
        self.commands.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// The command whose replies are arriving.
    pub fn class(&self) -> Option<QueryClass> {
        self.commands.front().map(|command| command.class)
    }

    pub fn query(&self) -> Option<&[u8]> {
        self.commands.front()?.query.as_deref()
    }

    /// Drops the head if `cause` completes it: a simple query ends with ReadyForQuery only,
    /// a sync point with its own result only.
    pub fn advance(&mut self, cause: Advance) {
        let stays = match self.class() {
            Some(QueryClass::Simple) => cause != Advance::Ready,
            Some(QueryClass::Sync) => cause != Advance::Sync,
            _ => false,
        };
        if stays {
            return;
        }
        let text = self.commands.pop_front().and_then(|command| command.query);
        if let Some(text) = text
            && text.capacity() <= KEEP_TEXT
        {
            self.spare = text;
        }
    }
}
