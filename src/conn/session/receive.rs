//! Taking messages off the receive buffer: the one place where they are split, traced and dropped.
//!
//! Queries, COPY and function calls differ in what they do with a message; each gives a function for that.

use super::Session;
use crate::mem::buffer::RecvBuffer;
use crate::mem::reserve;
use crate::protocol::backend::{Frame, HEADER, frame};

/// What a reader made of the message at the front of the buffer.
pub(super) enum Taken<T> {
    /// Understood: the next message may be read.
    Next,
    /// Understood, and the last one for now.
    Last(T),
    /// It stays in the buffer.
    Left(T),
}

/// What is at the front of the buffer after one message was looked at.
pub(super) enum Received<T> {
    /// The message was dropped: the next one may be read.
    Next,
    /// The reader has what it wanted.
    Stopped(T),
    /// The message is not complete. Memory for the rest of it is reserved.
    NeedInput,
    /// The connection is unusable; the session's errors say why.
    Failed,
}

impl Session {
    /// Gives the message at the front of the input to `take`.
    pub(super) fn receive<T>(
        &mut self,
        take: impl FnOnce(&mut Session, u8, &[u8]) -> Taken<T>,
    ) -> Received<T> {
        // The body borrows the buffer while `self` changes: it is taken out for that time.
        let mut input = std::mem::take(&mut self.input);
        let received = self.receive_from(&mut input, take);
        self.input = input;
        received
    }

    /// As [`Session::receive`], with the input taken out by the caller.
    #[inline]
    pub(super) fn receive_from<T>(
        &mut self,
        input: &mut RecvBuffer,
        take: impl FnOnce(&mut Session, u8, &[u8]) -> Taken<T>,
    ) -> Received<T> {
        let (kind, body) = match frame(input.unread()) {
            Frame::Message { kind, body } => (kind, body),
            Frame::Incomplete { total } => return self.need_input(input, total),
            Frame::Lost { kind, length } => {
                self.lost_synchronization(kind, length);
                return Received::Failed;
            }
        };
        if !reserve::is_ready() {
            self.run_out_of_memory();
            return Received::Failed;
        }
        let size = body.len();
        let received = match take(self, kind, body) {
            Taken::Next => Received::Next,
            Taken::Last(value) => Received::Stopped(value),
            Taken::Left(value) => return Received::Stopped(value),
        };
        self.trace_received(input.unread(), size);
        input.consume(HEADER + size);
        if self.fatal {
            return Received::Failed;
        }
        received
    }

    fn need_input<T>(&mut self, input: &mut RecvBuffer, total: usize) -> Received<T> {
        if self.make_room(input, total) {
            Received::NeedInput
        } else {
            Received::Failed
        }
    }

    /// Makes sure that a message of `total` bytes fits into the buffer that it begins. False when memory ran out, which
    /// ends the connection.
    fn make_room(&mut self, input: &mut RecvBuffer, total: usize) -> bool {
        let missing = total.saturating_sub(input.unread().len());
        let enough = input.reserve(missing).is_ok();
        if !enough {
            self.fail("cannot allocate memory for input buffer");
        }
        enough
    }
}
