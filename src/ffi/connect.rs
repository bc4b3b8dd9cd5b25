//! Opening, resetting and closing connections.

use std::cell::RefCell;
use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use super::call::call;
use super::conn::pg_conn;
use super::drive::drive;
use super::types::{PQconninfoOption, PollingStatusCode, PostgresPollingStatusType};
use super::{conninfo, events, guard, oauth, ptr};
use crate::client::connect::ConnectWait;
use crate::client::polling::Polling;
use crate::client::{Connection, Purpose, without_cancellation};
use crate::conninfo::keyvalue;
use crate::conninfo::options::{Opt, Options};
use crate::mem::error_text::ErrorText;
use crate::mem::reserve;

/// Creates a connection with the given options. Like libpq, returns one even if they are invalid.
fn new_connection(
    parse: impl FnOnce() -> Result<Options, ErrorText>,
    purpose: Purpose,
) -> *mut pg_conn {
    guard::begin(null_mut(), || {
        let mut conn = Box::new(pg_conn::new(Connection::new()));
        // The connection has the error message.
        let taken = conn.client.configure(parse(), purpose);
        if taken.is_err() && !reserve::is_ready() {
            // A connection without options could not be reset.
            return null_mut();
        }
        Box::into_raw(conn)
    })
}

/// Starts to connect.
///
/// # Safety
/// `conn` is NULL or a live connection.
unsafe fn start(conn: *mut pg_conn) -> bool {
    // SAFETY: the caller's promise.
    unsafe { drive(conn, false, |conn| conn.client.start()) }
}

/// Blocks until the connection is established or has failed.
///
/// # Safety
/// `conn` is NULL or a live connection just started.
pub(super) unsafe fn finish_connecting(conn: *mut pg_conn) -> bool {
    let wait = RefCell::new(ConnectWait::new());
    let step = |conn: &mut pg_conn| conn.client.finish_connecting(&mut wait.borrow_mut());
    // SAFETY: the caller's promise; `wait` needs no dropping.
    unsafe { drive(conn, false, step) }
}

/// # Safety
/// `conn` is NULL or a live connection.
unsafe fn start_and_complete(conn: *mut pg_conn) -> *mut pg_conn {
    // SAFETY: the caller's promise.
    unsafe {
        if start(conn) {
            finish_connecting(conn);
        }
    }
    conn
}

fn parse_text(text: Option<&[u8]>) -> Result<Options, ErrorText> {
    keyvalue::parse(text.unwrap_or_default())
}

/// The pairs of keywords and values. The last keyword is NULL.
///
/// # Safety
/// Both are NULL or such arrays of C strings; a value may be NULL.
unsafe fn pairs<'a>(
    keywords: *const *const c_char,
    values: *const *const c_char,
) -> Vec<(&'a [u8], Option<&'a [u8]>)> {
    let mut pairs = Vec::new();
    if keywords.is_null() || values.is_null() {
        return pairs;
    }
    for index in 0.. {
        // SAFETY: the keywords are C strings up to the NULL, which was not read yet.
        let Some(keyword) = (unsafe { ptr::text(*keywords.add(index)) }) else {
            break;
        };
        // SAFETY: there is a value, a C string or NULL, for each keyword. There may be none for the NULL that ends the
        // keywords: ECPG does not allocate it.
        let value = unsafe { ptr::text(*values.add(index)) };
        pairs.push((keyword, value));
    }
    pairs
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
    unsafe { start_and_complete(new_from_text(conninfo, Purpose::Session)) }
}

/// # Safety
/// `conninfo` is NULL or a C string.
unsafe fn new_from_text(conninfo: *const c_char, purpose: Purpose) -> *mut pg_conn {
    // SAFETY: the caller's promise.
    let text = unsafe { ptr::text(conninfo) };
    new_connection(|| parse_text(text), purpose)
}

/// # Safety
/// Same as for [`pairs`].
unsafe fn new_from_arrays(
    keywords: *const *const c_char,
    values: *const *const c_char,
    expand_dbname: c_int,
    purpose: Purpose,
) -> *mut pg_conn {
    new_connection(
        || {
            // SAFETY: the caller's promise.
            let pairs = unsafe { pairs(keywords, values) };
            keyvalue::parse_arrays(&pairs, expand_dbname != 0)
        },
        purpose,
    )
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
        let conn = new_from_arrays(keywords, values, expand_dbname, Purpose::Session);
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
    let conn = new_connection(|| login_options(database, arguments), Purpose::Session);
    // SAFETY: the connection is new.
    unsafe { start_and_complete(conn) }
}

fn login_options<const N: usize>(
    database: &[u8],
    arguments: [(Opt, Option<&[u8]>); N],
) -> Result<Options, ErrorText> {
    let mut options = if keyvalue::recognized_connection_string(database) {
        keyvalue::parse(database)?
    } else {
        let mut options = Options::default();
        options.set(
            Opt::DbName,
            (!database.is_empty()).then(|| database.to_vec()),
        );
        options
    };
    for (opt, value) in arguments {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            options.set(opt, Some(value.to_vec()));
        }
    }
    Ok(options)
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
        let conn = new_from_text(conninfo, Purpose::Session);
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
        let conn = new_from_arrays(keywords, values, expand_dbname, Purpose::Session);
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
    // SAFETY: the caller's promise.
    let polling = unsafe { drive(conn, Polling::Failed, |conn| conn.client.poll_connect()) };
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
        guard::guard((), || without_cancellation(|| drop(Box::from_raw(conn))));
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

/// Checks whether a server accepts connections. Takes a connection string or URI; NULL counts as an
/// empty string. The user name and the password need not be correct.
///
/// # Safety
/// `conninfo` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQping(conninfo: *const c_char) -> super::types::PingCode {
    // SAFETY: the caller's promise; the connection is new.
    unsafe { ping(new_from_text(conninfo, Purpose::Ping)) }
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
) -> super::types::PingCode {
    // SAFETY: the caller's promise; the connection is new.
    unsafe {
        ping(new_from_arrays(
            keywords,
            values,
            expand_dbname,
            Purpose::Ping,
        ))
    }
}

/// # Safety
/// `conn` is NULL or a live connection, which is not used again.
unsafe fn ping(conn: *mut pg_conn) -> super::types::PingCode {
    use super::types::PGPing;
    use crate::client::state::Ping;
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
    status as super::types::PingCode
}

/// Returns the connection's options with their current values, passwords included. An entry whose
/// `keyword` is NULL ends the array. Free it with PQconninfoFree.
///
/// Returns NULL if memory ran out, and for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQconninfo(conn: *mut pg_conn) -> *mut PQconninfoOption {
    // SAFETY: the caller's promise.
    unsafe {
        call(conn, null_mut(), |conn| {
            let none = Options::default();
            conninfo::option_array(conn.client.options().unwrap_or(&none))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_no_value_for_the_last_keyword() {
        let keywords = [c"user".as_ptr(), c"port".as_ptr(), std::ptr::null()];
        // The third value is not a valid address.
        let values = [
            c"me".as_ptr(),
            std::ptr::null(),
            std::ptr::without_provenance(1),
        ];
        // SAFETY: both arrays hold what is read of them.
        let pairs = unsafe { pairs(keywords.as_ptr(), values.as_ptr()) };
        assert_eq!(pairs, [(&b"user"[..], Some(&b"me"[..])), (b"port", None)]);
    }
}
