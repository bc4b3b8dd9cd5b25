//! Replies of the server, as libpq's parser takes them (fe-protocol3.c's state switch).

use super::queue::{Advance, QueryClass};
use super::receive::{Received, Taken};
use super::reply::{Outcome, length_mismatch, whole};
use super::{AsyncState, PipelineStatus, Session, TransactionStatus};
use crate::mem::OutOfMemory;
use crate::mem::buffer::RecvBuffer;
use crate::protocol::backend::Body;
use crate::protocol::codes::{server, transaction};
use crate::result::status::Status;
use crate::result::store::PgResultBox;

impl Session {
    /// Parses what is buffered as far as the state permits. Some(notice) must be handed to the
    /// application before the next call; None means that nothing more can be parsed now.
    #[inline]
    pub fn parse_input(&mut self) -> Option<PgResultBox> {
        if !self.input.is_empty() {
            self.parse_buffered();
        }
        self.notice.take()
    }

    /// Parses until more input is needed, or the application has to take something first.
    fn parse_buffered(&mut self) {
        // Messages borrow the buffer while `self` changes: it is taken out for that time.
        let mut input = std::mem::take(&mut self.input);
        while self.parse_run(&mut input) {}
        if self.fatal {
            input.clear();
        }
        self.input = input;
    }

    /// The rows that are wanted now, then one other message; false when parsing cannot go on.
    #[inline]
    fn parse_run(&mut self, input: &mut RecvBuffer) -> bool {
        self.data_rows(input);
        // The application has to take a notice before anything behind it is understood.
        self.parse_message(input) && self.notice.is_none()
    }

    /// Whether the input begins with a row that has to wait until the application took the one that is ready.
    fn is_row_waiting(&self, input: &[u8]) -> bool {
        self.state == AsyncState::ReadyMore && input.first() == Some(&server::DATA_ROW)
    }

    /// One message; false when parsing cannot go on.
    fn parse_message(&mut self, input: &mut RecvBuffer) -> bool {
        if self.is_row_waiting(input.unread()) {
            return false;
        }
        let received = self.receive_from(input, |session, kind, body| {
            match session.take_message(kind, body) {
                Outcome::Done => Taken::Next,
                Outcome::Wait => Taken::Left(()),
                Outcome::Malformed => {
                    session.disagreeing_length(kind);
                    Taken::Next
                }
            }
        });
        matches!(received, Received::Next)
    }

    fn disagreeing_length(&mut self, kind: u8) {
        self.errors.add(length_mismatch(kind));
        self.save_error_result();
        self.state = AsyncState::Ready;
    }

    fn take_message(&mut self, kind: u8, body: &[u8]) -> Outcome {
        match self.state {
            AsyncState::Busy => self.take_busy(kind, body),
            AsyncState::Idle => self.take_idle(kind, body),
            _ => self.take_anywhere(kind, body).unwrap_or(Outcome::Wait),
        }
    }

    /// Messages that may come in any state.
    pub fn take_asynchronous(&mut self, kind: u8, body: &[u8]) -> Option<bool> {
        self.take_anywhere(kind, body)
            .map(|outcome| outcome == Outcome::Done)
    }

    #[inline]
    fn take_anywhere(&mut self, kind: u8, body: &[u8]) -> Option<Outcome> {
        match kind {
            server::NOTIFICATION_RESPONSE => Some(self.notification_response(body)),
            server::NOTICE_RESPONSE => Some(self.server_notice(body)),
            server::GO_AWAY => Some(self.goaway()),
            _ => None,
        }
    }

    fn take_idle(&mut self, kind: u8, body: &[u8]) -> Outcome {
        match kind {
            // libpq: an error out of the blue goes to the notice processor.
            server::ERROR_RESPONSE => self.server_notice(body),
            server::PARAMETER_STATUS => self.parameter_status(body),
            _ => self
                .take_anywhere(kind, body)
                .unwrap_or_else(|| self.out_of_the_blue(kind)),
        }
    }

    fn out_of_the_blue(&mut self, kind: u8) -> Outcome {
        let text = format!("message type 0x{kind:02x} arrived from server while idle");
        self.internal_notice(text.as_bytes());
        Outcome::Done
    }

    fn take_busy(&mut self, kind: u8, body: &[u8]) -> Outcome {
        match kind {
            server::DATA_ROW => self.data_row(body),
            server::COMMAND_COMPLETE => self.command_complete(body),
            server::ERROR_RESPONSE => self.server_error(body),
            server::READY_FOR_QUERY => self.ready_for_query(body),
            server::EMPTY_QUERY_RESPONSE
            | server::PARSE_COMPLETE
            | server::BIND_COMPLETE
            | server::CLOSE_COMPLETE
            | server::NO_DATA
            | server::COPY_DONE
                if !body.is_empty() =>
            {
                Outcome::Malformed
            }
            server::EMPTY_QUERY_RESPONSE => self.command_done(Status::EmptyQuery),
            server::PARSE_COMPLETE => self.done_if(QueryClass::Prepare),
            server::CLOSE_COMPLETE => self.done_if(QueryClass::Close),
            server::NO_DATA => self.done_if(QueryClass::Describe),
            server::BIND_COMPLETE => Outcome::Done,
            server::PARAMETER_STATUS => self.parameter_status(body),
            server::BACKEND_KEY_DATA => self.backend_key(body),
            server::ROW_DESCRIPTION => self.row_description(body),
            server::PARAMETER_DESCRIPTION => self.parameter_description(body),
            server::COPY_IN_RESPONSE => self.copy_start(body, Status::CopyIn, AsyncState::CopyIn),
            server::COPY_OUT_RESPONSE => {
                self.copy_start(body, Status::CopyOut, AsyncState::CopyOut)
            }
            server::COPY_BOTH_RESPONSE => {
                self.copy_start(body, Status::CopyBoth, AsyncState::CopyBoth)
            }
            // libpq: what is left of a COPY OUT that was given up is dropped silently.
            server::COPY_DATA | server::COPY_DONE => Outcome::Done,
            _ => self
                .take_anywhere(kind, body)
                .unwrap_or_else(|| self.unexpected(kind)),
        }
    }

    fn unexpected(&mut self, kind: u8) -> Outcome {
        let mut text = b"unexpected response from server; first received character was \"".to_vec();
        text.extend_from_slice(&[kind, b'"']);
        self.errors.add(text);
        self.save_error_result();
        self.state = AsyncState::Ready;
        Outcome::Done
    }

    fn parameter_status(&mut self, body: &[u8]) -> Outcome {
        let mut body = Body(body);
        let (Some(name), Some(value)) = (body.string(), body.string()) else {
            return Outcome::Malformed;
        };
        self.server.set_parameter(name, value);
        self.style.encoding = self.server.encoding;
        whole(body)
    }

    /// ParameterStatus where the caller reads messages itself; false when malformed.
    pub fn take_parameter_status(&mut self, body: &[u8]) -> bool {
        self.parameter_status(body) == Outcome::Done
    }

    fn backend_key(&mut self, body: &[u8]) -> Outcome {
        let mut rest = Body(body);
        let Some(process) = rest.i32() else {
            return Outcome::Malformed;
        };
        match self.server.set_key(process, rest.0) {
            Ok(()) => Outcome::Done,
            Err(text) => {
                self.fail(text);
                Outcome::Done
            }
        }
    }

    fn command_complete(&mut self, body: &[u8]) -> Outcome {
        let mut body = Body(body);
        let Some(tag) = body.string() else {
            return Outcome::Malformed;
        };
        self.ensure_result(Status::CommandOk);
        if let Some(result) = &mut self.result {
            result.set_command_tag(tag);
        }
        self.state = AsyncState::Ready;
        whole(body)
    }

    fn command_done(&mut self, status: Status) -> Outcome {
        self.ensure_result(status);
        self.state = AsyncState::Ready;
        Outcome::Done
    }

    /// ParseComplete, CloseComplete and NoData end only a command that asked for nothing else.
    fn done_if(&mut self, class: QueryClass) -> Outcome {
        if self.queue.class() == Some(class) {
            return self.command_done(Status::CommandOk);
        }
        Outcome::Done
    }

    fn ready_for_query(&mut self, body: &[u8]) -> Outcome {
        let mut body = Body(body);
        if !self.transaction_state(&mut body) {
            return Outcome::Malformed;
        }
        if self.pipeline == PipelineStatus::Off {
            self.queue.advance(Advance::Ready);
            self.state = AsyncState::Idle;
            return whole(body);
        }
        match self.empty_result_with_errors(Status::PipelineSync) {
            Ok(result) => {
                self.result = Some(result);
                self.pipeline = PipelineStatus::On;
                self.state = AsyncState::Ready;
            }
            // Without this result nobody knows where the pipeline is. libpq waits for ever for another.
            Err(OutOfMemory) => self.run_out_of_memory(),
        }
        whole(body)
    }

    /// The transaction state of a ReadyForQuery; false when its body is too short.
    pub fn transaction_state(&mut self, body: &mut Body<'_>) -> bool {
        let Some(letter) = body.u8() else {
            return false;
        };
        self.transaction = match letter {
            transaction::IDLE => TransactionStatus::Idle,
            transaction::IN_BLOCK => TransactionStatus::InTransaction,
            transaction::FAILED => TransactionStatus::InError,
            _ => TransactionStatus::Unknown,
        };
        true
    }
}
