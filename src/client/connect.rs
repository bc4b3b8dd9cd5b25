//! Connecting, resetting and closing.

use std::time::{Duration, Instant};

use socket2::SockAddr;

use super::cancel::CancelTarget;
use super::gss::GssState;
use super::io::{Flushed, Read};
use super::oauth::Flow;
use super::tls::{KeyPassword, Secured};
use super::{Connection, Hook, Step, Waiting, done, env};
use crate::conn::encryption::Available;
use crate::conn::session::{AsyncState, ConnStatus, PipelineStatus, Session, TransactionStatus};
use crate::conn::startup::{Address, OpenFailure, Purpose, Startup, Want};
use crate::conninfo::options::{Opt, Options};
use crate::conninfo::params::{GoAwayMode, Host, HostKind, Params};
use crate::conninfo::{hosts, integer};
use crate::net::gss;
use crate::net::resolve;
use crate::net::socket::{KeepAlive, OpenStep, Socket};
use crate::net::stream::Stream;
use crate::net::sys;

/// What PQconnectPoll answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polling {
    Failed,
    Reading,
    Writing,
    Ok,
}

impl Connection {
    /// A connection not begun.
    pub fn new() -> Connection {
        Connection {
            session: Session::new(),
            stream: None,
            startup: None,
            rejected: None,
            addresses: Vec::new(),
            address: None,
            waiting: Waiting::Nothing,
            flow: Flow::None,
            alternative: None,
            write_error: None,
            reply_read: false,
            read_size: 0,
            send_size: super::io::SEND_THRESHOLD,
            file: None,
            gss: GssState::default(),
            key_password: KeyPassword::default(),
            process: sys::process_id(),
        }
    }

    /// Takes the options; Err is the text of what is wrong with them, which stands in the errors too.
    pub fn configure(
        &mut self,
        parsed: Result<Options, Vec<u8>>,
        purpose: Purpose,
    ) -> Result<(), ()> {
        let configured = parsed.and_then(|options| self.take_options(options, purpose));
        configured.map_err(|message| self.session.errors.add(message))
    }

    fn take_options(&mut self, mut options: Options, purpose: Purpose) -> Result<(), Vec<u8>> {
        env::add_defaults(&mut options)?;
        match env::derive(&mut options) {
            Ok(params) => {
                self.session.goaway_notice = params.goaway == GoAwayMode::Notice;
                self.startup = Some(startup_of(params, options, purpose));
                Ok(())
            }
            Err(message) => {
                let host = hosts::first(&options);
                self.rejected = Some((options, host));
                Err(message)
            }
        }
    }

    /// Begins connecting (libpq: pqConnectDBStart); false when it failed at once.
    pub fn start(&mut self) -> Step<bool> {
        if let Some(mut startup) = self.startup.take() {
            startup.start(&mut self.session);
            self.startup = Some(startup);
            self.waiting = Waiting::Nothing;
        } else {
            self.session.status = ConnStatus::Bad;
            return Step::Done(false);
        }
        if done!(self.poll_connect()) == Polling::Writing {
            return Step::Done(true);
        }
        // The application cannot have seen the socket yet.
        self.close_socket();
        self.session.status = ConnStatus::Bad;
        Step::Done(false)
    }

    /// Advances the connection as far as it goes without waiting (PQconnectPoll).
    pub fn poll_connect(&mut self) -> Step<Polling> {
        match self.session.status {
            ConnStatus::Bad => return Step::Done(Polling::Failed),
            ConnStatus::Ok => return Step::Done(Polling::Ok),
            _ => {}
        }
        let Some(mut startup) = self.startup.take() else {
            return Step::Done(Polling::Failed);
        };
        let step = self.advance_connect(&mut startup);
        self.startup = Some(startup);
        step
    }

    fn advance_connect(&mut self, startup: &mut Startup) -> Step<Polling> {
        if let Some(polling) = self.end_wait(startup) {
            return Step::Done(polling);
        }
        loop {
            let polling = match startup.advance(&mut self.session) {
                Want::Resolve(port) => {
                    let found = self.look_up(startup, port);
                    startup.resolved(&mut self.session, found);
                    continue;
                }
                Want::Close => {
                    self.begin_physical_connection();
                    if self.end_flow() {
                        return Step::Hook(Hook::OAuthCleanup);
                    }
                    continue;
                }
                Want::Token => return Step::Hook(Hook::OAuthToken),
                Want::OAuthFlow => match done!(self.run_flow(startup)) {
                    Some(polling) => polling,
                    None => continue,
                },
                Want::Connect(index) => {
                    let outcome = self.open(startup, index);
                    startup.opened(&mut self.session, outcome);
                    continue;
                }
                Want::Peer => {
                    let user = self.peer_user();
                    startup.peer(&mut self.session, user);
                    continue;
                }
                Want::Write => match self.flush() {
                    Flushed::Failed => {
                        startup.lost(&mut self.session, false);
                        continue;
                    }
                    Flushed::All => continue,
                    Flushed::Some => self.wait_as(Waiting::Write, Polling::Writing),
                },
                want @ (Want::Tls | Want::Gss) => match self.secure(startup, &want) {
                    Secured::Tls(facts) => {
                        startup.tls_established(&mut self.session, facts);
                        continue;
                    }
                    Secured::Gss => {
                        startup.gss_established(&mut self.session);
                        continue;
                    }
                    Secured::Failed(message) => {
                        startup.handshake_failed(&mut self.session, message);
                        continue;
                    }
                    Secured::Wait(polling) => self.wait_as(Waiting::Nothing, polling),
                    Secured::Ask(hook) => return Step::Hook(hook),
                },
                Want::GssStep => return Step::Hook(self.step_gss(startup)),
                Want::Connecting => self.wait_as(Waiting::Connect, Polling::Writing),
                Want::Writable => self.wait_as(Waiting::Nothing, Polling::Writing),
                Want::Read => self.wait_as(Waiting::Read, Polling::Reading),
                Want::Notice(notice) => {
                    self.waiting = Waiting::Nothing;
                    return Step::Notice(notice);
                }
                Want::Done => {
                    self.connected();
                    Polling::Ok
                }
                Want::Failed => {
                    self.close_if_fatal();
                    // What stands behind the message that was refused is never parsed.
                    self.session.input.clear();
                    Polling::Failed
                }
            };
            return Step::Done(polling);
        }
    }

    fn wait_as(&mut self, waiting: Waiting, polling: Polling) -> Polling {
        self.waiting = waiting;
        polling
    }

    /// Takes what the poller waited for; Some when it has not come yet.
    fn end_wait(&mut self, startup: &mut Startup) -> Option<Polling> {
        match std::mem::replace(&mut self.waiting, Waiting::Nothing) {
            Waiting::Nothing => None,
            Waiting::Write => match self.flush() {
                Flushed::All => None,
                Flushed::Some => Some(self.wait_as(Waiting::Write, Polling::Writing)),
                Flushed::Failed => {
                    startup.lost(&mut self.session, false);
                    None
                }
            },
            Waiting::Connect => self.end_connect(startup),
            Waiting::Read => match self.read_input(false) {
                Read::Data => None,
                Read::Nothing => Some(self.wait_as(Waiting::Read, Polling::Reading)),
                Read::Lost { clean } => {
                    let silent = self.session.input.unread().is_empty();
                    startup.lost(&mut self.session, clean && silent);
                    None
                }
            },
        }
    }

    fn end_connect(&mut self, startup: &mut Startup) -> Option<Polling> {
        let writable = self.wait_for(false, true, Some(Duration::ZERO));
        if writable == Ok(false) {
            return Some(self.wait_as(Waiting::Connect, Polling::Writing));
        }
        let error = match &self.stream {
            Some(stream) => stream.socket().take_error(),
            None => Ok(None),
        };
        match error {
            Ok(None) => startup.connect_finished(&mut self.session, Ok(())),
            Ok(Some(error)) => {
                let reason = sys::error_text(&error);
                startup.connect_finished(&mut self.session, Err(reason));
            }
            Err(error) => {
                let prefix = b"could not get socket error status: ";
                let text = [&prefix[..], &sys::error_text(&error)].concat();
                startup.socket_failed(&mut self.session, &text);
            }
        }
        None
    }

    /// The session is open: from now on reads may wait in recv itself.
    fn connected(&mut self) {
        if let Some(stream) = &self.stream {
            // Where this fails, reads poll first.
            let _ = stream.socket().set_blocking();
        }
    }

    fn look_up(&mut self, startup: &Startup, port: u16) -> Result<Vec<Address>, Vec<u8>> {
        self.addresses = addresses_of(startup.host(), port)?;
        if startup.params.shuffle_addresses {
            env::shuffle(&mut self.addresses);
        }
        Ok(self.addresses.iter().map(described).collect())
    }

    fn begin_physical_connection(&mut self) {
        self.close_socket();
        self.session.start_over();
        self.write_error = None;
        self.gss = GssState::default();
        self.key_password = KeyPassword::default();
    }

    fn close_socket(&mut self) {
        self.stream = None;
        self.session.drop_connection(false);
    }

    fn open(&mut self, startup: &Startup, index: usize) -> Result<bool, OpenFailure> {
        let Some(address) = self.addresses.get(index).cloned() else {
            return Err(OpenFailure::Socket(b"invalid socket".to_vec()));
        };
        self.address = Some(address.clone());
        let socket = Socket::open(&address).map_err(|error| match error.step {
            OpenStep::Create => OpenFailure::Socket(error.message()),
            _ => OpenFailure::Options(error.message()),
        })?;
        if !address.is_unix() {
            set_options(&socket, startup.options()).map_err(OpenFailure::Options)?;
        }
        let outcome = socket.connect(&address);
        self.stream = Some(Stream::Plain(socket));
        outcome.map_err(|error| OpenFailure::Connect(sys::error_text(&error)))
    }

    fn peer_user(&self) -> Result<Vec<u8>, Vec<u8>> {
        let Some(stream) = &self.stream else {
            return Err(b"invalid socket".to_vec());
        };
        let (uid, _) = stream.socket().peer_credentials().map_err(|error| {
            let prefix = b"could not get peer credentials: ";
            [&prefix[..], &sys::error_text(&error)].concat()
        })?;
        sys::user_name_or_complaint(uid)
    }

    /// Connects to the end, with connect_timeout for each address (libpq: pqConnectDBComplete).
    pub fn finish_connecting(&mut self, wait: &mut ConnectWait) -> Step<bool> {
        if !self.read_timeout(wait) {
            return Step::Done(false);
        }
        loop {
            match wait.polling {
                Polling::Ok => return Step::Done(true),
                Polling::Failed => {
                    self.session.status = ConnStatus::Bad;
                    return Step::Done(false);
                }
                Polling::Reading | Polling::Writing => {}
            }
            if !wait.resumed && !self.wait_to_connect(wait) {
                self.session.status = ConnStatus::Bad;
                return Step::Done(false);
            }
            wait.resumed = true;
            wait.polling = done!(self.poll_connect());
            wait.resumed = false;
        }
    }

    /// Reads connect_timeout once; false when it is not an integer.
    fn read_timeout(&mut self, wait: &mut ConnectWait) -> bool {
        let startup = self.startup.as_ref();
        let text = startup.and_then(|s| s.options().get(Opt::ConnectTimeout));
        let Some(text) = text.filter(|_| wait.limit.is_none()) else {
            return true;
        };
        match integer::parse(text, "connect_timeout") {
            Ok(seconds) => {
                wait.limit = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0);
                true
            }
            Err(message) => {
                self.session.errors.add(message);
                self.session.status = ConnStatus::Bad;
                false
            }
        }
    }

    /// Waits for the socket, or moves to the next address when the time is up; false on a hard failure.
    fn wait_to_connect(&mut self, wait: &mut ConnectWait) -> bool {
        let attempt = self.startup.as_ref().map(Startup::attempt);
        if let Some(seconds) = wait.limit
            && wait.attempt != attempt
        {
            wait.attempt = attempt;
            wait.deadline = Instant::now().checked_add(Duration::from_secs(seconds));
        }
        let left = wait
            .deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let reading = wait.polling == Polling::Reading;
        match self.wait_for(reading, !reading, left) {
            Ok(true) => true,
            Err(()) => false,
            Ok(false) => {
                if let Some(startup) = &mut self.startup {
                    startup.time_out(&mut self.session);
                    self.session.status = ConnStatus::Needed;
                    self.waiting = Waiting::Nothing;
                }
                true
            }
        }
    }

    /// Says goodbye if the connection is open, closes it, and forgets the server (libpq: pqClosePGconn).
    pub fn close(&mut self) {
        self.say_goodbye();
        self.session.nonblocking = false;
        self.close_socket();
        self.session.status = ConnStatus::Bad;
        self.session.state = AsyncState::Idle;
        self.session.transaction = TransactionStatus::Idle;
        self.session.pipeline = PipelineStatus::Off;
        self.session.start_over();
        self.session.errors.clear();
        self.end_flow();
        if let Some(startup) = &mut self.startup {
            startup.forget_token();
        }
        self.write_error = None;
        self.read_size = 0;
        self.send_size = super::io::SEND_THRESHOLD;
        self.waiting = Waiting::Nothing;
    }

    fn say_goodbye(&mut self) {
        // A forked child's goodbye would end its parent's session.
        let own = self.process == sys::process_id();
        if own && self.stream.is_some() && self.session.status == ConnStatus::Ok {
            // A Terminate always fits; nobody waits for what becomes of it.
            if self.session.send_terminate().is_ok() {
                self.session.nonblocking = true;
                self.flush();
                self.end_encryption();
            }
        }
    }

    /// Ends the encrypted stream, as the server would else take it for cut off.
    fn end_encryption(&mut self) {
        if let Some(Stream::Tls(tls)) = &mut self.stream {
            tls.say_goodbye();
        }
    }

    /// What PQcancel needs; None when there is no connection.
    pub fn cancel_target(&self) -> Option<CancelTarget> {
        self.stream.as_ref()?;
        let options = self.startup.as_ref()?.options();
        let text = |opt| options.get(opt).map(<[u8]>::to_vec);
        Some(CancelTarget {
            address: self.address.clone()?,
            keepalives: text(Opt::Keepalives),
            keepalives_idle: text(Opt::KeepalivesIdle),
            keepalives_interval: text(Opt::KeepalivesInterval),
            keepalives_count: text(Opt::KeepalivesCount),
            tcp_user_timeout: text(Opt::TcpUserTimeout),
            pid: self.session.server.process,
            key: self.session.server.key.clone(),
        })
    }
}

/// Where a blocking connect stands.
pub struct ConnectWait {
    polling: Polling,
    limit: Option<u64>,
    attempt: Option<u64>,
    deadline: Option<Instant>,
    /// A poll was interrupted by a notice: it goes on without another wait.
    resumed: bool,
}

impl ConnectWait {
    /// After a successful [`Connection::start`].
    pub fn new() -> ConnectWait {
        ConnectWait {
            polling: Polling::Writing,
            limit: None,
            attempt: None,
            deadline: None,
            resumed: false,
        }
    }
}

fn startup_of(params: Params, options: Options, purpose: Purpose) -> Startup {
    let mut startup = Startup::new(
        params,
        options,
        env::startup_environment(),
        purpose,
        Available {
            tls: true,
            gss: gss::check_credentials,
        },
        env::random_bytes,
    );
    startup.oauth.allow_http = env::oauth_debug(false).http;
    startup
}

fn addresses_of(host: &Host, port: u16) -> Result<Vec<SockAddr>, Vec<u8>> {
    let name = host.host.as_deref().unwrap_or_default();
    let (text, numeric, complaint) = match host.kind {
        HostKind::Unix => return resolve::unix_address(name, port).map(|address| vec![address]),
        HostKind::Name => (
            name,
            false,
            ["could not translate host name \"", "\" to address: "],
        ),
        HostKind::Address => (
            host.hostaddr.as_deref().unwrap_or_default(),
            true,
            ["could not parse network address \"", "\": "],
        ),
    };
    match resolve::resolve(text, port, numeric) {
        Ok(found) => Ok(found.into_iter().map(SockAddr::from).collect()),
        Err(reason) => Err([
            complaint[0].as_bytes(),
            text,
            complaint[1].as_bytes(),
            reason.as_bytes(),
        ]
        .concat()),
    }
}

/// An address as the startup machine and its error texts know it.
pub(super) fn described(address: &SockAddr) -> Address {
    let unix = address.is_unix();
    let numeric = if unix {
        resolve::displayed_path(address)
    } else {
        let host = resolve::numeric_host(address);
        host.unwrap_or_default().into_bytes()
    };
    let port = address.as_socket().map_or(0, |address| address.port());
    let key = [numeric.as_slice(), &port.to_be_bytes()].concat();
    Address { numeric, unix, key }
}

/// Keepalives and timeouts of a TCP socket; Err is libpq's complaint.
fn set_options(socket: &Socket, options: &Options) -> Result<(), Vec<u8>> {
    let number = |opt: Opt, name| {
        let text = options.get(opt);
        text.map(|text| integer::parse(text, name)).transpose()
    };
    if number(Opt::Keepalives, "keepalives")? == Some(0) {
        return Ok(());
    }
    let keepalive = KeepAlive {
        idle: number(Opt::KeepalivesIdle, "keepalives_idle")?,
        interval: number(Opt::KeepalivesInterval, "keepalives_interval")?,
        count: number(Opt::KeepalivesCount, "keepalives_count")?,
    };
    socket.set_keepalive(&keepalive).map_err(|e| e.message())?;
    match number(Opt::TcpUserTimeout, "tcp_user_timeout")? {
        Some(timeout) => socket
            .set_tcp_user_timeout(timeout)
            .map_err(|e| e.message()),
        None => Ok(()),
    }
}
