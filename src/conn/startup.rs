//! A connection attempt: from the host list to a session that accepts commands.
//!
//! [`Startup::advance`] runs until it needs something from its caller and returns what that is. The caller passes the
//! result to one of the other methods and calls `advance` again.

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

pub use attempt::Loss;

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

/// What the caller of [`Startup::advance`] must do next.
pub enum Want {
    /// Look up the addresses of [`Startup::host`], then call [`Startup::resolved`].
    Resolve(u16),
    /// Open a socket to the address with this index, then call [`Startup::opened`].
    Connect(usize),
    /// Wait until the socket is writable, then call [`Startup::connect_finished`].
    Connecting,
    /// Find the user at the other end of the Unix socket, then call [`Startup::peer`].
    Peer,
    /// Close the socket and reset the session.
    Close {
        /// The next socket must get the same descriptor.
        keep_descriptor: bool,
    },
    /// Run a step of the TLS handshake. At its end call [`Startup::tls_established`] or [`Startup::handshake_failed`].
    Tls,
    /// Run a step of the GSSAPI handshake. At its end call [`Startup::gss_established`] or [`Startup::handshake_failed`].
    Gss,
    /// Run a step of GSSAPI authentication with [`Startup::gss_token`], then call [`Startup::gss_stepped`].
    GssStep,
    /// Poll the socket once and continue when it is writable.
    Writable,
    /// Get a bearer token, or a flow that obtains one, then call [`Startup::token_source`].
    Token,
    /// Run a step of the flow. At its end call [`Startup::token_obtained`].
    OAuthFlow,
    /// Send the session's output.
    Write,
    /// Read more input from the server.
    Read,
    /// Pass a notice to the application.
    Notice(PgResultBox),
    Done,
    Failed,
}

/// The purpose of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Session,
    /// PQping: requests nothing optional from the server.
    Ping,
    /// A cancel request of the PQcancelCreate family.
    Cancel,
}

/// One address of the current host, in the form that error texts show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The numeric address, or the path of a Unix socket.
    pub numeric: Vec<u8>,
    pub unix: bool,
    /// Equal for equal addresses. Includes the port.
    pub key: Vec<u8>,
}

/// Why a socket could not be opened.
pub enum OpenFailure {
    /// The socket could not be created. Reported only for the last address of the last host.
    Socket(ErrorText),
    /// The socket's options could not be set.
    Options(ErrorText),
    /// connect() failed immediately, with the system's error text.
    Connect(ErrorText),
}

/// What to do after a physical connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Address,
    Host,
    /// The same address again.
    Same,
    /// The same address again without the GoAway key. The application does not notice the first connection.
    RetryWithoutGoAway,
    /// The whole attempt has failed.
    Fail,
}

/// Which session attributes are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Wanted(TargetSessionAttrs),
    /// The second pass of prefer-standby accepts any server.
    Anything,
}

/// A connection attempt that tries all hosts in turn.
pub struct Startup {
    params: Params,
    options: Options,
    environment: Vec<(&'static [u8], Vec<u8>)>,
    purpose: Purpose,
    /// Fills a buffer with random bytes. False if no random bytes are available.
    random: fn(&mut [u8]) -> bool,
    available: Available,
    /// Set when the current physical connection has failed. Until [`Startup::advance`] acts on it, the phase and so the
    /// result of PQstatus do not change.
    next: Option<Next>,
    host: usize,
    addresses: Vec<Address>,
    address: usize,
    /// The number of addresses tried. `connect_timeout` starts again for each.
    attempt: u64,
    encryption: Encryption,
    /// The encryption of the current physical connection.
    in_use: Method,
    /// Facts from the TLS handshake of the current physical connection.
    tls: Option<TlsFacts>,
    /// Why this library could not use the TLS that the current address offered.
    tls_unusable_reason: Option<Vec<u8>>,
    target: Target,
    send_application_name: bool,
    goaway: GoAwayRequest,
    auth: Authentication,
    oauth: OAuth,
    negotiated: bool,
    /// The length of the error text at the start of the current physical connection.
    error_mark: usize,
    /// The server has answered the startup packet.
    replied: bool,
    cancel: Option<CancelKey>,
}

/// The key that a cancel request sends.
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
            tls_unusable_reason: None,
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

    /// Starts with the first host (libpq: pqConnectDBStart).
    pub fn start(&mut self, session: &mut Session) {
        self.target = Target::Wanted(self.params.target_session_attrs);
        if self.cancel.is_some() {
            // A cancel request uses only the address of the connection that it cancels.
            self.begin_address(session);
            return;
        }
        self.host = 0;
        self.begin_host(session);
    }

    /// Makes a startup that sends a cancel request to `address` of this startup's host.
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

    /// The host being tried or connected to.
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

    /// A number that changes with each address tried.
    pub fn attempt(&self) -> u64 {
        self.attempt
    }

    /// `connect_timeout` expired: try the next address.
    pub fn time_out(&mut self, session: &mut Session) {
        session.add_error("timeout expired");
        // libpq: the status becomes CONNECTION_NEEDED immediately.
        self.enter(session, Phase::Resolving);
        self.advance_to(Next::Address);
    }

    /// Changes the phase at the current address.
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

    /// Adds an error that ends the whole attempt.
    pub(super) fn fail_with(&mut self, session: &mut Session, message: impl AsRef<[u8]>) {
        session.add_error(message);
        self.fail();
    }

    /// The encryption in use failed at the current address: try another one or fail.
    pub(super) fn fall_back(&mut self) {
        if self.encryption.fall_back() {
            self.advance_to(Next::Same);
        } else {
            self.fail();
        }
    }

    /// Reads messages with the parser of the session, up to the end of a result. `Err` is what to do before that, or None if
    /// the attempt has failed.
    fn read_result(&mut self, session: &mut Session) -> Result<(), Option<Want>> {
        if let Some(notice) = session.parse_input() {
            return Err(Some(Want::Notice(notice)));
        }
        if session.is_fatal() {
            self.fail();
            return Err(None);
        }
        match session.is_busy() {
            true => Err(Some(Want::Read)),
            false => Ok(()),
        }
    }

    /// Runs until the caller must do something.
    pub fn advance(&mut self, session: &mut Session) -> Want {
        loop {
            if let Some(want) = self.step(session) {
                return want;
            }
        }
    }

    fn step(&mut self, session: &mut Session) -> Option<Want> {
        if let Some(next) = self.next.take() {
            return self.try_next(session, next);
        }
        match session.stage() {
            Stage::Starting(phase) => self.step_phase(session, phase),
            Stage::Open => Some(Want::Done),
            Stage::Closed | Stage::Allocated => Some(Want::Failed),
        }
    }

    fn step_phase(&mut self, session: &mut Session, phase: Phase) -> Option<Want> {
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
            Phase::ProbeWritable | Phase::ProbeStandby => self.evaluate_probe(session, phase),
            Phase::Consume => self.finish_probe(session),
        }
    }
}
