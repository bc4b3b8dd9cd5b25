//! Waiting for the server.
//!
//! The client never waits. It returns a [`Wait`]; the caller waits, reports the result with [`Connection::waited`], and
//! makes the same call again. `ffi` waits in frames that a cancelled thread can leave.

use std::ffi::c_int;
use std::time::Instant;

use super::Connection;
use super::io::ReadOutcome;
use crate::mem::buffer::{MIN_READ, is_marked, mark};
use crate::net::stream::{Stream, WaitTarget};
use crate::net::sys::{self, without_cancellation};

/// What to wait for.
#[derive(Debug, Clone, Copy)]
pub enum Wait {
    /// Until the descriptor is ready for reading or writing, or until the deadline.
    Poll {
        descriptor: c_int,
        read: bool,
        write: bool,
        deadline: Option<Instant>,
    },
    Input(Input),
}

/// Wait for input: at most `room` bytes, written to `place`.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    pub descriptor: c_int,
    pub place: *mut u8,
    pub room: usize,
    /// Wait in poll; otherwise in recv, as long as that blocks.
    pub poll: bool,
    /// The thread may be cancelled in recv when bytes have arrived: over TCP, they can be counted later.
    pub counted: bool,
}

/// The result of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    Ready,
    /// The deadline has passed.
    TooLong,
    /// poll failed with this errno.
    PollFailed(c_int),
    /// This many bytes arrived; 0 at the end of the stream.
    Received(usize),
    /// recv failed with this errno.
    ReceiveFailed(c_int),
}

/// Output that can be sent as it is, without waiting.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    pub descriptor: c_int,
    pub place: *const u8,
    pub length: usize,
}

/// The timeout for poll until `end_time_usec` of [`sys::now_usec`]'s clock; -1: none, 0: return at once.
pub fn timeout_ms(end_time_usec: i64) -> c_int {
    match end_time_usec {
        -1 => -1,
        // libpq: rounds down to milliseconds.
        end => {
            let left = end.saturating_sub(sys::now_usec()).max(0) / 1000;
            c_int::try_from(left).unwrap_or(c_int::MAX)
        }
    }
}

impl Connection {
    /// Reports the result of the last wait.
    #[inline]
    pub fn waited(&mut self, waited: Waited) {
        self.receiving = false;
        self.waited = Some(waited);
    }

    /// Whether the current command can only wait for the server.
    #[inline(always)]
    pub fn is_waiting(&self) -> bool {
        self.session.is_waiting()
    }

    /// The wait for a reply, for a connection with [`Connection::is_waiting`]; report the result with
    /// [`Connection::reply_came`]. None: make a normal step. Never panics.
    #[inline]
    pub fn reply_wait(&mut self) -> Option<Input> {
        let Some(Stream::Plain(socket)) = &self.stream else {
            return None;
        };
        if self.receiving || self.late.is_some() {
            return None;
        }
        let room = self.read_size.max(MIN_READ);
        let room = self.session.input_mut().whole_space(room)?;
        mark(room);
        self.receiving = true;
        Some(Input {
            descriptor: socket.fd(),
            place: room.as_mut_ptr(),
            room: room.len(),
            poll: self.polls_first,
            counted: !socket.is_unix(),
        })
    }

    /// Reports the result of a wait for a reply.
    #[inline]
    pub fn reply_came(&mut self, waited: Waited) {
        self.receiving = false;
        match waited {
            Waited::Received(count @ 1..) => {
                self.count_received(count);
                self.filled(count);
                self.reply_read = true;
            }
            _ => self.waited = Some(waited),
        }
    }

    /// The wait for input. Err: waiting is not necessary, or impossible.
    pub(super) fn input_wait(&mut self) -> Result<Wait, ReadOutcome> {
        if self.receiving {
            match self.recover_cancelled_wait() {
                ReadOutcome::Nothing => {}
                found => return Err(found),
            }
        }
        if self.late.is_some() {
            return Err(self.read_input());
        }
        let Some(stream) = &mut self.stream else {
            self.session.add_error("invalid socket");
            return Err(ReadOutcome::Lost { clean: false });
        };
        let descriptor = stream.fd();
        let counted = !stream.socket().is_unix();
        let (place, room) = match stream.wait_target() {
            WaitTarget::Pending => return Err(self.read_input()),
            WaitTarget::PollFirst => {
                return Ok(Wait::Poll {
                    descriptor,
                    read: true,
                    write: false,
                    deadline: None,
                });
            }
            WaitTarget::Buffer(place, room) => (place, room),
            WaitTarget::Caller => match self
                .session
                .input_mut()
                .free_space(self.read_size.max(MIN_READ))
            {
                Ok(spare) => {
                    mark(spare);
                    (spare.as_mut_ptr(), spare.len())
                }
                Err(_) => return Err(self.no_room()),
            },
        };
        self.receiving = true;
        Ok(Wait::Input(Input {
            descriptor,
            place,
            room,
            poll: self.polls_first,
            counted,
        }))
    }

    /// The caller never reported the end of a wait, because the thread was cancelled. Finds the bytes it may have received.
    #[cold]
    pub(super) fn recover_cancelled_wait(&mut self) -> ReadOutcome {
        self.receiving = false;
        let (socket, room) = match &self.stream {
            Some(Stream::Tls(tls)) => (tls.socket(), tls.last_wait_buffer()),
            Some(Stream::Plain(socket)) => (socket, self.session.input().free_space_contents()),
            _ => return ReadOutcome::Nothing,
        };
        if is_marked(room) {
            return ReadOutcome::Nothing;
        }
        let count = without_cancellation(|| socket.unreported_bytes());
        match count.and_then(|count| usize::try_from(count).ok()) {
            Some(0) => ReadOutcome::Nothing,
            Some(count) if count <= room.len() => self.take_received(Ok(count)),
            _ => {
                let text =
                    "could not receive data from server: the thread that received it was canceled";
                self.session.add_error(text);
                self.lose(false)
            }
        }
    }

    fn count_received(&self, count: usize) {
        if let Some(stream) = &self.stream {
            stream.socket().count_received(count);
        }
    }

    /// Waits until the socket takes more output, or has input: the server may wait until that is read.
    pub(super) fn output_wait(&self) -> Wait {
        Wait::Poll {
            descriptor: self.stream.as_ref().map_or(-1, Stream::fd),
            read: true,
            write: true,
            deadline: None,
        }
    }

    /// Handles the result of a wait for a reply.
    pub(super) fn take_waited(&mut self, waited: Waited) -> ReadOutcome {
        match waited {
            Waited::Ready | Waited::TooLong => self.read_input(),
            Waited::PollFailed(errno) => {
                self.note_poll_failure(errno);
                self.lose(false)
            }
            Waited::Received(count) => self.take_received(Ok(count)),
            Waited::ReceiveFailed(errno) => self.take_received(Err(errno)),
        }
    }

    fn take_received(&mut self, received: Result<usize, c_int>) -> ReadOutcome {
        let received = received.map_err(std::io::Error::from_raw_os_error);
        if let Ok(count) = received {
            self.count_received(count);
        }
        match (&mut self.stream, received) {
            (Some(Stream::Tls(tls)), Ok(count)) => {
                tls.note_received(count);
                self.read_input()
            }
            (Some(_), received) => self.received(received),
            (None, _) => self.read_input(),
        }
    }

    #[cold]
    pub(super) fn note_poll_failure(&mut self, errno: c_int) {
        let text = [&b"poll() failed: "[..], &sys::strerror(errno)].concat();
        self.session.add_error(text);
    }

    /// The command's output, if all of it can be sent as it is. None: call [`Connection::finish_sending`]. Never panics.
    #[inline]
    pub fn output_at_hand(&self) -> Option<Output> {
        let Some(Stream::Plain(socket)) = &self.stream else {
            return None;
        };
        if self.write_error.is_some() || self.send_failure.is_some() {
            return None;
        }
        let length = self.session.output().len().checked_sub(self.keep)?;
        (length > 0).then(|| Output {
            descriptor: socket.fd(),
            place: self.session.output().as_ptr(),
            length,
        })
    }

    /// Reports the result of sending [`Connection::output_at_hand`], an errno if it failed. True if nothing is left to do.
    #[inline]
    pub fn output_sent(&mut self, sent: Result<usize, c_int>) -> bool {
        match sent {
            Ok(count) => self.output_went(count),
            Err(libc::EAGAIN | libc::EINTR) => {}
            Err(errno) => self.send_failure = Some(errno),
        }
        self.session.output().is_empty() && !self.is_output_large()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tls::tests::{Peer, ends, receive};
    use crate::net::transport::HandshakeProgress;

    fn connection(version: &str) -> (Connection, Peer) {
        let (tls, peer) = ends(version);
        let mut connection = Connection::new();
        connection.stream = Some(Stream::Tls(Box::new(tls)));
        (connection, peer)
    }

    fn handshake(connection: &mut Connection) -> HandshakeProgress {
        let Some(Stream::Tls(tls)) = &mut connection.stream else {
            panic!("no TLS");
        };
        tls.handshake().unwrap()
    }

    /// A wait that receives bytes and never reports them.
    fn cancelled_wait(connection: &mut Connection, limit: usize) {
        assert!(matches!(connection.input_wait(), Ok(Wait::Input(_))));
        let Some(Stream::Tls(tls)) = &mut connection.stream else {
            panic!("no TLS");
        };
        assert!(receive(tls, limit) > 0);
    }

    #[test]
    fn a_cancelled_wait_loses_no_bytes_of_a_handshake_or_after_it() {
        for version in ["TLSv1.2", "TLSv1.3"] {
            for limit in [1, 7, 300, usize::MAX] {
                let (mut connection, mut peer) = connection(version);
                while handshake(&mut connection) != HandshakeProgress::Done {
                    peer.answer();
                    cancelled_wait(&mut connection, limit);
                    // Recovers the bytes; none of them are data yet.
                    assert_eq!(connection.read_input(), ReadOutcome::Nothing);
                }
                if version == "TLSv1.3" {
                    // The client's last message.
                    peer.answer();
                }
                peer.send(b"hello");
                cancelled_wait(&mut connection, limit);
                // The recovered bytes, and then the rest of the record.
                for _ in 0..2 {
                    connection.read_input();
                }
                assert_eq!(connection.session.input().unread(), b"hello");
                assert_eq!(connection.errors(), c"");
            }
        }
    }
}
