//! Fast-path function calls (PQfn and the large-object functions).

use super::collect::Collected;
use super::errors::{OUT_OF_MEMORY, Refused};
use super::function_call::{FunctionCall, Returns};
use super::receive::{Received, Taken};
use super::reply::{MessageOutcome, length_mismatch};
use super::{AsyncState, PipelineStatus, Session};
use crate::mem::reserve;
use crate::protocol::backend::Body;
use crate::protocol::codes::server;
use crate::protocol::frontend;
use crate::result::status::Status;
use crate::result::store::PgResultBox;

const NO_RESULT: &str = "protocol error: no function result";

/// What a call in progress needs next.
pub enum FunctionStep {
    NeedInput,
    Notice(PgResultBox),
    /// ReadyForQuery arrived, or the call failed. Call [`Session::finish_function`].
    Done,
    /// A notice processor has read the rest of the reply and begun another command. Call [`Session::lost_function`].
    Lost,
}

impl Session {
    /// Starts a query cycle and checks that a function can be called. `open` tells whether there is a session.
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
        self.commands = self.commands.wrapping_add(1);
        self.function = Some(FunctionCall {
            returns,
            ..FunctionCall::default()
        });
        // If the caller does not come back, because its thread is cancelled, PQgetResult reads the rest of the reply.
        self.state = AsyncState::Busy;
        Ok(())
    }

    /// Drops a call that could not be sent, unless another command has begun.
    pub fn take_back_function(&mut self, number: u32) {
        if self.commands == number {
            self.function = None;
            self.state = AsyncState::Idle;
        }
    }

    /// Processes the buffered input. `number` is what [`Session::command_number`] returned when the call had started.
    pub fn step_function(&mut self, number: u32) -> FunctionStep {
        loop {
            if self.commands != number {
                return FunctionStep::Lost;
            }
            if let Some(notice) = self.notice.take() {
                return FunctionStep::Notice(notice);
            }
            if self.state == AsyncState::Idle {
                // A notice processor has read the rest of the reply.
                self.function_ready();
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
            server::READY_FOR_QUERY if is_ready_for_query(body) => {
                self.transaction_state(&mut Body(body));
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

    /// Processes one message of the reply to a call for which nobody waits any more. PQgetResult's one result is complete with
    /// ReadyForQuery, which stays in the buffer until the result is collected.
    pub(super) fn abandoned_function(&mut self, kind: u8, body: &[u8]) -> MessageOutcome {
        if kind == server::READY_FOR_QUERY && is_ready_for_query(body) {
            self.function_ready();
            self.state = AsyncState::Ready;
            return MessageOutcome::Wait;
        }
        self.errors.make_room();
        match self.function_message(kind, body) {
            // The reply also goes on after a message of an unexpected type.
            Taken::Next | Taken::Last(()) => MessageOutcome::Done,
            Taken::Left(()) => MessageOutcome::Wait,
        }
    }

    /// Reads the function's result. False if the body does not match its length.
    fn function_result(&mut self, body: &[u8]) -> bool {
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

    /// The call has ended: makes its result, unless there is one.
    fn function_ready(&mut self) {
        if self.has_pending_result() {
            return;
        }
        if self.function.as_ref().is_some_and(|call| call.answered) {
            self.ensure_result(Status::CommandOk);
        } else {
            self.errors.add(NO_RESULT);
            self.save_error_result();
        }
    }

    /// The error result of a call after which another command has begun. That command's result is left alone.
    pub fn lost_function(&mut self) -> Collected {
        if self.state == AsyncState::Idle {
            self.errors.clear();
        }
        self.errors.add(NO_RESULT);
        self.errors.mark_reported();
        match self.empty_result(Status::FatalError) {
            Ok(mut result) => {
                result.set_error_message(format!("{NO_RESULT}\n").as_bytes());
                Collected::Result(result)
            }
            Err(_) => Collected::OutOfMemory,
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

/// Whether this is the body of ReadyForQuery: the state of the transaction.
fn is_ready_for_query(body: &[u8]) -> bool {
    body.len() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &[u8] = b"V\0\0\0\x0c\0\0\0\x04\0\0\0\x07";
    const ERROR: &[u8] = b"E\0\0\0\x10CXX000\0Mno\0\0";
    const ROW: &[u8] = b"D\0\0\0\x06\0\0";
    const READY: &[u8] = b"Z\0\0\0\x05I";

    fn feed(session: &mut Session, bytes: &[u8]) {
        let room = session.input_mut().free_space(bytes.len()).unwrap();
        room[..bytes.len()].copy_from_slice(bytes);
        session.input_mut().filled(bytes.len());
    }

    /// The results of a call whose caller has gone after the first `read` messages.
    fn results_after(read: usize, reply: &[&[u8]]) -> Vec<Status> {
        let mut session = Session::new();
        session.mark_open();
        assert!(session.begin_function(true).is_ok());
        let none: [Option<&[u8]>; 0] = [];
        assert!(
            session
                .start_function(1, none.into_iter(), Returns::Integer)
                .is_ok()
        );
        feed(&mut session, &reply[..read].concat());
        let number = session.command_number();
        assert!(matches!(
            session.step_function(number),
            FunctionStep::NeedInput
        ));
        assert!(session.begin_function(true).is_err());
        feed(&mut session, &reply[read..].concat());
        let mut statuses = Vec::new();
        loop {
            assert!(session.parse_input().is_none());
            match session.collect() {
                Collected::Result(result) => statuses.push(result.status()),
                _ => break,
            }
        }
        assert_eq!(session.async_state(), AsyncState::Idle);
        assert!(session.begin_function(true).is_ok());
        statuses
    }

    #[test]
    fn a_call_whose_caller_has_gone_has_one_result() {
        for (reply, expected) in [
            (vec![VALUE, READY], Status::CommandOk),
            (vec![VALUE, VALUE, READY], Status::CommandOk),
            (vec![ERROR, READY], Status::FatalError),
            (vec![READY], Status::FatalError),
            // A deferred constraint fails after the value was sent.
            (vec![VALUE, ERROR, READY], Status::FatalError),
            (vec![ERROR, VALUE, READY], Status::FatalError),
            (vec![ERROR, ERROR, READY], Status::FatalError),
        ] {
            for read in 0..reply.len() {
                assert_eq!(results_after(read, &reply), [expected], "{read}");
            }
        }
        for unexpected in [vec![ROW, VALUE, READY], vec![ROW, ROW, VALUE, ROW, READY]] {
            assert_eq!(results_after(0, &unexpected), [Status::FatalError]);
        }
    }

    #[test]
    fn a_reply_fails_whose_end_has_another_length() {
        for ready in [&b"Z\0\0\0\x04"[..], b"Z\0\0\0\x06II"] {
            for abandoned in [false, true] {
                let mut session = Session::new();
                session.mark_open();
                assert!(session.begin_function(true).is_ok());
                let none: [Option<&[u8]>; 0] = [];
                let started = session.start_function(1, none.into_iter(), Returns::Integer);
                assert!(started.is_ok());
                feed(&mut session, &[VALUE, ready].concat());
                let collected = if abandoned {
                    assert!(session.parse_input().is_none());
                    session.collect()
                } else {
                    let number = session.command_number();
                    assert!(matches!(session.step_function(number), FunctionStep::Done));
                    session.finish_function().0
                };
                let Collected::Result(result) = collected else {
                    panic!("a result");
                };
                assert_eq!(result.status(), Status::FatalError, "{ready:?} {abandoned}");
                assert!(session.is_closed());
            }
        }
    }
}
