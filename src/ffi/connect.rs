//! Opening, resetting and closing connections.

use std::cell::RefCell;
use std::ffi::{c_char, c_int};

use super::call::call;
use super::conn::pg_conn;
use super::drive::drive;
use super::registers::wiped_after;
use super::types::{PollingStatusCode, PostgresPollingStatusType};
use super::{events, guard, new_connection, oauth, ptr};
use crate::client::connect::ConnectWait;
use crate::client::polling::Polling;
use crate::client::{Purpose, without_cancellation};
use crate::conninfo::options::Opt;

/// Starts to connect.
///
/// # Safety
/// `conn` is NULL or a live connection.
unsafe fn start(conn: *mut pg_conn) -> bool {
    // SAFETY: the caller's promise.
    unsafe { drive(conn, false, |conn| wiped_after(|| conn.client.start())) }
}

/// Blocks until the connection is established or has failed.
///
/// # Safety
/// `conn` is NULL or a live connection just started.
pub(super) unsafe fn finish_connecting(conn: *mut pg_conn) -> bool {
    let wait = RefCell::new(ConnectWait::new());
    let step =
        |conn: &mut pg_conn| wiped_after(|| conn.client.finish_connecting(&mut wait.borrow_mut()));
    // SAFETY: the caller's promise; `wait` needs no dropping.
    unsafe { drive(conn, false, step) }
}

/// Opens the connection, which is returned.
///
/// # Safety
/// `conn` is NULL or a live connection.
pub(super) unsafe fn start_and_complete(conn: *mut pg_conn) -> *mut pg_conn {
    // SAFETY: the caller's promise.
    unsafe {
        if start(conn) {
            finish_connecting(conn);
        }
    }
    conn
}

/// Opens a connection with the parameters in a connection string or URI. Blocks until the
/// connection is established or has failed.
///
/// Returns NULL only when memory ran out. Otherwise returns a connection, also after a failure:
/// check PQstatus, read the reason with PQerrorMessage, and free it with PQfinish. NULL counts as
/// an empty string (libpq crashes).
///
/// # Safety
/// `conninfo` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQconnectdb(conninfo: *const c_char) -> *mut pg_conn {
    // SAFETY: the caller's promise; the connection is new.
    unsafe { start_and_complete(new_connection::from_text(conninfo, Purpose::Session)) }
}

/// Opens a connection with the parameters in two arrays of equal length. The last keyword is NULL.
///
/// Entries with a NULL or empty value are ignored. If a keyword occurs twice, the later entry
/// applies. If `expand_dbname` is not 0, the first `dbname` may be a connection string or URI,
/// which is expanded. If one of the arrays is NULL, there are no parameters. Otherwise like
/// PQconnectdb.
///
/// # Safety
/// The arrays are NULL, or hold C strings and the keywords end with NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQconnectdbParams(
    keywords: *const *const c_char,
    values: *const *const c_char,
    expand_dbname: c_int,
) -> *mut pg_conn {
    // SAFETY: the caller's promise; the connection is new.
    unsafe {
        let conn = new_connection::from_arrays(keywords, values, expand_dbname, Purpose::Session);
        start_and_complete(conn)
    }
}

/// Opens a connection with parameters given as arguments. NULL or an empty string selects the
/// default.
///
/// `dbName` may be a connection string or URI; the other arguments override its values. `pgtty` is
/// ignored. Otherwise like PQconnectdb.
///
/// # Safety
/// Each argument is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsetdbLogin(
    pghost: *const c_char,
    pgport: *const c_char,
    pgoptions: *const c_char,
    pgtty: *const c_char,
    dbName: *const c_char,
    login: *const c_char,
    pwd: *const c_char,
) -> *mut pg_conn {
    let _ = pgtty;
    // SAFETY: the caller's promise.
    let (database, arguments) = unsafe {
        let arguments = [
            (Opt::Host, ptr::text(pghost)),
            (Opt::Port, ptr::text(pgport)),
            (Opt::Options, ptr::text(pgoptions)),
            (Opt::User, ptr::text(login)),
            (Opt::Password, ptr::text(pwd)),
        ];
        (ptr::text(dbName).unwrap_or_default(), arguments)
    };
    let conn = new_connection::from_login(database, arguments);
    // SAFETY: the connection is new.
    unsafe { start_and_complete(conn) }
}

/// Starts to open a connection and does not wait for the server. Name resolution may block.
///
/// Returns a connection like PQconnectdb. If PQstatus is not CONNECTION_BAD, wait until PQsocket is
/// writable, then call PQconnectPoll until it returns PGRES_POLLING_OK or PGRES_POLLING_FAILED.
/// NULL counts as an empty string.
///
/// # Safety
/// `conninfo` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQconnectStart(conninfo: *const c_char) -> *mut pg_conn {
    // SAFETY: the caller's promise; the connection is new.
    unsafe {
        let conn = new_connection::from_text(conninfo, Purpose::Session);
        start(conn);
        conn
    }
}

/// Like PQconnectStart, with the parameters in two arrays, as for PQconnectdbParams.
///
/// # Safety
/// Same as for PQconnectdbParams.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQconnectStartParams(
    keywords: *const *const c_char,
    values: *const *const c_char,
    expand_dbname: c_int,
) -> *mut pg_conn {
    // SAFETY: the caller's promise; the connection is new.
    unsafe {
        let conn = new_connection::from_arrays(keywords, values, expand_dbname, Purpose::Session);
        start(conn);
        conn
    }
}

/// Continues to open a connection, without waiting.
///
/// Returns PGRES_POLLING_READING or PGRES_POLLING_WRITING: wait until PQsocket is readable or
/// writable, then call again. Returns PGRES_POLLING_OK when the connection is ready, and
/// PGRES_POLLING_FAILED after a failure and for NULL. The socket may change with each call. The
/// option `connect_timeout` does not apply.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQconnectPoll(conn: *mut pg_conn) -> PollingStatusCode {
    let step = |conn: &mut pg_conn| wiped_after(|| conn.client.poll_connect());
    // SAFETY: the caller's promise.
    let polling = unsafe { drive(conn, Polling::Failed, step) };
    polling_code(polling)
}

pub(super) fn polling_code(polling: Polling) -> PollingStatusCode {
    let status = match polling {
        Polling::Failed => PostgresPollingStatusType::PGRES_POLLING_FAILED,
        Polling::Reading => PostgresPollingStatusType::PGRES_POLLING_READING,
        Polling::Writing => PostgresPollingStatusType::PGRES_POLLING_WRITING,
        Polling::Ok => PostgresPollingStatusType::PGRES_POLLING_OK,
    };
    status as PollingStatusCode
}

/// Closes a connection and frees it. Does nothing for NULL. Results and cancel objects made from it
/// stay valid.
///
/// In a process that was forked after the connection was opened, only the file descriptor is
/// closed; the session of the parent process continues.
///
/// # Safety
/// `conn` is NULL or a live connection, which is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQfinish(conn: *mut pg_conn) {
    if conn.is_null() {
        return;
    }
    // SAFETY: the caller's promise; the box is dropped once, after the last callback.
    unsafe {
        call(conn, (), |conn| conn.client.close());
        oauth::clean_up(conn);
        events::fire_destroy_connection(conn);
        // The file of a large object may be open.
        guard::guard((), || without_cancellation(|| pg_conn::free(conn)));
    }
}

/// Closes the connection and opens it again with the same parameters. Blocks until it is
/// established or has failed: check PQstatus.
///
/// All hosts are tried again, starting with the first. Does nothing for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQreset(conn: *mut pg_conn) {
    // SAFETY: the caller's promise.
    unsafe {
        if PQresetStart(conn) != 0 && finish_connecting(conn) {
            events::fire_reset(conn);
        }
    }
}

/// Closes the connection and starts to open it again, without waiting. Continue with PQresetPoll.
///
/// Returns 1 if it started, and 0 if it failed or `conn` is NULL.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQresetStart(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        call(conn, (), |conn| conn.client.close());
        oauth::clean_up(conn);
        start(conn).into()
    }
}

/// Continues a reset, like PQconnectPoll.
///
/// # Safety
/// Same as for PQconnectPoll.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQresetPoll(conn: *mut pg_conn) -> PollingStatusCode {
    // SAFETY: the caller's promise.
    unsafe {
        let status = PQconnectPoll(conn);
        if status == PostgresPollingStatusType::PGRES_POLLING_OK as PollingStatusCode {
            events::fire_reset(conn);
        }
        status
    }
}
