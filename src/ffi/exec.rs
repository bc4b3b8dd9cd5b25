//! Commands that wait for their results: PQexec and the like.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use super::asynchronous::{await_reply, fire_result_create, get_result, into_c};
use super::call::call;
use super::clear::PQclear;
use super::command::{self, Command};
use super::conn::pg_conn;
use super::drive::drive;
use super::guard;
use super::params::ParamArrays;
use super::result::PQresultStatus;
use super::sending::{dispatch, ensure_sent};
use super::types::{ExecStatusCode, Oid};
use crate::client::exec::target;
use crate::client::io::Sent;
use crate::client::{ConnStatus, Pause, layout};
use crate::result::status::Status;
use crate::result::store::PgResult;

/// The COPY that an earlier command left in progress.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PendingCopy {
    None,
    In,
    Out,
    Both,
}

/// Frees a result of an earlier command and returns the COPY that it started.
///
/// # Safety
/// `result` is a live result, which is not used again.
unsafe fn discard(result: *mut PgResult) -> PendingCopy {
    // SAFETY: the caller's promise.
    let status = unsafe { (*result).status() };
    // SAFETY: as above.
    unsafe { PQclear(result) };
    match status {
        Status::CopyIn => PendingCopy::In,
        Status::CopyOut => PendingCopy::Out,
        Status::CopyBoth => PendingCopy::Both,
        _ => PendingCopy::None,
    }
}

/// Discards the results of earlier commands. Returns false if no new command can be sent.
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
        let pending = unsafe { discard(result) };
        let clear = |conn: &mut pg_conn| end_pending_copy(conn, pending);
        let open = |conn: &mut pg_conn| conn.client.status() != ConnStatus::Bad;
        // SAFETY: the caller's promise.
        if !unsafe { dispatch(conn, clear) && call(conn, false, open) } {
            return false;
        }
    }
}

fn end_pending_copy(conn: &mut pg_conn, pending: PendingCopy) -> Sent {
    match pending {
        PendingCopy::None => {}
        PendingCopy::In => {
            let reason = b"COPY terminated by new PQexec";
            return conn.client.put_copy_end(Some(reason));
        }
        PendingCopy::Out => conn.client.abandon_copy_out(),
        PendingCopy::Both => {
            conn.client.refuse("PQexec not allowed during COPY BOTH");
            return Sent::No;
        }
    }
    Sent::Yes
}

/// A result of a command, and whether PQexec returns it without waiting for another.
#[derive(Clone, Copy)]
struct ExecResult {
    result: *mut PgResult,
    is_last: bool,
}

fn next_result(conn: &mut pg_conn) -> Result<ExecResult, Pause> {
    let collected = conn.client.get_result()?;
    // Event procedures must see the connection as it was when their result arrived, so no later message is parsed
    // before they have run.
    let is_last = conn.client.ends_exec(&collected, conn.events.is_empty());
    let result = into_c(collected);
    Ok(ExecResult { result, is_last })
}

/// Returns the last result of a command; a COPY or a lost connection ends the wait (libpq: PQexecFinish).
///
/// # Safety
/// `conn` is a live connection that nobody else uses during the call.
unsafe fn finish(conn: *mut pg_conn) -> *mut PgResult {
    let nothing = ExecResult {
        result: null_mut(),
        is_last: true,
    };
    let mut earlier = null_mut();
    loop {
        // SAFETY: the caller's promise; `earlier` is freed when a later result has arrived.
        unsafe {
            if (*conn).client.is_waiting() {
                await_reply(conn);
            }
            let ExecResult { result, is_last } = drive(conn, nothing, next_result);
            if result.is_null() {
                return earlier;
            }
            fire_result_create(conn, result);
            let kept = match earlier.is_null() {
                true => result,
                false => later_of(conn, earlier, result),
            };
            if is_last {
                return kept;
            }
            earlier = kept;
        }
    }
}

/// Frees one of two results and returns the other: the later one, unless it would hide that the reply is damaged. C libpq
/// always returns the later one.
///
/// # Safety
/// `conn` as for [`finish`]; the results are live and differ.
#[cold]
unsafe fn later_of(
    conn: *mut pg_conn,
    earlier: *mut PgResult,
    later: *mut PgResult,
) -> *mut PgResult {
    const FAILED: ExecStatusCode = Status::FatalError as ExecStatusCode;
    // SAFETY: the caller's promise.
    unsafe {
        let has_failed = |result| PQresultStatus(result) == FAILED;
        let hides = (*conn).client.is_reply_damaged() && has_failed(earlier) && !has_failed(later);
        let (kept, dropped) = if hides {
            (earlier, later)
        } else {
            (later, earlier)
        };
        PQclear(dropped);
        kept
    }
}

/// The outcome of the attempt to send a command.
#[derive(Clone, Copy)]
enum Started {
    Sent(Sent),
    /// Results of earlier commands must be discarded first.
    ResultsPending,
}

/// Sends a command, unless there are results of earlier ones (libpq: PQexecStart).
fn start(conn: &mut pg_conn, send: impl Command) -> Started {
    match conn.client.begin_exec() {
        Some(true) => Started::ResultsPending,
        Some(false) => Started::Sent(send(conn)),
        None => Started::Sent(Sent::No),
    }
}

/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call. The arguments of the command are valid.
unsafe fn run(conn: *mut pg_conn, send: impl Command) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe {
        let nothing = Started::Sent(Sent::No);
        let sent = match call(conn, nothing, |conn| start(conn, send)) {
            Started::Sent(sent) => ensure_sent(conn, sent),
            Started::ResultsPending => drop_results(conn) && dispatch(conn, send),
        };
        if sent { finish(conn) } else { null_mut() }
    }
}

/// Sends one or more SQL commands and blocks until the server has executed them. Returns the result
/// of the last command; free it with PQclear.
///
/// Pending results of earlier commands are discarded, and a COPY in progress is ended. If a command
/// starts a COPY, its result is returned at once. Returns NULL for NULL, in pipeline mode, and if
/// the command could not be sent; PQerrorMessage has the reason.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `query` NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQexec(conn: *mut pg_conn, query: *const c_char) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe { run(conn, command::query(query)) }
}

/// Executes one SQL command with parameters. For the arguments see PQsendQueryParams, otherwise
/// like PQexec.
///
/// # Safety
/// Same as for PQsendQueryParams.
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
        let arrays = ParamArrays {
            count: nParams,
            values: paramValues,
            lengths: paramLengths,
            formats: paramFormats,
        };
        run(
            conn,
            command::with_parameters(command, arrays, paramTypes, resultFormat),
        )
    }
}

/// Prepares a statement. For the arguments see PQsendPrepare, otherwise like PQexec.
///
/// # Safety
/// Same as for PQsendPrepare.
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

/// Executes a prepared statement. For the arguments see PQsendQueryPrepared, otherwise like PQexec.
///
/// # Safety
/// Same as for PQsendQueryPrepared.
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
        let arrays = ParamArrays {
            count: nParams,
            values: paramValues,
            lengths: paramLengths,
            formats: paramFormats,
        };
        run(conn, command::prepared(stmtName, arrays, resultFormat))
    }
}

/// Describes the parameters and columns of a prepared statement, in a PGRES_COMMAND_OK result. NULL
/// names the unnamed statement. Otherwise like PQexec.
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

/// Describes the columns of a portal, in a PGRES_COMMAND_OK result. NULL names the unnamed portal.
/// Otherwise like PQexec.
///
/// # Safety
/// Same as for PQdescribePrepared.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQdescribePortal(
    conn: *mut pg_conn,
    portal: *const c_char,
) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe { run(conn, command::describe(target::PORTAL, portal)) }
}

/// Closes a prepared statement. NULL names the unnamed statement. It is not an error if there is no
/// such statement. Otherwise like PQexec.
///
/// # Safety
/// Same as for PQdescribePrepared.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQclosePrepared(
    conn: *mut pg_conn,
    stmt: *const c_char,
) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe { run(conn, command::close(target::STATEMENT, stmt)) }
}

/// Closes a portal. NULL names the unnamed portal. It is not an error if there is no such portal.
/// Otherwise like PQexec.
///
/// # Safety
/// Same as for PQdescribePrepared.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQclosePortal(
    conn: *mut pg_conn,
    portal: *const c_char,
) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe { run(conn, command::close(target::PORTAL, portal)) }
}

/// Creates an empty result with the given status; free it with PQclear. Returns NULL if memory ran
/// out.
///
/// If `conn` is not NULL, the result gets its client encoding, notice functions and event
/// procedures and, if the status is an error, its error message. An unknown status counts as
/// PGRES_FATAL_ERROR.
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
