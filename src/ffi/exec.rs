//! Commands, waiting for their results.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use super::asynchronous::{
    PQsendClosePortal, PQsendClosePrepared, PQsendDescribePortal, PQsendDescribePrepared,
    PQsendPrepare, PQsendQuery, PQsendQueryParams, PQsendQueryPrepared, get_result,
};
use super::call::call;
use super::connect::pg_conn;
use super::result::PQclear;
use super::types::{ExecStatusCode, Oid};
use crate::client::ConnStatus;
use crate::result::status::Status;
use crate::result::store::PgResult;

/// What a command in the way of a new one was doing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum InTheWay {
    Nothing,
    CopyIn,
    CopyOut,
    CopyBoth,
}

/// Frees a result and says what it told of.
///
/// # Safety
/// `result` is a live result, which is not used again.
unsafe fn discard(result: *mut PgResult) -> InTheWay {
    // SAFETY: the caller's promise.
    let status = unsafe { (*result).status() };
    // SAFETY: as above.
    unsafe { PQclear(result) };
    match status {
        Status::CopyIn => InTheWay::CopyIn,
        Status::CopyOut => InTheWay::CopyOut,
        Status::CopyBoth => InTheWay::CopyBoth,
        _ => InTheWay::Nothing,
    }
}

/// Drops the results of earlier commands; false when a new one cannot be sent (libpq: PQexecStart).
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
unsafe fn begin(conn: *mut pg_conn) -> bool {
    // SAFETY: the caller's promise.
    match unsafe { call(conn, None, |conn| conn.client.begin_exec()) } {
        None => return false,
        Some(false) => return true,
        Some(true) => {}
    }
    loop {
        // SAFETY: the caller's promise.
        let result = unsafe { get_result(conn) };
        if result.is_null() {
            return true;
        }
        // SAFETY: just collected.
        let in_the_way = unsafe { discard(result) };
        // SAFETY: the caller's promise.
        if !unsafe { call(conn, false, |conn| clear_the_way(conn, in_the_way)) } {
            return false;
        }
    }
}

fn clear_the_way(conn: &mut pg_conn, in_the_way: InTheWay) -> bool {
    let reason = b"COPY terminated by new PQexec";
    match in_the_way {
        InTheWay::Nothing => {}
        InTheWay::CopyIn if !conn.client.put_copy_end(Some(reason)) => return false,
        InTheWay::CopyIn => {}
        InTheWay::CopyOut => conn.client.abandon_copy_out(),
        InTheWay::CopyBoth => {
            return conn.client.refuse("PQexec not allowed during COPY BOTH");
        }
    }
    conn.client.status() != ConnStatus::Bad
}

/// The last result of a command; a COPY or a lost connection ends the search (libpq: PQexecFinish).
///
/// # Safety
/// `conn` is a live connection that nobody else uses during the call.
unsafe fn finish(conn: *mut pg_conn) -> *mut PgResult {
    let mut last = null_mut();
    loop {
        // SAFETY: the caller's promise; `last` is dropped once a later one is here.
        unsafe {
            let result = get_result(conn);
            if result.is_null() {
                return last;
            }
            PQclear(last);
            last = result;
            let copying = matches!(
                (*result).status(),
                Status::CopyIn | Status::CopyOut | Status::CopyBoth
            );
            if copying || (*conn).client.status() == ConnStatus::Bad {
                return last;
            }
        }
    }
}

/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
unsafe fn run(conn: *mut pg_conn, send: impl FnOnce() -> c_int) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe {
        if !begin(conn) || send() == 0 {
            return null_mut();
        }
        finish(conn)
    }
}

/// Runs one or more commands as a simple query and answers the result of the last, to be freed with PQclear.
///
/// Results of earlier commands that were not collected are dropped, and a COPY in progress is ended. A
/// COPY result is answered at once. NULL for a NULL connection, when the command could not be sent, or in
/// pipeline mode; PQerrorMessage then tells why.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `query` NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQexec(conn: *mut pg_conn, query: *const c_char) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe { run(conn, || PQsendQuery(conn, query)) }
}

/// Runs one command with parameters and answers its result; see PQexec and PQsendQueryParams.
///
/// # Safety
/// As for PQsendQueryParams.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQexecParams(
    conn: *mut pg_conn,
    command: *const c_char,
    nParams: c_int,
    paramTypes: *const Oid,
    paramValues: *const *const c_char,
    paramLengths: *const c_int,
    paramFormats: *const c_int,
    resultFormat: c_int,
) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe {
        run(conn, || {
            PQsendQueryParams(
                conn,
                command,
                nParams,
                paramTypes,
                paramValues,
                paramLengths,
                paramFormats,
                resultFormat,
            )
        })
    }
}

/// Prepares a statement and answers the result; see PQexec and PQsendPrepare.
///
/// # Safety
/// As for PQsendPrepare.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQprepare(
    conn: *mut pg_conn,
    stmtName: *const c_char,
    query: *const c_char,
    nParams: c_int,
    paramTypes: *const Oid,
) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe {
        run(conn, || {
            PQsendPrepare(conn, stmtName, query, nParams, paramTypes)
        })
    }
}

/// Executes a prepared statement and answers its result; see PQexec and PQsendQueryPrepared.
///
/// # Safety
/// As for PQsendQueryPrepared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQexecPrepared(
    conn: *mut pg_conn,
    stmtName: *const c_char,
    nParams: c_int,
    paramValues: *const *const c_char,
    paramLengths: *const c_int,
    paramFormats: *const c_int,
    resultFormat: c_int,
) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe {
        run(conn, || {
            PQsendQueryPrepared(
                conn,
                stmtName,
                nParams,
                paramValues,
                paramLengths,
                paramFormats,
                resultFormat,
            )
        })
    }
}

/// The parameters and columns of a prepared statement, in a PGRES_COMMAND_OK result; a NULL name is the
/// unnamed statement. See PQexec.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `stmt` NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQdescribePrepared(
    conn: *mut pg_conn,
    stmt: *const c_char,
) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe { run(conn, || PQsendDescribePrepared(conn, stmt)) }
}

/// The columns of a portal, in a PGRES_COMMAND_OK result; a NULL name is the unnamed portal. See PQexec.
///
/// # Safety
/// As for PQdescribePrepared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQdescribePortal(
    conn: *mut pg_conn,
    portal: *const c_char,
) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe { run(conn, || PQsendDescribePortal(conn, portal)) }
}

/// Closes a prepared statement; no error if there is none of the name. See PQexec.
///
/// # Safety
/// As for PQdescribePrepared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQclosePrepared(conn: *mut pg_conn, stmt: *const c_char) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe { run(conn, || PQsendClosePrepared(conn, stmt)) }
}

/// Closes a portal; no error if there is none of the name. See PQexec.
///
/// # Safety
/// As for PQdescribePrepared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQclosePortal(conn: *mut pg_conn, portal: *const c_char) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe { run(conn, || PQsendClosePortal(conn, portal)) }
}

/// An empty result of the given status, to be freed with PQclear; NULL when memory ran out.
///
/// With a connection, it takes over its encoding, notice hooks and event procedures, and for the status
/// of an error its error text. A number that is no status is taken as PGRES_FATAL_ERROR.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQmakeEmptyPGresult(
    conn: *mut pg_conn,
    status: ExecStatusCode,
) -> *mut PgResult {
    let status = Status::from_code(status).unwrap_or(Status::FatalError);
    if conn.is_null() {
        return PgResult::new(status, 0).map_or(null_mut(), |result| result.into_raw());
    }
    // SAFETY: the caller's promise.
    unsafe {
        let made = call(conn, null_mut(), |conn| {
            let result = conn.client.empty_result(status);
            result.map_or(null_mut(), |result| result.into_raw())
        });
        if !made.is_null() {
            super::events::attach(conn, made);
        }
        made
    }
}
