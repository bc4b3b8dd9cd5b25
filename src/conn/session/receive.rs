//! Splits the receive buffer into messages. All messages after authentication are split, traced and dropped here.
//!
//! Queries, COPY and function calls pass a function that processes a message.

use super::Session;
use crate::mem::buffer::RecvBuffer;
use crate::mem::reserve;
use crate::protocol::backend::{Frame, HEADER, frame};

/// What a handler did with the message at the front of the buffer.
pub(super) enum Taken<T> {
    /// Processed. The next message can be read.
    Next,
    /// Processed, and reading stops.
    Last(T),
    /// The message stays in the buffer, and reading stops.
    Left(T),
}

/// The state of the buffer after one message.
pub(super) enum Received<T> {
    /// The message was dropped. The next one can be read.
    Next,
    /// The handler stopped reading.
    Stopped(T),
    /// The message is incomplete. Memory for the rest of it is reserved.
    NeedInput,
    /// The connection is unusable. The session's error text says why.
    Failed,
}

impl Session {
    /// Passes the message at the front of the input to `take`.
    pub(super) fn receive<T>(
        &mut self,
        take: impl FnOnce(&mut Session, u8, &[u8]) -> Taken<T>,
    ) -> Received<T> {
        // The body borrows the buffer while `self` changes, so the buffer is moved out of `self`.
        let mut input = std::mem::take(&mut self.input);
        let received = self.receive_from(&mut input, take);
        self.input = input;
        received
    }

    /// As [`Session::receive`], for callers that have moved the input out of the session.
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
        if self.reserve_input(input, total) {
            Received::NeedInput
        } else {
            Received::Failed
        }
    }

    /// Reserves memory for the rest of a message of `total` bytes. If there is none, the connection ends and the result is
    /// false.
    fn reserve_input(&mut self, input: &mut RecvBuffer, total: usize) -> bool {
        let missing = total.saturating_sub(input.unread().len());
        let enough = input.reserve(missing).is_ok();
        if !enough {
            self.fail("cannot allocate memory for input buffer");
        }
        enough
    }
}
