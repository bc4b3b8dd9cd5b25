//! One session: bytes both ways, and a word of the proxy's at a message boundary.
//!
//! A side is read only while everything read before has been written to the other, so that a session holds at most one
//! read's worth of bytes, whatever the messages' sizes. Buffers are the thread's: an idle session has none.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep, timeout};

use crate::early::Early;
use crate::framer::Nonsense;
use crate::frames::{Edits, Run, Stream};
use crate::messages;
use crate::orders::Command;
use crate::registry::{Activity, Place, count};
use crate::side::Side;
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

/// How often a client is looked at that has ended its sending and may be gone; a client whose server has gone has this
/// time to close.
const LOOK: Duration = Duration::from_secs(2);
/// So many looks at a client that does not read the server's last words.
const LOOKS: u32 = 30;
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
    /// The side that ended its sending first.
    first_over: Option<End>,
    /// Then: the next look at what is left.
    look: Option<Pin<Box<Sleep>>>,
    looks: u32,
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
            first_over: None,
            look: None,
            looks: 0,
        }
    }

    /// The SQLSTATE with which the server refused to open the session.
    pub fn refusal(&self) -> Option<[u8; 5]> {
        self.stream.refusal.filter(|_| !self.stream.is_open())
    }

    /// Relays until the session ends, which is to be open within `patience`.
    pub async fn run(&mut self, startup: Vec<u8>, early: Early, patience: Duration) -> End {
        self.server.pending = startup;
        self.take_early(early);
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

    /// What the client sent while it had no server.
    fn take_early(&mut self, early: Early) {
        if !early.bytes.is_empty() {
            self.stream.requests.follow(&early.bytes);
            self.server.pending.extend(early.bytes);
        }
        if early.is_over {
            self.note_end_of_client();
        }
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
        let last_word = async {
            poll_fn(|cx| self.client.drain(cx)).await?;
            poll_fn(|cx| self.client.shut(cx)).await;
            std::io::Result::Ok(())
        };
        // A client that does not read it goes without.
        let _ = timeout(LAST_WORD, last_word).await;
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
                return self.look(cx);
            }
        }
    }

    /// Relays what there is, both ways in turn. A way on which nothing moves is not tried again: of what goes the other
    /// way only its end can make it move.
    fn relay(&mut self, cx: &mut Context<'_>) -> Option<End> {
        let (mut up, mut down) = (true, true);
        while up || down {
            if up {
                match self.upward(cx) {
                    Poll::Ready(Ok(())) => down |= self.client.is_over,
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

    /// Looks at what is left of a session of which one side has ended its sending.
    fn look(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let Some(look) = &mut self.look else {
            return Poll::Pending;
        };
        while look.as_mut().poll(cx).is_ready() {
            self.looks += 1;
            if self.server.is_over && (self.client.pending.is_empty() || self.looks > LOOKS) {
                return Poll::Ready(End::ByServer);
            }
            if self.client.is_over && self.client.wire.is_gone() {
                return Poll::Ready(End::ByClient);
            }
            look.as_mut().reset(Instant::now() + LOOK);
        }
        Poll::Pending
    }

    fn begin_looks(&mut self, over: End) {
        self.first_over.get_or_insert(over);
        self.look = Some(Box::pin(sleep(LOOK)));
        self.looks = 0;
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
            // What the server said last is still to be read; then what the client says goes nowhere.
            Poll::Ready(Err(_)) if !self.server.is_over => return Poll::Pending,
            Poll::Ready(Err(_)) => self.server.forget(),
        }
        if self.ending {
            return Poll::Pending;
        }
        if self.client.is_over {
            return self.server.shut(cx).map(Ok);
        }
        BUFFER.with_borrow_mut(|buffer| {
            let size = match self.client.read(cx, buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(size)) => size,
                // It was reset: nobody is there to hear more.
                Poll::Ready(Err(_)) => return Poll::Ready(Err(self.end())),
            };
            if size == 0 && self.client.wire.is_gone() {
                return Poll::Ready(Err(self.end()));
            }
            if size == 0 {
                self.note_end_of_client();
                return Poll::Ready(Ok(()));
            }
            self.stream.requests.follow(&buffer[..size]);
            self.place.client.set_activity(self.stream.activity());
            count(&self.place.counters().bytes_to_server, size as u64);
            // Where this fails the server's end shows it.
            let _ = self.server.write(cx, &buffer[..size]);
            Poll::Ready(Ok(()))
        })
    }

    /// The client sends no more. What it has asked for is answered all the same.
    fn note_end_of_client(&mut self) {
        self.client.is_over = true;
        self.client.wire.ask_often();
        self.begin_looks(End::ByClient);
    }

    /// Who ended the session that has come to its end.
    fn end(&self) -> End {
        self.first_over.unwrap_or(End::ByClient)
    }

    /// One step from server to client.
    fn downward(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        match self.client.drain(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return Poll::Ready(Err(self.end())),
        }
        if self.ending {
            return Poll::Ready(Err(End::ByProxy));
        }
        if self.client.is_over && (self.stream.requests.are_answered() || self.server.is_over) {
            return Poll::Ready(Err(self.end()));
        }
        if self.server.is_over {
            // Its last words have arrived when the client closes.
            return self.client.shut(cx).map(Ok);
        }
        BUFFER.with_borrow_mut(|buffer| {
            let Poll::Ready(size) = self.server.read(cx, buffer) else {
                return Poll::Pending;
            };
            // A connection that broke has ended.
            let size = size.unwrap_or(0);
            if size == 0 {
                self.server.is_over = true;
                self.begin_looks(End::ByServer);
            }
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
