//! Waits for the server.
//!
//! A step never waits itself: it answers [`Wait`], and whoever called it waits, tells with [`Connection::waited`] how that
//! ended, and calls the step again. `ffi` does so in frames that a cancelled thread can leave.

use std::ffi::c_int;
use std::time::Instant;

use super::Connection;
use super::io::Read;
use crate::mem::buffer::{MIN_READ, is_marked, mark};
use crate::net::stream::{Landing, Stream};
use crate::net::sys::{self, apart};

/// What is to be waited for.
#[derive(Debug, Clone, Copy)]
pub enum Wait {
    /// Until the descriptor is readable or writable, as asked, or the deadline has come.
    Poll {
        descriptor: c_int,
        read: bool,
        write: bool,
        deadline: Option<Instant>,
    },
    Input(Input),
}

/// Bytes to wait for: at most `room` of them, which go to `place`.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    pub descriptor: c_int,
    pub place: *mut u8,
    pub room: usize,
    /// The wait is to be in poll; else it is in recv as long as that blocks.
    pub poll: bool,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    Ready,
    /// The deadline has come.
    TooLong,
    /// poll failed with this errno.
    PollFailed(c_int),
    /// So many bytes came, 0 at the end of the stream.
    Received(usize),
    /// recv failed with this errno.
    ReceiveFailed(c_int),
}

/// Output that can be sent as it stands, without waiting.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    pub descriptor: c_int,
    pub place: *const u8,
    pub length: usize,
}

/// The timeout for poll until `end_time_usec` of [`sys::now_usec`]'s clock; -1: never, 0: at once.
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
    /// How the wait ended that the last step answered.
    #[inline]
    pub fn waited(&mut self, waited: Waited) {
        self.receiving = false;
        self.waited = Some(waited);
    }

    /// Whether the command in progress has nothing to do but wait for the server.
    #[inline(always)]
    pub fn is_waiting(&self) -> bool {
        self.session.is_waiting()
    }

    /// The wait for a reply where [`Connection::is_waiting`]; then [`Connection::reply_came`]. None: the step is to look.
    /// Never panics.
    #[inline]
    pub fn reply_wait(&mut self) -> Option<Input> {
        let Some(Stream::Plain(socket)) = &self.stream else {
            return None;
        };
        if self.receiving {
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
        })
    }

    /// How the wait for a reply ended.
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

    /// The wait for input. Err: there is no need to wait, or no way.
    pub(super) fn input_wait(&mut self) -> Result<Wait, Read> {
        if self.receiving {
            match self.recover() {
                Read::Nothing => {}
                found => return Err(found),
            }
        }
        let Some(stream) = &mut self.stream else {
            self.session.add_error("invalid socket");
            return Err(Read::Lost { clean: false });
        };
        let descriptor = stream.fd();
        let (place, room) = match stream.landing() {
            Landing::Pending => return Err(self.read_input()),
            Landing::Nowhere => {
                return Ok(Wait::Poll {
                    descriptor,
                    read: true,
                    write: false,
                    deadline: None,
                });
            }
            Landing::Place(place, room) => (place, room),
            Landing::Caller => match self
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
        }))
    }

    /// A wait for bytes ended without a word: the thread was cancelled. It may have taken bytes with it.
    #[cold]
    pub(super) fn recover(&mut self) -> Read {
        self.receiving = false;
        let (socket, room) = match &self.stream {
            Some(Stream::Tls(tls)) => (tls.socket(), tls.last_landing()),
            Some(Stream::Plain(socket)) => (socket, self.session.input().free_space_contents()),
            _ => return Read::Nothing,
        };
        if is_marked(room) {
            return Read::Nothing;
        }
        let count = apart(|| socket.uncounted());
        match count.and_then(|count| usize::try_from(count).ok()) {
            Some(0) => Read::Nothing,
            Some(count) if count <= room.len() => self.landed(Ok(count)),
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

    /// The wait for the socket to take more output, or to bring input: the server may wait for that.
    pub(super) fn output_wait(&self) -> Wait {
        Wait::Poll {
            descriptor: self.stream.as_ref().map_or(-1, Stream::fd),
            read: true,
            write: true,
            deadline: None,
        }
    }

    /// Takes what a wait for a reply brought.
    pub(super) fn take_waited(&mut self, waited: Waited) -> Read {
        match waited {
            Waited::Ready | Waited::TooLong => self.read_input(),
            Waited::PollFailed(errno) => {
                self.note_poll_failure(errno);
                self.lose(false)
            }
            Waited::Received(count) => self.landed(Ok(count)),
            Waited::ReceiveFailed(errno) => self.landed(Err(errno)),
        }
    }

    fn landed(&mut self, received: Result<usize, c_int>) -> Read {
        let received = received.map_err(std::io::Error::from_raw_os_error);
        if let Ok(count) = received {
            self.count_received(count);
        }
        match (&mut self.stream, received) {
            (Some(Stream::Tls(tls)), Ok(count)) => {
                tls.landed(count);
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

    /// The command's output, where all of it can be sent as it stands. None: [`Connection::finish_sending`] is to send it.
    /// Never panics.
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

    /// What became of [`Connection::output_at_hand`], an errno if it failed: true when nothing is left to do.
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
