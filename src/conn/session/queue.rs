//! Commands sent and not yet fully answered, oldest first.

use std::collections::VecDeque;

use crate::mem::{self, OutOfMemory};

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

/// One command that awaits its turn.
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

/// The oldest command stands apart from those behind it: mostly there are none.
#[derive(Debug, Default)]
pub struct CommandQueue {
    oldest: Option<QueryClass>,
    /// The text of the oldest command, where there is one; its memory serves the next.
    text: Vec<u8>,
    has_text: bool,
    behind: VecDeque<Command>,
}

impl CommandQueue {
    /// Makes room for a command.
    #[inline]
    pub fn reserve(&mut self) -> Result<(), OutOfMemory> {
        if self.oldest.is_some() {
            self.behind.try_reserve(1)?;
        }
        Ok(())
    }

    /// Adds a command, for which there is room, with its query's text where libpq keeps that.
    pub fn push(&mut self, class: QueryClass, text: Option<&[u8]>) {
        // libpq: if there is no memory for the text, it is not kept.
        if self.oldest.is_some() {
            let query = text.and_then(|text| mem::copy(text).ok());
            self.behind.push_back(Command { class, query });
            return;
        }
        self.oldest = Some(class);
        self.has_text = text.is_some_and(|text| {
            self.text.clear();
            mem::append(&mut self.text, text).is_ok()
        });
    }

    pub fn clear(&mut self) {
        self.behind.clear();
        self.drop_oldest();
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.oldest.is_none()
    }

    /// The command whose replies are arriving.
    #[inline]
    pub fn class(&self) -> Option<QueryClass> {
        self.oldest
    }

    pub fn query(&self) -> Option<&[u8]> {
        self.has_text.then_some(&self.text)
    }

    /// Drops the head if `cause` completes it: a simple query ends with ReadyForQuery only,
    /// a sync point with its own result only.
    #[inline]
    pub fn advance(&mut self, cause: Advance) {
        let stays = match self.class() {
            Some(QueryClass::Simple) => cause != Advance::Ready,
            Some(QueryClass::Sync) => cause != Advance::Sync,
            _ => false,
        };
        if !stays {
            self.drop_oldest();
        }
    }

    #[inline]
    fn drop_oldest(&mut self) {
        self.oldest = None;
        self.has_text = false;
        if self.text.capacity() > KEEP_TEXT || !self.behind.is_empty() {
            self.turn_to_next();
        }
    }

    fn turn_to_next(&mut self) {
        if self.text.capacity() > KEEP_TEXT {
            self.text = Vec::new();
        }
        let Some(next) = self.behind.pop_front() else {
            return;
        };
        self.oldest = Some(next.class);
        if let Some(text) = next.query {
            self.text = text;
            self.has_text = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_come_in_their_order_with_their_texts() {
        let mut queue = CommandQueue::default();
        assert_eq!((queue.class(), queue.query()), (None, None));
        queue.push(QueryClass::Extended, Some(b"one"));
        queue.push(QueryClass::Describe, None);
        queue.push(QueryClass::Extended, Some(b"three"));
        assert_eq!(queue.query(), Some(&b"one"[..]));
        queue.advance(Advance::Result);
        assert_eq!(queue.class(), Some(QueryClass::Describe));
        assert_eq!(queue.query(), None);
        queue.advance(Advance::Result);
        assert_eq!(queue.query(), Some(&b"three"[..]));
        queue.advance(Advance::Result);
        assert!(queue.is_empty());
        queue.push(QueryClass::Extended, None);
        assert_eq!(queue.query(), None);
    }

    #[test]
    fn only_its_own_end_completes_a_command() {
        let mut queue = CommandQueue::default();
        queue.push(QueryClass::Simple, Some(b"one"));
        queue.push(QueryClass::Sync, None);
        queue.advance(Advance::Result);
        assert_eq!(queue.class(), Some(QueryClass::Simple));
        queue.advance(Advance::Ready);
        assert_eq!(queue.class(), Some(QueryClass::Sync));
        queue.advance(Advance::Ready);
        assert_eq!(queue.class(), Some(QueryClass::Sync));
        queue.advance(Advance::Sync);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_long_text_is_not_kept() {
        let mut queue = CommandQueue::default();
        let long = vec![b'x'; KEEP_TEXT + 1];
        queue.push(QueryClass::Simple, Some(&long));
        queue.push(QueryClass::Simple, Some(b"short"));
        queue.advance(Advance::Ready);
        assert_eq!(queue.query(), Some(&b"short"[..]));
        assert!(queue.text.capacity() <= KEEP_TEXT);
        queue.clear();
        assert!(queue.is_empty() && queue.query().is_none());
    }
}
