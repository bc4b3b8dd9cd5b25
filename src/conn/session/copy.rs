//! COPY: data out of and into the connection's buffers.

use super::errors::Refused;
use super::queue::QueryClass;
use super::receive::{Received, Taken};
use super::{AsyncState, Session};
use crate::protocol::backend::{self, HEADER};
use crate::protocol::codes::server;
use crate::protocol::frontend;
use crate::result::store::PgResultBox;

/// What is at the front of the input during COPY OUT.
pub enum CopyStep {
    /// A CopyData message whose data takes so many bytes: read it with [`Session::copy_data`].
    Data(usize),
    /// Not all of the next message is here yet.
    NeedInput,
    /// The COPY is over: its result can be collected.
    End,
    /// The connection is unusable; the session's errors say why.
    Failed,
    /// A notice to hand out first.
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

    /// Appends a row of COPY IN if nothing else is to be done before: no input to parse, nothing to trace. False if the
    /// caller must use the complete path, or if the output would reach `limit` bytes. Never panics.
    #[inline]
    pub fn queue_copy_row(&mut self, data: &[u8], limit: usize) -> bool {
        let limit = limit.min(self.out.capacity());
        let plain = self.state == AsyncState::CopyIn
            && !data.is_empty()
            && !self.has_work()
            && self.out.len() + HEADER + data.len() < limit;
        plain && frontend::copy_data(&mut self.out, data).is_ok()
    }

    /// The data of the CopyData at the front, if nothing else is to be done before it is taken. Never panics.
    #[inline]
    pub fn copy_row_at_hand(&self) -> Option<&[u8]> {
        if self.state != AsyncState::CopyOut || self.tracer.is_some() {
            return None;
        }
        backend::copy_data(self.input.unread())
    }

    /// Drops the CopyData at the front, whose data takes `size` bytes.
    #[inline]
    pub fn consume_copy_data(&mut self, size: usize) {
        self.copy_already_done = 0;
        self.consume_message(size);
    }

    /// How much of the CopyData at the front the old COPY calls have handed out.
    pub fn copy_already_done(&mut self) -> &mut usize {
        &mut self.copy_already_done
    }

    /// The COPY is over for the application: what is left of it is read as a command's reply.
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

    /// Appends the end of COPY IN: CopyFail with a reason, or CopyDone.
    pub fn send_copy_end(&mut self, reason: Option<&[u8]>) -> Result<(), Refused> {
        let class = self.queue.class();
        let sync = class.is_some_and(|class| class != QueryClass::Simple);
        self.append(|out| {
            match reason {
                Some(reason) => frontend::copy_fail(out, reason)?,
                None => frontend::copy_done(out)?,
            }
            // A COPY of the extended protocol needs its Sync now.
            if sync { frontend::sync(out) } else { Ok(()) }
        })?;
        self.state = match self.state {
            AsyncState::CopyBoth => AsyncState::CopyOut,
            _ => AsyncState::Busy,
        };
        Ok(())
    }

    /// Looks for the next CopyData, taking asynchronous messages on the way.
    pub fn next_copy_data(&mut self) -> CopyStep {
        loop {
            if let Some(notice) = self.notice.take() {
                return CopyStep::Notice(notice);
            }
            match self.receive(Session::copy_message) {
                Received::Next if self.is_closed() => return CopyStep::Failed,
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
            server::PARAMETER_STATUS => {
                self.take_parameter_status(body);
                return Taken::Next;
            }
            server::COPY_DONE if self.state == AsyncState::CopyBoth => {
                self.state = AsyncState::CopyIn;
            }
            server::COPY_DONE => self.state = AsyncState::Busy,
            _ => {
                if self.take_asynchronous(kind, body).is_some() {
                    return Taken::Next;
                }
                // Anything else ends the COPY; the ordinary parser will read it.
                self.state = AsyncState::Busy;
            }
        }
        Taken::Left(CopyStep::End)
    }

    /// The data of the CopyData at the front, after [`CopyStep::Data`] told its size.
    pub fn copy_data(&self, size: usize) -> &[u8] {
        let input = self.input.unread();
        input.get(HEADER..HEADER + size).unwrap_or(&[])
    }
}
