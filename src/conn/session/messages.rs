//! What the server says beside its results: errors, notices, notifications, GoAway.

use super::errors::OUT_OF_MEMORY;
use super::reply::{Outcome, whole};
use super::{AsyncState, Notification, PipelineStatus, Session};
use crate::mem::OutOfMemory;
use crate::protocol::backend::Body;
use crate::protocol::fields::{ErrorFields, SQLSTATE, STATEMENT_POSITION};
use crate::result::message::{MessageStyle, format_error};
use crate::result::status::Status;
use crate::result::store::PgResultBox;

/// Notifications kept for an application that never collects them.
const MAX_NOTIFICATIONS: usize = 1 << 20;
const TOO_MANY_NOTIFICATIONS: &str =
    "more than 1048576 notifications wait for PQnotifies: the connection is closed";

impl Session {
    #[cold]
    pub(super) fn goaway(&mut self) -> Outcome {
        if self.server.note_goaway() && self.goaway_notice {
            self.internal_notice(b"server requests to disconnect when convenient");
        }
        Outcome::Done
    }

    #[inline(never)]
    pub(super) fn notification_response(&mut self, body: &[u8]) -> Outcome {
        let mut body = Body(body);
        let (Some(process), Some(channel), Some(payload)) =
            (body.i32(), body.string(), body.string())
        else {
            return Outcome::Malformed;
        };
        if self.notifications.len() >= MAX_NOTIFICATIONS {
            self.fail(TOO_MANY_NOTIFICATIONS);
            return Outcome::Done;
        }
        match Notification::new(channel, process, payload) {
            Ok(notification) if self.notifications.try_reserve(1).is_ok() => {
                self.notifications.push_back(notification);
            }
            // libpq: one for which there is no memory is dropped.
            _ => {}
        }
        whole(body)
    }

    /// Hands a NoticeResponse (or an error nobody waits for) to the notice receiver.
    #[cold]
    pub(super) fn server_notice(&mut self, body: &[u8]) -> Outcome {
        let Some(fields) = ErrorFields::parse(body) else {
            return Outcome::Malformed;
        };
        self.notice = self.message_result(&fields, Status::NonfatalError).ok();
        Outcome::Done
    }

    pub(super) fn server_error(&mut self, body: &[u8]) -> Outcome {
        let outcome = self.error_response(body);
        if outcome {
            self.state = AsyncState::Ready;
            return Outcome::Done;
        }
        Outcome::Malformed
    }

    /// An ErrorResponse becomes the current result and joins the error text; false when malformed.
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
        // libpq: the query is kept only where an error cursor may need it.
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
