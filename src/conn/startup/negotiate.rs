//! The conversation up to a session: startup packet, protocol negotiation, first replies.

use super::goaway::{self, Blame, Refusal};
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
const APPLICATION_NAME_UNKNOWN: &[u8] = b"42704";
/// An error longer than this is not an ErrorResponse of protocol 3.
const MAX_ERROR: i32 = 30_000;
const MAX_REQUEST: i32 = 2000;
const PROTOCOL_3_1: u32 = 0x0003_0001;

impl Startup {
    /// The socket is connected: say what we want.
    pub(super) fn open_conversation(&mut self, session: &mut Session) -> Option<Want> {
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
        if self.goaway.is_asked() {
            pairs.push((GOAWAY_KEY, b""));
        }
        pairs.extend(self.environment.iter().map(|(k, v)| (*k, v.as_slice())));
        pairs
    }

    /// Connects to the same address again without the GoAway key; false when the key was not sent.
    pub(super) fn retry_without_goaway(&mut self) -> bool {
        let again = self.goaway.give_up();
        self.connect_again_if(again)
    }

    fn connect_again_if(&mut self, again: bool) -> bool {
        if again {
            self.advance_to(Next::RetryWithoutGoAway);
        }
        again
    }

    /// The same, if the error may be about the key.
    fn retry_if_goaway_refused(&mut self, refusal: Refusal<'_>) -> bool {
        match goaway::blame(refusal) {
            Some(Blame::Certain) => self.retry_without_goaway(),
            Some(Blame::Possible) => {
                let again = self.goaway.suspect(refusal.sqlstate);
                self.connect_again_if(again)
            }
            None => false,
        }
    }

    /// Messages before AuthenticationOk.
    pub(super) fn await_response(&mut self, session: &mut Session) -> Option<Want> {
        let input = std::mem::take(session.input_mut());
        let step = self.first_message(session, input.unread());
        *session.input_mut() = input;
        match step {
            Reply::Incomplete { total } => {
                let missing = total.saturating_sub(session.input().unread().len());
                if session.input_mut().reserve(missing).is_err() {
                    self.fail_with(session, "cannot allocate memory for input buffer");
                    return None;
                }
                return Some(Want::Read);
            }
            Reply::Consumed(bytes) => session.input_mut().consume(bytes),
        }
        (!session.output().is_empty()).then_some(Want::Write)
    }

    fn first_message(&mut self, session: &mut Session, input: &[u8]) -> Reply {
        let Some(&kind) = input.first() else {
            return Reply::Incomplete { total: HEADER };
        };
        if self.purpose == Purpose::Cancel {
            self.fail_with(session, "unexpected response from server");
            return Reply::Consumed(0);
        }
        if !matches!(
            kind,
            server::AUTHENTICATION | server::NEGOTIATE_PROTOCOL_VERSION | server::ERROR_RESPONSE
        ) {
            let mut text = b"expected authentication request from server, but received ".to_vec();
            text.push(kind);
            self.fail_with(session, text);
            return Reply::Consumed(0);
        }
        let Some(length) = Body(&input[1..]).i32() else {
            return Reply::Incomplete { total: HEADER };
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
            return Reply::Consumed(0);
        }
        let total = 1 + length as usize;
        let Some(body) = input.get(HEADER..total) else {
            return Reply::Incomplete { total };
        };
        let first = !std::mem::replace(&mut self.replied, true);
        match kind {
            server::ERROR_RESPONSE => self.refused(session, body, first),
            server::NEGOTIATE_PROTOCOL_VERSION => self.negotiated(session, body),
            _ => self.authentication_request(session, &input[..total]),
        }
        if kind != server::AUTHENTICATION {
            session.trace_received(input, body.len());
        }
        Reply::Consumed(total)
    }

    /// A plain text error, as servers before protocol 3 send it.
    fn old_error(&mut self, session: &mut Session, text: &[u8]) -> Reply {
        self.replied = true;
        let Some(end) = memchr::memchr(0, text) else {
            if text.len() > MAX_ERROR as usize {
                self.fail_with(session, "received invalid error message");
                return Reply::Consumed(0);
            }
            return Reply::Incomplete {
                total: text.len() + 2,
            };
        };
        session.add_error_raw(&text[..end]);
        if !session.error_text().ends_with(b"\n") {
            session.add_error_raw(b"\n");
        }
        self.fail();
        Reply::Consumed(1 + end + 1)
    }

    fn refused(&mut self, session: &mut Session, body: &[u8], first: bool) {
        let fields = ErrorFields::parse(body);
        let field = |code| fields.as_ref().and_then(|fields| fields.get(code));
        let refusal = refusal(field, first);
        if fields.is_some() && self.retry_if_goaway_refused(refusal) {
            return;
        }
        if first {
            self.goaway.acquit(refusal.sqlstate);
        }
        if !session.error_response(body) {
            return self.fail_with(session, "received invalid error message");
        }
        if session.server().sqlstate == CANNOT_CONNECT_NOW {
            // The server starts up or shuts down: its other addresses are the same server.
            self.advance_to(Next::Host);
        } else {
            self.fall_back();
        }
    }

    /// NegotiateProtocolVersion.
    fn negotiated(&mut self, session: &mut Session, body: &[u8]) {
        if std::mem::replace(&mut self.negotiated, true) {
            return self.fail_with(session, "received duplicate protocol negotiation message");
        }
        match self.negotiation(session.server().protocol, Body(body)) {
            Ok(version) => session.server_mut().protocol = version,
            Err(Complaint::Invalid(text)) => {
                let prefix = b"received invalid protocol negotiation message: ";
                self.fail_with(session, ErrorText::concat(&[prefix, &text]));
            }
            Err(Complaint::TooOld(text)) => self.fail_with(session, text),
        }
    }

    fn negotiation(
        &self,
        asked: ProtocolVersion,
        mut body: Body<'_>,
    ) -> Result<ProtocolVersion, Complaint> {
        let short = || Complaint::from("message too short");
        let version = ProtocolVersion(body.u32().ok_or_else(short)?);
        let count = body.i32().ok_or_else(short)?;
        self.check_version(asked, version, count)?;
        for _ in 0..count {
            let name = body.string().ok_or_else(short)?;
            if !name.starts_with(b"_pq_.") {
                let text =
                    b"server reported unsupported parameter name without a \"_pq_.\" prefix (\"";
                return Err(Complaint::Invalid(ErrorText::concat(&[text, name, b"\")"])));
            }
            if name != GOAWAY_KEY || !self.goaway.is_asked() {
                let text = b"server reported an unsupported parameter that was not requested (\"";
                return Err(Complaint::Invalid(ErrorText::concat(&[text, name, b"\")"])));
            }
        }
        Ok(version)
    }

    fn check_version(
        &self,
        asked: ProtocolVersion,
        version: ProtocolVersion,
        count: i32,
    ) -> Result<(), Complaint> {
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
            return Err(Complaint::TooOld(self.too_old(version)));
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

    /// After AuthenticationOk: the ordinary parser reads up to ReadyForQuery.
    pub(super) fn finish_startup(&mut self, session: &mut Session) -> Option<Want> {
        if let Some(notice) = session.parse_input() {
            return Some(Want::Notice(notice));
        }
        if session.is_fatal() {
            self.fail();
            return None;
        }
        if session.is_busy() {
            return Some(Want::Read);
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
        let refusal = refusal(field, false);
        if self.retry_if_goaway_refused(refusal) {
            return;
        }
        let sqlstate = refusal.sqlstate;
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

/// What an error's fields say of the request for GoAway.
fn refusal<'a>(field: impl Fn(u8) -> Option<&'a [u8]>, first: bool) -> Refusal<'a> {
    Refusal {
        sqlstate: field(SQLSTATE),
        message: field(MESSAGE_PRIMARY).unwrap_or_default(),
        first,
        has_routine: field(SOURCE_FUNCTION).is_some(),
    }
}

/// What was made of the bytes at the front of the input.
enum Reply {
    Incomplete { total: usize },
    Consumed(usize),
}

/// Why a NegotiateProtocolVersion is refused.
enum Complaint {
    Invalid(ErrorText),
    TooOld(ErrorText),
}

impl From<&str> for Complaint {
    fn from(text: &str) -> Complaint {
        Complaint::Invalid(text.into())
    }
}
