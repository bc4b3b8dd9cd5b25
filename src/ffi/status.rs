//! What a connection answers about itself.

use std::ffi::{c_char, c_int};
use std::ptr::{null, null_mut};

use super::call::call;
use super::conn::pg_conn;
use super::drive::drive;
use super::ptr;
use super::types::{
    ConnStatusCode, ConnStatusType, ContextVisibilityCode, PGContextVisibility,
    PGTransactionStatusType, PGVerbosity, PipelineStatusCode, TransactionStatusCode, VerbosityCode,
};
use crate::client::{ShowContext, Verbosity};
use crate::conninfo::hosts::DEFAULT_PORT;
use crate::conninfo::options::Opt;

/// Answers `failure` for a NULL connection, else what `body` says.
///
/// # Safety
/// `conn` is NULL or a live connection.
unsafe fn ask<T>(conn: *const pg_conn, failure: T, body: impl FnOnce(&pg_conn) -> T) -> T {
    // SAFETY: the caller's promise.
    match unsafe { ptr::shared(conn) } {
        Some(conn) => body(conn),
        None => failure,
    }
}

/// The state of a connection: CONNECTION_OK, CONNECTION_BAD, or while it is being opened one of the
/// others. CONNECTION_BAD for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQstatus(conn: *const pg_conn) -> ConnStatusCode {
    let bad = ConnStatusType::CONNECTION_BAD as ConnStatusCode;
    // SAFETY: the caller's promise.
    unsafe { ask(conn, bad, |conn| conn.client.status() as ConnStatusCode) }
}

/// The text of what went wrong in the current operation, each message ending in a newline; empty if
/// nothing did.
///
/// It belongs to the connection and is good until the next call with it. For NULL, a text that says so.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQerrorMessage(conn: *const pg_conn) -> *mut c_char {
    let null = c"connection pointer is NULL\n".as_ptr();
    // SAFETY: the caller's promise.
    unsafe { ask(conn, null, |conn| conn.client.errors().as_ptr()) }.cast_mut()
}

/// The descriptor to wait on, which may change while the connection is being opened; -1 if there is none.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsocket(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { ask(conn, -1, |conn| conn.client.socket()) }
}

/// An option's value as a string of the connection's; NULL where there is none.
///
/// # Safety
/// `conn` is NULL or a live connection.
unsafe fn option(conn: *const pg_conn, opt: Opt) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe {
        ask(conn, null_mut(), |conn| match conn.client.option(opt) {
            Some(value) => conn.intern(value),
            None => null_mut(),
        })
    }
}

/// The name of the database; it belongs to the connection. NULL for NULL, or when the options were bad.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQdb(conn: *const pg_conn) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { option(conn, Opt::DbName) }
}

/// The name of the user; it belongs to the connection. NULL for NULL, or when the options were bad.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQuser(conn: *const pg_conn) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { option(conn, Opt::User) }
}

/// The backend options; they belong to the connection. NULL for NULL, or when the options were bad.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQoptions(conn: *const pg_conn) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { option(conn, Opt::Options) }
}

/// The password for the current host, perhaps from the password file; empty if there is none. It belongs
/// to the connection. NULL for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQpass(conn: *const pg_conn) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe {
        ask(conn, null_mut(), |conn| {
            conn.intern(conn.client.password().unwrap_or_default())
        })
    }
}

/// The name, socket directory or else the address of the host being tried or connected to; empty if there
/// is none. It belongs to the connection. NULL for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQhost(conn: *const pg_conn) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe {
        ask(conn, null_mut(), |conn| {
            let host = conn.client.host();
            let given = |text: &'_ Option<Vec<u8>>| text.clone().filter(|text| !text.is_empty());
            let text = host.and_then(|host| given(&host.host).or_else(|| given(&host.hostaddr)));
            conn.intern(&text.unwrap_or_default())
        })
    }
}

/// The numeric address connected to; empty for a Unix socket or if there is none. It belongs to the
/// connection. NULL for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQhostaddr(conn: *const pg_conn) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe {
        ask(conn, null_mut(), |conn| {
            conn.intern(&conn.client.numeric_address().unwrap_or_default())
        })
    }
}

/// The port of the host being tried or connected to. It belongs to the connection. NULL for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQport(conn: *const pg_conn) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe {
        ask(conn, null_mut(), |conn| {
            let port = conn.client.host().and_then(|host| host.port.as_deref());
            let port = port.filter(|port| !port.is_empty());
            conn.intern(port.unwrap_or(DEFAULT_PORT))
        })
    }
}

/// Always empty: terminals of servers are no more. NULL for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQtty(conn: *const pg_conn) -> *mut c_char {
    if conn.is_null() {
        return null_mut();
    }
    c"".as_ptr().cast_mut()
}

/// Whether the command in progress, or the transaction it is in, is idle or failed:
/// PQTRANS_UNKNOWN for NULL or a bad connection.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQtransactionStatus(conn: *const pg_conn) -> TransactionStatusCode {
    let unknown = PGTransactionStatusType::PQTRANS_UNKNOWN as TransactionStatusCode;
    // SAFETY: the caller's promise.
    unsafe {
        ask(conn, unknown, |conn| {
            conn.client.transaction_status() as TransactionStatusCode
        })
    }
}

/// Whether pipeline mode is off, on, or aborted by an error; off for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQpipelineStatus(conn: *const pg_conn) -> PipelineStatusCode {
    // SAFETY: the caller's promise.
    unsafe {
        ask(conn, 0, |conn| {
            conn.client.pipeline_status() as PipelineStatusCode
        })
    }
}

/// The last value the server reported for a parameter, or NULL; good until it reports another.
///
/// Names are case-sensitive. `disconnect_requested` is "on" once a GoAway message came: asking for it
/// looks at messages that were read but not yet parsed, and so may call the notice receiver; it belongs
/// to the connection's thread. NULL for a NULL connection or name.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `paramName` NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQparameterStatus(
    conn: *const pg_conn,
    paramName: *const c_char,
) -> *const c_char {
    // SAFETY: the caller's promise.
    let Some(name) = (unsafe { ptr::text(paramName) }) else {
        return null();
    };
    let step = |conn: &mut pg_conn| {
        let value = conn.client.parameter_status(name);
        value.map(|value| value.map_or(null(), |v| v.as_ptr().cast::<c_char>()))
    };
    // SAFETY: the caller's promise; a connection is never really constant.
    unsafe { drive(conn.cast_mut(), null(), step) }
}

/// Whether the server asked its clients to leave: 1 after a GoAway message, or while it reports
/// `disconnect_requested` as on; else 0, also for NULL.
///
/// The session stays usable; close it when nobody uses it and open a new one when one is needed. Only
/// what was read already is looked at: on an idle connection call PQconsumeInput first. Messages that
/// were read but not yet parsed are parsed, so notice receivers may be called; the call belongs to the
/// connection's thread. The answer is forgotten when a new connection is made (PQreset), not when one
/// is lost.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQgoAwayReceived(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise; a connection is never really constant.
    unsafe { drive(conn.cast_mut(), false, |conn| conn.client.goaway_received()).into() }
}

/// The version of the protocol in use, 3; 0 for NULL or a bad connection.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQprotocolVersion(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { ask(conn, 0, |conn| conn.client.protocol_version().0 as c_int) }
}

/// The full version of the protocol in use, 30000 or 30002; 0 for NULL or a bad connection.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQfullProtocolVersion(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    let (major, minor) = unsafe { ask(conn, (0, 0), |conn| conn.client.protocol_version()) };
    (major * 10_000 + minor) as c_int
}

/// The server's version as a number, 180006 for 18.6; 0 if it is not known, and for NULL or a bad
/// connection.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQserverVersion(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { ask(conn, 0, |conn| conn.client.server_version()) }
}

/// The id of the server process; 0 for NULL, while the connection is not open, or if the server told none.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQbackendPID(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { ask(conn, 0, |conn| conn.client.backend_pid()) }
}

/// 1 if the server asked for a password and none was there to give, else 0; 0 for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQconnectionNeedsPassword(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { ask(conn, 0, |conn| conn.client.needs_password().into()) }
}

/// 1 if the server asked for a password, else 0; 0 for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQconnectionUsedPassword(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { ask(conn, 0, |conn| conn.client.used_password().into()) }
}

/// 1 if GSSAPI authenticated the connection, or encrypts it, else 0.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQconnectionUsedGSSAPI(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { ask(conn, 0, |conn| conn.client.used_gssapi().into()) }
}

/// Chooses how much error texts say from now on, and answers what was chosen before; for NULL,
/// PQERRORS_DEFAULT. An unknown number is taken as PQERRORS_DEFAULT.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsetErrorVerbosity(
    conn: *mut pg_conn,
    verbosity: VerbosityCode,
) -> VerbosityCode {
    let default = PGVerbosity::PQERRORS_DEFAULT as VerbosityCode;
    let verbosity = Verbosity::from_code(verbosity);
    // SAFETY: the caller's promise.
    unsafe {
        call(conn, default, |conn| {
            conn.client.set_verbosity(verbosity) as VerbosityCode
        })
    }
}

/// Chooses when error texts include their context from now on, and answers what was chosen before; for
/// NULL, PQSHOW_CONTEXT_ERRORS. An unknown number is taken as PQSHOW_CONTEXT_NEVER.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsetErrorContextVisibility(
    conn: *mut pg_conn,
    show_context: ContextVisibilityCode,
) -> ContextVisibilityCode {
    let default = PGContextVisibility::PQSHOW_CONTEXT_ERRORS as ContextVisibilityCode;
    let show = ShowContext::from_code(show_context);
    // SAFETY: the caller's promise.
    unsafe {
        call(conn, default, |conn| {
            conn.client.set_show_context(show) as ContextVisibilityCode
        })
    }
}

/// The id of the encoding of texts from and to the server; -1 for NULL or while the connection is not open.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQclientEncoding(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { ask(conn, -1, |conn| conn.client.client_encoding()) }
}
