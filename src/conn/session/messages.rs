//! Errors, notices, notifications and GoAway.

use super::errors::OUT_OF_MEMORY;
use super::reply::{MessageOutcome, fully_read};
use super::{AsyncState, Notification, PipelineStatus, Session};
use crate::mem::OutOfMemory;
use crate::protocol::backend::Body;
use crate::protocol::fields::{ErrorFields, SQLSTATE, STATEMENT_POSITION};
use crate::result::message::{MessageStyle, format_error};
use crate::result::status::Status;
use crate::result::store::PgResultBox;

/// The limits on notifications that the application has not collected: their number, and the bytes of their texts.
const MAX_NOTIFICATIONS: usize = 1 << 20;
const MAX_NOTIFICATION_BYTES: usize = 256 << 20;
const TOO_MANY_NOTIFICATIONS: &str =
    "more than 1048576 notifications wait for PQnotifies: the connection is closed";
const TOO_LONG_NOTIFICATIONS: &str =
    "notifications of more than 256 MB wait for PQnotifies: the connection is closed";

impl Session {
    #[cold]
    pub(super) fn goaway(&mut self) -> MessageOutcome {
        if self.server.note_goaway() && self.goaway_notice {
            self.internal_notice(b"server requests to disconnect when convenient");
        }
        MessageOutcome::Done
    }

    #[inline(never)]
    pub(super) fn notification_response(&mut self, body: &[u8]) -> MessageOutcome {
        let mut body = Body(body);
        let (Some(process), Some(channel), Some(payload)) =
            (body.i32(), body.string(), body.string())
        else {
            return MessageOutcome::Malformed;
        };
        if self.notifications.len() >= MAX_NOTIFICATIONS {
            self.fail(TOO_MANY_NOTIFICATIONS);
            return MessageOutcome::Done;
        }
        let bytes = self.notification_bytes + channel.len() + payload.len();
        if bytes > MAX_NOTIFICATION_BYTES {
            self.fail(TOO_LONG_NOTIFICATIONS);
            return MessageOutcome::Done;
        }
        match Notification::new(channel, process, payload) {
            Ok(notification) if self.notifications.try_reserve(1).is_ok() => {
                self.notification_bytes = bytes;
                self.notifications.push_back(notification);
            }
            // libpq: drops a notification for which there is no memory.
            _ => {}
        }
        fully_read(body)
    }

    /// Turns a NoticeResponse, or an ErrorResponse while idle, into a notice.
    #[cold]
    pub(super) fn server_notice(&mut self, body: &[u8]) -> MessageOutcome {
        let Some(fields) = ErrorFields::parse(body) else {
            return MessageOutcome::Malformed;
        };
        self.notice = self.message_result(&fields, Status::NonfatalError).ok();
        MessageOutcome::Done
    }

    pub(super) fn server_error(&mut self, body: &[u8]) -> MessageOutcome {
        let outcome = self.error_response(body);
        if outcome {
            self.state = AsyncState::Ready;
            return MessageOutcome::Done;
        }
        MessageOutcome::Malformed
    }

    /// Makes an ErrorResponse the current result and adds its text to the error text. False if it is malformed.
    pub fn error_response(&mut self, body: &[u8]) -> bool {
        let Some(fields) = ErrorFields::parse(body) else {
            return false;
        };
        if self.pipeline != PipelineStatus::Off {
            self.pipeline = PipelineStatus::Aborted;
        }
        self.clear_result();
        match self.message_result(&fields, Status::FatalError) {
            Ok(result) => {
                self.errors.make_room();
                self.errors.add_raw(result.error_message().to_bytes());
                self.result = Some(result);
            }
            Err(OutOfMemory) => {
                self.errors.add(OUT_OF_MEMORY);
                self.error_result = true;
            }
        }
        true
    }

    /// A result that carries an error or notice of the server.
    fn message_result(
        &mut self,
        fields: &ErrorFields,
        status: Status,
    ) -> Result<PgResultBox, OutOfMemory> {
        if let Some(state) = fields.get(SQLSTATE) {
            self.server.set_sqlstate(state);
        }
        // libpq: the result has the query's text only if the error has a cursor position.
        let query = fields
            .get(STATEMENT_POSITION)
            .and_then(|_| self.queue.query());
        let style = MessageStyle {
            error: status == Status::FatalError,
            ..self.style
        };
        let mut text = Vec::new();
        format_error(fields, &style, query, &mut text);
        let mut result = self.empty_result(status)?;
        result.set_fields(fields, query);
        result.set_error_message(&text);
        Ok(result)
    }
}
