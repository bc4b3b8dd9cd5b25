//! One connection to one address: its socket and the start of its error text.

use super::encryption::Encryption;
use super::goaway::Failure;
use super::{DEFAULT_PORT_TEXT, Next, OpenFailure, Purpose, Startup, Want};
use crate::conn::session::Session;
use crate::conn::status::{Phase, Stage};
use crate::conninfo::options::Opt;
use crate::conninfo::params::HostKind;
use crate::mem::error_text::ErrorText;

/// How a connection was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The server closed it, and sent nothing before.
    Closed,
    /// The same, but TLS did not end: anyone in the network may have closed it.
    CutOff,
    /// Reading or writing failed, or bytes of an incomplete message have arrived.
    Failed,
}

impl Startup {
    /// The result of [`Want::Connect`]. `Ok(true)` means that the connection is already established.
    pub fn opened(&mut self, session: &mut Session, outcome: Result<bool, OpenFailure>) {
        self.error_mark = session.error_text().len();
        let more =
            self.address + 1 < self.addresses.len() || self.host + 1 < self.params.hosts.len();
        match outcome {
            Err(OpenFailure::Socket(_)) if more => self.advance_to(Next::Address),
            Err(OpenFailure::Socket(message)) => {
                self.add_address_to_errors(session);
                self.fail_with(session, message);
            }
            Err(OpenFailure::Options(message)) => {
                self.add_address_to_errors(session);
                session.add_error(message);
                self.advance_to(Next::Address);
            }
            Err(OpenFailure::Connect(reason)) => {
                self.add_address_to_errors(session);
                self.connect_failed(session, &reason);
            }
            Ok(immediate) => self.connecting(session, immediate),
        }
    }

    pub(super) fn connecting(&mut self, session: &mut Session, immediate: bool) {
        self.add_address_to_errors(session);
        self.enter(session, Phase::Connecting);
        if immediate {
            self.connect_finished(session, Ok(()));
        }
    }

    /// libpq: if a required encryption is not available, the attempt fails before a socket is opened.
    pub(super) fn open(&mut self, session: &mut Session) -> Option<Want> {
        let known = self.encryption.current().is_some() || self.begin_encryption(session);
        known.then_some(Want::Connect(self.address))
    }

    fn begin_encryption(&mut self, session: &mut Session) -> bool {
        let unix = self.current_address().is_some_and(|a| a.unix);
        match Encryption::new(&self.params, unix, self.available) {
            Err(message) => self.fail_with(session, message),
            Ok(encryption) if encryption.current().is_none() => self.fail(),
            Ok(encryption) => {
                self.tls_unusable_reason = None;
                self.encryption = encryption;
                return true;
            }
        }
        false
    }

    /// Starts the error text of this connection with its address.
    pub(super) fn add_address_to_errors(&self, session: &mut Session) {
        let Some(address) = self.current_address() else {
            return;
        };
        let numeric = address.numeric.as_slice();
        if address.unix {
            let text = [
                b"connection to server on socket \"",
                numeric,
                b"\" failed: ",
            ];
            return session.add_error_raw(&text.concat());
        }
        let host = self.host();
        let by_address = host.kind == HostKind::Address;
        let named = if by_address {
            &host.hostaddr
        } else {
            &host.host
        };
        let shown = named.as_deref().unwrap_or_default();
        let port = host.port.as_deref().filter(|port| !port.is_empty());
        session.add_error_raw(&[b"connection to server at \"", shown, b"\""].concat());
        if !by_address && shown != numeric && !numeric.is_empty() {
            session.add_error_raw(&[b" (", numeric, b")"].concat());
        }
        let port = port.unwrap_or(DEFAULT_PORT_TEXT);
        session.add_error_raw(&[b", port ", port, b" failed: "].concat());
    }

    pub(super) fn connect_failed(&mut self, session: &mut Session, reason: &[u8]) {
        session.add_error(reason);
        let unix = self.current_address().is_some_and(|a| a.unix);
        session.add_error(if unix {
            "\tIs the server running locally and accepting connections on that socket?"
        } else {
            "\tIs the server running on that host and accepting TCP/IP connections?"
        });
        self.advance_to(Next::Address);
    }

    /// The result of connect(). `Err` has the system's error text.
    pub fn connect_finished(&mut self, session: &mut Session, outcome: Result<(), ErrorText>) {
        match outcome {
            Err(reason) => self.connect_failed(session, &reason),
            Ok(()) => {
                let unix = self.current_address().is_some_and(|a| a.unix);
                let checked = unix && self.options.non_empty(Opt::RequirePeer).is_some();
                let phase = if checked {
                    Phase::CheckPeer
                } else {
                    Phase::Connected
                };
                self.enter(session, phase);
            }
        }
    }

    /// The state of the socket cannot be read: the whole attempt fails.
    pub fn socket_failed(&mut self, session: &mut Session, message: &[u8]) {
        self.fail_with(session, message);
    }

    /// The user who runs the server, or an error text.
    pub fn peer(&mut self, session: &mut Session, user: Result<Vec<u8>, ErrorText>) {
        let wanted = self.options.non_empty(Opt::RequirePeer).unwrap_or_default();
        match user {
            Err(message) => self.fail_with(session, message),
            Ok(user) if user == wanted => self.enter(session, Phase::Connected),
            Ok(user) => {
                let message = [
                    b"requirepeer specifies \"",
                    wanted,
                    b"\", but actual peer user name is \"",
                    &user,
                    b"\"",
                ]
                .concat();
                self.fail_with(session, message);
            }
        }
    }

    /// The connection is lost. The session has the error text.
    pub fn lost(&mut self, session: &mut Session, loss: Loss) {
        let awaiting =
            self.next.is_none() && session.stage() == Stage::Starting(Phase::AwaitingResponse);
        if self.purpose == Purpose::Cancel && awaiting && loss == Loss::Closed {
            // The server answers a cancel request by closing the connection.
            session.clear_errors();
            session.mark_open();
        } else if !(loss != Loss::Failed
            && awaiting
            && !self.replied
            && self.retry_without_goaway(Failure::Closed))
        {
            self.fail();
        }
    }
}
