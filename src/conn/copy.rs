//! COPY: data out of and into the connection's buffers.

use super::errors::Refused;
use super::queue::QueryClass;
use super::receive::{Received, Taken};
use super::session::{AsyncState, Session};
use crate::protocol::backend::HEADER;
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
