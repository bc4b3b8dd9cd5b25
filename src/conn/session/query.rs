//! The parser of the server's replies (libpq: pqParseInput3).

use super::queue::{Advance, QueryClass};
use super::receive::{Received, Taken};
use super::reply::{MessageOutcome, fully_read, length_mismatch};
use super::{AsyncState, PipelineStatus, Session, TransactionStatus};
use crate::mem::OutOfMemory;
use crate::mem::buffer::RecvBuffer;
use crate::protocol::backend::Body;
use crate::protocol::codes::{server, transaction};
use crate::result::status::Status;
use crate::result::store::PgResultBox;

impl Session {
    /// Parses the buffered input as far as the state permits. The caller must deliver a returned notice before the next call.
    /// `None` means that nothing more can be parsed now.
    #[inline]
    pub fn parse_input(&mut self) -> Option<PgResultBox> {
        // A notice that was put back comes before what is parsed next.
        if self.notice.is_none() && !self.input.is_empty() {
            self.parse_buffered();
        }
        self.notice.take()
    }

    /// Parses until more input is needed, or until the application must collect a result or a notice.
    fn parse_buffered(&mut self) {
        // Messages borrow the buffer while `self` changes, so it is moved out of `self`.
        let mut input = std::mem::take(&mut self.input);
        while self.parse_run(&mut input) {}
        if self.fatal {
            input.clear();
        }
        self.input = input;
    }

    /// Parses rows, then one other message. False if parsing must stop.
    #[inline]
    fn parse_run(&mut self, input: &mut RecvBuffer) -> bool {
        self.data_rows(input);
        // A notice must be delivered before later messages are processed.
        self.parse_message(input) && self.notice.is_none()
    }

    /// Whether the input starts with a row that must wait until the application collects the previous one.
    fn is_row_waiting(&self, input: &[u8]) -> bool {
        self.state == AsyncState::ReadyMore && input.first() == Some(&server::DATA_ROW)
    }

    /// Parses one message. False if parsing must stop.
    fn parse_message(&mut self, input: &mut RecvBuffer) -> bool {
        if self.is_row_waiting(input.unread()) {
            return false;
        }
        let received = self.receive_from(input, |session, kind, body| {
            match session.take_message(kind, body) {
                MessageOutcome::Done => Taken::Next,
                MessageOutcome::Wait => Taken::Left(()),
                MessageOutcome::Malformed => {
                    session.add_length_mismatch(kind);
                    Taken::Next
                }
            }
        });
        matches!(received, Received::Next)
    }

    #[cold]
    fn add_length_mismatch(&mut self, kind: u8) {
        self.damaged = true;
        self.errors.add(length_mismatch(kind));
        self.save_error_result();
        self.state = AsyncState::Ready;
    }

    /// Whether a message since the last command was damaged.
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }

    fn take_message(&mut self, kind: u8, body: &[u8]) -> MessageOutcome {
        match self.state {
            AsyncState::Busy if self.function.is_some() => self.abandoned_function(kind, body),
            AsyncState::Busy => self.take_busy(kind, body),
            AsyncState::Idle => self.take_idle(kind, body),
            _ => self
                .take_anywhere(kind, body)
                .unwrap_or(MessageOutcome::Wait),
        }
    }

    /// Processes a message that can arrive in any state.
    pub fn take_asynchronous(&mut self, kind: u8, body: &[u8]) -> Option<bool> {
        self.take_anywhere(kind, body)
            .map(|outcome| outcome == MessageOutcome::Done)
    }

    #[inline]
    fn take_anywhere(&mut self, kind: u8, body: &[u8]) -> Option<MessageOutcome> {
        match kind {
            server::NOTIFICATION_RESPONSE => Some(self.notification_response(body)),
            server::NOTICE_RESPONSE => Some(self.server_notice(body)),
            server::GO_AWAY => Some(self.goaway()),
            _ => None,
        }
    }

    fn take_idle(&mut self, kind: u8, body: &[u8]) -> MessageOutcome {
        match kind {
            // libpq: an error that arrives while idle becomes a notice.
            server::ERROR_RESPONSE => self.server_notice(body),
            server::PARAMETER_STATUS => self.parameter_status(body),
            _ => self
                .take_anywhere(kind, body)
                .unwrap_or_else(|| self.unexpected_while_idle(kind)),
        }
    }

    fn unexpected_while_idle(&mut self, kind: u8) -> MessageOutcome {
        let text = format!("message type 0x{kind:02x} arrived from server while idle");
        self.internal_notice(text.as_bytes());
        MessageOutcome::Done
    }

    fn take_busy(&mut self, kind: u8, body: &[u8]) -> MessageOutcome {
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
                MessageOutcome::Malformed
            }
            server::EMPTY_QUERY_RESPONSE => self.command_done(Status::EmptyQuery),
            server::PARSE_COMPLETE => self.done_if(QueryClass::Prepare),
            server::CLOSE_COMPLETE => self.done_if(QueryClass::Close),
            server::NO_DATA => self.done_if(QueryClass::Describe),
            server::BIND_COMPLETE => MessageOutcome::Done,
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
            // libpq: drops the rest of an abandoned COPY OUT.
            server::COPY_DATA | server::COPY_DONE => MessageOutcome::Done,
            _ => self
                .take_anywhere(kind, body)
                .unwrap_or_else(|| self.unexpected(kind)),
        }
    }

    fn unexpected(&mut self, kind: u8) -> MessageOutcome {
        let mut text = b"unexpected response from server; first received character was \"".to_vec();
        text.extend_from_slice(&[kind, b'"']);
        self.errors.add(text);
        self.save_error_result();
        self.state = AsyncState::Ready;
        MessageOutcome::Done
    }

    fn parameter_status(&mut self, body: &[u8]) -> MessageOutcome {
        let mut body = Body(body);
        let (Some(name), Some(value)) = (body.string(), body.string()) else {
            return MessageOutcome::Malformed;
        };
        self.server.set_parameter(name, value);
        self.style.encoding = self.server.encoding;
        fully_read(body)
    }

    /// Processes a ParameterStatus for callers that read messages themselves. False if it is malformed.
    pub fn take_parameter_status(&mut self, body: &[u8]) -> bool {
        self.parameter_status(body) == MessageOutcome::Done
    }

    fn backend_key(&mut self, body: &[u8]) -> MessageOutcome {
        let mut rest = Body(body);
        let Some(process) = rest.i32() else {
            return MessageOutcome::Malformed;
        };
        match self.server.set_key(process, rest.0) {
            Ok(()) => MessageOutcome::Done,
            Err(text) => {
                self.fail(text);
                MessageOutcome::Done
            }
        }
    }

    fn command_complete(&mut self, body: &[u8]) -> MessageOutcome {
        let mut body = Body(body);
        let Some(tag) = body.string() else {
            return MessageOutcome::Malformed;
        };
        self.ensure_result(Status::CommandOk);
        if let Some(result) = &mut self.result {
            result.set_command_tag(tag);
        }
        self.state = AsyncState::Ready;
        fully_read(body)
    }

    fn command_done(&mut self, status: Status) -> MessageOutcome {
        self.ensure_result(status);
        self.state = AsyncState::Ready;
        MessageOutcome::Done
    }

    /// ParseComplete, CloseComplete and NoData complete a command only if it requested nothing else.
    fn done_if(&mut self, class: QueryClass) -> MessageOutcome {
        if self.queue.class() == Some(class) {
            return self.command_done(Status::CommandOk);
        }
        MessageOutcome::Done
    }

    fn ready_for_query(&mut self, body: &[u8]) -> MessageOutcome {
        if self.error_result && self.has_uncompleted_command() {
            // Nothing has completed the command that failed. libpq: drops the error.
            self.state = AsyncState::Ready;
            return MessageOutcome::Wait;
        }
        let mut body = Body(body);
        if !self.transaction_state(&mut body) {
            return MessageOutcome::Malformed;
        }
        if self.pipeline == PipelineStatus::Off {
            self.queue.advance(Advance::Ready);
            self.state = AsyncState::Idle;
            return fully_read(body);
        }
        match self.empty_result_with_errors(Status::PipelineSync) {
            Ok(result) => {
                self.result = Some(result);
                self.pipeline = PipelineStatus::On;
                self.state = AsyncState::Ready;
            }
            // Without this result the position in the pipeline is lost. libpq would wait forever for another.
            Err(OutOfMemory) => self.run_out_of_memory(),
        }
        fully_read(body)
    }

    /// Whether a command waits for its result. In a pipeline, ReadyForQuery itself completes a Sync.
    fn has_uncompleted_command(&self) -> bool {
        self.queue
            .class()
            .is_some_and(|class| class != QueryClass::Sync)
    }

    /// Reads the transaction status of a ReadyForQuery. False if its body is too short.
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
