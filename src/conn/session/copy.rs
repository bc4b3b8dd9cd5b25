//! COPY data in the input and output buffers.

use super::errors::Refused;
use super::queue::QueryClass;
use super::receive::{Received, Taken};
use super::{AsyncState, Session};
use crate::protocol::backend::{self, HEADER};
use crate::protocol::codes::server;
use crate::protocol::frontend;
use crate::result::store::PgResultBox;

/// The front of the input during COPY OUT.
pub enum CopyStep {
    /// A CopyData message with this many bytes of data. Read it with [`Session::copy_data`].
    Data(usize),
    /// The next message is incomplete.
    NeedInput,
    /// The COPY is over. Its result can be collected.
    End,
    /// The connection is unusable. The session's error text says why.
    Failed,
    /// A notice to deliver first.
    Notice(PgResultBox),
}

impl Session {
    pub fn is_copying_in(&self) -> bool {
        matches!(self.state, AsyncState::CopyIn | AsyncState::CopyBoth)
    }

    pub fn is_copying_out(&self) -> bool {
        matches!(self.state, AsyncState::CopyOut | AsyncState::CopyBoth)
    }

    /// Whether a COPY OUT in text format is in progress.
    pub fn is_copying_out_text(&self) -> bool {
        self.is_copying_out() && !self.copy_is_binary
    }

    /// Appends a row of COPY IN on the fast path: no input to parse and no tracing. False if the caller must use the complete
    /// path, or if the output would reach `limit` bytes. Never panics.
    #[inline]
    pub fn queue_copy_row(&mut self, data: &[u8], limit: usize) -> bool {
        let limit = limit.min(self.out.capacity());
        let plain = self.state == AsyncState::CopyIn
            && !data.is_empty()
            && !self.has_work()
            && self.out.len() + HEADER + data.len() < limit;
        plain && frontend::copy_data(&mut self.out, data).is_ok()
    }

    /// The data of the CopyData at the front on the fast path. `None` if the caller must use the complete path. Never panics.
    #[inline]
    pub fn copy_row_at_hand(&self) -> Option<&[u8]> {
        if self.state != AsyncState::CopyOut || self.tracer.is_some() {
            return None;
        }
        backend::copy_data(self.input.unread())
    }

    /// Drops the CopyData at the front, which has `size` bytes of data.
    #[inline]
    pub fn consume_copy_data(&mut self, size: usize) {
        self.copy_already_done = 0;
        self.consume_message(size);
    }

    /// The bytes of the CopyData at the front that the old COPY functions have returned already.
    pub fn copy_already_done(&mut self) -> &mut usize {
        &mut self.copy_already_done
    }

    /// Ends the COPY for the application. The rest of it is read as a command's reply.
    pub fn leave_copy(&mut self) {
        self.state = AsyncState::Busy;
    }

    /// Refuses a COPY call outside of COPY.
    pub fn check_copying(&mut self, copying: bool) -> Result<(), Refused> {
        if copying {
            return Ok(());
        }
        self.refuse("no COPY in progress")
    }

    /// Appends CopyFail with a reason, or CopyDone.
    pub fn send_copy_end(&mut self, reason: Option<&[u8]>) -> Result<(), Refused> {
        let class = self.queue.class();
        let sync = class.is_some_and(|class| class != QueryClass::Simple);
        self.append(|out| {
            match reason {
                Some(reason) => frontend::copy_fail(out, reason)?,
                None => frontend::copy_done(out)?,
            }
            // A COPY of the extended protocol needs its Sync here.
            if sync { frontend::sync(out) } else { Ok(()) }
        })?;
        self.state = match self.state {
            AsyncState::CopyBoth => AsyncState::CopyOut,
            _ => AsyncState::Busy,
        };
        Ok(())
    }

    /// Finds the next CopyData and processes asynchronous messages before it.
    pub fn next_copy_data(&mut self) -> CopyStep {
        loop {
            if let Some(notice) = self.notice.take() {
                return CopyStep::Notice(notice);
            }
            match self.receive(Session::copy_message) {
                Received::Next => {}
                Received::Stopped(step) => return step,
                Received::NeedInput => return CopyStep::NeedInput,
                Received::Failed => return CopyStep::Failed,
            }
        }
    }

    fn copy_message(&mut self, kind: u8, body: &[u8]) -> Taken<CopyStep> {
        match kind {
            server::COPY_DATA if body.is_empty() => return Taken::Next,
            server::COPY_DATA => return Taken::Left(CopyStep::Data(body.len())),
            server::PARAMETER_STATUS if self.take_parameter_status(body) => return Taken::Next,
            server::COPY_DONE if self.state == AsyncState::CopyBoth => {
                self.state = AsyncState::CopyIn;
            }
            server::COPY_DONE => self.state = AsyncState::Busy,
            _ => {
                if self.take_asynchronous(kind, body) == Some(true) {
                    return Taken::Next;
                }
                // Any other message ends the COPY, and so does a damaged one. `parse_input` reads it.
                self.state = AsyncState::Busy;
            }
        }
        Taken::Left(CopyStep::End)
    }

    /// The data of the CopyData at the front, whose size [`CopyStep::Data`] returned.
    pub fn copy_data(&self, size: usize) -> &[u8] {
        let input = self.input.unread();
        input.get(HEADER..HEADER + size).unwrap_or(&[])
    }
}
