//! Relays one session in both directions, and inserts the proxy's own messages at message boundaries.
//!
//! The proxy reads from one side only when everything read before has been written to the other. So a session buffers at most
//! one read, whatever the size of the messages. The read buffer belongs to the thread: idle sessions have none.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep, timeout};

use crate::commands::Command;
use crate::early_data::EarlyData;
use crate::framer::InvalidStream;
use crate::frames::{Edits, Run, Stream};
use crate::messages;
use crate::registry::{Activity, Registration, count};
use crate::side::Side;
use crate::wire::Wire;

const READ_SIZE: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_SIZE]);
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    ByClient,
    ByServer,
    ByProxy,
    /// The server's stream was not valid.
    ProtocolError,
    /// The session was not open in time.
    Timeout,
}

impl End {
    /// The value in the log: who ended the session, or why.
    pub fn name(self) -> &'static str {
        match self {
            End::ByClient => "client",
            End::ByServer => "server",
            End::ByProxy => "proxy",
            End::ProtocolError => "protocol error",
            End::Timeout => "timeout",
        }
    }
}

/// How often a half-closed session is checked. A client has this long to close after its server has closed.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// The number of checks before the session of a client that does not read the server's last messages is closed.
const MAX_CHECKS: u32 = 30;
/// The time to write the error to a client whose session was not open in time.
const ERROR_TIMEOUT: Duration = Duration::from_secs(1);

/// A session between a client and its server.
pub struct Relay {
    client: Side,
    server: Side,
    stream: Stream,
    pub registration: Registration,
    /// Clients that did not request GoAway get a parameter instead.
    tell_all: bool,
    /// The message that asks the client to disconnect, until it is sent.
    to_tell: Option<Vec<u8>>,
    /// The session is to be terminated at the next message boundary.
    to_end: bool,
    /// The final error is queued; when it is written, the session ends.
    ending: bool,
    /// The side that closed its sending direction first.
    closed_first: Option<End>,
    /// The timer of the next check, once a side has closed its sending direction.
    check_timer: Option<Pin<Box<Sleep>>>,
    checks: u32,
}

impl Relay {
    pub fn new(
        client: Wire,
        server: Wire,
        edits: Edits,
        registration: Registration,
        tell_all: bool,
    ) -> Relay {
        Relay {
            client: Side::new(client),
            server: Side::new(server),
            stream: Stream::new(edits),
            registration,
            tell_all,
            to_tell: None,
            to_end: false,
            ending: false,
            closed_first: None,
            check_timer: None,
            checks: 0,
        }
    }

    /// The SQLSTATE with which the server refused the session.
    pub fn refusal(&self) -> Option<[u8; 5]> {
        self.stream.refusal.filter(|_| !self.stream.is_open())
    }

    /// Relays until the session ends. It must be open within `timeout`.
    pub async fn run(
        &mut self,
        startup: Vec<u8>,
        early: EarlyData,
        opening_timeout: Duration,
    ) -> End {
        self.server.pending = startup;
        self.queue_early_data(early);
        poll_fn(|cx| {
            self.registration.client.commands.register(cx);
            Poll::Ready(())
        })
        .await;
        let end = match timeout(opening_timeout, poll_fn(|cx| self.poll_until_open(cx))).await {
            Ok(Some(end)) => end,
            Ok(None) => poll_fn(|cx| self.poll(cx)).await,
            Err(_) => self.refuse().await,
        };
        self.client.wire.send_close_notify().await;
        self.server.wire.send_close_notify().await;
        end
    }

    /// Queues the bytes that the client sent while the proxy connected to the server.
    fn queue_early_data(&mut self, early: EarlyData) {
        if !early.bytes.is_empty() {
            self.stream.requests.follow(&early.bytes);
            self.server.pending.extend(early.bytes);
        }
        if early.at_eof {
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

    /// Sends an error to a client whose session was not open in time.
    async fn refuse(&mut self) -> End {
        let error = match self.stream.has_begun {
            true => messages::fatal("57014", "canceling authentication due to timeout"),
            // Only this SQLSTATE makes libpq try the next host.
            false => messages::fatal(
                "57P03",
                "could not connect to the server behind the proxy: the server does not answer",
            ),
        };
        self.client.pending.extend(error);
        let write = async {
            poll_fn(|cx| self.client.drain(cx)).await?;
            poll_fn(|cx| self.client.shut(cx)).await;
            std::io::Result::Ok(())
        };
        // Ignore clients that do not read it.
        let _ = timeout(ERROR_TIMEOUT, write).await;
        End::Timeout
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        for command in self.registration.client.commands.take() {
            match command {
                Command::SendGoAway => self.prepare_to_tell(),
                Command::EndIdle => self.to_end |= self.stream.activity() == Activity::Idle,
                Command::End => self.to_end = true,
                Command::Abort => return Poll::Ready(End::ByProxy),
            }
        }
        loop {
            self.insert_messages();
            if let Some(end) = self.relay(cx) {
                return Poll::Ready(end);
            }
            if !self.is_due_to_end() {
                return self.check_half_closed(cx);
            }
        }
    }

    /// Relays available bytes in both directions in turn. A direction without progress is not tried again, with one exception:
    /// the client's end of file can make the other direction continue.
    fn relay(&mut self, cx: &mut Context<'_>) -> Option<End> {
        let (mut to_server, mut to_client) = (true, true);
        while to_server || to_client {
            if to_server {
                match self.relay_to_server(cx) {
                    Poll::Ready(Ok(())) => to_client |= self.client.at_eof,
                    Poll::Ready(Err(end)) => return Some(end),
                    Poll::Pending => to_server = false,
                }
            }
            if to_client {
                match self.relay_to_client(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(end)) => return Some(end),
                    Poll::Pending => to_client = false,
                }
            }
        }
        None
    }

    /// Once a side has closed its sending direction, checks regularly whether the session has ended.
    fn check_half_closed(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let Some(timer) = &mut self.check_timer else {
            return Poll::Pending;
        };
        while timer.as_mut().poll(cx).is_ready() {
            self.checks += 1;
            if self.server.at_eof && (self.client.pending.is_empty() || self.checks > MAX_CHECKS) {
                return Poll::Ready(End::ByServer);
            }
            if self.client.at_eof && self.client.wire.is_gone() {
                return Poll::Ready(End::ByClient);
            }
            timer.as_mut().reset(Instant::now() + CHECK_INTERVAL);
        }
        Poll::Pending
    }

    fn start_checks(&mut self, closed_by: End) {
        self.closed_first.get_or_insert(closed_by);
        self.check_timer = Some(Box::pin(sleep(CHECK_INTERVAL)));
        self.checks = 0;
    }

    fn is_due_to_end(&self) -> bool {
        self.to_end && !self.ending && (self.stream.is_at_boundary() || !self.stream.is_open())
    }

    /// Prepares the message that asks the client to disconnect, unless the client has got it or cannot receive it.
    fn prepare_to_tell(&mut self) {
        let client = &self.registration.client;
        if client.is_told() || !client.can_be_told(self.tell_all) {
            return;
        }
        self.to_tell = Some(match client.about.asked {
            true => messages::GOAWAY.to_vec(),
            false => messages::disconnect_requested(),
        });
    }

    /// Inserts the proxy's messages if the server's stream is at a message boundary.
    fn insert_messages(&mut self) {
        self.tell_if_due();
        if self.is_due_to_end() {
            self.ending = true;
            self.client.pending.extend(messages::terminated());
            self.server.pending.extend_from_slice(messages::TERMINATE);
        }
    }

    fn tell_if_due(&mut self) {
        // A GoAway from the server is forwarded by the same rules.
        if std::mem::take(&mut self.stream.goaway) {
            self.prepare_to_tell();
        }
        if self.stream.is_at_boundary()
            && let Some(message) = self.to_tell.take()
        {
            self.client.pending.extend(message);
            self.registration.note_told();
        }
    }

    /// Reads once from the client and writes to the server. Ready(Ok) means progress.
    fn relay_to_server(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        match self.server.drain(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => {}
            // Read the server's last messages first; then discard what the client sends.
            Poll::Ready(Err(_)) if !self.server.at_eof => return Poll::Pending,
            Poll::Ready(Err(_)) => self.server.discard_writes(),
        }
        if self.ending {
            return Poll::Pending;
        }
        if self.client.at_eof {
            return self.server.shut(cx).map(Ok);
        }
        BUFFER.with_borrow_mut(|buffer| {
            let size = match self.client.read(cx, buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(size)) => size,
                // The client reset the connection.
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
            self.registration
                .client
                .set_activity(self.stream.activity());
            count(&self.registration.counters().bytes_to_server, size as u64);
            // If this fails, reading from the server ends, too.
            let _ = self.server.write(cx, &buffer[..size]);
            Poll::Ready(Ok(()))
        })
    }

    /// The client has closed its sending direction. The server still answers its requests.
    fn note_end_of_client(&mut self) {
        self.client.at_eof = true;
        self.client.wire.shorten_keepalive();
        self.start_checks(End::ByClient);
    }

    /// Who ended the session.
    fn end(&self) -> End {
        self.closed_first.unwrap_or(End::ByClient)
    }

    /// Reads once from the server and writes to the client. Ready(Ok) means progress.
    fn relay_to_client(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        match self.client.drain(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return Poll::Ready(Err(self.end())),
        }
        if self.ending {
            return Poll::Ready(Err(End::ByProxy));
        }
        if self.client.at_eof && (self.stream.requests.are_answered() || self.server.at_eof) {
            return Poll::Ready(Err(self.end()));
        }
        if self.server.at_eof {
            // When the client closes in return, it has received everything.
            return self.client.shut(cx).map(Ok);
        }
        BUFFER.with_borrow_mut(|buffer| {
            let Poll::Ready(size) = self.server.read(cx, buffer) else {
                return Poll::Pending;
            };
            // A broken connection counts as an end of file.
            let size = size.unwrap_or(0);
            if size == 0 {
                self.server.at_eof = true;
                self.start_checks(End::ByServer);
            }
            count(&self.registration.counters().bytes_to_client, size as u64);
            let outcome = self.forward(cx, &buffer[..size]);
            Poll::Ready(outcome.map_err(|InvalidStream| End::ProtocolError))
        })
    }

    /// Forwards bytes from the server to the client.
    fn forward(&mut self, cx: &mut Context<'_>, mut bytes: &[u8]) -> Result<(), InvalidStream> {
        if !self.stream.is_open() {
            bytes = self.stream.open(bytes, &mut self.client.pending)?;
            if let Some(pid) = self.stream.pid {
                self.registration.client.set_pid(pid);
            }
            self.tell_if_due();
        }
        while !bytes.is_empty() {
            // If this fails, the next write reports it.
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
        self.registration
            .client
            .set_activity(self.stream.activity());
        Ok(())
    }
}
