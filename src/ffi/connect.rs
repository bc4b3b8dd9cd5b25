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
use crate::client::{Connection, Purpose, apart};
use crate::conninfo::keyvalue;
use crate::conninfo::options::{Opt, Options};
use crate::mem::error_text::ErrorText;
use crate::mem::reserve;

/// A connection with its options taken; libpq answers one even where they are bad.
fn configured(
    parse: impl FnOnce() -> Result<Options, ErrorText>,
    purpose: Purpose,
) -> *mut pg_conn {
    guard::begin(null_mut(), || {
        let mut conn = Box::new(pg_conn::new(Connection::new()));
        // What is wrong stands in the connection's errors.
        let taken = conn.client.configure(parse(), purpose);
        if taken.is_err() && !reserve::is_ready() {
            // Without its options it could never be reset.
            return null_mut();
        }
        Box::into_raw(conn)
    })
}

/// Takes the first steps of connecting.
///
/// # Safety
/// `conn` is NULL or a live connection.
unsafe fn start(conn: *mut pg_conn) -> bool {
    // SAFETY: the caller's promise. A notice cannot come before the first poll went on, but if it does
    // it is handed out, and polling goes on from there.
    unsafe { drive(conn, false, |conn| conn.client.start()) }
}

/// Connects to the end.
///
/// # Safety
/// `conn` is NULL or a live connection just started.
pub(super) unsafe fn complete(conn: *mut pg_conn) -> bool {
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
            complete(conn);
        }
    }
    conn
}

fn parse_text(text: Option<&[u8]>) -> Result<Options, ErrorText> {
    keyvalue::parse(text.unwrap_or_default())
}

/// The pairs of two arrays that end with a NULL keyword.
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
        // SAFETY: the keywords reach to the NULL, which was not met yet; they are C strings.
        let Some(keyword) = (unsafe { ptr::text(*keywords.add(index)) }) else {
            break;
        };
        // SAFETY: there is a value, a C string or NULL, for each keyword. There need be none for the NULL that ends
        // the keywords: ECPG allocates none.
        let value = unsafe { ptr::text(*values.add(index)) };
        pairs.push((keyword, value));
    }
    pairs
}

/// Opens a connection with the parameters of a connection string or URI, waiting until it stands or failed.
///
/// Answers a connection in every case but lack of memory, to be closed with PQfinish; PQstatus tells
/// whether it stands and PQerrorMessage why not. NULL is taken as an empty string (libpq crashes).
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
    configured(|| parse_text(text), purpose)
}

/// # Safety
/// As for [`pairs`].
unsafe fn new_from_arrays(
    keywords: *const *const c_char,
    values: *const *const c_char,
    expand_dbname: c_int,
    purpose: Purpose,
) -> *mut pg_conn {
    configured(
        || {
            // SAFETY: the caller's promise.
            let pairs = unsafe { pairs(keywords, values) };
            keyvalue::parse_arrays(&pairs, expand_dbname != 0)
        },
        purpose,
    )
}

/// Opens a connection with the parameters in two arrays of the same length, the keywords ended by NULL.
///
/// NULL and empty values are skipped, and later entries win over earlier ones of the same keyword. With
/// `expand_dbname`, the first `dbname` that holds a connection string or URI is expanded. If one of the
/// arrays is NULL, both count as empty. Otherwise as PQconnectdb.
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

/// Opens a connection with parameters given one by one; NULL and empty ones mean the default.
///
/// `dbName` may be a connection string or URI, whose values the other arguments override. `pgtty` is
/// ignored. Otherwise as PQconnectdb.
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
    let (database, given) = unsafe {
        let given = [
            (Opt::Host, ptr::text(pghost)),
            (Opt::Port, ptr::text(pgport)),
            (Opt::Options, ptr::text(pgoptions)),
            (Opt::User, ptr::text(login)),
            (Opt::Password, ptr::text(pwd)),
        ];
        (ptr::text(dbName).unwrap_or_default(), given)
    };
    let conn = configured(|| login_options(database, given), Purpose::Session);
    // SAFETY: the connection is new.
    unsafe { start_and_complete(conn) }
}

fn login_options<const N: usize>(
    database: &[u8],
    given: [(Opt, Option<&[u8]>); N],
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
    for (opt, value) in given {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            options.set(opt, Some(value.to_vec()));
        }
    }
    Ok(options)
}

/// Begins to open a connection without waiting for the server; name resolution may block.
///
/// Answers a connection as PQconnectdb does, for NULL too. Unless PQstatus says CONNECTION_BAD, wait until PQsocket is
/// writable, then call PQconnectPoll until it is done.
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

/// Begins to open a connection with the parameters in two arrays; see PQconnectdbParams and PQconnectStart.
///
/// # Safety
/// As for PQconnectdbParams.
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

/// Goes on with opening a connection as far as that is possible without waiting.
///
/// Answers what to wait for before the next call (PGRES_POLLING_READING or PGRES_POLLING_WRITING),
/// PGRES_POLLING_OK or PGRES_POLLING_FAILED. PQsocket may change from call to call. `connect_timeout` is
/// not applied. NULL answers PGRES_POLLING_FAILED.
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

/// Closes a connection and frees it; NULL is ignored. Results and cancel objects made from it stay valid.
///
/// An open connection says goodbye to the server, except in a process forked after it was opened: there
/// only the descriptor is closed, and the parent's session goes on.
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
        // A large object's file may be open.
        guard::guard((), || apart(|| drop(Box::from_raw(conn))));
    }
}

/// Closes the connection and opens it anew with the same parameters, waiting for the outcome.
///
/// All hosts are tried again, from the first on. NULL is ignored.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQreset(conn: *mut pg_conn) {
    // SAFETY: the caller's promise.
    unsafe {
        if PQresetStart(conn) != 0 && complete(conn) {
            events::fire_reset(conn);
        }
    }
}

/// Closes the connection and begins to open it anew; go on with PQresetPoll.
///
/// 1 when it began, 0 when it failed or `conn` is NULL.
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

/// Goes on with a reset as PQconnectPoll does with opening.
///
/// # Safety
/// As for PQconnectPoll.
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

/// Asks whether a server accepts connections; user name and password need not be right. NULL is an empty
/// string.
///
/// # Safety
/// `conninfo` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQping(conninfo: *const c_char) -> super::types::PingCode {
    // SAFETY: the caller's promise; the connection is new.
    unsafe { ping(new_from_text(conninfo, Purpose::Ping)) }
}

/// Asks whether a server accepts connections, with parameters as PQconnectdbParams takes them.
///
/// # Safety
/// As for PQconnectdbParams.
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

/// The options of a connection with the values in force, ended by an entry of zeroes; free with
/// PQconninfoFree. NULL for a NULL connection or lack of memory.
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
    fn no_value_is_read_for_the_null_that_ends_the_keywords() {
        let keywords = [c"user".as_ptr(), c"port".as_ptr(), std::ptr::null()];
        // No address of anything stands where a third value would be.
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
