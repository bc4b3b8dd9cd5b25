//! Connecting, step by step.

mod addresses;
mod blocking;
mod closing;

use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use super::gss::GssState;
use super::io::{Flushed, ReadOutcome};
use super::oauth::Flow;
use super::polling::{EncryptionProgress, Polling};
use super::tls_files::KeyPassword;
use super::{Connection, Hook, Pause, Waiting, env, layout, without_cancellation};
use crate::conn::session::Session;
use crate::conn::session::errors;
use crate::conn::startup::encryption::Available;
use crate::conn::startup::{Loss, Purpose, Startup, Want};
use crate::conn::status::ConnStatus;
use crate::conninfo::hosts;
use crate::conninfo::options::Options;
use crate::conninfo::params::{GoAwayMode, Params};
use crate::mem::error_text::ErrorText;
use crate::mem::{self, OutOfMemory, reserve};
use crate::net::gss;
use crate::net::stream::Stream;
use crate::net::sys;

pub(super) use addresses::described;
pub use blocking::ConnectWait;

/// The largest number of copies of the options in memory while connecting.
const COPIES_OF_OPTIONS: usize = 16;
/// Options up to this size are not checked against the available memory.
const FEW_OPTIONS: usize = 64 * 1024;

impl Connection {
    /// A connection that has not started.
    pub fn new() -> Connection {
        Connection {
            session: Session::new(),
            stream: None,
            retired: None,
            startup: None,
            rejected: None,
            addresses: Vec::new(),
            address: None,
            connect_errno: None,
            waiting: Waiting::Nothing,
            flow: Flow::None,
            alternative: None,
            waited: None,
            receiving: false,
            copy_starved: false,
            keep: 0,
            late: None,
            send_failure: None,
            launched_idle: false,
            write_error: None,
            reply_read: false,
            read_size: 0,
            polls_first: false,
            send_size: super::io::SEND_THRESHOLD,
            file: None,
            gss: GssState::default(),
            key_password: KeyPassword::default(),
            process: sys::process_id(),
        }
    }

    /// Reads the options. Err means that they are wrong; the error text says why.
    pub fn configure(
        &mut self,
        parsed: Result<Options, ErrorText>,
        purpose: Purpose,
    ) -> Result<(), ()> {
        // This reads files that the environment names.
        let configured =
            parsed.and_then(|options| without_cancellation(|| self.take_options(options, purpose)));
        configured.map_err(|message| self.session.add_error(message))
    }

    fn take_options(&mut self, mut options: Options, purpose: Purpose) -> Result<(), ErrorText> {
        let copies = options.size().saturating_mul(COPIES_OF_OPTIONS);
        if copies > FEW_OPTIONS && !mem::is_available(copies) {
            return Err(OutOfMemory.into());
        }
        env::add_defaults(&mut options)?;
        match env::derive(&mut options) {
            Ok(params) => {
                let notice = params.goaway == GoAwayMode::Notice;
                self.session.set_goaway_notice(notice);
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

    /// Starts to connect (libpq: pqConnectDBStart). False if it failed at once.
    pub fn start(&mut self) -> Result<bool, Pause> {
        self.session.set_layout(layout::now());
        if let Some(mut startup) = self.startup.take() {
            startup.start(&mut self.session);
            self.startup = Some(startup);
            self.waiting = Waiting::Nothing;
        } else {
            self.session.mark_closed();
            return Ok(false);
        }
        if self.poll_connect()? == Polling::Writing {
            return Ok(true);
        }
        // The application cannot have seen the socket yet.
        without_cancellation(|| self.close_socket());
        self.session.mark_closed();
        Ok(false)
    }

    /// Continues to connect as far as possible without waiting (PQconnectPoll).
    pub fn poll_connect(&mut self) -> Result<Polling, Pause> {
        match self.session.status() {
            ConnStatus::Bad => return Ok(Polling::Failed),
            ConnStatus::Ok => return Ok(Polling::Ok),
            _ => {}
        }
        let Some(mut startup) = self.startup.take() else {
            return Ok(Polling::Failed);
        };
        let advance = || without_cancellation(|| self.advance_connect(&mut startup));
        let step = panic::catch_unwind(AssertUnwindSafe(advance));
        // Restored after a panic, too, so that the connection can be reset.
        self.startup = Some(startup);
        let step = step.unwrap_or_else(|payload| panic::resume_unwind(payload));
        if let (Ok(Polling::Failed), Some(errno)) = (&step, self.connect_errno) {
            // Programs print errno.
            sys::set_errno(errno);
        }
        step
    }

    fn advance_connect(&mut self, startup: &mut Startup) -> Result<Polling, Pause> {
        if let Some(polling) = self.end_wait(startup) {
            return Ok(polling);
        }
        loop {
            if !reserve::is_ready() {
                return Ok(self.run_out_of_memory());
            }
            let polling = match startup.advance(&mut self.session) {
                Want::Resolve(port) => {
                    let found = self.look_up(startup, port);
                    startup.resolved(&mut self.session, found);
                    continue;
                }
                Want::Close { keep_descriptor } => {
                    self.begin_physical_connection(keep_descriptor);
                    if self.end_flow() {
                        return Err(Pause::Hook(Hook::OAuthCleanup));
                    }
                    continue;
                }
                Want::Token => return Err(Pause::Hook(Hook::OAuthToken)),
                Want::OAuthFlow => match self.run_flow(startup)? {
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
                        startup.lost(&mut self.session, Loss::Failed);
                        continue;
                    }
                    Flushed::All => continue,
                    Flushed::Some => self.wait_as(Waiting::Write, Polling::Writing),
                },
                want @ (Want::Tls | Want::Gss) => match self.encrypt(startup, &want)? {
                    Some(polling) => polling,
                    None => continue,
                },
                Want::GssStep => return Err(Pause::Hook(self.step_gss(startup))),
                Want::Connecting => self.wait_as(Waiting::Connect, Polling::Writing),
                Want::Writable => self.wait_as(Waiting::Nothing, Polling::Writing),
                Want::Read => self.wait_as(Waiting::Read, Polling::Reading),
                Want::Notice(notice) => {
                    self.waiting = Waiting::Nothing;
                    return Err(Pause::Notice(notice));
                }
                Want::Done => {
                    self.connected();
                    Polling::Ok
                }
                Want::Failed => {
                    self.attempt_failed(startup);
                    Polling::Failed
                }
            };
            return Ok(polling);
        }
    }

    /// Continues a handshake, as far as possible without waiting. None: it has ended.
    fn encrypt(&mut self, startup: &mut Startup, want: &Want) -> Result<Option<Polling>, Pause> {
        match self.secure(startup, want) {
            EncryptionProgress::Tls(facts) => startup.tls_established(&mut self.session, facts),
            EncryptionProgress::Gss => startup.gss_established(&mut self.session),
            EncryptionProgress::Failed(failure) => {
                if failure.own {
                    startup.tls_not_usable(&failure.text);
                }
                startup.handshake_failed(&mut self.session, failure.text);
            }
            EncryptionProgress::Wait(polling) => {
                return Ok(Some(self.wait_as(Waiting::Nothing, polling)));
            }
            EncryptionProgress::Ask(hook) => return Err(Pause::Hook(hook)),
        }
        Ok(None)
    }

    /// The attempt has failed at every address.
    fn attempt_failed(&mut self, startup: &Startup) {
        self.close_if_fatal();
        self.retired = None;
        if !startup.is_authenticated() {
            // The bytes after the refused message are not authenticated.
            self.session.input_mut().clear();
        }
    }

    /// Fails the connection because memory is short.
    #[cold]
    fn run_out_of_memory(&mut self) -> Polling {
        self.close_socket();
        self.session.add_error(errors::OUT_OF_MEMORY);
        self.session.mark_closed();
        Polling::Failed
    }

    fn wait_as(&mut self, waiting: Waiting, polling: Polling) -> Polling {
        self.waiting = waiting;
        polling
    }

    /// Handles what the poller waited for. Some if it has not happened yet.
    fn end_wait(&mut self, startup: &mut Startup) -> Option<Polling> {
        match std::mem::replace(&mut self.waiting, Waiting::Nothing) {
            Waiting::Nothing => None,
            Waiting::Write => match self.flush() {
                Flushed::All => None,
                Flushed::Some => Some(self.wait_as(Waiting::Write, Polling::Writing)),
                Flushed::Failed => {
                    startup.lost(&mut self.session, Loss::Failed);
                    None
                }
            },
            Waiting::Connect => self.end_connect(startup),
            Waiting::Read => match self.read_input() {
                ReadOutcome::Data => None,
                ReadOutcome::Nothing => Some(self.wait_as(Waiting::Read, Polling::Reading)),
                ReadOutcome::Lost { clean } => {
                    let loss = self.loss(clean);
                    startup.lost(&mut self.session, loss);
                    if self.session.is_open() {
                        // A cancel request was answered. No other connection follows.
                        self.retired = None;
                    }
                    None
                }
            },
        }
    }

    fn loss(&self, clean: bool) -> Loss {
        let tls = self.retired.as_ref().and_then(Stream::tls);
        // The server cannot have answered what was not sent.
        let sent = self.write_error.is_none();
        if !clean || !sent || !self.session.input().unread().is_empty() {
            Loss::Failed
        } else if tls.is_some_and(|tls| !tls.has_ended()) {
            Loss::CutOff
        } else {
            Loss::Closed
        }
    }

    fn end_connect(&mut self, startup: &mut Startup) -> Option<Polling> {
        let descriptor = self.stream.as_ref().map_or(-1, |stream| stream.fd());
        let writable = sys::poll(descriptor, false, true, Some(Duration::ZERO));
        if matches!(writable, Ok((_, false))) {
            return Some(self.wait_as(Waiting::Connect, Polling::Writing));
        }
        let error = match &self.stream {
            Some(stream) => stream.socket().take_error(),
            None => Ok(None),
        };
        match error {
            Ok(None) => {
                self.connect_errno = None;
                startup.connect_finished(&mut self.session, Ok(()));
            }
            Ok(Some(error)) => {
                let reason = sys::error_text(&error);
                startup.connect_finished(&mut self.session, Err(reason.into()));
            }
            Err(error) => {
                let prefix = b"could not get socket error status: ";
                let text = [&prefix[..], &sys::error_text(&error)].concat();
                startup.socket_failed(&mut self.session, &text);
            }
        }
        None
    }

    /// The session is open: from now on, reads wait in recv. Over a Unix-domain socket they wait in poll: when the server
    /// reads a request, the kernel needlessly wakes a client that sleeps in recv, but not one that sleeps in poll.
    fn connected(&mut self) {
        if let Some(stream) = &self.stream
            && !stream.socket().is_unix()
        {
            // If this fails, reads poll first.
            let _ = stream.socket().set_blocking();
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
    startup.allow_oauth_over_http(env::oauth_debug(false).http);
    startup
}
