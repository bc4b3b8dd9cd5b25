//! Commands without waiting, and their results.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use super::call::call;
use super::conn::pg_conn;
use super::drive::drive;
use super::params::Given;
use super::sending::dispatch;
use super::types::{Oid, PGnotify};
use super::{alloc, clear, command, events, ptr, wait};
use crate::client::exec::target;
use crate::client::io::Flushed;
use crate::client::{Collected, Notification, RowMode};
use crate::result::store::PgResult;

/// The next result; NULL when there is none. Its events were fired.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
pub(super) unsafe fn get_result(conn: *mut pg_conn) -> *mut PgResult {
    let step = |conn: &mut pg_conn| conn.client.get_result().map(raw);
    // SAFETY: the caller's promise.
    unsafe {
        if !conn.is_null() && (*conn).client.is_waiting() {
            await_reply(conn);
        }
        let result = drive(conn, null_mut(), step);
        created(conn, result)
    }
}

/// Waits for a reply where there is nothing else to do for the next result.
///
/// # Safety
/// `conn` is a live connection that waits and that nobody else uses during the call.
pub(super) unsafe fn await_reply(conn: *mut pg_conn) {
    // SAFETY: the caller's promise; no reference is held during the wait.
    unsafe {
        if let Some(input) = (*conn).client.reply_wait() {
            let waited = wait::receive(input);
            (*conn).client.reply_came(waited);
        }
    }
}

/// A collected result as C gets it.
pub(super) fn raw(collected: Collected) -> *mut PgResult {
    match collected {
        Collected::Result(result) => result.into_raw(),
        Collected::OutOfMemory => clear::out_of_memory(),
        Collected::Nothing => null_mut(),
    }
}

/// Tells the event procedures of a new result.
///
/// # Safety
/// `conn` is live unless `result` is NULL; `result` is NULL or a live result.
#[inline]
pub(super) unsafe fn created(conn: *mut pg_conn, result: *mut PgResult) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe {
        if !result.is_null() && !(*conn).events.is_empty() && result != clear::out_of_memory() {
            events::attach(conn, result);
            events::PQfireResultCreateEvents(conn, result);
        }
    }
    result
}

/// The next result of the commands sent, waiting for it; to be freed with PQclear.
///
/// NULL when the command is over, and for a NULL connection. Call it until it answers NULL before
/// sending the next command (in pipeline mode: once a command, and a PGRES_PIPELINE_SYNC has no NULL).
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQgetResult(conn: *mut pg_conn) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe { get_result(conn) }
}

/// Sends one or more commands as a simple query, without waiting: 1, or 0 with an error text.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `query` NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsendQuery(conn: *mut pg_conn, query: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { dispatch(conn, command::query(query)).into() }
}

/// Sends one command with parameters, without waiting: 1, or 0 with an error text.
///
/// The arrays have `nParams` entries or are NULL: types the server infers, text parameters, SQL NULLs.
/// `resultFormat` is 0 for text, 1 for binary results. A negative length of a binary value counts as 0.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; texts are C strings, arrays
/// as long as said, and binary values as long as their length says.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsendQueryParams(
    conn: *mut pg_conn,
    command: *const c_char,
    nParams: c_int,
    paramTypes: *const Oid,
    paramValues: *const *const c_char,
    paramLengths: *const c_int,
    paramFormats: *const c_int,
    resultFormat: c_int,
) -> c_int {
    let given = Given {
        count: nParams,
        values: paramValues,
        lengths: paramLengths,
        formats: paramFormats,
    };
    // SAFETY: the caller's promise.
    unsafe {
        let send = command::with_parameters(command, given, paramTypes, resultFormat);
        dispatch(conn, send).into()
    }
}

/// Sends a command to prepare a statement, without waiting: 1, or 0 with an error text.
///
/// `stmtName` may be empty; `paramTypes` has `nParams` entries or is NULL.
///
/// # Safety
/// As for PQsendQueryParams.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsendPrepare(
    conn: *mut pg_conn,
    stmtName: *const c_char,
    query: *const c_char,
    nParams: c_int,
    paramTypes: *const Oid,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        let send = command::prepare(stmtName, query, nParams, paramTypes);
        dispatch(conn, send).into()
    }
}

/// Sends the execution of a prepared statement, without waiting: 1, or 0 with an error text.
///
/// # Safety
/// As for PQsendQueryParams.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsendQueryPrepared(
    conn: *mut pg_conn,
    stmtName: *const c_char,
    nParams: c_int,
    paramValues: *const *const c_char,
    paramLengths: *const c_int,
    paramFormats: *const c_int,
    resultFormat: c_int,
) -> c_int {
    let given = Given {
        count: nParams,
        values: paramValues,
        lengths: paramLengths,
        formats: paramFormats,
    };
    // SAFETY: the caller's promise.
    unsafe {
        let send = command::prepared(stmtName, given, resultFormat);
        dispatch(conn, send).into()
    }
}

/// Asks for the parameters and columns of a prepared statement, without waiting: 1, or 0 with an error
/// text. A NULL name is the unnamed statement.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `stmt` NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsendDescribePrepared(
    conn: *mut pg_conn,
    stmt: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { dispatch(conn, command::describe(target::STATEMENT, stmt)).into() }
}

/// Asks for the columns of a portal, without waiting: 1, or 0 with an error text. A NULL name is the
/// unnamed portal.
///
/// # Safety
/// As for PQsendDescribePrepared.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsendDescribePortal(
    conn: *mut pg_conn,
    portal: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { dispatch(conn, command::describe(target::PORTAL, portal)).into() }
}

/// Closes a prepared statement, without waiting: 1, or 0 with an error text.
///
/// # Safety
/// As for PQsendDescribePrepared.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsendClosePrepared(
    conn: *mut pg_conn,
    stmt: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { dispatch(conn, command::close(target::STATEMENT, stmt)).into() }
}

/// Closes a portal, without waiting: 1, or 0 with an error text.
///
/// # Safety
/// As for PQsendDescribePrepared.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsendClosePortal(
    conn: *mut pg_conn,
    portal: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { dispatch(conn, command::close(target::PORTAL, portal)).into() }
}

/// Asks for a result a row for the command just sent: 1, or 0 when it is too late or NULL is given.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsetSingleRowMode(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        call(conn, false, |conn| {
            conn.client.set_row_mode(RowMode::Single)
        })
        .into()
    }
}

/// Asks for results of at most `chunkSize` rows for the command just sent: 1, or 0 when it is too late,
/// `chunkSize` is not positive, or NULL is given.
///
/// # Safety
/// As for PQsetSingleRowMode.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsetChunkedRowsMode(
    conn: *mut pg_conn,
    chunkSize: c_int,
) -> c_int {
    let Some(rows) = usize::try_from(chunkSize).ok().filter(|rows| *rows > 0) else {
        return 0;
    };
    let mode = RowMode::Chunked(rows);
    // SAFETY: the caller's promise.
    unsafe { call(conn, false, |conn| conn.client.set_row_mode(mode)).into() }
}

/// Reads what has come from the server, without waiting: 1, or 0 with an error text.
///
/// In nonblocking mode, output is sent as far as it goes first.
///
/// # Safety
/// As for PQsetSingleRowMode.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQconsumeInput(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { call(conn, false, |conn| conn.client.consume_input()).into() }
}

/// Whether PQgetResult would wait: 1 or 0. Looks only at what PQconsumeInput has read.
///
/// # Safety
/// As for PQsetSingleRowMode.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQisBusy(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { drive(conn, false, |conn| conn.client.is_busy()).into() }
}

/// Sends what is buffered: 0 when all is sent, 1 when some is left (in nonblocking mode only), -1 for an
/// error, a bad or a NULL connection.
///
/// # Safety
/// As for PQsetSingleRowMode.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQflush(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    let flushed = unsafe { drive(conn, Flushed::Failed, |conn| conn.client.flush_if_open()) };
    match flushed {
        Flushed::All => 0,
        Flushed::Some => 1,
        Flushed::Failed => -1,
    }
}

/// Switches nonblocking mode on or off: 0, or -1 for a bad or NULL connection or when output could not be
/// sent first.
///
/// # Safety
/// As for PQsetSingleRowMode.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsetnonblocking(conn: *mut pg_conn, arg: c_int) -> c_int {
    // SAFETY: the caller's promise.
    let done = unsafe { drive(conn, false, |conn| conn.client.set_nonblocking(arg != 0)) };
    if done { 0 } else { -1 }
}

/// Whether nonblocking mode is on: 1 or 0; 0 for a bad or NULL connection.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQisnonblocking(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { ptr::shared(conn) }.map_or(0, |conn| conn.client.is_nonblocking().into())
}

/// The oldest notification not yet taken, or NULL; to be freed with PQfreemem.
///
/// Looks only at what PQconsumeInput and other calls have read.
///
/// # Safety
/// As for PQsetSingleRowMode.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQnotifies(conn: *mut pg_conn) -> *mut PGnotify {
    let step = |conn: &mut pg_conn| {
        let next = conn.client.next_notification();
        let told = next.map(|notification| notification.map_or(null_mut(), to_c));
        if matches!(told, Ok(told) if !told.is_null()) {
            conn.client.notification_taken();
        }
        told
    };
    // SAFETY: the caller's promise.
    unsafe { drive(conn, null_mut(), step) }
}

/// A notification in one block; NULL when memory ran out.
fn to_c(notification: &Notification) -> *mut PGnotify {
    let (channel, payload) = (&notification.channel, &notification.payload);
    let header = size_of::<PGnotify>();
    let block = alloc::zeroed(header + channel.len() + payload.len() + 2);
    if block.is_null() {
        return null_mut();
    }
    let notify = block.cast::<PGnotify>();
    // SAFETY: the zeroed block has room for the struct, both texts and their NULs, in this order.
    unsafe {
        let relname = block.cast::<u8>().add(header);
        relname.copy_from_nonoverlapping(channel.as_ptr(), channel.len());
        let extra = relname.add(channel.len() + 1);
        extra.copy_from_nonoverlapping(payload.as_ptr(), payload.len());
        notify.write(PGnotify {
            relname: relname.cast(),
            be_pid: notification.process,
            extra: extra.cast(),
            next: null_mut(),
        });
    }
    notify
}
