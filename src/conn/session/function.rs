//! Fast-path function calls (PQfn and the large-object functions).

use super::collect::Collected;
use super::errors::{OUT_OF_MEMORY, Refused};
use super::function_call::{FunctionCall, Returns};
use super::receive::{Received, Taken};
use super::reply::length_mismatch;
use super::{AsyncState, PipelineStatus, Session};
use crate::mem::reserve;
use crate::protocol::backend::Body;
use crate::protocol::codes::server;
use crate::protocol::frontend;
use crate::result::status::Status;
use crate::result::store::PgResultBox;

/// What a call in progress needs next.
pub enum FunctionStep {
    NeedInput,
    Notice(PgResultBox),
    /// ReadyForQuery arrived, or the call failed. Call [`Session::finish_function`].
    Done,
}

impl Session {
    /// Starts a query cycle and checks that a function can be called. `open` tells whether there is a socket.
    pub fn begin_function(&mut self, open: bool) -> Result<(), Refused> {
        self.begin_command();
        if self.pipeline != PipelineStatus::Off {
            return self.refuse("PQfn not allowed in pipeline mode");
        }
        if !open || self.state != AsyncState::Idle || self.has_pending_result() {
            return self.refuse("connection in wrong state");
        }
        if !reserve::is_ready() {
            return self.refuse_for_memory();
        }
        Ok(())
    }

    /// Appends the call, after [`Session::begin_function`].
    pub fn start_function<'a>(
        &mut self,
        function: u32,
        arguments: impl ExactSizeIterator<Item = Option<&'a [u8]>> + Clone,
        returns: Returns,
    ) -> Result<(), Refused> {
        self.append(|out| frontend::function_call(out, function, arguments))?;
        self.function = Some(FunctionCall {
            returns,
            ..FunctionCall::default()
        });
        // If the caller does not come back, because its thread is cancelled, PQgetResult reads the rest of the reply.
        self.state = AsyncState::Busy;
        Ok(())
    }

    /// Drops the call that was just started and could not be sent.
    pub fn take_back_function(&mut self) {
        self.function = None;
        self.state = AsyncState::Idle;
    }

    /// Processes the buffered input.
    pub fn step_function(&mut self) -> FunctionStep {
        loop {
            if let Some(notice) = self.notice.take() {
                return FunctionStep::Notice(notice);
            }
            if self.state == AsyncState::Idle {
                // A notice processor has read the rest of the reply.
                return FunctionStep::Done;
            }
            match self.receive(Session::function_message) {
                Received::Next => {}
                Received::NeedInput => return FunctionStep::NeedInput,
                Received::Stopped(()) | Received::Failed => return FunctionStep::Done,
            }
        }
    }

    /// Processes one message. The call ends with the last message, or with one that stays in the buffer.
    fn function_message(&mut self, kind: u8, body: &[u8]) -> Taken<()> {
        let understood = match kind {
            server::FUNCTION_CALL_RESPONSE => self.function_result(body),
            server::ERROR_RESPONSE => self.error_response(body),
            server::PARAMETER_STATUS => self.take_parameter_status(body),
            server::READY_FOR_QUERY if self.transaction_state(&mut Body(body)) => {
                self.function_ready();
                return Taken::Last(());
            }
            server::READY_FOR_QUERY => false,
            _ => match self.take_asynchronous(kind, body) {
                Some(understood) => understood,
                None => {
                    self.errors.add(format!("protocol error: id=0x{kind:x}"));
                    self.save_error_result();
                    return Taken::Last(());
                }
            },
        };
        if !understood {
            self.fail(length_mismatch(kind));
            return Taken::Left(());
        }
        Taken::Next
    }

    /// Reads the function's result. False if the body does not match its length.
    pub(super) fn function_result(&mut self, body: &[u8]) -> bool {
        let mut rest = Body(body);
        let Some(length) = rest.i32() else {
            return false;
        };
        let Some(call) = &mut self.function else {
            return false;
        };
        if length == -1 {
            call.answered = true;
            call.value = None;
            return rest.is_empty();
        }
        let Some(value) = usize::try_from(length).ok().and_then(|n| rest.take(n)) else {
            return false;
        };
        match call.returns {
            Returns::AtMost(limit) if value.len() > limit => {
                self.fail("server returned too much data");
                return true;
            }
            Returns::Integer if !matches!(value.len(), 2 | 4) => {
                self.reject_integer_size(value.len());
                return rest.is_empty();
            }
            _ => {}
        }
        let mut copy = Vec::new();
        if copy.try_reserve_exact(value.len()).is_err() {
            self.errors.add(OUT_OF_MEMORY);
            self.save_error_result();
            return rest.is_empty();
        }
        copy.extend_from_slice(value);
        call.answered = true;
        call.value = Some(copy);
        rest.is_empty()
    }

    /// libpq: adds an error and keeps reading until ReadyForQuery.
    fn reject_integer_size(&mut self, size: usize) {
        let text = format!("integer of size {size} not supported by pqGetInt");
        self.errors.add(text);
        self.save_error_result();
    }

    fn function_ready(&mut self) {
        if self.has_pending_result() {
            return;
        }
        if self.function.as_ref().is_some_and(|call| call.answered) {
            self.ensure_result(Status::CommandOk);
        } else {
            self.errors.add("protocol error: no function result");
            self.save_error_result();
        }
    }

    /// The result of the call and the value that the function returned.
    pub fn finish_function(&mut self) -> (Collected, FunctionCall) {
        let call = self.function.take().unwrap_or_default();
        if !self.has_pending_result() {
            self.save_error_result();
        }
        if matches!(self.state, AsyncState::Busy | AsyncState::Ready) {
            self.state = AsyncState::Idle;
        }
        (self.take_result(), call)
    }
}
