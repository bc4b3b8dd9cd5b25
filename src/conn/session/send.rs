//! Sending commands: checks, messages and the queue.

use super::errors::{OUT_OF_MEMORY, Refused};
use super::queue::QueryClass;
use super::{AsyncState, PipelineStatus, RowMode, Session};
use crate::mem::reserve;
use crate::protocol::codes::client;
use crate::protocol::frontend::{self, NoRoom, Output, Parameter};
use crate::protocol::trace::AuthResponse;

/// The maximum number of parameters of a command.
pub const MAX_PARAMETERS: usize = 65535;
/// In pipeline mode output is flushed only above this size.
const PIPELINE_FLUSH: usize = 65536;

/// Whether a new command must be flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    Now,
    Later,
}

impl From<NoRoom> for Refused {
    fn from(_: NoRoom) -> Refused {
        Refused
    }
}

impl Session {
    /// Starts a query cycle and clears the error text of the last one.
    pub fn begin_command(&mut self) {
        self.damaged = false;
        if self.queue.is_empty() {
            self.errors.clear();
        }
    }

    /// Checks that a command can be sent or queued now (libpq: PQsendQueryStart).
    pub fn check_sendable(&mut self) -> Result<(), Refused> {
        if !self.is_open() {
            return self.refuse("no connection to the server");
        }
        self.check_ready_for_command()
    }

    /// The same for a query of the startup, when the connection is not open yet.
    #[inline]
    pub fn check_ready_for_command(&mut self) -> Result<(), Refused> {
        if !reserve::is_ready() {
            return self.refuse_for_memory();
        }
        if self.pipeline != PipelineStatus::Off {
            return match self.state {
                AsyncState::CopyIn | AsyncState::CopyOut | AsyncState::CopyBoth => {
                    self.refuse("cannot queue commands during COPY")
                }
                _ => Ok(()),
            };
        }
        if self.state != AsyncState::Idle {
            return self.refuse("another command is already in progress");
        }
        self.clear_result();
        self.row_mode = RowMode::Whole;
        Ok(())
    }

    /// Adds the reason why a call is refused.
    pub fn refuse<T>(&mut self, reason: impl AsRef<[u8]>) -> Result<T, Refused> {
        self.errors.add(reason);
        Err(Refused)
    }

    #[cold]
    #[inline(never)]
    fn refuse_queueing(&mut self) -> Result<(), Refused> {
        match self.queue.is_full() {
            true => self.refuse("cannot queue more than 16777216 commands"),
            false => self.refuse_for_memory(),
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn refuse_for_memory(&mut self) -> Result<(), Refused> {
        self.refuse(OUT_OF_MEMORY)
    }

    /// Appends all messages of a command or none, and queues the command.
    #[inline(always)]
    fn enqueue(
        &mut self,
        class: QueryClass,
        query: Option<&[u8]>,
        write: impl FnOnce(&mut Output) -> Result<(), NoRoom>,
    ) -> Result<(), Refused> {
        if self.queue.reserve().is_err() {
            return self.refuse_queueing();
        }
        self.append(write)?;
        self.queue.push(class, query);
        Ok(())
    }

    /// Appends all messages or none.
    pub fn append(
        &mut self,
        write: impl FnOnce(&mut Output) -> Result<(), NoRoom>,
    ) -> Result<(), Refused> {
        let from = self.out.len();
        if write(&mut self.out).is_err() {
            self.out.truncate(from);
            return self.refuse("cannot allocate memory for output buffer");
        }
        self.trace_sent(from);
        Ok(())
    }

    /// Appends an answer to an authentication request; `meaning` tells PQtrace what it is.
    pub fn append_auth_response(
        &mut self,
        meaning: AuthResponse,
        write: impl FnOnce(&mut Output) -> Result<(), NoRoom>,
    ) -> Result<(), NoRoom> {
        let from = self.out.len();
        write(&mut self.out)?;
        if let Some(tracer) = &mut self.tracer {
            tracer.sent_auth(self.out.get(from..).unwrap_or(&[]), meaning);
        }
        Ok(())
    }

    /// The messages between AuthenticationOk and ReadyForQuery are read as a command's reply.
    pub fn await_startup_messages(&mut self) {
        self.state = AsyncState::Busy;
    }

    /// PQsendQuery.
    #[inline]
    pub fn send_query(&mut self, query: &[u8]) -> Result<(), Refused> {
        if self.pipeline != PipelineStatus::Off {
            return self.refuse("PQsendQuery not allowed in pipeline mode");
        }
        self.enqueue(QueryClass::Simple, Some(query), |out| {
            frontend::query(out, query)
        })
    }

    /// Parse (if there is a `command`), Bind, Describe, Execute, and outside of pipeline mode Sync.
    pub fn send_bound<'a>(
        &mut self,
        command: Option<(&[u8], &[u32])>,
        statement: &[u8],
        parameters: impl ExactSizeIterator<Item = Parameter<'a>> + Clone,
        with_formats: bool,
        result_format: i16,
    ) -> Result<(), Refused> {
        let sync = self.pipeline == PipelineStatus::Off;
        let query = command.map(|(query, _)| query);
        self.enqueue(QueryClass::Extended, query, |out| {
            if let Some((query, types)) = command {
                frontend::parse(out, statement, query, types)?;
            }
            frontend::bind(out, statement, parameters, with_formats, result_format)?;
            frontend::describe_and_execute(out)?;
            sync_if(out, sync)
        })
    }

    pub fn send_prepare(
        &mut self,
        name: &[u8],
        query: &[u8],
        types: &[u32],
    ) -> Result<(), Refused> {
        let sync = self.pipeline == PipelineStatus::Off;
        self.enqueue(QueryClass::Prepare, Some(query), |out| {
            frontend::parse(out, name, query, types)?;
            sync_if(out, sync)
        })
    }

    /// Describe or Close of a statement (`S`) or portal (`P`).
    pub fn send_target(&mut self, class: QueryClass, kind: u8, name: &[u8]) -> Result<(), Refused> {
        let sync = self.pipeline == PipelineStatus::Off;
        let command = if class == QueryClass::Describe {
            client::DESCRIBE
        } else {
            client::CLOSE
        };
        self.enqueue(class, None, |out| {
            frontend::target(out, command, kind, name)?;
            sync_if(out, sync)
        })
    }

    /// Adds a sync point to a pipeline.
    pub fn send_pipeline_sync(&mut self) -> Result<(), Refused> {
        if self.pipeline == PipelineStatus::Off {
            return self.refuse("cannot send pipeline when not in pipeline mode");
        }
        if matches!(
            self.state,
            AsyncState::CopyIn | AsyncState::CopyOut | AsyncState::CopyBoth
        ) {
            return self.refuse("internal error: cannot send pipeline while in COPY");
        }
        self.enqueue(QueryClass::Sync, None, frontend::sync)
    }

    pub fn send_flush_request(&mut self) -> Result<(), Refused> {
        if !self.is_open() {
            return self.refuse("no connection to the server");
        }
        if self.state != AsyncState::Idle && self.pipeline == PipelineStatus::Off {
            return self.refuse("another command is already in progress");
        }
        self.append(frontend::flush)
    }

    /// Whether commands of the extended protocol must be flushed now.
    pub fn wants_flush(&self) -> Flush {
        if self.pipeline != PipelineStatus::On || self.out.len() >= PIPELINE_FLUSH {
            Flush::Now
        } else {
            Flush::Later
        }
    }

    /// Sets the state after a command was queued (libpq: pqAppendCmdQueueEntry).
    pub fn command_queued(&mut self) {
        self.commands = self.commands.wrapping_add(1);
        if self.pipeline == PipelineStatus::Aborted {
            self.next_in_pipeline();
        } else if self.state == AsyncState::Idle {
            self.state = AsyncState::Busy;
        }
    }

    /// Differs from command to command.
    pub fn command_number(&self) -> u32 {
        self.commands
    }

    /// Makes the session idle again, because the command just queued could not be sent.
    pub fn take_back_command(&mut self) {
        if self.state == AsyncState::Busy {
            self.state = AsyncState::Idle;
        }
    }

    /// Sets how the rows of the current command are returned. False if it is too late.
    pub fn set_row_mode(&mut self, mode: RowMode) -> bool {
        let may = self.state == AsyncState::Busy
            && matches!(
                self.queue.class(),
                Some(QueryClass::Simple | QueryClass::Extended)
            )
            && !self.has_pending_result();
        if may {
            self.row_mode = mode;
        }
        may
    }
}

fn sync_if(out: &mut Output, wanted: bool) -> Result<(), NoRoom> {
    if wanted {
        frontend::sync(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_refuses_commands_and_keeps_those_that_wait() {
        let mut session = Session::new();
        assert!(session.enter_pipeline());
        let mut queued = 0;
        while session.send_target(QueryClass::Describe, b'S', b"").is_ok() {
            queued += 1;
        }
        let size = session.out.len();
        assert_eq!(session.send_pipeline_sync(), Err(Refused));
        // The unit tests' limit, and the command that is being answered.
        assert_eq!(queued, 1001);
        assert_eq!(session.out.len(), size);
        let text = b"cannot queue more than 16777216 commands\n";
        assert_eq!(session.errors.bytes(), text.repeat(2));
    }
}
