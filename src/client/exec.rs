//! Commands and their results.

use super::io::{Flushed, ReadOutcome, Sent};
use super::{Connection, Pause};
use crate::conn::session::collect::Collected;
use crate::conn::session::errors::Refused;
use crate::conn::session::queue::QueryClass;
use crate::conn::session::send::{Flush, MAX_PARAMETERS};
use crate::conn::session::{PipelineStatus, RowMode};
use crate::mem::error_text::ErrorText;
pub use crate::protocol::codes::target;
pub use crate::protocol::frontend::Parameter;

/// The parameters of a statement.
pub struct Parameters<I> {
    pub values: I,
    /// Whether the caller passed formats.
    pub with_formats: bool,
}

impl Connection {
    /// Starts a command and checks that one may be sent.
    fn begin(&mut self) -> Result<(), Refused> {
        self.session.begin_command();
        self.session.check_sendable()
    }

    /// Fails a call because of a wrong argument.
    pub fn refuse(&mut self, reason: &str) -> bool {
        self.session.add_error(reason);
        false
    }

    /// PQsendQuery.
    pub fn send_query(&mut self, query: Option<&[u8]>) -> Sent {
        if self.begin().is_err() {
            return Sent::No;
        }
        let Some(query) = query else {
            self.refuse("command string is a null pointer");
            return Sent::No;
        };
        let sent = self.session.send_query(query);
        self.launched(sent, Flush::Now)
    }

    /// The command is queued: sends it if it is time to.
    fn launched(&mut self, sent: Result<(), Refused>, flush: Flush) -> Sent {
        if sent.is_err() {
            return Sent::No;
        }
        let idle = self.session.is_idle();
        self.session.command_queued();
        let sent = self.push(flush);
        self.launched_idle = idle;
        sent
    }

    /// Undoes the last command, which could not be sent.
    pub fn take_back_command(&mut self) {
        if std::mem::take(&mut self.launched_idle) {
            self.session.take_back_command();
        }
    }

    fn launched_extended(&mut self, sent: Result<(), Refused>) -> Sent {
        let flush = self.session.wants_flush();
        self.launched(sent, flush)
    }

    fn check_count(&mut self, count: i32) -> bool {
        if usize::try_from(count).is_ok_and(|count| count <= MAX_PARAMETERS) {
            return true;
        }
        self.refuse(&format!(
            "number of parameters must be between 0 and {MAX_PARAMETERS}"
        ))
    }

    /// Checks the arguments of a command with parameters before reading them;
    /// `missing` names a text that is NULL and must not be.
    pub fn begin_with_parameters(&mut self, missing: Option<&str>, count: i32) -> bool {
        if self.begin().is_err() {
            return false;
        }
        match missing {
            Some(what) => self.refuse(&format!("{what} is a null pointer")),
            None => self.check_count(count),
        }
    }

    /// PQsendQueryParams, after [`Connection::begin_with_parameters`].
    pub fn send_query_params<'a, I>(
        &mut self,
        query: &[u8],
        types: &[u32],
        parameters: Parameters<I>,
        result_format: i16,
    ) -> Sent
    where
        I: ExactSizeIterator<Item = Parameter<'a>> + Clone,
    {
        let sent = self.session.send_bound(
            Some((query, types)),
            b"",
            parameters.values,
            parameters.with_formats,
            result_format,
        );
        self.launched_extended(sent)
    }

    /// PQsendQueryPrepared, after [`Connection::begin_with_parameters`].
    pub fn send_query_prepared<'a, I>(
        &mut self,
        statement: &[u8],
        parameters: Parameters<I>,
        result_format: i16,
    ) -> Sent
    where
        I: ExactSizeIterator<Item = Parameter<'a>> + Clone,
    {
        let sent = self.session.send_bound(
            None,
            statement,
            parameters.values,
            parameters.with_formats,
            result_format,
        );
        self.launched_extended(sent)
    }

    /// PQsendPrepare, after [`Connection::begin_with_parameters`].
    pub fn send_prepare(&mut self, name: &[u8], query: &[u8], types: &[u32]) -> Sent {
        let sent = self.session.send_prepare(name, query, types);
        self.launched_extended(sent)
    }

    /// Describes (`describe`) or closes a statement (`S`) or portal (`P`).
    pub fn send_target(&mut self, describe: bool, kind: u8, name: &[u8]) -> Sent {
        if self.begin().is_err() {
            return Sent::No;
        }
        let class = if describe {
            QueryClass::Describe
        } else {
            QueryClass::Close
        };
        let sent = self.session.send_target(class, kind, name);
        self.launched_extended(sent)
    }

    /// PQpipelineSync (`now`) and PQsendPipelineSync.
    pub fn send_pipeline_sync(&mut self, now: bool) -> Sent {
        let sent = self.session.send_pipeline_sync();
        let flush = if now {
            Flush::Now
        } else {
            self.session.wants_flush()
        };
        self.launched(sent, flush)
    }

    /// PQsendFlushRequest.
    pub fn send_flush_request(&mut self) -> Sent {
        if self.session.send_flush_request().is_err() {
            return Sent::No;
        }
        self.push(self.session.wants_flush())
    }

    pub fn enter_pipeline(&mut self) -> bool {
        self.session.enter_pipeline()
    }

    pub fn exit_pipeline(&mut self) -> Sent {
        match self.session.exit_pipeline() {
            None => Sent::Yes,
            Some(false) => Sent::No,
            Some(true) => Sent::Unfinished,
        }
    }

    pub fn set_row_mode(&mut self, mode: RowMode) -> bool {
        self.session.set_row_mode(mode)
    }

    /// PQsetnonblocking.
    pub fn set_nonblocking(&mut self, on: bool) -> Result<bool, Pause> {
        if self.session.is_closed() {
            return Ok(false);
        }
        if self.session.is_nonblocking() == on {
            return Ok(true);
        }
        self.session.begin_command();
        if self.flush_out()? != Flushed::All {
            return Ok(false);
        }
        self.session.set_nonblocking(on);
        Ok(true)
    }

    /// PQflush, which fails on a bad connection.
    pub fn flush_if_open(&mut self) -> Result<Flushed, Pause> {
        if self.session.is_closed() {
            return Ok(Flushed::Failed);
        }
        self.flush_out()
    }

    /// PQconsumeInput. It does not wait, but for one case in blocking mode: if a thread was cancelled when it had sent a part of a
    /// command, it waits until the rest is sent, because callers poll for input only.
    pub fn consume_input(&mut self) -> Result<bool, Pause> {
        // libpq: only a nonblocking connection has something to send.
        let flushed = if self.session.is_nonblocking() {
            self.flush()
        } else if self.is_command_cut() {
            self.flush_out()?
        } else {
            Flushed::All
        };
        if flushed == Flushed::Failed {
            return Ok(false);
        }
        Ok(!matches!(self.read_input(), ReadOutcome::Lost { .. }))
    }

    /// Whether a thread was cancelled when it had sent a part of a command.
    fn is_command_cut(&self) -> bool {
        let in_pipeline = self.session.pipeline_status() != PipelineStatus::Off;
        self.session.is_busy() && !in_pipeline && !self.session.output().is_empty()
    }

    /// PQisBusy.
    pub fn is_busy(&mut self) -> Result<bool, Pause> {
        self.parse()?;
        // On a lost connection, PQgetResult fails at once, so nobody must wait for it.
        let busy = self.session.is_busy() && !self.session.is_closed();
        Ok(busy)
    }

    /// The next result (PQgetResult); waits for it.
    #[inline(always)]
    pub fn get_result(&mut self) -> Result<Collected, Pause> {
        if std::mem::take(&mut self.copy_starved) && self.session.is_copying_out() {
            // libpq: without memory there is no further COPY result, and loops that wait for NULL end.
            return Ok(Collected::Nothing);
        }
        loop {
            // A notice stops this call here; the next call continues.
            self.parse()?;
            let reply_was_read = std::mem::take(&mut self.reply_read);
            if !self.session.is_busy() {
                break;
            }
            if reply_was_read && self.write_error.is_some() {
                self.report_write_error();
                return Ok(self.session.fail_command());
            }
            if !self.await_reply()? {
                return Ok(self.session.fail_command());
            }
            self.reply_read = true;
        }
        Ok(self.session.collect())
    }

    /// Sends the remaining output and waits for input. False if the connection is lost.
    pub(super) fn await_reply(&mut self) -> Result<bool, Pause> {
        if let Some(waited) = self.waited.take() {
            match self.take_waited(waited) {
                ReadOutcome::Data => return Ok(true),
                ReadOutcome::Lost { .. } => return Ok(false),
                ReadOutcome::Nothing => {}
            }
        }
        match self.flush() {
            Flushed::All => {}
            Flushed::Failed => return Ok(false),
            Flushed::Some => return Err(Pause::Wait(self.output_wait())),
        }
        match self.input_wait() {
            Ok(wait) => Err(Pause::Wait(wait)),
            Err(ReadOutcome::Lost { .. }) => Ok(false),
            Err(_) => Ok(true),
        }
    }

    /// Reports why sending failed, because there is no better explanation.
    pub(super) fn report_write_error(&mut self) {
        // libpq: reported once.
        let text = self
            .write_error
            .replace(ErrorText::default())
            .unwrap_or_default();
        self.session.add_error_raw(&text);
    }

    /// Prepares the connection for a synchronous command. None if that fails; otherwise whether there may be results of
    /// earlier commands to drop.
    pub fn begin_exec(&mut self) -> Option<bool> {
        self.session.begin_command();
        if self.session.pipeline_status() != PipelineStatus::Off {
            self.refuse("synchronous command execution functions are not allowed in pipeline mode");
            return None;
        }
        Some(!self.session.is_idle() || self.session.has_work())
    }

    /// Whether a synchronous command ends with this result: at a COPY, on a lost connection, or because nothing is left.
    /// Only `looks_on` checks the latter.
    pub fn ends_exec(&mut self, collected: &Collected, looks_on: bool) -> bool {
        let copying = matches!(collected, Collected::Result(result) if result.status().is_copy());
        copying || self.session.is_closed() || (looks_on && self.is_answered())
    }

    /// Whether the server's reply to the current command has a damaged message.
    pub fn is_reply_damaged(&self) -> bool {
        self.session.is_damaged()
    }

    /// Whether nothing of the current command is left, as far as that is known without waiting.
    fn is_answered(&mut self) -> bool {
        if let Err(Pause::Notice(notice)) = self.parse() {
            // The next call that looks for a result delivers it.
            self.session.put_back_notice(notice);
            return false;
        }
        self.session.is_idle()
    }

    /// A synchronous command drops the rest of a COPY OUT.
    pub fn abandon_copy_out(&mut self) {
        self.session.leave_copy();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::stream::Stream;
    use std::io::{ErrorKind, Read};
    use std::os::unix::net::UnixStream;

    /// A connection on which a thread was cancelled before it sent a command, and the peer.
    fn cut(pipeline: bool) -> (Connection, UnixStream) {
        let (own, peer) = UnixStream::pair().unwrap();
        own.set_nonblocking(true).unwrap();
        peer.set_nonblocking(true).unwrap();
        let mut connection = Connection::new();
        connection.stream = Some(Stream::Plain(socket2::Socket::from(own).into()));
        let session = &mut connection.session;
        assert!(!pipeline || session.enter_pipeline());
        assert!(session.send_target(QueryClass::Close, b'S', b"").is_ok());
        session.command_queued();
        (connection, peer)
    }

    #[test]
    fn consuming_input_sends_the_rest_of_a_cut_command() {
        let mut bytes = [0; 32];
        let (mut connection, mut peer) = cut(false);
        assert!(connection.consume_input().is_ok_and(|read| read));
        assert_eq!(peer.read(&mut bytes).unwrap(), 12);
        // libpq: the commands of a pipeline wait for a flush.
        let (mut connection, mut peer) = cut(true);
        assert!(connection.consume_input().is_ok_and(|read| read));
        let nothing = peer.read(&mut bytes).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    }
}
