//! The parts of a session that other modules read and set.

use std::ffi::CStr;
use std::sync::Arc;

use super::server::ServerData;
use super::tracing::Tracer;
use super::{AsyncState, Notification, PipelineStatus, Session, TransactionStatus};
use crate::mem::buffer::RecvBuffer;
use crate::protocol::frontend::Output;
use crate::result::message::MessageStyle;
use crate::result::origin::Origin;
use crate::result::store::{Layout, PgResultBox};

impl Session {
    pub fn error_text(&self) -> &[u8] {
        self.errors.bytes()
    }

    /// The error text as PQerrorMessage returns it.
    pub fn error_c_str(&self) -> &CStr {
        self.errors.as_c_str()
    }

    /// Appends a message and a newline to the error text.
    pub fn add_error(&mut self, message: impl AsRef<[u8]>) {
        self.errors.add(message);
    }

    /// Appends to the error text without adding a newline.
    pub fn add_error_raw(&mut self, text: &[u8]) {
        self.errors.add_raw(text);
    }

    pub fn clear_errors(&mut self) {
        self.errors.clear();
    }

    /// Cuts the error text back to `length` bytes.
    pub fn truncate_errors(&mut self, length: usize) {
        self.errors.truncate(length);
    }

    /// The bytes received and not parsed yet.
    #[inline]
    pub fn input(&self) -> &RecvBuffer {
        &self.input
    }

    #[inline]
    pub fn input_mut(&mut self) -> &mut RecvBuffer {
        &mut self.input
    }

    /// The bytes to be sent.
    #[inline]
    pub fn output(&self) -> &Output {
        &self.out
    }

    #[inline]
    pub fn output_mut(&mut self) -> &mut Output {
        &mut self.out
    }

    pub fn server(&self) -> &ServerData {
        &self.server
    }

    pub fn server_mut(&mut self) -> &mut ServerData {
        &mut self.server
    }

    pub fn tracer_mut(&mut self) -> &mut Option<Tracer> {
        &mut self.tracer
    }

    pub fn style_mut(&mut self) -> &mut MessageStyle {
        &mut self.style
    }

    /// Sets what results refer to from now on.
    pub fn set_origin(&mut self, origin: Arc<Origin>) {
        self.origin = Some(origin);
        self.last_description.forget();
    }

    pub fn set_layout(&mut self, layout: Layout) {
        self.layout = layout;
    }

    /// Sets whether the first GoAway of a connection is also a notice.
    pub fn set_goaway_notice(&mut self, on: bool) {
        self.goaway_notice = on;
    }

    #[inline]
    pub fn is_nonblocking(&self) -> bool {
        self.nonblocking
    }

    pub fn set_nonblocking(&mut self, on: bool) {
        self.nonblocking = on;
    }

    /// Whether no command is in progress.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.state == AsyncState::Idle
    }

    /// Whether the server's reply to the current command is incomplete.
    #[inline]
    pub fn is_busy(&self) -> bool {
        self.state == AsyncState::Busy
    }

    #[cfg(any(test, fuzzing))]
    pub fn async_state(&self) -> AsyncState {
        self.state
    }

    pub fn transaction_status(&self) -> TransactionStatus {
        self.transaction
    }

    #[inline]
    pub fn pipeline_status(&self) -> PipelineStatus {
        self.pipeline
    }

    /// Whether the socket must be closed because the session cannot go on.
    #[inline]
    pub fn is_fatal(&self) -> bool {
        self.fatal
    }

    /// Resets the session after the socket of a fatal session was closed.
    pub fn fatal_connection_dropped(&mut self) {
        self.fatal = false;
        self.drop_connection(false);
    }

    /// Leaves a notice for the next call that parses input.
    pub fn put_back_notice(&mut self, notice: PgResultBox) {
        self.notice = Some(notice);
    }

    /// The oldest notification.
    pub fn notification(&self) -> Option<&Notification> {
        self.notifications.front()
    }

    pub fn drop_notification(&mut self) {
        if let Some(dropped) = self.notifications.pop_front() {
            self.notification_bytes -= dropped.channel.len() + dropped.payload.len();
        }
    }
}
