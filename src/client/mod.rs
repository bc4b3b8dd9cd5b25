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
pub use crate::net::sys::{apart, local_time, now_usec};
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
    /// The user is to be told: [`Connection::oauth_prompt`], [`Connection::answer_oauth_prompt`].
    OAuthPrompt,
    /// The application's flow is over; there is nothing to answer.
    OAuthCleanup,
}

/// What a poller is to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// Nothing: go on at once.
    Nothing,
    /// The connect in progress.
    Connect,
    Read,
    Write,
}

/// One connection: its session, its socket, and the machine that connects it.
pub struct Connection {
    session: Session,
    stream: Option<Stream>,
    /// While connecting: the stream last lost or given up, whose descriptor the next socket may take over.
    retired: Option<Stream>,
    /// None when the options were bad: then nothing can be connected.
    startup: Option<Startup>,
    /// Options that cannot be used, and their first host, to be shown all the same.
    rejected: Option<(Options, Host)>,
    addresses: Vec<SockAddr>,
    /// The address in use.
    address: Option<SockAddr>,
    /// What errno was after the call that began the connect, until the connect succeeds.
    connect_errno: Option<c_int>,
    waiting: Waiting,
    /// What gets a token for OAuth.
    flow: oauth::Flow,
    /// The descriptor to poll instead of the socket's while that runs.
    alternative: Option<i32>,
    /// How the wait ended that the last step answered.
    waited: Option<Waited>,
    /// A wait for bytes was answered, and nobody has told yet how it ended.
    receiving: bool,
    /// So many bytes of the output may stay in the buffer when a command has been sent.
    keep: usize,
    /// What the last send failed with, to be told by whoever sends next.
    send_failure: Option<c_int>,
    /// A command that is being sent; without it the connection would be idle.
    launched_idle: bool,
    /// Why sending failed, once it did: told only when nothing better explains it.
    write_error: Option<ErrorText>,
    /// A row of COPY data found no memory, which nobody was told yet by PQgetResult.
    copy_starved: bool,
    /// PQgetResult has waited for something, and not yet judged what came.
    reply_read: bool,
    /// The last read filled all the room it had: the next one gets more.
    read_size: usize,
    /// A read that waits has to poll first: see [`Connection::connected`].
    polls_first: bool,
    /// So much output is gathered before it is sent unasked.
    send_size: usize,
    /// The file that lo_import or lo_export is at. It stays here even if the application leaps out of
    /// the call from its notice receiver, and the next such call closes it.
    file: Option<File>,
    gss: gss::GssState,
    /// For the client key of the TLS handshake in progress.
    key_password: tls_files::KeyPassword,
    /// The process that made the connection: a forked child must not talk on it.
    process: u32,
}
