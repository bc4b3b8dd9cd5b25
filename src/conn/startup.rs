//! Connecting: from the host list to a session open for commands.
//!
//! [`Startup::advance`] runs until it needs the outside world and says what; the answer comes
//! through one of the other calls, then it is asked again.

mod attempt;
mod attributes;
pub mod auth_state;
mod authenticate;
mod encrypt_request;
pub mod encryption;
mod goaway;
pub mod gss_auth;
mod host_list;
mod negotiate;
pub mod oauth;
mod sasl;

use super::session::Session;
use super::status::{Phase, Stage};
use crate::conninfo::options::Options;
use crate::conninfo::params::{Host, Params, TargetSessionAttrs};
use crate::mem::error_text::ErrorText;
use crate::result::store::PgResultBox;
use auth_state::{Authentication, OAuth, TlsFacts};
use encryption::{Available, Encryption, Method};
use goaway::GoAwayRequest;

pub const DEFAULT_PORT: u16 = 5432;
pub(super) const DEFAULT_PORT_TEXT: &[u8] = b"5432";

/// What the machine waits for.
pub enum Want {
    /// The addresses of [`Startup::host`]; answer with [`Startup::resolved`].
    Resolve(u16),
    /// A socket to the address with this index; answer with [`Startup::opened`].
    Connect(usize),
    /// The outcome of the connect in progress, once the socket is writable:
    /// [`Startup::connect_finished`].
    Connecting,
    /// The name of the user on the other end of the Unix socket: [`Startup::peer`].
    Peer,
    /// The socket is to be closed, and the session starts over.
    Close {
        /// The next socket is to have the same descriptor.
        keep_descriptor: bool,
    },
    /// A step of the TLS handshake; once it ended: [`Startup::tls_established`] or
    /// [`Startup::handshake_failed`].
    Tls,
    /// A step of the GSSAPI handshake; once it ended: [`Startup::gss_established`] or
    /// [`Startup::handshake_failed`].
    Gss,
    /// A step of GSSAPI authentication: [`Startup::gss_token`], [`Startup::gss_stepped`].
    GssStep,
    /// The socket is to be polled once: writable means go on.
    Writable,
    /// A bearer token, or a flow that will bring one: [`Startup::token_source`].
    Token,
    /// A step of the flow; once it ended: [`Startup::token_obtained`].
    OAuthFlow,
    /// What stands in the session's output is to be sent.
    Write,
    /// More input from the server.
    Read,
    /// A notice for the application.
    Notice(PgResultBox),
    Done,
    Failed,
}

/// What the connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Session,
    /// PQping: nothing beyond what the question needs is asked of the server.
    Ping,
    /// A cancel request of the PQcancelCreate family.
    Cancel,
}

/// One address of the current host, as error texts show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The numeric address, or the path of a Unix socket.
    pub numeric: Vec<u8>,
    pub unix: bool,
    /// The same address, port included, has the same key.
    pub key: Vec<u8>,
}

/// Why no socket could be had.
pub enum OpenFailure {
    /// No socket at all; silent while another address or host is left.
    Socket(ErrorText),
    /// Its options could not be set.
    Options(ErrorText),
    /// connect() failed at once: the system's text.
    Connect(ErrorText),
}

/// What to do after a physical connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Address,
    Host,
    /// The same address again.
    Same,
    /// The same address again without the GoAway key. The application sees nothing of the first connection.
    RetryWithoutGoAway,
    /// The whole attempt has failed.
    Fail,
}

/// How the session attributes are to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Wanted(TargetSessionAttrs),
    /// prefer-standby's second pass: anything will do.
    Anything,
}

/// A connection attempt over all hosts.
pub struct Startup {
    params: Params,
    options: Options,
    environment: Vec<(&'static [u8], Vec<u8>)>,
    purpose: Purpose,
    /// Fills with random bytes; false when there are none.
    random: fn(&mut [u8]) -> bool,
    available: Available,
    /// Set when the current physical connection has failed. The phase, and so PQstatus, stays what it was until
    /// [`Startup::advance`] acts on it.
    next: Option<Next>,
    host: usize,
    addresses: Vec<Address>,
    address: usize,
    /// Counts (host, address) pairs tried: the clock of `connect_timeout` restarts with each.
    attempt: u64,
    encryption: Encryption,
    /// What encrypts the current physical connection; Plain while nothing does.
    in_use: Method,
    /// What the TLS handshake of the current physical connection told.
    tls: Option<TlsFacts>,
    /// Why this library could not use the TLS that the current address offered.
    not_usable: Option<Vec<u8>>,
    target: Target,
    send_application_name: bool,
    goaway: GoAwayRequest,
    auth: Authentication,
    oauth: OAuth,
    negotiated: bool,
    /// The length of the error text before the current physical connection added to it.
    error_mark: usize,
    /// The server has answered the startup packet.
    replied: bool,
    cancel: Option<CancelKey>,
}

/// What a cancel request carries.
#[derive(Debug, Clone)]
pub struct CancelKey {
    pub process: i32,
    pub key: Vec<u8>,
}

impl Startup {
    pub fn new(
        params: Params,
        options: Options,
        environment: Vec<(&'static [u8], Vec<u8>)>,
        purpose: Purpose,
        available: Available,
        random: fn(&mut [u8]) -> bool,
    ) -> Startup {
        let target = Target::Wanted(params.target_session_attrs);
        Startup {
            goaway: GoAwayRequest::new(params.goaway),
            params,
            options,
            environment,
            purpose,
            random,
            available,
            next: None,
            host: 0,
            addresses: Vec::new(),
            address: 0,
            attempt: 0,
            encryption: Encryption::default(),
            in_use: Method::Plain,
            tls: None,
            not_usable: None,
            target,
            send_application_name: true,
            auth: Authentication::default(),
            oauth: OAuth::default(),
            negotiated: false,
            error_mark: 0,
            replied: false,
            cancel: None,
        }
    }

    /// Begins with the first host (libpq: pqConnectDBStart).
    pub fn start(&mut self, session: &mut Session) {
        self.target = Target::Wanted(self.params.target_session_attrs);
        if self.cancel.is_some() {
            // A cancel request goes to the address of the connection it cancels and to no other.
            self.begin_address(session);
            return;
        }
        self.host = 0;
        self.begin_host(session);
    }

    /// A machine for a cancel request to `address` of this machine's host.
    pub fn for_cancel(&self, address: Address, cancel: CancelKey) -> Startup {
        let mut params = self.params.clone();
        params.hosts = vec![self.host().clone()];
        let (options, nothing) = (self.options.clone(), Vec::new());
        let purpose = Purpose::Cancel;
        let mut startup = Startup::new(
            params,
            options,
            nothing,
            purpose,
            self.available,
            self.random,
        );
        startup.addresses = vec![address];
        startup.cancel = Some(cancel);
        startup
    }

    /// The host being tried.
    pub fn host(&self) -> &Host {
        &self.params.hosts[self.host]
    }

    pub fn current_address(&self) -> Option<&Address> {
        self.addresses.get(self.address)
    }

    pub fn params(&self) -> &Params {
        &self.params
    }

    pub fn oauth(&self) -> &OAuth {
        &self.oauth
    }

    /// Permits OAuth over plain http, for tests.
    pub fn allow_oauth_over_http(&mut self, allow: bool) {
        self.oauth.allow_http = allow;
    }

    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Changes whenever another address is tried.
    pub fn attempt(&self) -> u64 {
        self.attempt
    }

    /// connect_timeout expired: on to the next address.
    pub fn time_out(&mut self, session: &mut Session) {
        session.add_error("timeout expired");
        // libpq: the status is CONNECTION_NEEDED from now on.
        self.enter(session, Phase::Resolving);
        self.advance_to(Next::Address);
    }

    /// Goes on to `phase` at the current address.
    pub(super) fn enter(&mut self, session: &mut Session, phase: Phase) {
        self.next = None;
        session.enter(phase);
    }

    pub(super) fn advance_to(&mut self, next: Next) {
        self.next = Some(next);
    }

    pub(super) fn fail(&mut self) {
        self.advance_to(Next::Fail);
    }

    /// Notes an error that ends the whole attempt.
    pub(super) fn fail_with(&mut self, session: &mut Session, message: impl AsRef<[u8]>) {
        session.add_error(message);
        self.fail();
    }

    /// The current address failed under its encryption: another one, or the end.
    pub(super) fn fall_back(&mut self) {
        if self.encryption.fall_back() {
            self.advance_to(Next::Same);
        } else {
            self.fail();
        }
    }

    /// Runs on until something is needed.
    pub fn advance(&mut self, session: &mut Session) -> Want {
        loop {
            if let Some(want) = self.step(session) {
                return want;
            }
        }
    }

    fn step(&mut self, session: &mut Session) -> Option<Want> {
        if let Some(next) = self.next.take() {
            return self.follow(session, next);
        }
        match session.stage() {
            Stage::Starting(phase) => self.step_in(session, phase),
            Stage::Open => Some(Want::Done),
            Stage::Closed | Stage::Allocated => Some(Want::Failed),
        }
    }

    fn step_in(&mut self, session: &mut Session, phase: Phase) -> Option<Want> {
        match phase {
            Phase::Resolving => self.resolve(session),
            Phase::NewConnection { keep_descriptor } => {
                Some(self.new_connection(session, keep_descriptor))
            }
            Phase::Opening => self.open(session),
            Phase::Connecting => Some(Want::Connecting),
            Phase::CheckPeer => Some(Want::Peer),
            Phase::Connected => {
                // libpq: a poller sees CONNECTION_MADE before anything is sent.
                self.enter(session, Phase::Made);
                Some(Want::Writable)
            }
            Phase::Made => self.secure_or_begin(session),
            Phase::EncryptionRequested(method) => self.encryption_answer(session, method),
            Phase::Handshake(Method::Gss) => Some(Want::Gss),
            Phase::Handshake(_) => Some(Want::Tls),
            Phase::AwaitingResponse => self.await_response(session),
            Phase::TokenWanted => Some(Want::Token),
            Phase::BearerReady => self.send_bearer(session),
            Phase::Authenticating => Some(Want::OAuthFlow),
            Phase::GssStep => Some(Want::GssStep),
            Phase::GssAnswered => {
                self.enter(session, Phase::AwaitingResponse);
                Some(Want::Write)
            }
            Phase::AuthOk => self.finish_startup(session),
            Phase::CheckTarget => self.check_target(session),
            Phase::ProbeWritable | Phase::ProbeStandby => self.judge_probe(session, phase),
            Phase::Consume => self.finish_probe(session),
        }
    }
}
