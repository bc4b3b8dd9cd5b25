//! Joins `conn` and `net`: connects, sends, receives.
//!
//! Nothing here calls the application or waits for the server. A call that would have to returns [`Pause`] as its error: the
//! caller passes a notice on, calls a function of the application, or waits, and then makes the same call again.

pub mod cancel;
pub mod cancel_connection;
pub mod connect;
pub mod copy;
pub mod env;
pub mod exec;
pub mod function;
pub mod gss;
pub mod io;
pub mod large_object;
pub mod layout;
pub mod oauth;
mod oauth_debug;
pub mod password;
pub mod polling;
pub mod state;
pub mod tls;
mod tls_files;
mod tls_hashed;
pub mod wait;

use std::ffi::c_int;
use std::fs::File;

use socket2::SockAddr;

use crate::conn::session::Session;
use crate::conn::startup::Startup;
use crate::conninfo::options::Options;
use crate::conninfo::params::Host;
use crate::mem::error_text::ErrorText;
use crate::net::stream::Stream;
use crate::result::store::PgResultBox;

pub use crate::conn::session::collect::Collected;
pub use crate::conn::session::tracing::Tracer;
pub use crate::conn::session::{Notification, RowMode};
pub use crate::conn::startup::Purpose;
pub use crate::conn::status::ConnStatus;
pub use crate::net::sys::{local_time, now_usec, without_cancellation};
pub use crate::result::message::{ShowContext, Verbosity};
pub use wait::{Wait, Waited};

/// Why a call stopped before it was done. The caller deals with that and makes the same call again.
pub enum Pause {
    /// The application must get this notice.
    Notice(PgResultBox),
    /// A function of the application must be called, and its answer passed on.
    Hook(Hook),
    /// The caller must wait and report the end of the wait with [`Connection::waited`].
    Wait(Wait),
}

/// The functions of the application that can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// Takes the application's lock; there is no answer.
    ThreadLock,
    /// Releases it.
    ThreadUnlock,
    /// The password of the client key: [`Connection::answer_key_password`].
    KeyPassword,
    /// A bearer token: [`Connection::token_request`], [`Connection::answer_token_request`].
    OAuthToken,
    /// A step of the application's flow: [`Connection::answer_oauth_flow`].
    OAuthFlow,
    /// Shows the prompt to the user: [`Connection::oauth_prompt`], [`Connection::answer_oauth_prompt`].
    OAuthPrompt,
    /// Cleans up the application's flow; there is no answer.
    OAuthCleanup,
}

/// What a caller of PQconnectPoll waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// Nothing: continue at once.
    Nothing,
    /// The connection attempt.
    Connect,
    Read,
    Write,
}

/// One connection: its session, its socket, and its startup state.
pub struct Connection {
    session: Session,
    stream: Option<Stream>,
    /// While connecting: the last stream, whose descriptor number the next socket may take over.
    retired: Option<Stream>,
    /// None if the options are wrong: then nothing can connect.
    startup: Option<Startup>,
    /// Wrong options and their first host, which PQhost and others still show.
    rejected: Option<(Options, Host)>,
    addresses: Vec<SockAddr>,
    /// The address in use.
    address: Option<SockAddr>,
    /// errno after the call that started to connect, until the connection is established.
    connect_errno: Option<c_int>,
    waiting: Waiting,
    /// The OAuth flow.
    flow: oauth::Flow,
    /// The descriptor to poll instead of the socket while the flow runs.
    alternative: Option<i32>,
    /// The result of the last wait.
    waited: Option<Waited>,
    /// A wait for bytes has started, and its result was not reported yet.
    receiving: bool,
    /// This much output may stay in the buffer when a command was sent.
    keep: usize,
    /// The failure of a read that followed a successful one; the next read reports it.
    late: Option<std::io::Result<usize>>,
    /// The errno of the last send, which the next sender reports.
    send_failure: Option<c_int>,
    /// A command is being sent on a connection that was idle before.
    launched_idle: bool,
    /// Why sending failed. Reported only if there is no better explanation.
    write_error: Option<ErrorText>,
    /// There was no memory for a row of COPY data, which PQgetResult must report.
    copy_starved: bool,
    /// PQgetResult has read something that it did not check yet.
    reply_read: bool,
    /// The size of the next read; it grows when a read fills its room.
    read_size: usize,
    /// Reads that wait must poll first: see [`Connection::connected`].
    polls_first: bool,
    /// This much output is collected before it is sent without a flush.
    send_size: usize,
    /// The file of lo_import or lo_export. It stays open if the application jumps out of the call from its notice receiver;
    /// the next such call closes it.
    file: Option<File>,
    gss: gss::GssState,
    /// The password for the client key of the current TLS handshake.
    key_password: tls_files::KeyPassword,
    /// The process that made the connection: a forked child must not send on it.
    process: u32,
}
