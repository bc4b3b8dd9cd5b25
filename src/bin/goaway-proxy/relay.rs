//! One session: bytes both ways, and a word of the proxy's at a message boundary.
//!
//! A side is read only while everything read before has been written to the other, so that a session holds at most one
//! read's worth of bytes, whatever the messages' sizes. Buffers are the thread's: an idle session has none.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use crate::early::Early;
use crate::framer::Nonsense;
use crate::frames::{Edits, Run, Stream};
use crate::messages;
use crate::orders::Command;
use crate::registry::{Activity, Place, count};
use crate::wire::Wire;

const READ_SIZE: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_SIZE]);
}

/// How a session came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    ByClient,
    ByServer,
    ByProxy,
    /// The server's stream made no sense.
    Nonsense,
    /// No session was opened in time.
    Timeout,
}

impl End {
    /// Who ended it, or what.
    pub fn name(self) -> &'static str {
        match self {
            End::ByClient => "client",
            End::ByServer => "server",
            End::ByProxy => "proxy",
            End::Nonsense => "nonsense",
            End::Timeout => "timeout",
        }
    }
}

/// For the last word to a client whose session was not opened.
const LAST_WORD: Duration = Duration::from_secs(1);

/// A session between a client and its server.
pub struct Relay {
    client: Side,
    server: Side,
    stream: Stream,
    pub place: Place,
    /// Whether a client that did not ask is told by a parameter.
    tell_all: bool,
    to_tell: Option<Vec<u8>>,
    to_end: bool,
    /// The last word was said: what is left is to get it out.
    ending: bool,
    server_closed: bool,
}

/// A connection, and what waits to be written to it.
struct Side {
    wire: Wire,
    pending: Vec<u8>,
    written: usize,
    flushed: bool,
}

impl Side {
    fn new(wire: Wire) -> Side {
        Side {
            wire,
            pending: Vec::new(),
            written: 0,
            flushed: true,
        }
    }

    /// Reads what is there; Ready(0) at the end.
    fn read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<usize> {
        let mut buffer = ReadBuf::new(buffer);
        match Pin::new(&mut self.wire).poll_read(cx, &mut buffer) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => Poll::Ready(buffer.filled().len()),
            // A connection that broke has ended.
            Poll::Ready(Err(_)) => Poll::Ready(0),
        }
    }

    /// Writes what can be written at once and keeps the rest.
    fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> io::Result<()> {
        let mut taken = 0;
        if self.pending.is_empty() {
            self.flushed = false;
            if let Poll::Ready(count) = Pin::new(&mut self.wire).poll_write(cx, bytes) {
                taken = count?;
            }
        }
        self.pending.extend_from_slice(&bytes[taken..]);
        Ok(())
    }

    /// Writes what waits; Ready when nothing does.
    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.pending.get(self.written..).filter(|r| !r.is_empty()) {
            self.flushed = false;
            match Pin::new(&mut self.wire).poll_write(cx, rest) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => self.written += count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
        self.pending = Vec::new();
        self.written = 0;
        if !self.flushed {
            match Pin::new(&mut self.wire).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.flushed = true,
                other => return other,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Relay {
    pub fn new(client: Wire, server: Wire, edits: Edits, place: Place, tell_all: bool) -> Relay {
        Relay {
            client: Side::new(client),
            server: Side::new(server),
            stream: Stream::new(edits),
            place,
            tell_all,
            to_tell: None,
            to_end: false,
            ending: false,
            server_closed: false,
        }
    }

    /// The SQLSTATE with which the server refused to open the session.
    pub fn refusal(&self) -> Option<[u8; 5]> {
        self.stream.refusal.filter(|_| !self.stream.is_open())
    }

    /// Relays until the session ends, which is to be open within `patience`.
    pub async fn run(&mut self, startup: Vec<u8>, early: Early, patience: Duration) -> End {
        self.server.pending = startup;
        self.stream.requests.follow(&early.bytes);
        self.server.pending.extend(early.bytes);
        poll_fn(|cx| {
            self.place.client.orders.wake(cx);
            Poll::Ready(())
        })
        .await;
        let end = match timeout(patience, poll_fn(|cx| self.poll_until_open(cx))).await {
            Ok(Some(end)) => end,
            Ok(None) => poll_fn(|cx| self.poll(cx)).await,
            Err(_) => self.give_up().await,
        };
        self.client.wire.say_goodbye().await;
        self.server.wire.say_goodbye().await;
        end
    }

    fn poll_until_open(&mut self, cx: &mut Context<'_>) -> Poll<Option<End>> {
        match self.poll(cx) {
            Poll::Ready(end) => Poll::Ready(Some(end)),
            Poll::Pending if self.stream.is_open() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }

    /// The session was not opened in time.
    async fn give_up(&mut self) -> End {
        let word = match self.stream.has_begun {
            true => messages::fatal("57014", "canceling authentication due to timeout"),
            // Of all refusals only this one sends a client of several hosts to the next.
            false => messages::fatal(
                "57P03",
                "could not connect to the server behind the proxy: the server does not answer",
            ),
        };
        self.client.pending.extend(word);
        // A client that does not read it goes without.
        let _ = timeout(LAST_WORD, poll_fn(|cx| self.client.drain(cx))).await;
        End::Timeout
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        for command in self.place.client.orders.take() {
            match command {
                Command::Tell => self.prepare_to_tell(),
                Command::EndIdle => self.to_end |= self.stream.activity() == Activity::Idle,
                Command::End => self.to_end = true,
                Command::Abort => return Poll::Ready(End::ByProxy),
            }
        }
        loop {
            self.say_what_is_due();
            if let Some(end) = self.relay(cx) {
                return Poll::Ready(end);
            }
            if !self.is_due_to_end() {
                return Poll::Pending;
            }
        }
    }

    /// Relays what there is, both ways in turn. A way on which nothing moves is not tried again: nothing that goes the
    /// other way can make it move.
    fn relay(&mut self, cx: &mut Context<'_>) -> Option<End> {
        let (mut up, mut down) = (true, true);
        while up || down {
            if up {
                match self.upward(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(end)) => return Some(end),
                    Poll::Pending => up = false,
                }
            }
            if down {
                match self.downward(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(end)) => return Some(end),
                    Poll::Pending => down = false,
                }
            }
        }
        None
    }

    fn is_due_to_end(&self) -> bool {
        self.to_end && !self.ending && (self.stream.is_at_boundary() || !self.stream.is_open())
    }

    fn prepare_to_tell(&mut self) {
        let client = &self.place.client;
        if client.is_told() || !client.can_be_told(self.tell_all) {
            return;
        }
        self.to_tell = Some(match client.about.asked {
            true => messages::GOAWAY.to_vec(),
            false => messages::disconnect_requested(),
        });
    }

    /// Puts in what the proxy has to say, where the server's stream is between two messages.
    fn say_what_is_due(&mut self) {
        self.tell_if_due();
        if self.is_due_to_end() {
            self.ending = true;
            self.client.pending.extend(messages::terminated());
            self.server.pending.extend_from_slice(messages::TERMINATE);
        }
    }

    fn tell_if_due(&mut self) {
        // A server that says it by itself has its word passed on by the same rules.
        if std::mem::take(&mut self.stream.goaway) {
            self.prepare_to_tell();
        }
        if self.stream.is_at_boundary()
            && let Some(message) = self.to_tell.take()
        {
            self.client.pending.extend(message);
            self.place.note_told();
        }
    }

    /// One step from client to server: Ready(Ok) for progress.
    fn upward(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        match self.server.drain(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => {}
            // What the server said last is still to be read.
            Poll::Ready(Err(_)) => return Poll::Pending,
        }
        if self.ending {
            return Poll::Pending;
        }
        BUFFER.with_borrow_mut(|buffer| {
            let Poll::Ready(size) = self.client.read(cx, buffer) else {
                return Poll::Pending;
            };
            if size == 0 {
                return Poll::Ready(Err(End::ByClient));
            }
            self.stream.requests.follow(&buffer[..size]);
            self.place.client.set_activity(self.stream.activity());
            count(&self.place.counters().bytes_to_server, size as u64);
            // Where this fails the server's end shows it.
            let _ = self.server.write(cx, &buffer[..size]);
            Poll::Ready(Ok(()))
        })
    }

    /// One step from server to client.
    fn downward(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        match self.client.drain(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return Poll::Ready(Err(End::ByClient)),
        }
        if self.ending {
            return Poll::Ready(Err(End::ByProxy));
        }
        if self.server_closed {
            return Poll::Ready(Err(End::ByServer));
        }
        BUFFER.with_borrow_mut(|buffer| {
            let Poll::Ready(size) = self.server.read(cx, buffer) else {
                return Poll::Pending;
            };
            self.server_closed = size == 0;
            count(&self.place.counters().bytes_to_client, size as u64);
            let outcome = self.take(cx, &buffer[..size]);
            Poll::Ready(outcome.map_err(|Nonsense| End::Nonsense))
        })
    }

    /// Passes on what the server sent.
    fn take(&mut self, cx: &mut Context<'_>, mut bytes: &[u8]) -> Result<(), Nonsense> {
        if !self.stream.is_open() {
            bytes = self.stream.open(bytes, &mut self.client.pending)?;
            if let Some(pid) = self.stream.pid {
                self.place.client.set_pid(pid);
            }
            self.tell_if_due();
        }
        while !bytes.is_empty() {
            // Where this fails the next try to write shows it.
            let length = match self.stream.follow(bytes, self.to_tell.is_some())? {
                Run::Pass(length) => {
                    let _ = self.client.write(cx, &bytes[..length]);
                    length
                }
                Run::Drop(length) => length,
            };
            bytes = &bytes[length..];
            self.tell_if_due();
        }
        self.place.client.set_activity(self.stream.activity());
        Ok(())
    }
}
