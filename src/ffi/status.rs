//! The state of a connection.

pub mod session;
mod target;

use std::ffi::{c_char, c_int};

use super::conn::pg_conn;
use super::ptr;
use super::types::{ConnStatusCode, ConnStatusType};

/// Returns the result of `body`, or `failure` for a NULL connection.
///
/// # Safety
/// `conn` is NULL or a live connection.
unsafe fn with_conn<T>(conn: *const pg_conn, failure: T, body: impl FnOnce(&pg_conn) -> T) -> T {
    // SAFETY: the caller's promise.
    match unsafe { ptr::shared(conn) } {
        Some(conn) => body(conn),
        None => failure,
    }
}

/// Returns the state of a connection: CONNECTION_OK, CONNECTION_BAD or, while the connection is
/// being opened, one of the others. Returns CONNECTION_BAD for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQstatus(conn: *const pg_conn) -> ConnStatusCode {
    let bad = ConnStatusType::CONNECTION_BAD as ConnStatusCode;
    // SAFETY: the caller's promise.
    unsafe { with_conn(conn, bad, |conn| conn.client.status() as ConnStatusCode) }
}

/// Returns the error messages of the last operation, each of which ends with a newline; an empty
/// string if there was no error.
///
/// The string belongs to the connection and is valid until the next call with it. For NULL, returns
/// a message that says so.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQerrorMessage(conn: *const pg_conn) -> *mut c_char {
    let null = c"connection pointer is NULL\n".as_ptr();
    // SAFETY: the caller's promise.
    unsafe { with_conn(conn, null, |conn| conn.client.errors().as_ptr()) }.cast_mut()
}

/// Returns the file descriptor of the connection's socket, or -1 if there is none and for NULL. It
/// may change while the connection is being opened.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsocket(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { with_conn(conn, -1, |conn| conn.client.socket()) }
}
