//! Cancel requests over connections of their own.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use super::call::call;
use super::conn::pg_conn;
use super::connect::{PQfinish, complete, polling_code};
use super::drive::drive;
use super::status::{PQerrorMessage, PQsocket, PQstatus};
use super::types::{ConnStatusCode, PollingStatusCode};
use super::{guard, ptr};
use crate::client::Connection;
use crate::client::polling::Polling;

/// A connection that cancels what another one runs. A type of its own, so that a compiler tells the two
/// apart.
#[repr(transparent)]
pub struct pg_cancel_conn(pg_conn);

/// A connection that can cancel what `conn` runs, to be closed with PQcancelFinish; NULL only for lack of
/// memory.
///
/// It uses the options, the encryption and the very address of `conn`, and outlives it. PQcancelStatus is
/// CONNECTION_ALLOCATED, or CONNECTION_BAD when `conn` is NULL, not open or has no key to cancel with.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancelCreate(conn: *mut pg_conn) -> *mut pg_cancel_conn {
    // SAFETY: the caller's promise.
    let original = unsafe { ptr::shared(conn) };
    guard::begin(null_mut(), || {
        let client = Connection::for_cancelling(original.map(|conn| &conn.client));
        Box::into_raw(Box::new(pg_conn::new(client))).cast()
    })
}

/// Sends the cancel request and waits until the server has taken it: 1, or 0 with an error text.
///
/// `connect_timeout` is honoured. 1 does not say that there was something to cancel.
///
/// # Safety
/// `cancelConn` is NULL or a live object of PQcancelCreate that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancelBlocking(cancelConn: *mut pg_cancel_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { (PQcancelStart(cancelConn) != 0 && complete(cancelConn.cast())).into() }
}

/// Begins to send the cancel request, without waiting; go on with PQcancelPoll. 1, or 0 with an error text,
/// also where a request was begun already and PQcancelReset not called.
///
/// # Safety
/// As for PQcancelBlocking.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancelStart(cancelConn: *mut pg_cancel_conn) -> c_int {
    let start = |conn: &mut pg_conn| conn.client.start_cancel();
    // SAFETY: the caller's promise; the one is the other inside.
    unsafe { drive(cancelConn.cast(), false, start).into() }
}

/// Goes on with the cancel request as PQconnectPoll does with a connection. PGRES_POLLING_OK: the server has
/// taken it.
///
/// # Safety
/// As for PQcancelBlocking.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancelPoll(cancelConn: *mut pg_cancel_conn) -> PollingStatusCode {
    let poll = |conn: &mut pg_conn| conn.client.poll_cancel();
    // SAFETY: the caller's promise; the one is the other inside.
    polling_code(unsafe { drive(cancelConn.cast(), Polling::Failed, poll) })
}

/// Where the request stands; CONNECTION_OK once the server has taken it, CONNECTION_BAD for NULL.
///
/// # Safety
/// As for PQcancelBlocking.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancelStatus(
    cancelConn: *const pg_cancel_conn,
) -> ConnStatusCode {
    // SAFETY: the caller's promise; the one is the other inside.
    unsafe { PQstatus(cancelConn.cast()) }
}

/// The descriptor of the socket to wait for, which may change from poll to poll; -1 when there is none.
///
/// # Safety
/// As for PQcancelBlocking.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancelSocket(cancelConn: *const pg_cancel_conn) -> c_int {
    // SAFETY: the caller's promise; the one is the other inside.
    unsafe { PQsocket(cancelConn.cast()) }
}

/// Why the request failed; the object's own, good until it is used again.
///
/// # Safety
/// As for PQcancelBlocking.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancelErrorMessage(
    cancelConn: *const pg_cancel_conn,
) -> *mut c_char {
    // SAFETY: the caller's promise; the one is the other inside.
    unsafe { PQerrorMessage(cancelConn.cast()) }
}

/// Closes what is open and readies the object for another request. NULL is ignored.
///
/// # Safety
/// As for PQcancelBlocking.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancelReset(cancelConn: *mut pg_cancel_conn) {
    // SAFETY: the caller's promise; the one is the other inside.
    unsafe {
        call(cancelConn.cast(), (), |conn: &mut pg_conn| {
            conn.client.reset_cancel()
        })
    };
}

/// Closes what is open and frees the object; NULL is ignored.
///
/// # Safety
/// As for PQcancelBlocking, and it is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancelFinish(cancelConn: *mut pg_cancel_conn) {
    // SAFETY: the caller's promise; the one is the other inside.
    unsafe { PQfinish(cancelConn.cast()) };
}
