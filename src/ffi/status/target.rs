//! The database, user and server of a connection.

use std::ffi::c_char;
use std::ptr::null_mut;

use super::with_conn;
use crate::conninfo::hosts::DEFAULT_PORT;
use crate::conninfo::options::Opt;
use crate::ffi::conn::pg_conn;
use crate::ffi::registers::wiped_after;

/// The value of an option as a string that belongs to the connection; NULL if there is none.
///
/// # Safety
/// `conn` is NULL or a live connection.
unsafe fn option(conn: *const pg_conn, opt: Opt) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe {
        with_conn(conn, null_mut(), |conn| match conn.client.option(opt) {
            Some(value) => conn.intern(value),
            None => null_mut(),
        })
    }
}

/// Returns the name of the database. Returns NULL if the connection options were invalid, and for
/// NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQdb(conn: *const pg_conn) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { option(conn, Opt::DbName) }
}

/// Returns the name of the user. Returns NULL if the connection options were invalid, and for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQuser(conn: *const pg_conn) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { option(conn, Opt::User) }
}

/// Returns the command-line options for the server process, as set with the option `options`.
/// Returns NULL if the connection options were invalid, and for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQoptions(conn: *const pg_conn) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { option(conn, Opt::Options) }
}

/// Returns the password for the current host, which may come from the password file; an empty
/// string if there is none. Returns NULL for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQpass(conn: *const pg_conn) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe {
        with_conn(conn, null_mut(), |conn| {
            wiped_after(|| conn.intern(conn.client.password().unwrap_or_default()))
        })
    }
}

/// Returns the host that is connected or being tried: its name or the directory of the Unix socket,
/// otherwise its address. Empty if there is none. Returns NULL for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQhost(conn: *const pg_conn) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe {
        with_conn(conn, null_mut(), |conn| {
            let host = conn.client.host();
            let given = |text: &'_ Option<Vec<u8>>| text.clone().filter(|text| !text.is_empty());
            let text = host.and_then(|host| given(&host.host).or_else(|| given(&host.hostaddr)));
            conn.intern(&text.unwrap_or_default())
        })
    }
}

/// Returns the numeric IP address of the server. Empty for a Unix socket or if there is none.
/// Returns NULL for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQhostaddr(conn: *const pg_conn) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe {
        with_conn(conn, null_mut(), |conn| {
            conn.intern(&conn.client.numeric_address().unwrap_or_default())
        })
    }
}

/// Returns the port of the host that is connected or being tried, as a string. Returns NULL for
/// NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQport(conn: *const pg_conn) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe {
        with_conn(conn, null_mut(), |conn| {
            let port = conn.client.host().and_then(|host| host.port.as_deref());
            let port = port.filter(|port| !port.is_empty());
            conn.intern(port.unwrap_or(DEFAULT_PORT))
        })
    }
}

/// Returns an empty string; servers have no debug terminal any more. Returns NULL for NULL.
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
