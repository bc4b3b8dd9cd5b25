//! The state of one connection between the wire and the caller.

use std::collections::VecDeque;
use std::sync::Arc;

use super::description::LastDescription;
use super::errors::{ErrorBuffer, OUT_OF_MEMORY, Refused};
use super::function_call::FunctionCall;
use super::queue::CommandQueue;
use super::server::ServerData;
use super::status::{ConnStatus, Phase, Stage};
use super::tracing::Tracer;
use crate::mem::buffer::RecvBuffer;
use crate::mem::{self, OutOfMemory};
use crate::protocol::backend::HEADER;
use crate::protocol::frontend::{self, Output};
use crate::result::message::MessageStyle;
use crate::result::origin::Origin;
use crate::result::status::Status;
use crate::result::store::{Layout, PgResult, PgResultBox};

/// Where the current command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsyncState {
    Idle,
    /// Waiting for the server.
    Busy,
    /// A result is complete.
    Ready,
    /// A partial result is complete; more rows of the same query follow.
    ReadyMore,
    CopyIn,
    CopyOut,
    CopyBoth,
    /// In pipeline mode, between the results of two commands.
    PipelineIdle,
}

/// libpq's transaction states, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum TransactionStatus {
    Idle = 0,
    Active = 1,
    InTransaction = 2,
    InError = 3,
    Unknown = 4,
}

/// libpq's pipeline states, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum PipelineStatus {
    Off = 0,
    On = 1,
    Aborted = 2,
}

/// How rows are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowMode {
    /// All rows in one result.
    Whole,
    /// A result a row.
    Single,
    /// Results of at most so many rows.
    Chunked(usize),
}

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

/// Everything about a connection except its socket.
pub struct Session {
    stage: Stage,
    pub state: AsyncState,
    pub transaction: TransactionStatus,
    pub pipeline: PipelineStatus,
    pub nonblocking: bool,
    pub input: RecvBuffer,
    pub out: Output,
    pub errors: ErrorBuffer,
    pub queue: CommandQueue,
    /// The result being built, or complete and waiting for its collector.
    pub result: Option<PgResultBox>,
    /// In single-row and chunked mode: the whole query's result, put aside.
    pub saved_result: Option<PgResultBox>,
    /// An error stands in `errors` that no result carries yet.
    pub error_result: bool,
    pub row_mode: RowMode,
    pub notifications: VecDeque<Notification>,
    pub server: ServerData,
    pub style: MessageStyle,
    /// What results without columns refer to: the notice hooks.
    pub origin: Option<Arc<Origin>>,
    pub last_description: LastDescription,
    /// How results keep their rows.
    pub layout: Layout,
    /// Whether the first GoAway of a connection is also a notice.
    pub goaway_notice: bool,
    /// The fast-path call in progress.
    pub function: Option<FunctionCall>,
    pub tracer: Option<Tracer>,
    /// A notice to hand out before parsing goes on.
    pub notice: Option<PgResultBox>,
    /// How much of the CopyData at the front the old COPY calls have handed out.
    pub copy_already_done: usize,
    /// The COPY in progress is binary.
    pub copy_is_binary: bool,
    /// The connection cannot be used any more: its socket is to be closed.
    pub fatal: bool,
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
            row_mode: RowMode::Whole,
            notifications: VecDeque::new(),
            server: ServerData::default(),
            style: MessageStyle::default(),
            origin: None,
            last_description: LastDescription::default(),
            layout: Layout::default(),
            goaway_notice: false,
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

    /// Whether commands can be sent.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Whether the connection was never begun, has failed, was lost or was closed.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.stage == Stage::Closed
    }

    /// Whether the server's messages can be parsed as those of a session.
    pub fn is_past_authentication(&self) -> bool {
        self.stage.is_past_authentication()
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// A connection attempt goes on to `phase`.
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

    /// A cancel request can be begun.
    pub fn mark_allocated(&mut self) {
        self.stage = Stage::Allocated;
    }

    /// Forgets what the server of the last physical connection said (libpq: pqDropServerData).
    ///
    /// Called at the start of every new physical connection and by PQfinish, not when a connection is lost.
    pub fn drop_server_data(&mut self) {
        self.notifications.clear();
        self.server = ServerData::default();
        self.style.encoding = self.server.encoding;
    }

    /// Forgets the conversation when the socket goes away. Received bytes are kept when `keep_input`,
    /// so that a last message of the server can still be parsed.
    pub fn drop_connection(&mut self, keep_input: bool) {
        if !keep_input {
            self.input.clear();
        }
        self.out.clear();
        self.queue.clear();
    }

    /// Readies the session for a new physical connection.
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

    /// Drops the result under construction.
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

    /// A message was understood wrongly for good: the connection ends here.
    pub fn fail(&mut self, message: impl AsRef<[u8]>) {
        self.errors.add(message);
        self.save_error_result();
        // libpq: drop out of any COPY state, so that the error is collected.
        self.state = AsyncState::Ready;
        self.mark_closed();
        self.fatal = true;
        self.queue.clear();
        self.out.clear();
    }

    /// There is no memory for what the server said, so that nobody knows any more where the conversation is.
    #[cold]
    #[inline(never)]
    pub fn run_out_of_memory(&mut self) {
        self.fail(OUT_OF_MEMORY);
    }

    /// libpq: handleSyncLoss.
    pub fn lost_synchronization(&mut self, kind: u8, length: i32) {
        let mut text = b"lost synchronization with server: got message type \"".to_vec();
        text.push(kind);
        text.extend_from_slice(format!("\", length {length}").as_bytes());
        self.fail(text);
    }

    /// Whether there is something to parse, to hand out or to trace.
    #[inline]
    pub fn has_work(&self) -> bool {
        !self.input.is_empty() || self.notice.is_some() || self.tracer.is_some()
    }

    /// Whether the command in progress has nothing to do but wait for the server.
    #[inline(always)]
    pub fn is_waiting(&self) -> bool {
        !self.has_work() && self.state == AsyncState::Busy && self.out.is_empty()
    }

    pub fn has_pending_result(&self) -> bool {
        self.result.is_some() || self.error_result
    }

    /// An empty result with the connection's hooks.
    pub fn empty_result(&self, status: Status) -> Result<PgResultBox, OutOfMemory> {
        let mut result = PgResult::new(status, self.server.encoding, self.layout)?;
        result.set_origin(self.origin.clone());
        Ok(result)
    }

    /// The same with the error text so far, unless the status is that of a success.
    // libpq: a pipeline's synchronization is no success, nor is a command skipped in it.
    pub fn empty_result_with_errors(&self, status: Status) -> Result<PgResultBox, OutOfMemory> {
        let mut result = self.empty_result(status)?;
        if !status.is_success() {
            result.set_error_message(self.errors.bytes());
        }
        Ok(result)
    }

    /// Sets the current result to an empty one of `status`, unless one is pending.
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

    /// A notice of the library's own, for the application's notice receiver.
    pub fn internal_notice(&mut self, message: &[u8]) {
        self.notice = PgResult::internal_notice(message, self.server.encoding).ok();
        if let Some(notice) = &mut self.notice {
            notice.set_origin(self.origin.clone());
        }
    }

    /// Drops the first message of the input as understood.
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

    /// Traces what was appended to the output since it held `from` bytes.
    #[inline]
    pub fn trace_sent(&mut self, from: usize) {
        if let Some(tracer) = &mut self.tracer {
            tracer.sent(self.out.get(from..).unwrap_or(&[]));
        }
    }

    /// Traces the packet without type byte at `from` in the output.
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
