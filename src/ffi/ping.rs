//! Checks whether a server accepts connections.

use std::ffi::{c_char, c_int};

use super::call::call;
use super::conn::pg_conn;
use super::connect::{PQfinish, start_and_complete};
use super::new_connection;
use super::types::{PGPing, PingCode};
use crate::client::Purpose;
use crate::client::state::Ping;

/// Checks whether a server accepts connections. Takes a connection string or URI; NULL counts as an
/// empty string. The user name and the password need not be correct.
///
/// # Safety
/// `conninfo` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQping(conninfo: *const c_char) -> PingCode {
    // SAFETY: the caller's promise; the connection is new.
    unsafe { ping(new_connection::from_text(conninfo, Purpose::Ping)) }
}

/// Like PQping, with the parameters in two arrays, as for PQconnectdbParams.
///
/// # Safety
/// Same as for PQconnectdbParams.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQpingParams(
    keywords: *const *const c_char,
    values: *const *const c_char,
    expand_dbname: c_int,
) -> PingCode {
    // SAFETY: the caller's promise; the connection is new.
    unsafe {
        let conn = new_connection::from_arrays(keywords, values, expand_dbname, Purpose::Ping);
        ping(conn)
    }
}

/// # Safety
/// `conn` is NULL or a live connection, which is not used again.
unsafe fn ping(conn: *mut pg_conn) -> PingCode {
    // SAFETY: the caller's promise.
    let outcome = unsafe {
        start_and_complete(conn);
        call(conn, Ping::NoAttempt, |conn| conn.client.ping_outcome())
    };
    // SAFETY: as above.
    unsafe { PQfinish(conn) };
    let status = match outcome {
        Ping::Ok => PGPing::PQPING_OK,
        Ping::Reject => PGPing::PQPING_REJECT,
        Ping::NoResponse => PGPing::PQPING_NO_RESPONSE,
        Ping::NoAttempt => PGPing::PQPING_NO_ATTEMPT,
    };
    status as PingCode
}
