//! An open connection without its socket: commands go to the output buffer, replies come from the input buffer.

mod access;
pub mod collect;
pub mod copy;
mod description;
pub mod errors;
pub mod function;
pub mod function_call;
mod messages;
mod pipeline;
mod query;
pub mod queue;
mod receive;
mod reply;
mod rows;
pub mod send;
pub mod server;
mod states;
pub mod tracing;

pub use states::{AsyncState, PipelineStatus, RowMode, TransactionStatus};

use std::collections::VecDeque;
use std::sync::Arc;

use zeroize::Zeroize;

use super::status::{ConnStatus, Phase, Stage};
use crate::mem::buffer::RecvBuffer;
use crate::mem::{self, OutOfMemory};
use crate::protocol::backend::HEADER;
use crate::protocol::frontend::{self, Output};
use crate::result::message::MessageStyle;
use crate::result::origin::Origin;
use crate::result::status::Status;
use crate::result::store::{Layout, PgResult, PgResultBox};
use description::LastDescription;
use errors::{ErrorBuffer, OUT_OF_MEMORY, Refused};
use function_call::FunctionCall;
use queue::CommandQueue;
use server::ServerData;
use tracing::Tracer;

/// An asynchronous notification (LISTEN/NOTIFY).
#[derive(Debug, PartialEq, Eq)]
pub struct Notification {
    pub channel: Vec<u8>,
    pub process: i32,
    pub payload: Vec<u8>,
}

impl Notification {
    pub fn new(channel: &[u8], process: i32, payload: &[u8]) -> Result<Notification, OutOfMemory> {
        Ok(Notification {
            channel: mem::copy(channel)?,
            process,
            payload: mem::copy(payload)?,
        })
    }
}

/// The state of a connection except its socket.
pub struct Session {
    stage: Stage,
    state: AsyncState,
    transaction: TransactionStatus,
    pipeline: PipelineStatus,
    nonblocking: bool,
    input: RecvBuffer,
    out: Output,
    errors: ErrorBuffer,
    queue: CommandQueue,
    /// The result being built, or complete and not collected yet.
    result: Option<PgResultBox>,
    /// In single-row and chunked mode: the result of the whole query.
    saved_result: Option<PgResultBox>,
    /// `errors` has an error that no result carries yet.
    error_result: bool,
    /// A message since the last command was damaged.
    damaged: bool,
    row_mode: RowMode,
    notifications: VecDeque<Notification>,
    /// The length of their texts.
    notification_bytes: usize,
    server: ServerData,
    style: MessageStyle,
    /// The notice hooks that results without columns refer to.
    origin: Option<Arc<Origin>>,
    last_description: LastDescription,
    /// How results store their rows.
    layout: Layout,
    /// Whether the first GoAway of a connection is also a notice.
    goaway_notice: bool,
    /// The number of commands that were begun.
    commands: u32,
    /// The fast-path function call in progress.
    function: Option<FunctionCall>,
    tracer: Option<Tracer>,
    /// A notice to deliver before parsing continues.
    notice: Option<PgResultBox>,
    /// The bytes of the CopyData at the front that the old COPY functions have returned already.
    copy_already_done: usize,
    /// The COPY in progress is binary.
    copy_is_binary: bool,
    /// The session cannot continue. Its socket must be closed.
    fatal: bool,
}

impl Session {
    pub fn new() -> Session {
        Session {
            stage: Stage::Closed,
            state: AsyncState::Idle,
            transaction: TransactionStatus::Idle,
            pipeline: PipelineStatus::Off,
            nonblocking: false,
            input: RecvBuffer::new(),
            out: Output::new(),
            errors: ErrorBuffer::default(),
            queue: CommandQueue::default(),
            result: None,
            saved_result: None,
            error_result: false,
            damaged: false,
            row_mode: RowMode::Whole,
            notifications: VecDeque::new(),
            notification_bytes: 0,
            server: ServerData::default(),
            style: MessageStyle::default(),
            origin: None,
            last_description: LastDescription::default(),
            layout: Layout::default(),
            goaway_notice: false,
            commands: 0,
            function: None,
            tracer: None,
            notice: None,
            copy_already_done: 0,
            copy_is_binary: false,
            fatal: false,
        }
    }

    /// What PQstatus returns.
    pub fn status(&self) -> ConnStatus {
        self.stage.status()
    }

    /// Whether the connection accepts commands.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Whether the connection was never started, has failed, was lost or was closed.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.stage == Stage::Closed
    }

    /// Whether the server's messages are parsed as those of a session.
    pub fn is_past_authentication(&self) -> bool {
        self.stage.is_past_authentication()
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// A connection attempt has reached `phase`.
    pub(super) fn enter(&mut self, phase: Phase) {
        self.stage = Stage::Starting(phase);
    }

    /// The connection attempt has succeeded.
    pub(super) fn mark_open(&mut self) {
        self.stage = Stage::Open;
    }

    /// The attempt has failed, or the connection was lost or closed.
    pub fn mark_closed(&mut self) {
        self.stage = Stage::Closed;
    }

    /// A cancel request can be started.
    pub fn mark_allocated(&mut self) {
        self.stage = Stage::Allocated;
    }

    /// Drops all data of the last server (libpq: pqDropServerData).
    ///
    /// Called for each new physical connection and by PQfinish, but not when a connection is lost.
    pub fn drop_server_data(&mut self) {
        self.notifications.clear();
        self.notification_bytes = 0;
        self.server = ServerData::default();
        self.style.encoding = self.server.encoding;
    }

    /// Drops the buffers and the queue when the socket is closed. `keep_input` keeps received bytes, so that the server's
    /// last messages can still be parsed.
    pub fn drop_connection(&mut self, keep_input: bool) {
        if !keep_input {
            self.input.clear();
        }
        self.wipe_output();
        self.queue.clear();
    }

    /// Drops the output and its memory, which may have held a password.
    pub fn wipe_output(&mut self) {
        self.out.take_memory().zeroize();
    }

    /// Resets the session for a new physical connection.
    pub fn start_over(&mut self) {
        self.drop_server_data();
        self.state = AsyncState::Idle;
        self.transaction = TransactionStatus::Idle;
        self.pipeline = PipelineStatus::Off;
        self.function = None;
        self.notice = None;
        self.fatal = false;
        self.clear_result();
    }

    /// Resets the session to the state before the first connection (libpq: pqClosePGconn).
    pub fn close(&mut self) {
        self.nonblocking = false;
        self.mark_closed();
        self.start_over();
        self.errors.clear();
    }

    /// Drops the result being built.
    #[inline]
    pub fn clear_result(&mut self) {
        self.result = None;
        self.error_result = false;
        self.saved_result = None;
    }

    /// Makes the collected error text the current result.
    pub fn save_error_result(&mut self) {
        self.clear_result();
        self.error_result = true;
    }

    /// Ends the connection after a protocol error or a lack of memory.
    pub fn fail(&mut self, message: impl AsRef<[u8]>) {
        self.errors.add(message);
        self.save_error_result();
        // libpq: leaves any COPY state, so that the error is collected.
        self.state = AsyncState::Ready;
        self.mark_closed();
        self.fatal = true;
        self.queue.clear();
        self.out.clear();
    }

    /// There is no memory for the server's message, and its place in the stream is lost.
    #[cold]
    #[inline(never)]
    pub fn run_out_of_memory(&mut self) {
        self.fail(OUT_OF_MEMORY);
    }

    /// Ends the connection because of an invalid message header (libpq: handleSyncLoss).
    pub fn lost_synchronization(&mut self, kind: u8, length: i32) {
        let mut text = b"lost synchronization with server: got message type \"".to_vec();
        text.push(kind);
        text.extend_from_slice(format!("\", length {length}").as_bytes());
        self.fail(text);
    }

    /// Whether there is input to parse, a notice to deliver, or tracing is on.
    #[inline]
    pub fn has_work(&self) -> bool {
        !self.input.is_empty() || self.notice.is_some() || self.tracer.is_some()
    }

    /// Whether the current command only waits for the server.
    #[inline(always)]
    pub fn is_waiting(&self) -> bool {
        !self.has_work() && self.state == AsyncState::Busy && self.out.is_empty()
    }

    pub fn has_pending_result(&self) -> bool {
        self.result.is_some() || self.error_result
    }

    /// An empty result with the connection's notice hooks.
    pub fn empty_result(&self, status: Status) -> Result<PgResultBox, OutOfMemory> {
        let mut result = PgResult::new(status, self.server.encoding, self.layout)?;
        result.set_origin(self.origin.clone());
        Ok(result)
    }

    /// The same with the error text, unless the status is a success.
    // libpq: PGRES_PIPELINE_SYNC and PGRES_PIPELINE_ABORTED are not successes.
    pub fn empty_result_with_errors(&self, status: Status) -> Result<PgResultBox, OutOfMemory> {
        let mut result = self.empty_result(status)?;
        if !status.is_success() {
            result.set_error_message(self.errors.bytes());
        }
        Ok(result)
    }

    /// Makes an empty result of `status` the current one, unless a result is pending.
    pub fn ensure_result(&mut self, status: Status) {
        if self.has_pending_result() {
            return;
        }
        match self.empty_result_with_errors(status) {
            Ok(result) => self.result = Some(result),
            Err(OutOfMemory) => {
                self.errors.add(OUT_OF_MEMORY);
                self.save_error_result();
            }
        }
    }

    /// Creates a notice of the library for the notice receiver.
    pub fn internal_notice(&mut self, message: &[u8]) {
        self.notice = self.new_notice(message);
    }

    /// A notice of the library; None without memory.
    pub fn new_notice(&self, message: &[u8]) -> Option<PgResultBox> {
        let mut notice = PgResult::internal_notice(message, self.server.encoding).ok()?;
        notice.set_origin(self.origin.clone());
        Some(notice)
    }

    /// Drops the first message of the input.
    #[inline]
    pub fn consume_message(&mut self, body_size: usize) {
        if self.tracer.is_some() {
            self.trace_first(body_size);
        }
        self.input.consume(HEADER + body_size);
    }

    #[cold]
    fn trace_first(&mut self, body_size: usize) {
        let input = std::mem::take(&mut self.input);
        self.trace_received(input.unread(), body_size);
        self.input = input;
    }

    /// Traces the message at the front of `input`.
    #[inline]
    pub fn trace_received(&mut self, input: &[u8], body_size: usize) {
        if let Some(tracer) = &mut self.tracer
            && let Some(frame) = input.get(..HEADER + body_size)
        {
            tracer.received(frame);
        }
    }

    /// Traces the output from byte `from` on.
    #[inline]
    pub fn trace_sent(&mut self, from: usize) {
        if let Some(tracer) = &mut self.tracer {
            tracer.sent(self.out.get(from..).unwrap_or(&[]));
        }
    }

    /// Traces the packet without a type byte that starts at `from` in the output.
    pub fn trace_startup(&mut self, from: usize) {
        if let Some(tracer) = &mut self.tracer {
            tracer.sent_untyped(self.out.get(from..).unwrap_or(&[]));
        }
    }

    /// Appends a Terminate.
    pub fn send_terminate(&mut self) -> Result<(), Refused> {
        self.append(frontend::terminate)
    }
}
