//! Commands, waiting for their results.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use super::asynchronous::{await_reply, created, get_result, raw};
use super::call::call;
use super::clear::PQclear;
use super::command::{self, Command};
use super::conn::pg_conn;
use super::drive::drive;
use super::guard;
use super::params::Given;
use super::sending::{complete, dispatch};
use super::types::{ExecStatusCode, Oid};
use crate::client::exec::target;
use crate::client::io::Sent;
use crate::client::{ConnStatus, Pause, layout};
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

/// Drops the results of earlier commands; false when a new one cannot be sent.
///
/// # Safety
/// `conn` is a live connection that nobody else uses during the call.
#[cold]
unsafe fn drop_results(conn: *mut pg_conn) -> bool {
    loop {
        // SAFETY: the caller's promise.
        let result = unsafe { get_result(conn) };
        if result.is_null() {
            return true;
        }
        // SAFETY: just collected.
        let in_the_way = unsafe { discard(result) };
        let clear = |conn: &mut pg_conn| clear_the_way(conn, in_the_way);
        let open = |conn: &mut pg_conn| conn.client.status() != ConnStatus::Bad;
        // SAFETY: the caller's promise.
        if !unsafe { dispatch(conn, clear) && call(conn, false, open) } {
            return false;
        }
    }
}

fn clear_the_way(conn: &mut pg_conn, in_the_way: InTheWay) -> Sent {
    match in_the_way {
        InTheWay::Nothing => {}
        InTheWay::CopyIn => {
            let reason = b"COPY terminated by new PQexec";
            return conn.client.put_copy_end(Some(reason));
        }
        InTheWay::CopyOut => conn.client.abandon_copy_out(),
        InTheWay::CopyBoth => {
            conn.client.refuse("PQexec not allowed during COPY BOTH");
            return Sent::No;
        }
    }
    Sent::Yes
}

/// A result, and whether the search for the last one of its command ends with it.
#[derive(Clone, Copy)]
struct Found {
    result: *mut PgResult,
    last: bool,
}

fn next_result(conn: &mut pg_conn) -> Result<Found, Pause> {
    let collected = conn.client.get_result()?;
    // Event procedures find the connection as it was when their result came: nothing is looked at before they ran.
    let last = conn.client.ends_exec(&collected, conn.events.is_empty());
    let result = raw(collected);
    Ok(Found { result, last })
}

/// The last result of a command; a COPY or a lost connection ends the search (libpq: PQexecFinish).
///
/// # Safety
/// `conn` is a live connection that nobody else uses during the call.
unsafe fn finish(conn: *mut pg_conn) -> *mut PgResult {
    let nothing = Found {
        result: null_mut(),
        last: true,
    };
    let mut earlier = null_mut();
    loop {
        // SAFETY: the caller's promise; `earlier` is dropped once a later one is here.
        unsafe {
            if (*conn).client.is_waiting() {
                await_reply(conn);
            }
            let Found { result, last } = drive(conn, nothing, next_result);
            if result.is_null() {
                return earlier;
            }
            created(conn, result);
            if !earlier.is_null() {
                PQclear(earlier);
            }
            if last {
                return result;
            }
            earlier = result;
        }
    }
}

/// What became of a command to be sent.
#[derive(Clone, Copy)]
enum Start {
    Begun(Sent),
    /// Results of earlier commands may have to be dropped first.
    Obstructed,
}

/// Sends a command unless something is in its way (libpq: PQexecStart).
fn start(conn: &mut pg_conn, send: impl Command) -> Start {
    match conn.client.begin_exec() {
        Some(true) => Start::Obstructed,
        Some(false) => Start::Begun(send(conn)),
        None => Start::Begun(Sent::No),
    }
}

/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call, and the arguments of the command are
/// what it was made for.
unsafe fn run(conn: *mut pg_conn, send: impl Command) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe {
        let nothing = Start::Begun(Sent::No);
        let sent = match call(conn, nothing, |conn| start(conn, send)) {
            Start::Begun(sent) => complete(conn, sent),
            Start::Obstructed => drop_results(conn) && dispatch(conn, send),
        };
        if sent { finish(conn) } else { null_mut() }
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
pub unsafe extern "C-unwind" fn PQexec(conn: *mut pg_conn, query: *const c_char) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe { run(conn, command::query(query)) }
}

/// Runs one command with parameters and answers its result; see PQexec and PQsendQueryParams.
///
/// # Safety
/// As for PQsendQueryParams.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQexecParams(
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
        let given = Given {
            count: nParams,
            values: paramValues,
            lengths: paramLengths,
            formats: paramFormats,
        };
        run(
            conn,
            command::with_parameters(command, given, paramTypes, resultFormat),
        )
    }
}

/// Prepares a statement and answers the result; see PQexec and PQsendPrepare.
///
/// # Safety
/// As for PQsendPrepare.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQprepare(
    conn: *mut pg_conn,
    stmtName: *const c_char,
    query: *const c_char,
    nParams: c_int,
    paramTypes: *const Oid,
) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe { run(conn, command::prepare(stmtName, query, nParams, paramTypes)) }
}

/// Executes a prepared statement and answers its result; see PQexec and PQsendQueryPrepared.
///
/// # Safety
/// As for PQsendQueryPrepared.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQexecPrepared(
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
        let given = Given {
            count: nParams,
            values: paramValues,
            lengths: paramLengths,
            formats: paramFormats,
        };
        run(conn, command::prepared(stmtName, given, resultFormat))
    }
}

/// The parameters and columns of a prepared statement, in a PGRES_COMMAND_OK result; a NULL name is the
/// unnamed statement. See PQexec.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `stmt` NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQdescribePrepared(
    conn: *mut pg_conn,
    stmt: *const c_char,
) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe { run(conn, command::describe(target::STATEMENT, stmt)) }
}

/// The columns of a portal, in a PGRES_COMMAND_OK result; a NULL name is the unnamed portal. See PQexec.
///
/// # Safety
/// As for PQdescribePrepared.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQdescribePortal(
    conn: *mut pg_conn,
    portal: *const c_char,
) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe { run(conn, command::describe(target::PORTAL, portal)) }
}

/// Closes a prepared statement; no error if there is none of the name. See PQexec.
///
/// # Safety
/// As for PQdescribePrepared.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQclosePrepared(
    conn: *mut pg_conn,
    stmt: *const c_char,
) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe { run(conn, command::close(target::STATEMENT, stmt)) }
}

/// Closes a portal; no error if there is none of the name. See PQexec.
///
/// # Safety
/// As for PQdescribePrepared.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQclosePortal(
    conn: *mut pg_conn,
    portal: *const c_char,
) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe { run(conn, command::close(target::PORTAL, portal)) }
}

/// An empty result of the given status, to be freed with PQclear; NULL when memory ran out.
///
/// With a connection, it takes over its encoding, notice hooks and event procedures, and for the status
/// of an error its error text. A number that is no status is taken as PGRES_FATAL_ERROR.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQmakeEmptyPGresult(
    conn: *mut pg_conn,
    status: ExecStatusCode,
) -> *mut PgResult {
    let status = Status::from_code(status).unwrap_or(Status::FatalError);
    if conn.is_null() {
        let made = guard::guard(None, || PgResult::new(status, 0, layout::now()).ok());
        return made.map_or(null_mut(), |result| result.into_raw());
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
