//! The session: its transaction and pipeline, what the server has reported, authentication, and settings.

use std::ffi::{c_char, c_int};
use std::ptr::null;

use super::with_conn;
use crate::client::{ShowContext, Verbosity};
use crate::ffi::call::call;
use crate::ffi::conn::pg_conn;
use crate::ffi::drive::drive;
use crate::ffi::ptr;
use crate::ffi::types::{
    ContextVisibilityCode, PGContextVisibility, PGTransactionStatusType, PGVerbosity,
    PipelineStatusCode, TransactionStatusCode, VerbosityCode,
};

/// Returns the state of the session's transaction. Returns PQTRANS_UNKNOWN if the connection is
/// bad, and for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQtransactionStatus(conn: *const pg_conn) -> TransactionStatusCode {
    let unknown = PGTransactionStatusType::PQTRANS_UNKNOWN as TransactionStatusCode;
    // SAFETY: the caller's promise.
    unsafe {
        with_conn(conn, unknown, |conn| {
            conn.client.transaction_status() as TransactionStatusCode
        })
    }
}

/// Returns the state of pipeline mode. Returns PQ_PIPELINE_OFF for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQpipelineStatus(conn: *const pg_conn) -> PipelineStatusCode {
    // SAFETY: the caller's promise.
    unsafe {
        with_conn(conn, 0, |conn| {
            conn.client.pipeline_status() as PipelineStatusCode
        })
    }
}

/// Returns the value that the server last reported for a parameter, such as `server_version`.
/// Returns NULL if the server has reported none, and if an argument is NULL. The name is
/// case-sensitive.
///
/// The string belongs to the connection and is valid until the server reports another value.
///
/// `disconnect_requested` is "on" after a GoAway message. To find out, this function parses
/// messages that were read but not parsed yet, so it may call the notice receiver: see
/// PQgoAwayReceived.
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
    // SAFETY: the caller's promise; a connection is never constant memory.
    unsafe { drive(conn.cast_mut(), null(), step) }
}

/// Returns 1 if the server has asked the client to disconnect, otherwise 0. Returns 0 for NULL.
///
/// A server asks this before it shuts down, or when it wants its clients to connect to another
/// server. It sends a GoAway message, or reports the parameter `disconnect_requested` as "on". The
/// session stays fully usable, and the current transaction can complete. Close the connection with
/// PQfinish as soon as it is idle, and open a new one when you need it. A connection pool should
/// call this function when a connection is returned, and regularly while it is idle.
///
/// This function does not read from the socket. If you have just read the results of a command, the
/// request has been read too. On an idle connection, call PQconsumeInput first, for example when
/// the socket becomes readable.
///
/// After a GoAway message, this function returns 1 until PQreset or PQresetStart, even if the
/// connection is lost. Without the message, it returns what the server has last reported: 1 for
/// "on", 0 for "off".
///
/// This function parses messages that were read but not parsed yet. So it may call the notice
/// receiver, and no other thread may use the connection during the call, although the argument is
/// const.
///
/// The library tells servers that it understands GoAway messages, unless the connection option
/// `goaway` is "disable". C libpq does not have this function: programs that must compile with it
/// too can test `#ifdef LIBPQ_HAS_GOAWAY`.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQgoAwayReceived(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise; a connection is never constant memory.
    unsafe { drive(conn.cast_mut(), false, |conn| conn.client.goaway_received()).into() }
}

/// Returns the major version of the protocol, 3. Returns 0 if the connection is bad, and for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQprotocolVersion(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { with_conn(conn, 0, |conn| conn.client.protocol_version().0 as c_int) }
}

/// Returns the version of the protocol as a number: 30000 for 3.0, 30002 for 3.2. Returns 0 if the
/// connection is bad, and for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQfullProtocolVersion(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    let (major, minor) = unsafe { with_conn(conn, (0, 0), |conn| conn.client.protocol_version()) };
    (major * 10_000 + minor) as c_int
}

/// Returns the version of the server as a number: 180006 for 18.6, 90603 for 9.6.3. Returns 0 if it
/// is not known, if the connection is bad, and for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQserverVersion(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { with_conn(conn, 0, |conn| conn.client.server_version()) }
}

/// Returns the process ID of the server process. Returns 0 if the connection is not open, if the
/// server has sent no ID, and for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQbackendPID(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { with_conn(conn, 0, |conn| conn.client.backend_pid()) }
}

/// Returns 1 if the server asked for a password and none was available, otherwise 0. Returns 0 for
/// NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQconnectionNeedsPassword(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { with_conn(conn, 0, |conn| conn.client.needs_password().into()) }
}

/// Returns 1 if the server asked for a password, otherwise 0. Returns 0 for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQconnectionUsedPassword(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { with_conn(conn, 0, |conn| conn.client.used_password().into()) }
}

/// Returns 1 if GSSAPI authenticates or encrypts the connection, otherwise 0. Returns 0 for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQconnectionUsedGSSAPI(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { with_conn(conn, 0, |conn| conn.client.used_gssapi().into()) }
}

/// Sets how detailed the error messages of later commands are. Returns the previous setting, and
/// PQERRORS_DEFAULT for NULL. An unknown value selects PQERRORS_DEFAULT.
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

/// Sets whether the messages of later commands include the CONTEXT field. Returns the previous
/// setting, and PQSHOW_CONTEXT_ERRORS for NULL. An unknown value selects PQSHOW_CONTEXT_NEVER.
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

/// Returns the number of the client encoding (see pg_encoding_to_char). Returns -1 if the
/// connection is not open, and for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQclientEncoding(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { with_conn(conn, -1, |conn| conn.client.client_encoding()) }
}
