//! Bytes between the session's buffers and the socket.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::{Buf, BytesMut};

use super::{Connection, Step, apart};
use crate::conn::session::ConnStatus;
use crate::mem::buffer::MIN_READ;
use crate::net::stream::{Broken, Stream};
use crate::net::sys;

/// Output is sent once this much is buffered after a message, and in whole pieces of it over a Unix socket.
pub(super) const SEND_THRESHOLD: usize = 8192;
/// Where output keeps coming without a flush, it is gathered up to this much.
const SEND_MOST: usize = 64 * 1024;
/// An emptied output buffer larger than this is given back.
const KEEP_OUTPUT: usize = 256 * 1024;
/// The most room a read is given.
const MAX_READ: usize = 128 * 1024;

/// What a read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    Data,
    Nothing,
    /// The connection is gone; `clean` when the server closed it.
    Lost {
        clean: bool,
    },
}

/// What a flush did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    All,
    /// Nonblocking mode: some is left.
    Some,
    /// The connection was lost while waiting.
    Failed,
}

const SERVER_CLOSED: &str = "server closed the connection unexpectedly\n\
     \tThis probably means the server terminated abnormally\n\
     \tbefore or while processing the request.";

impl Connection {
    /// Reads once what is there. With `wait`, waits until something comes.
    pub(super) fn read_input(&mut self, wait: bool) -> Read {
        if self.stream.is_none() {
            // libpq: waiting notices first that there is nothing to wait for.
            self.session.errors.add(if wait {
                "invalid socket"
            } else {
                "connection not open"
            });
            return Read::Lost { clean: false };
        }
        self.read_once(wait)
    }

    fn read_once(&mut self, wait: bool) -> Read {
        if wait && self.polls_first && self.wait_for(true, false, None).is_err() {
            return self.lose(false);
        }
        let Some(stream) = &mut self.stream else {
            return Read::Lost { clean: false };
        };
        let Ok(spare) = self.session.input.spare(self.read_size.max(MIN_READ)) else {
            self.session
                .errors
                .add("cannot allocate memory for input buffer");
            return self.lose(false);
        };
        let size = spare.len();
        match stream.recv(spare, wait) {
            Ok(0) => {
                self.session.errors.add(SERVER_CLOSED);
                self.lose(true)
            }
            Ok(count) => {
                self.polls_first = false;
                self.session.input.filled(count);
                if count == size {
                    self.read_size = (size * 2).min(MAX_READ);
                }
                self.drain()
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock && wait => {
                match self.wait_for(true, false, None) {
                    Ok(_) => self.read_once(false),
                    Err(()) => self.lose(false),
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Read::Nothing,
            Err(error) => {
                let text = receive_failure(&error);
                self.session.errors.add(text);
                self.lose(encryption_error(&error).is_some_and(|broken| broken.ended))
            }
        }
    }

    /// Takes what is decrypted already: a poll of the socket would not show it.
    fn drain(&mut self) -> Read {
        match self.stream.as_ref().map_or(0, Stream::pending) {
            0 => Read::Data,
            _ => self.read_once(false),
        }
    }

    /// The connection is gone; what was received can still be parsed.
    fn lose(&mut self, clean: bool) -> Read {
        apart(|| self.stream = None);
        self.session.drop_connection(true);
        if self.startup_is_over() {
            self.session.status = ConnStatus::Bad;
        }
        Read::Lost { clean }
    }

    /// Waits until the socket is ready, or for `timeout`; false when it passed. Err: the error text says why.
    pub(super) fn wait_for(
        &mut self,
        read: bool,
        write: bool,
        timeout: Option<Duration>,
    ) -> Result<bool, ()> {
        let descriptor = match (self.alternative_socket(), &self.stream) {
            (Some(alternative), _) => alternative,
            (None, Some(stream)) if read && stream.pending() > 0 => return Ok(true),
            (None, Some(stream)) => stream.fd(),
            (None, None) => {
                self.session.errors.add("invalid socket");
                return Err(());
            }
        };
        match sys::poll(descriptor, read, write, timeout) {
            Ok((readable, writable)) => Ok(readable || writable),
            Err(error) => {
                self.note_poll_failure(&error);
                Err(())
            }
        }
    }

    #[cold]
    fn note_poll_failure(&mut self, error: &std::io::Error) {
        let text = [&b"poll() failed: "[..], &sys::error_text(error)].concat();
        self.session.errors.add(text);
    }

    /// Sends all output; in nonblocking mode as much as the socket takes.
    pub fn flush(&mut self) -> Flushed {
        self.send_size = SEND_THRESHOLD;
        if self.session.out.is_empty() {
            return Flushed::All;
        }
        self.send_some(0)
    }

    /// Called after a message was appended: sends when much is buffered.
    pub(super) fn push(&mut self) -> Flushed {
        if self.session.out.len() < self.send_size {
            return Flushed::All;
        }
        self.push_out()
    }

    #[cold]
    fn push_out(&mut self) -> Flushed {
        self.send_size = (self.send_size * 2).clamp(SEND_THRESHOLD, SEND_MOST);
        let unix = self.address.as_ref().is_some_and(|a| a.is_unix());
        // libpq: whole 8 kB pieces over a Unix socket.
        self.send_some(if unix {
            self.session.out.len() % SEND_THRESHOLD
        } else {
            0
        })
    }

    /// Sends until only `keep` bytes are left.
    fn send_some(&mut self, keep: usize) -> Flushed {
        if self.write_error.is_some() {
            return self.discard_output();
        }
        if self.stream.is_none() {
            self.write_error = Some(b"connection not open\n".to_vec());
            return self.discard_output();
        }
        while self.session.out.len() > keep {
            let Some(stream) = &mut self.stream else {
                return Flushed::Failed;
            };
            let end = self.session.out.len() - keep;
            match stream.send(&self.session.out[..end]) {
                Ok(count) => {
                    self.polls_first = stream.socket().is_unix();
                    self.drop_output(count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => self.give_up_sending(&error, end),
            }
            if self.session.out.len() > keep
                && let Some(outcome) = self.make_way()
            {
                return outcome;
            }
        }
        self.output_emptied();
        Flushed::All
    }

    /// libpq: claims success, so what the server said last is read by whoever waits for it.
    #[cold]
    fn give_up_sending(&mut self, error: &std::io::Error, end: usize) {
        self.write_error = Some(send_failure(error));
        self.drop_output(end);
    }

    /// Drops what was sent. A short rest moves to the front at once, so that the buffer is filled anew from there.
    fn drop_output(&mut self, count: usize) {
        let out = &mut self.session.out;
        let rest = out.len() - count;
        if rest == 0 {
            out.clear();
        } else if rest <= SEND_THRESHOLD {
            out.copy_within(count.., 0);
            out.truncate(rest);
        } else {
            out.advance(count);
        }
    }

    /// The socket takes no more for now: takes what comes in, as the server may wait for that.
    fn make_way(&mut self) -> Option<Flushed> {
        if let Read::Lost { .. } = self.read_input(false) {
            return Some(Flushed::Failed);
        }
        if self.session.nonblocking {
            return Some(Flushed::Some);
        }
        self.wait_for(true, true, None)
            .is_err()
            .then_some(Flushed::Failed)
    }

    /// No more can be sent ever; what the server said last is still read.
    fn discard_output(&mut self) -> Flushed {
        self.session.out.clear();
        if self.stream.is_some()
            && let Read::Lost { .. } = self.read_input(false)
        {
            return Flushed::Failed;
        }
        Flushed::All
    }

    fn output_emptied(&mut self) {
        if self.session.out.is_empty() && self.session.out.capacity() > KEEP_OUTPUT {
            self.session.out = BytesMut::new();
        }
    }

    /// Parses what is buffered, where the connection is past authentication.
    pub(super) fn parse(&mut self) -> Step<()> {
        if !self.startup_is_over() {
            return Step::Done(());
        }
        let notice = self.session.parse_input();
        self.close_if_fatal();
        match notice {
            Some(notice) => Step::Notice(notice),
            None => Step::Done(()),
        }
    }

    /// Closes the socket of a session that cannot go on.
    #[inline]
    pub(super) fn close_if_fatal(&mut self) {
        if self.session.fatal {
            self.close_fatal();
        }
    }

    #[cold]
    fn close_fatal(&mut self) {
        self.session.fatal = false;
        self.session.drop_connection(false);
        apart(|| self.stream = None);
    }
}

fn encryption_error(error: &std::io::Error) -> Option<&Broken> {
    error.get_ref()?.downcast_ref()
}

fn receive_failure(error: &std::io::Error) -> Vec<u8> {
    failure(error, b"could not receive data from server: ")
}

fn send_failure(error: &std::io::Error) -> Vec<u8> {
    let mut text = failure(error, b"could not send data to server: ");
    text.push(b'\n');
    text
}

/// libpq: a connection the server cut is named so; network failures show the system's text.
fn failure(error: &std::io::Error, prefix: &[u8]) -> Vec<u8> {
    if let Some(broken) = encryption_error(error) {
        return broken.text.clone();
    }
    match error.kind() {
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => SERVER_CLOSED.into(),
        _ => [prefix, &sys::error_text(error)].concat(),
    }
}
