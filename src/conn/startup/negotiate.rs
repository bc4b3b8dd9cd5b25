//! The startup packet, protocol negotiation and the replies up to ReadyForQuery.

use super::goaway::{self, Failure, Rejection, ServerError};
use super::{Next, Purpose, Startup, Want};
use crate::conn::session::Session;
use crate::conn::session::collect::Collected;
use crate::conn::session::errors::OUT_OF_MEMORY;
use crate::conn::status::Phase;
use crate::conninfo::options::Opt;
use crate::conninfo::params::ProtocolVersion;
use crate::mem::error_text::ErrorText;
use crate::protocol::backend::{Body, HEADER};
use crate::protocol::codes::{GOAWAY_KEY, server};
use crate::protocol::fields::{ErrorFields, MESSAGE_PRIMARY, SOURCE_FUNCTION, SQLSTATE};
use crate::protocol::frontend;
use crate::result::status::Status;

const CANNOT_CONNECT_NOW: &[u8] = b"57P03";
const INVALID_PASSWORD: &[u8] = b"28P01";
const APPLICATION_NAME_UNKNOWN: &[u8] = b"42704";
/// A longer error is not an ErrorResponse of protocol 3.
const MAX_ERROR: i32 = 30_000;
const MAX_REQUEST: i32 = 2000;
const PROTOCOL_3_1: u32 = 0x0003_0001;

impl Startup {
    /// The socket is ready: sends the startup packet or the cancel request.
    pub(super) fn send_startup_packet(&mut self, session: &mut Session) -> Option<Want> {
        let from = session.output().len();
        let written = if let Some(cancel) = &self.cancel {
            frontend::cancel_request(session.output_mut(), cancel.process, &cancel.key)
        } else {
            session.server_mut().protocol = self.params.max_protocol;
            let pairs = self.startup_pairs();
            let borrowed = pairs.iter().copied();
            let version = self.params.max_protocol.0;
            frontend::startup(session.output_mut(), version, borrowed)
        };
        if written.is_err() {
            self.fail_with(session, OUT_OF_MEMORY);
            return None;
        }
        session.trace_startup(from);
        self.enter(session, Phase::AwaitingResponse);
        Some(Want::Write)
    }

    /// Keys and values of the startup packet, in libpq's order.
    fn startup_pairs(&self) -> Vec<(&'static [u8], &[u8])> {
        let mut pairs: Vec<(&'static [u8], &[u8])> = Vec::new();
        let given = [
            (&b"user"[..], Opt::User),
            (b"database", Opt::DbName),
            (b"replication", Opt::Replication),
            (b"options", Opt::Options),
        ];
        for (key, option) in given {
            pairs.extend(self.options.non_empty(option).map(|value| (key, value)));
        }
        if self.send_application_name {
            // libpq: an empty application_name suppresses the fallback.
            let name = self.options.get(Opt::ApplicationName);
            let name = name.or_else(|| self.options.get(Opt::FallbackApplicationName));
            let name = name.filter(|name| !name.is_empty());
            pairs.extend(name.map(|name| (&b"application_name"[..], name)));
        }
        let encoding = self.options.non_empty(Opt::ClientEncoding);
        pairs.extend(encoding.map(|name| (&b"client_encoding"[..], name)));
        if self.goaway.sends_key() {
            pairs.push((GOAWAY_KEY, b""));
        }
        pairs.extend(self.environment.iter().map(|(k, v)| (*k, v.as_slice())));
        pairs
    }

    /// Retries the same address without the GoAway key, which may have caused the failure. False if the key was not sent.
    pub(super) fn retry_without_goaway(&mut self, failure: Failure) -> bool {
        let again = self.goaway.stop_sending_to_retry(failure);
        self.connect_again_if(again)
    }

    fn connect_again_if(&mut self, again: bool) -> bool {
        if again {
            self.advance_to(Next::RetryWithoutGoAway);
        }
        again
    }

    /// Retries without the key if it may have caused the error.
    fn retry_if_goaway_rejected(&mut self, error: ServerError<'_>) -> bool {
        match goaway::rejection(error) {
            Some(Rejection::Certain) => {
                let again = self.goaway.stop_sending();
                self.connect_again_if(again)
            }
            Some(Rejection::Possible) => self.retry_without_goaway(Failure::error(error.sqlstate)),
            None => false,
        }
    }

    /// Reads messages before AuthenticationOk.
    pub(super) fn await_response(&mut self, session: &mut Session) -> Option<Want> {
        let input = std::mem::take(session.input_mut());
        let step = self.first_message(session, input.unread());
        *session.input_mut() = input;
        match step {
            FirstReply::Incomplete { total } => {
                let missing = total.saturating_sub(session.input().unread().len());
                if session.input_mut().reserve(missing).is_err() {
                    self.fail_with(session, "cannot allocate memory for input buffer");
                    return None;
                }
                return Some(Want::Read);
            }
            FirstReply::Consumed(bytes) => session.input_mut().consume(bytes),
        }
        (!session.output().is_empty()).then_some(Want::Write)
    }

    fn first_message(&mut self, session: &mut Session, input: &[u8]) -> FirstReply {
        let Some(&kind) = input.first() else {
            return FirstReply::Incomplete { total: HEADER };
        };
        if self.purpose == Purpose::Cancel {
            self.fail_with(session, "unexpected response from server");
            return FirstReply::Consumed(0);
        }
        if !matches!(
            kind,
            server::AUTHENTICATION | server::NEGOTIATE_PROTOCOL_VERSION | server::ERROR_RESPONSE
        ) {
            let mut text = b"expected authentication request from server, but received ".to_vec();
            text.push(kind);
            self.fail_with(session, text);
            return FirstReply::Consumed(0);
        }
        let Some(length) = Body(&input[1..]).i32() else {
            return FirstReply::Incomplete { total: HEADER };
        };
        if kind == server::ERROR_RESPONSE && !(8..=MAX_ERROR).contains(&length) {
            return self.old_error(session, &input[1..]);
        }
        if !(8..=MAX_REQUEST).contains(&length) && kind != server::ERROR_RESPONSE {
            self.fail_with(
                session,
                match kind {
                    server::AUTHENTICATION => "received invalid authentication request",
                    _ => "received invalid protocol negotiation message",
                },
            );
            return FirstReply::Consumed(0);
        }
        let total = 1 + length as usize;
        let Some(body) = input.get(HEADER..total) else {
            return FirstReply::Incomplete { total };
        };
        let first = !std::mem::replace(&mut self.replied, true);
        if first && kind != server::ERROR_RESPONSE {
            self.goaway.retry_answered(None);
        }
        match kind {
            server::ERROR_RESPONSE => self.error_response(session, body, first),
            server::NEGOTIATE_PROTOCOL_VERSION => self.negotiated(session, body),
            _ => self.authentication_request(session, &input[..total]),
        }
        if kind != server::AUTHENTICATION {
            session.trace_received(input, body.len());
        }
        FirstReply::Consumed(total)
    }

    /// A plain-text error, as servers older than protocol 3 send it.
    fn old_error(&mut self, session: &mut Session, text: &[u8]) -> FirstReply {
        self.replied = true;
        let Some(end) = memchr::memchr(0, text) else {
            if text.len() > MAX_ERROR as usize {
                self.fail_with(session, "received invalid error message");
                return FirstReply::Consumed(0);
            }
            return FirstReply::Incomplete {
                total: text.len() + 2,
            };
        };
        session.add_error_raw(&text[..end]);
        if !session.error_text().ends_with(b"\n") {
            session.add_error_raw(b"\n");
        }
        self.fail();
        FirstReply::Consumed(1 + end + 1)
    }

    fn error_response(&mut self, session: &mut Session, body: &[u8], first: bool) {
        let fields = ErrorFields::parse(body);
        let field = |code| fields.as_ref().and_then(|fields| fields.get(code));
        let error = error_fields(field, first);
        if fields.is_some() && self.retry_if_goaway_rejected(error) {
            return;
        }
        if first {
            let failure = Failure::error(error.sqlstate);
            self.goaway.retry_answered(Some(failure));
        }
        if !session.error_response(body) {
            return self.fail_with(session, "received invalid error message");
        }
        if session.server().sqlstate == CANNOT_CONNECT_NOW {
            // The server is starting or shutting down. Its other addresses lead to the same server.
            self.advance_to(Next::Host);
        } else {
            self.mention_password_file(session);
            self.fall_back();
        }
    }

    /// Says that a wrong password is from the password file.
    fn mention_password_file(&self, session: &mut Session) {
        let server = session.server();
        let is_wrong = server.password_needed && server.sqlstate == INVALID_PASSWORD;
        if is_wrong && self.host().password.is_some() {
            let file = self.options.get(Opt::PassFile).unwrap_or_default();
            session.add_error(ErrorText::concat(&[
                b"password retrieved from file \"",
                file,
                b"\"",
            ]));
        }
    }

    /// NegotiateProtocolVersion.
    fn negotiated(&mut self, session: &mut Session, body: &[u8]) {
        if std::mem::replace(&mut self.negotiated, true) {
            return self.fail_with(session, "received duplicate protocol negotiation message");
        }
        match self.negotiation(session.server().protocol, Body(body)) {
            Ok(version) => session.server_mut().protocol = version,
            Err(NegotiationError::Invalid(text)) => {
                let prefix = b"received invalid protocol negotiation message: ";
                self.fail_with(session, ErrorText::concat(&[prefix, &text]));
            }
            Err(NegotiationError::TooOld(text)) => self.fail_with(session, text),
        }
    }

    fn negotiation(
        &self,
        asked: ProtocolVersion,
        mut body: Body<'_>,
    ) -> Result<ProtocolVersion, NegotiationError> {
        let short = || NegotiationError::from("message too short");
        let version = ProtocolVersion(body.u32().ok_or_else(short)?);
        let count = body.i32().ok_or_else(short)?;
        self.check_version(asked, version, count)?;
        for _ in 0..count {
            let name = body.string().ok_or_else(short)?;
            if !name.starts_with(b"_pq_.") {
                let text =
                    b"server reported unsupported parameter name without a \"_pq_.\" prefix (\"";
                return Err(NegotiationError::Invalid(ErrorText::concat(&[
                    text, name, b"\")",
                ])));
            }
            if name != GOAWAY_KEY || !self.goaway.sends_key() {
                let text = b"server reported an unsupported parameter that was not requested (\"";
                return Err(NegotiationError::Invalid(ErrorText::concat(&[
                    text, name, b"\")",
                ])));
            }
        }
        // libpq: reads these bytes as the next message.
        if !body.0.is_empty() {
            return Err(NegotiationError::from("message too long"));
        }
        Ok(version)
    }

    fn check_version(
        &self,
        asked: ProtocolVersion,
        version: ProtocolVersion,
        count: i32,
    ) -> Result<(), NegotiationError> {
        let problem = if version > asked {
            "server requested downgrade to a higher-numbered version"
        } else if version < ProtocolVersion::V3_0 {
            "server requested downgrade to pre-3.0 protocol version"
        } else if version.0 == PROTOCOL_3_1 {
            "server requested downgrade to non-existent 3.1 protocol version"
        } else if count < 0 {
            "server reported negative number of unsupported parameters"
        } else if version == asked && count == 0 {
            "server negotiated but asks for no changes"
        } else if version < self.params.min_protocol {
            return Err(NegotiationError::TooOld(self.too_old(version)));
        } else {
            return Ok(());
        };
        Err(problem.into())
    }

    fn too_old(&self, version: ProtocolVersion) -> ErrorText {
        let wanted = self.params.min_protocol;
        ErrorText::from(format_args!(
            "server only supports protocol version {}.{}, but \"min_protocol_version\" was set to {}.{}",
            version.major(),
            version.minor(),
            wanted.major(),
            wanted.minor()
        ))
    }

    /// Reads messages after AuthenticationOk, up to ReadyForQuery.
    pub(super) fn finish_startup(&mut self, session: &mut Session) -> Option<Want> {
        if let Err(want) = self.read_result(session) {
            return want;
        }
        match session.collect() {
            Collected::Nothing => {
                self.enter(session, Phase::CheckTarget);
            }
            Collected::Result(result) if result.status() == Status::FatalError => {
                self.startup_error(session, |code| {
                    result.error_field(code).map(|field| field.to_bytes())
                });
            }
            _ => self.fail_with(session, "unexpected message from server during startup"),
        }
        None
    }

    fn startup_error<'a>(&mut self, session: &mut Session, field: impl Fn(u8) -> Option<&'a [u8]>) {
        let error = error_fields(field, false);
        if self.retry_if_goaway_rejected(error) {
            return;
        }
        let sqlstate = error.sqlstate;
        let named = self.options.get(Opt::ApplicationName).is_some()
            || self.options.get(Opt::FallbackApplicationName).is_some();
        if self.send_application_name && named && sqlstate == Some(APPLICATION_NAME_UNKNOWN) {
            // libpq: servers before 9.0 do not know application_name.
            self.send_application_name = false;
            return self.advance_to(Next::Same);
        }
        if !session.error_text().ends_with(b"\n") {
            session.add_error_raw(b"\n");
        }
        self.fail();
    }
}

/// The fields of an error that tell whether the GoAway key caused it.
fn error_fields<'a>(field: impl Fn(u8) -> Option<&'a [u8]>, first: bool) -> ServerError<'a> {
    ServerError {
        sqlstate: field(SQLSTATE),
        message: field(MESSAGE_PRIMARY).unwrap_or_default(),
        first,
        has_routine: field(SOURCE_FUNCTION).is_some(),
    }
}

/// What was read from the front of the input.
enum FirstReply {
    Incomplete { total: usize },
    Consumed(usize),
}

/// Why a NegotiateProtocolVersion is refused.
enum NegotiationError {
    Invalid(ErrorText),
    TooOld(ErrorText),
}

impl From<&str> for NegotiationError {
    fn from(text: &str) -> NegotiationError {
        NegotiationError::Invalid(text.into())
    }
}
