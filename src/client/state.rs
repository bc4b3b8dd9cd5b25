//! The properties of a connection.

use std::ffi::CStr;

use super::{Connection, Pause};
use crate::conn::session::server::{ServerData, process_wide_escaping};
use crate::conn::session::tracing::Tracer;
use crate::conn::session::{Notification, PipelineStatus, TransactionStatus};
use crate::conn::startup::Startup;
use crate::conn::status::ConnStatus;
use crate::conninfo::options::{Opt, Options};
use crate::conninfo::params::Host;
use crate::mem::OutOfMemory;
use crate::result::message::{ShowContext, Verbosity};
use crate::result::origin::{Hooks, Origin};
use crate::result::status::Status;
use crate::result::store::PgResultBox;

/// PQping's verdict on an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ping {
    Ok,
    Reject,
    NoResponse,
    NoAttempt,
}

impl Connection {
    pub fn status(&self) -> ConnStatus {
        self.session.status()
    }

    pub fn socket(&self) -> i32 {
        let own = self.stream.as_ref().map(|stream| stream.fd());
        self.alternative_socket().or(own).unwrap_or(-1)
    }

    pub fn errors(&self) -> &CStr {
        self.session.error_c_str()
    }

    pub fn add_error(&mut self, message: impl AsRef<[u8]>) {
        self.session.add_error(message);
    }

    /// Replaces the error text.
    pub fn replace_error(&mut self, text: &[u8]) {
        self.session.clear_errors();
        self.session.add_error_raw(text);
    }

    /// Starts a call that does not belong to a command. Clears the error text, unless it belongs to commands in the
    /// queue.
    pub fn begin_call(&mut self) {
        self.session.begin_command();
    }

    pub fn clear_errors(&mut self) {
        self.session.clear_errors();
    }

    /// The options in use, including defaults; None if they could not be parsed.
    pub fn options(&self) -> Option<&Options> {
        let rejected = self.rejected.as_ref().map(|(options, _)| options);
        self.startup.as_ref().map(Startup::options).or(rejected)
    }

    pub fn option(&self, opt: Opt) -> Option<&[u8]> {
        self.options()?.get(opt)
    }

    /// The host of the current attempt or connection.
    pub fn host(&self) -> Option<&Host> {
        let rejected = self.rejected.as_ref().map(|(_, host)| host);
        self.startup.as_ref().map(Startup::host).or(rejected)
    }

    /// The numeric address of the connection; empty for Unix sockets.
    pub fn numeric_address(&self) -> Option<Vec<u8>> {
        let address = super::connect::described(self.address.as_ref()?);
        Some(if address.unix {
            Vec::new()
        } else {
            address.numeric
        })
    }

    pub fn password(&self) -> Option<&[u8]> {
        let own = self.host()?.password.as_ref().map(|own| own.as_slice());
        own.or_else(|| self.option(Opt::Password))
    }

    pub fn needs_password(&self) -> bool {
        let given = self.startup.as_ref().and_then(|startup| startup.password());
        self.session.server().password_needed && given.is_none()
    }

    /// Whether GSSAPI authenticated the connection.
    pub fn used_gssapi(&self) -> bool {
        self.session.server().gssapi_used
    }

    pub fn used_password(&self) -> bool {
        self.session.server().password_needed
    }

    /// 0 if unknown or the connection is bad.
    pub fn server_version(&self) -> i32 {
        self.if_open(self.session.server().version)
    }

    pub fn backend_pid(&self) -> i32 {
        match self.session.status() {
            ConnStatus::Ok => self.session.server().process,
            _ => 0,
        }
    }

    pub fn protocol_version(&self) -> (u32, u32) {
        match self.session.status() {
            ConnStatus::Bad => (0, 0),
            _ => {
                let version = self.session.server().protocol;
                (version.major(), version.minor())
            }
        }
    }

    fn if_open(&self, value: i32) -> i32 {
        match self.session.status() {
            ConnStatus::Bad => 0,
            _ => value,
        }
    }

    pub fn transaction_status(&self) -> TransactionStatus {
        match self.session.status() {
            ConnStatus::Ok if self.session.is_idle() => self.session.transaction_status(),
            ConnStatus::Ok => TransactionStatus::Active,
            _ => TransactionStatus::Unknown,
        }
    }

    pub fn pipeline_status(&self) -> PipelineStatus {
        self.session.pipeline_status()
    }

    pub fn is_nonblocking(&self) -> bool {
        !self.session.is_closed() && self.session.is_nonblocking()
    }

    /// -1 while the connection is not open.
    pub fn client_encoding(&self) -> i32 {
        match self.session.status() {
            ConnStatus::Ok => self.session.server().encoding,
            _ => -1,
        }
    }

    /// The encoding of error texts and results, whatever the status.
    pub fn encoding(&self) -> i32 {
        self.session.server().encoding
    }

    pub fn std_strings(&self) -> bool {
        self.session.server().std_strings
    }

    pub fn raw_server_version(&self) -> i32 {
        self.session.server().version
    }

    pub fn scram_iterations(&self) -> u32 {
        self.session.server().scram_iterations
    }

    /// A reported parameter with its NUL. For `disconnect_requested`, parses buffered input first.
    pub fn parameter_status(&mut self, name: &[u8]) -> Result<Option<&[u8]>, Pause> {
        if ServerData::depends_on_goaway(name) {
            self.parse()?;
        }
        Ok(self.session.server().parameter(name))
    }

    /// Whether the server asked the client to disconnect, including buffered input. Only a GoAway message is final; the server
    /// can reset the parameter.
    pub fn goaway_received(&mut self) -> Result<bool, Pause> {
        if self.session.server().goaway_message_received() {
            return Ok(true);
        }
        self.parse()?;
        Ok(self.session.server().goaway_received())
    }

    /// The oldest notification, including buffered input.
    pub fn next_notification(&mut self) -> Result<Option<&Notification>, Pause> {
        self.parse()?;
        Ok(self.session.notification())
    }

    /// Drops the notification that [`Connection::next_notification`] returned.
    pub fn notification_taken(&mut self) {
        self.session.drop_notification();
    }

    pub fn set_verbosity(&mut self, verbosity: Verbosity) -> Verbosity {
        std::mem::replace(&mut self.session.style_mut().verbosity, verbosity)
    }

    pub fn set_show_context(&mut self, show: ShowContext) -> ShowContext {
        std::mem::replace(&mut self.session.style_mut().show_context, show)
    }

    /// Sets the hooks of all results from now on.
    pub fn set_hooks(&mut self, hooks: Hooks) {
        self.session.set_origin(Origin::with_hooks(Some(hooks)));
    }

    /// A result with only a status. One for an error has the connection's error text.
    pub fn empty_result(&self, status: Status) -> Result<PgResultBox, OutOfMemory> {
        self.session.empty_result_with_errors(status)
    }

    /// A notice of the library.
    pub fn internal_notice(&self, message: &[u8]) -> Option<PgResultBox> {
        self.session.new_notice(message)
    }

    pub fn tracer(&mut self) -> &mut Option<Tracer> {
        self.session.tracer_mut()
    }

    /// Whether startup is past authentication, so that the normal parser can run.
    pub(super) fn startup_is_over(&self) -> bool {
        self.session.is_past_authentication()
    }

    /// What an attempt, successful or not, shows about the server (libpq: internal_ping).
    pub fn ping_outcome(&self) -> Ping {
        let server = self.session.server();
        if self.startup.is_none() {
            return Ping::NoAttempt;
        }
        if !self.session.is_closed() || server.auth_requested {
            return Ping::Ok;
        }
        match &server.sqlstate {
            state if state.contains(&0) => Ping::NoResponse,
            b"57P03" => Ping::Reject,
            _ => Ping::Ok,
        }
    }

    /// Makes the connection bad after an internal error.
    pub fn mark_bad(&mut self) {
        self.session.fail("internal error");
        self.close_if_fatal();
    }
}

/// The encoding and escaping mode last reported on any connection.
pub fn last_escaping() -> (i32, bool) {
    process_wide_escaping()
}
