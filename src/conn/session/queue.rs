//! The queue of commands that were sent and not fully answered.

use std::collections::VecDeque;

use crate::mem::{self, OutOfMemory};

/// How a command was sent. It determines which replies complete it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryClass {
    Simple,
    Extended,
    Prepare,
    Describe,
    Close,
    Sync,
}

/// A queued command behind the oldest one.
#[derive(Debug)]
struct Command {
    class: QueryClass,
    /// The query's text for the error cursor. `None` where libpq does not store one.
    query: Option<Vec<u8>>,
}

/// The limit on commands that wait for their results.
const MAX_COMMANDS: usize = if cfg!(test) { 1000 } else { 1 << 24 };
/// The limit on the bytes of their queries' texts. Further commands are queued without a text.
const MAX_TEXTS: usize = if cfg!(test) { 1000 } else { 64 << 20 };
/// The buffer for a query's text is reused up to this capacity.
const KEEP_TEXT: usize = 8 * 1024;

/// An event that can complete the oldest command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// A result was returned to the application.
    Result,
    /// A PIPELINE_SYNC result was returned to the application.
    Sync,
    /// ReadyForQuery arrived outside of pipeline mode.
    Ready,
}

/// The oldest command is stored separately, because there is usually only one.
#[derive(Debug, Default)]
pub struct CommandQueue {
    oldest: Option<QueryClass>,
    /// The text of the oldest command. The buffer is reused.
    text: Vec<u8>,
    has_text: bool,
    behind: VecDeque<Command>,
    /// The length of the texts in `behind`.
    texts: usize,
}

impl CommandQueue {
    /// Reserves space for a command. Fails if memory ran out or the queue is full.
    #[inline]
    pub fn reserve(&mut self) -> Result<(), OutOfMemory> {
        if self.oldest.is_some() {
            if self.is_full() {
                return Err(OutOfMemory);
            }
            self.behind.try_reserve(1)?;
        }
        Ok(())
    }

    pub fn is_full(&self) -> bool {
        self.behind.len() >= MAX_COMMANDS
    }

    /// Adds a command, for which space is reserved, and its query's text where libpq stores it.
    pub fn push(&mut self, class: QueryClass, text: Option<&[u8]>) {
        // libpq: the text is dropped if there is no memory for it.
        if self.oldest.is_some() {
            let query = text.and_then(|text| self.copy_text(text));
            self.behind.push_back(Command { class, query });
            return;
        }
        self.oldest = Some(class);
        self.has_text = text.is_some_and(|text| {
            self.text.clear();
            mem::append(&mut self.text, text).is_ok()
        });
    }

    /// A copy of the text of a command that waits, if there is room for it.
    #[inline(never)]
    fn copy_text(&mut self, text: &[u8]) -> Option<Vec<u8>> {
        if self.texts + text.len() > MAX_TEXTS {
            return None;
        }
        let copy = mem::copy(text).ok()?;
        self.texts += copy.len();
        Some(copy)
    }

    pub fn clear(&mut self) {
        self.behind.clear();
        self.texts = 0;
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

    /// Removes the oldest command if `cause` completes it. Only ReadyForQuery completes a simple query, and only its own
    /// result completes a sync point.
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
            self.promote_next();
        }
    }

    fn promote_next(&mut self) {
        if self.text.capacity() > KEEP_TEXT {
            self.text = Vec::new();
        }
        let Some(next) = self.behind.pop_front() else {
            return;
        };
        self.oldest = Some(next.class);
        if let Some(text) = next.query {
            self.texts -= text.len();
            self.text = text;
            self.has_text = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_commands_in_order_with_their_texts() {
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
    fn only_the_right_event_completes_a_command() {
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
    fn the_number_of_commands_is_limited() {
        let mut queue = CommandQueue::default();
        for _ in 0..=MAX_COMMANDS {
            assert_eq!(queue.reserve(), Ok(()));
            queue.push(QueryClass::Extended, None);
        }
        assert!(queue.reserve().is_err() && queue.is_full());
        queue.advance(Advance::Result);
        assert_eq!(queue.reserve(), Ok(()));
    }

    #[test]
    fn texts_beyond_the_limit_are_not_kept() {
        let mut queue = CommandQueue::default();
        let half = vec![b'x'; MAX_TEXTS / 2];
        for round in 0..3 {
            // The oldest, two behind it, and one for which there is no room.
            for _ in 0..4 {
                queue.push(QueryClass::Extended, Some(&half));
            }
            let kept: Vec<bool> = (0..4)
                .map(|_| {
                    let kept = queue.query().is_some();
                    queue.advance(Advance::Result);
                    kept
                })
                .collect();
            assert_eq!(kept, [true, true, true, false], "{round}");
            assert_eq!(queue.texts, 0);
        }
        for _ in 0..4 {
            queue.push(QueryClass::Extended, Some(&half));
        }
        queue.clear();
        assert_eq!(queue.texts, 0);
    }

    #[test]
    fn does_not_keep_a_large_text_buffer() {
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
