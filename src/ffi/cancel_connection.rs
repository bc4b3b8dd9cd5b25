//! Cancel requests over connections with the options and the encryption of the original one.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use super::call::call;
use super::conn::pg_conn;
use super::connect::{PQfinish, finish_connecting, polling_code};
use super::drive::drive;
use super::registers::wiped_after;
use super::status::{PQerrorMessage, PQsocket, PQstatus};
use super::types::{ConnStatusCode, PollingStatusCode};
use super::{guard, ptr};
use crate::client::Connection;
use crate::client::polling::Polling;

/// A connection that cancels the command of another one. It is a separate type so that the C compiler rejects a mix-up.
#[repr(transparent)]
pub struct pg_cancel_conn(pg_conn);

/// Creates an object that can cancel the command of `conn`. It remains valid after PQfinish(conn).
/// Free it with PQcancelFinish. Returns NULL only if memory ran out.
///
/// It uses the options, the encryption and the server address of `conn`. PQcancelStatus returns
/// CONNECTION_ALLOCATED, or CONNECTION_BAD if `conn` is not open, has no cancel key or is NULL.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancelCreate(conn: *mut pg_conn) -> *mut pg_cancel_conn {
    // SAFETY: the caller's promise.
    let original = unsafe { ptr::shared(conn) };
    guard::begin(null_mut(), || {
        let original = original.map(|conn| &conn.client);
        let client = wiped_after(|| Connection::for_cancelling(original));
        Box::into_raw(Box::new(pg_conn::new(client))).cast()
    })
}

/// Sends the cancel request and blocks until the server has received it. Returns 1, which does not
/// mean that there was a command to cancel; 0 with an error message (PQcancelErrorMessage); and 0
/// for NULL. The option `connect_timeout` applies.
///
/// # Safety
/// `cancelConn` is NULL or a live object of PQcancelCreate that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancelBlocking(cancelConn: *mut pg_cancel_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { (PQcancelStart(cancelConn) != 0 && finish_connecting(cancelConn.cast())).into() }
}

/// Starts to send the cancel request, without waiting. Continue with PQcancelPoll. Returns 1, 0
/// with an error message, and 0 for NULL. It is an error to start a second request without a call
/// of PQcancelReset.
///
/// # Safety
/// Same as for PQcancelBlocking.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancelStart(cancelConn: *mut pg_cancel_conn) -> c_int {
    let start = |conn: &mut pg_conn| wiped_after(|| conn.client.start_cancel());
    // SAFETY: the caller's promise; a pg_cancel_conn contains only a pg_conn.
    unsafe { drive(cancelConn.cast(), false, start).into() }
}

/// Continues the cancel request, like PQconnectPoll. PGRES_POLLING_OK means that the server has
/// received it. Returns PGRES_POLLING_FAILED for NULL.
///
/// # Safety
/// Same as for PQcancelBlocking.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancelPoll(cancelConn: *mut pg_cancel_conn) -> PollingStatusCode {
    let poll = |conn: &mut pg_conn| wiped_after(|| conn.client.poll_cancel());
    // SAFETY: the caller's promise; a pg_cancel_conn contains only a pg_conn.
    polling_code(unsafe { drive(cancelConn.cast(), Polling::Failed, poll) })
}

/// Returns the state of the cancel request; CONNECTION_OK means that the server has received it.
/// Returns CONNECTION_BAD for NULL.
///
/// # Safety
/// Same as for PQcancelBlocking.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancelStatus(
    cancelConn: *const pg_cancel_conn,
) -> ConnStatusCode {
    // SAFETY: the caller's promise; a pg_cancel_conn contains only a pg_conn.
    unsafe { PQstatus(cancelConn.cast()) }
}

/// Returns the file descriptor of the socket, which may change with each PQcancelPoll. Returns -1
/// if there is none, and for NULL.
///
/// # Safety
/// Same as for PQcancelBlocking.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancelSocket(cancelConn: *const pg_cancel_conn) -> c_int {
    // SAFETY: the caller's promise; a pg_cancel_conn contains only a pg_conn.
    unsafe { PQsocket(cancelConn.cast()) }
}

/// Returns the error message of the cancel request. It belongs to the object and is valid until the
/// next call with it.
///
/// # Safety
/// Same as for PQcancelBlocking.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancelErrorMessage(
    cancelConn: *const pg_cancel_conn,
) -> *mut c_char {
    // SAFETY: the caller's promise; a pg_cancel_conn contains only a pg_conn.
    unsafe { PQerrorMessage(cancelConn.cast()) }
}

/// Closes the connection of the cancel request, so that the object can be used for another one.
/// Does nothing for NULL.
///
/// # Safety
/// Same as for PQcancelBlocking.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancelReset(cancelConn: *mut pg_cancel_conn) {
    // SAFETY: the caller's promise; a pg_cancel_conn contains only a pg_conn.
    unsafe {
        call(cancelConn.cast(), (), |conn: &mut pg_conn| {
            conn.client.reset_cancel()
        })
    };
}

/// Closes the connection of the cancel request and frees the object. Does nothing for NULL.
///
/// # Safety
/// Same as for PQcancelBlocking, and it is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancelFinish(cancelConn: *mut pg_cancel_conn) {
    // SAFETY: the caller's promise; a pg_cancel_conn contains only a pg_conn.
    unsafe { PQfinish(cancelConn.cast()) };
}
