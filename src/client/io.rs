//! Moves bytes between the session's buffers and the socket.

use std::io::ErrorKind;

use super::{Connection, Pause, Waited, without_cancellation};
use crate::conn::session::send::Flush;
use crate::mem::buffer::MIN_READ;
use crate::mem::error_text::ErrorText;
use crate::net::socket_error::{self, SERVER_CLOSED};
use crate::net::transport::EncryptionError;
use crate::protocol::frontend::Output;

/// Output is sent when this much is buffered after a message; over a Unix socket, in multiples of it.
pub(super) const SEND_THRESHOLD: usize = 8192;
/// The limit for output that is collected before it is sent, while more comes without a flush.
const SEND_MOST: usize = 64 * 1024;
/// An empty output buffer larger than this is freed.
const KEEP_OUTPUT: usize = 256 * 1024;
/// The largest room for one read.
const MAX_READ: usize = 128 * 1024;

/// About the most that is read at once while the socket takes no output.
const MOST_WHILE_SENDING: usize = 16 * 1024 * 1024;

/// The result of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOutcome {
    Data,
    Nothing,
    /// The connection is gone; `clean` if the server closed it.
    Lost {
        clean: bool,
    },
}

/// The result of a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    All,
    /// Some output is left.
    Some,
    /// The connection was lost.
    Failed,
}

/// What happened to a command that was to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    Yes,
    No,
    /// It is in the output buffer: call [`Connection::finish_sending`].
    Unfinished,
}

impl Connection {
    /// Reads once what is available.
    pub(super) fn read_input(&mut self) -> ReadOutcome {
        if self.receiving {
            match self.recover_cancelled_wait() {
                ReadOutcome::Nothing => {}
                found => return found,
            }
        }
        if self.stream.is_none() {
            self.session.add_error("connection not open");
            return ReadOutcome::Lost { clean: false };
        }
        self.read_once()
    }

    fn read_once(&mut self) -> ReadOutcome {
        if let Some(late) = self.late.take() {
            return self.received(late);
        }
        match self.receive() {
            Some(received) => self.received(received),
            None => self.no_room(),
        }
    }

    /// Reads into the free room of the receive buffer. None if there is none.
    fn receive(&mut self) -> Option<std::io::Result<usize>> {
        let stream = self.stream.as_mut()?;
        let wanted = self.read_size.max(MIN_READ);
        let spare = self.session.input_mut().free_space(wanted).ok()?;
        Some(stream.recv(spare))
    }

    /// Reads once more after a successful read. True if something came. A failure is kept: what came before it is parsed first.
    fn read_further(&mut self) -> bool {
        match self.receive() {
            Some(Ok(count @ 1..)) => {
                self.filled(count);
                return true;
            }
            Some(Err(error)) if error.kind() == ErrorKind::WouldBlock => {}
            Some(failed) => self.late = Some(failed),
            None => {}
        }
        false
    }

    /// Handles the result of a read into the free room of the receive buffer.
    pub(super) fn received(&mut self, received: std::io::Result<usize>) -> ReadOutcome {
        match received {
            Ok(0) => {
                self.session.add_error(SERVER_CLOSED);
                self.lose(true)
            }
            Ok(count) => {
                self.filled(count);
                self.drain()
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => ReadOutcome::Nothing,
            Err(error) => {
                let in_tls = self.stream.as_ref().is_some_and(|s| s.tls().is_some());
                if in_tls && socket_error::is_closed(&error) {
                    // libpq: with TLS, both layers report this.
                    self.session.add_error(SERVER_CLOSED);
                }
                self.session.add_error(socket_error::of_receive(&error));
                self.lose(EncryptionError::inside(&error).is_some_and(|error| error.ended))
            }
        }
    }

    /// This many bytes were read into the free room of the receive buffer.
    #[inline]
    pub(super) fn filled(&mut self, count: usize) {
        self.polls_first = false;
        if self.session.input_mut().filled(count) == 0 {
            self.read_size = (count * 2).min(MAX_READ);
        }
    }

    #[cold]
    pub(super) fn no_room(&mut self) -> ReadOutcome {
        self.session
            .add_error("cannot allocate memory for input buffer");
        self.lose(false)
    }

    /// Reads what is decrypted already, which poll would not report.
    fn drain(&mut self) -> ReadOutcome {
        while self.stream.as_ref().is_some_and(|s| s.pending() > 0) && self.read_further() {}
        ReadOutcome::Data
    }

    /// Closes a lost connection. What was received can still be parsed.
    pub(super) fn lose(&mut self, clean: bool) -> ReadOutcome {
        let starting = !self.startup_is_over();
        without_cancellation(|| self.retired = self.stream.take().filter(|_| starting));
        self.session.drop_connection(true);
        if !starting {
            self.session.mark_closed();
        }
        ReadOutcome::Lost { clean }
    }

    /// Sends as much of the output as the socket takes.
    pub(super) fn flush(&mut self) -> Flushed {
        self.begin_flush();
        if self.session.output().is_empty() {
            return Flushed::All;
        }
        self.send_some(0)
    }

    /// All output is to be sent.
    fn begin_flush(&mut self) {
        self.send_size = SEND_THRESHOLD;
        self.keep = 0;
    }

    /// Sends all output; in blocking mode, waits until it is sent.
    pub fn flush_out(&mut self) -> Result<Flushed, Pause> {
        self.begin_flush();
        self.finish_sending()
    }

    /// Decides whether to send after a message was appended: at once, or when enough is buffered.
    pub(super) fn push(&mut self, flush: Flush) -> Sent {
        // Only a command that is launched now can be taken back, not the one that this message belongs to.
        self.launched_idle = false;
        match flush {
            Flush::Now => self.begin_flush(),
            Flush::Later if self.session.output().len() < self.send_size => return Sent::Yes,
            Flush::Later => self.begin_push(),
        }
        Sent::Unfinished
    }

    #[cold]
    fn begin_push(&mut self) {
        self.send_size = (self.send_size * 2).clamp(SEND_THRESHOLD, SEND_MOST);
        let unix = self.address.as_ref().is_some_and(|a| a.is_unix());
        // libpq: multiples of 8 kB over a Unix socket.
        self.keep = if unix {
            self.session.output().len() % SEND_THRESHOLD
        } else {
            0
        };
    }

    /// Sends the rest of a command; in blocking mode, waits until it is sent.
    pub fn finish_sending(&mut self) -> Result<Flushed, Pause> {
        if let Some(Waited::PollFailed(errno)) = self.waited.take() {
            self.note_poll_failure(errno);
            return Ok(Flushed::Failed);
        }
        if self.session.output().len() <= self.keep {
            return Ok(Flushed::All);
        }
        match self.send_some(self.keep) {
            Flushed::Some if !self.session.is_nonblocking() => Err(Pause::Wait(self.output_wait())),
            flushed => Ok(flushed),
        }
    }

    /// Sends until only `keep` bytes are left.
    fn send_some(&mut self, keep: usize) -> Flushed {
        if self.write_error.is_some() {
            return self.discard_output();
        }
        if self.stream.is_none() {
            self.write_error = Some("connection not open\n".into());
            return self.discard_output();
        }
        while self.session.output().len() > keep {
            let end = self.session.output().len() - keep;
            match self.send_once(end) {
                Ok(count) => self.output_went(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => {
                    self.give_up_sending(&error, end);
                    if self.late.is_some() {
                        // Reading has failed already: libpq does not pretend success then.
                        return self.discard_output();
                    }
                }
            }
            if self.session.output().len() > keep {
                return self.make_way();
            }
        }
        if self.is_output_large() {
            *self.session.output_mut() = Output::new();
        }
        Flushed::All
    }

    /// Reads what is there, as the socket does not take all output: the server may wait until its own output is read.
    fn make_way(&mut self) -> Flushed {
        let before = self.session.input_mut().unread().len();
        match self.read_input() {
            ReadOutcome::Lost { .. } => return Flushed::Failed,
            ReadOutcome::Nothing => return Flushed::Some,
            ReadOutcome::Data => {}
        }
        while self.late.is_none() && self.read_further() {
            let unread = self.session.input_mut().unread().len();
            if unread.saturating_sub(before) > MOST_WHILE_SENDING {
                break;
            }
        }
        Flushed::Some
    }

    fn send_once(&mut self, end: usize) -> std::io::Result<usize> {
        if let Some(errno) = self.send_failure.take() {
            return Err(std::io::Error::from_raw_os_error(errno));
        }
        match &mut self.stream {
            Some(stream) => stream.send(self.session.output().get(..end).unwrap_or_default()),
            None => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// This many bytes of the output were sent.
    #[inline]
    pub(super) fn output_went(&mut self, count: usize) {
        self.polls_first = self.stream.as_ref().is_some_and(|s| s.socket().is_unix());
        self.drop_output(count);
    }

    /// Whether the buffer is empty and large enough to be freed.
    #[inline]
    pub(super) fn is_output_large(&self) -> bool {
        self.session.output().is_empty() && self.session.output().capacity() > KEEP_OUTPUT
    }

    /// libpq: pretends success, so that the caller who waits reads the server's last message.
    #[cold]
    fn give_up_sending(&mut self, error: &std::io::Error, end: usize) {
        let text = socket_error::of_send(error);
        self.write_error = Some(ErrorText::concat(&[&text, b"\n"]));
        self.drop_output(end);
    }

    /// Removes what was sent. Moves a short rest to the front of the buffer, so that it is filled from there.
    fn drop_output(&mut self, count: usize) {
        self.session.output_mut().take(count, SEND_THRESHOLD);
    }

    /// Drops output that can never be sent. Still reads the server's last message.
    fn discard_output(&mut self) -> Flushed {
        self.session.output_mut().clear();
        if self.stream.is_some()
            && let ReadOutcome::Lost { .. } = self.read_input()
        {
            return Flushed::Failed;
        }
        Flushed::All
    }

    /// Parses the input, once the connection is authenticated.
    pub(super) fn parse(&mut self) -> Result<(), Pause> {
        if !self.startup_is_over() {
            return Ok(());
        }
        let notice = self.session.parse_input();
        self.close_if_fatal();
        match notice {
            Some(notice) => Err(Pause::Notice(notice)),
            None => Ok(()),
        }
    }

    /// Closes the socket of a session that cannot continue.
    #[inline]
    pub(super) fn close_if_fatal(&mut self) {
        if self.session.is_fatal() {
            self.close_fatal();
        }
    }

    #[cold]
    fn close_fatal(&mut self) {
        self.session.fatal_connection_dropped();
        without_cancellation(|| self.stream = None);
    }
}
