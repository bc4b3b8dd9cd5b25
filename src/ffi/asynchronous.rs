//! Commands that do not wait for their results, and the results.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use super::call::call;
use super::conn::pg_conn;
use super::drive::drive;
use super::params::ParamArrays;
use super::sending::dispatch;
use super::types::{Oid, PGnotify};
use super::{alloc, clear, command, events, ptr, wait};
use crate::client::exec::target;
use crate::client::io::Flushed;
use crate::client::{Collected, Notification, RowMode};
use crate::result::store::PgResult;

/// Returns the next result after its event procedures have run; NULL if there is none.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
pub(super) unsafe fn get_result(conn: *mut pg_conn) -> *mut PgResult {
    let step = |conn: &mut pg_conn| conn.client.get_result().map(into_c);
    // SAFETY: the caller's promise.
    unsafe {
        if !conn.is_null() && (*conn).client.is_waiting() {
            await_reply(conn);
        }
        let result = drive(conn, null_mut(), step);
        fire_result_create(conn, result)
    }
}

/// Waits for a reply if that is all that the next result needs.
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

/// Converts a result to the pointer that C gets.
pub(super) fn into_c(collected: Collected) -> *mut PgResult {
    match collected {
        Collected::Result(result) => result.into_raw(),
        Collected::OutOfMemory => clear::out_of_memory(),
        Collected::Nothing => null_mut(),
    }
}

/// Attaches the event procedures of `conn` to a new result and calls them.
///
/// # Safety
/// `conn` is live unless `result` is NULL; `result` is NULL or a live result.
#[inline]
pub(super) unsafe fn fire_result_create(
    conn: *mut pg_conn,
    result: *mut PgResult,
) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe {
        if !result.is_null() && !(*conn).events.is_empty() && result != clear::out_of_memory() {
            events::attach(conn, result);
            events::PQfireResultCreateEvents(conn, result);
        }
    }
    result
}

/// Waits for the next result of the commands sent and returns it; free it with PQclear. Returns
/// NULL when the command is complete, and for NULL.
///
/// Call it until it returns NULL before you send the next command. In pipeline mode, NULL follows
/// the results of each command; no NULL follows PGRES_PIPELINE_SYNC.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQgetResult(conn: *mut pg_conn) -> *mut PgResult {
    // SAFETY: the caller's promise.
    unsafe { get_result(conn) }
}

/// Sends one or more SQL commands and does not wait for the results. Returns 1, or 0 with an error
/// message, and 0 for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `query` NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsendQuery(conn: *mut pg_conn, query: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { dispatch(conn, command::query(query)).into() }
}

/// Sends one SQL command with `nParams` parameters (0 to 65535) and does not wait for the results.
/// Returns 1, or 0 with an error message, and 0 for NULL.
///
/// Each array has `nParams` elements or is NULL. `paramTypes`: type OIDs; the server infers the
/// type if the element is 0 or the array NULL. `paramValues`: the values; a NULL element, or a NULL
/// array, is an SQL NULL. `paramLengths`: the lengths of binary values in bytes; ignored for text
/// values, which end with a NUL byte. `paramFormats`: 0 for text, 1 for binary; NULL for text only.
/// `resultFormat` is 0 for text and 1 for binary results. A negative length counts as 0.
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
    let arrays = ParamArrays {
        count: nParams,
        values: paramValues,
        lengths: paramLengths,
        formats: paramFormats,
    };
    // SAFETY: the caller's promise.
    unsafe {
        let send = command::with_parameters(command, arrays, paramTypes, resultFormat);
        dispatch(conn, send).into()
    }
}

/// Sends a request to prepare a statement and does not wait for the result. Returns 1, or 0 with an
/// error message, and 0 for NULL.
///
/// An empty `stmtName` names the unnamed statement. `paramTypes` has `nParams` type OIDs or is
/// NULL; the server infers a type if its OID is 0.
///
/// # Safety
/// Same as for PQsendQueryParams.
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

/// Sends a request to execute a prepared statement and does not wait for the results. Returns 1, or
/// 0 with an error message, and 0 for NULL. For the arguments see PQsendQueryParams.
///
/// # Safety
/// Same as for PQsendQueryParams.
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
    let arrays = ParamArrays {
        count: nParams,
        values: paramValues,
        lengths: paramLengths,
        formats: paramFormats,
    };
    // SAFETY: the caller's promise.
    unsafe {
        let send = command::prepared(stmtName, arrays, resultFormat);
        dispatch(conn, send).into()
    }
}

/// Sends a request to describe the parameters and columns of a prepared statement. Returns 1, or 0
/// with an error message, and 0 for NULL. A NULL name is the unnamed statement.
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

/// Sends a request to describe the columns of a portal. Returns 1, or 0 with an error message, and
/// 0 for NULL. A NULL name is the unnamed portal.
///
/// # Safety
/// Same as for PQsendDescribePrepared.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsendDescribePortal(
    conn: *mut pg_conn,
    portal: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { dispatch(conn, command::describe(target::PORTAL, portal)).into() }
}

/// Sends a request to close a prepared statement. Returns 1, or 0 with an error message, and 0 for
/// NULL. A NULL name is the unnamed statement.
///
/// # Safety
/// Same as for PQsendDescribePrepared.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsendClosePrepared(
    conn: *mut pg_conn,
    stmt: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { dispatch(conn, command::close(target::STATEMENT, stmt)).into() }
}

/// Sends a request to close a portal. Returns 1, or 0 with an error message, and 0 for NULL. A NULL
/// name is the unnamed portal.
///
/// # Safety
/// Same as for PQsendDescribePrepared.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsendClosePortal(
    conn: *mut pg_conn,
    portal: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { dispatch(conn, command::close(target::PORTAL, portal)).into() }
}

/// Selects single-row mode for the command just sent: PQgetResult returns one result for each row.
/// Returns 1, or 0 if no command was just sent, and for NULL.
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

/// Selects chunked mode for the command just sent: PQgetResult returns results of at most
/// `chunkSize` rows. Returns 1, or 0 if no command was just sent, if `chunkSize` is less than 1,
/// and for NULL.
///
/// # Safety
/// Same as for PQsetSingleRowMode.
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

/// Reads available data from the server, without waiting. Returns 1, also if there was none, or 0
/// with an error message, and 0 for NULL.
///
/// In nonblocking mode, first sends as much buffered output as possible. In blocking mode, if a
/// thread was cancelled while it sent a command, first sends the rest of it, and waits for that.
///
/// # Safety
/// Same as for PQsetSingleRowMode.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQconsumeInput(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { drive(conn, false, |conn| conn.client.consume_input()).into() }
}

/// Returns 1 if PQgetResult would block, otherwise 0. Returns 0 for NULL. Does not read from the
/// socket: call PQconsumeInput first.
///
/// # Safety
/// Same as for PQsetSingleRowMode.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQisBusy(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { drive(conn, false, |conn| conn.client.is_busy()).into() }
}

/// Sends buffered output. Returns 0 if all of it is sent and 1 if some is left, which only happens
/// in nonblocking mode. Returns -1 for an error, if the connection is bad, and for NULL.
///
/// # Safety
/// Same as for PQsetSingleRowMode.
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

/// Enables nonblocking mode if `arg` is not 0, otherwise disables it. Returns 0, or -1 if buffered
/// output could not be sent first, if the connection is bad, and for NULL.
///
/// # Safety
/// Same as for PQsetSingleRowMode.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsetnonblocking(conn: *mut pg_conn, arg: c_int) -> c_int {
    // SAFETY: the caller's promise.
    let done = unsafe { drive(conn, false, |conn| conn.client.set_nonblocking(arg != 0)) };
    if done { 0 } else { -1 }
}

/// Returns 1 if nonblocking mode is enabled, otherwise 0. Returns 0 if the connection is bad, and
/// for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQisnonblocking(conn: *const pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { ptr::shared(conn) }.map_or(0, |conn| conn.client.is_nonblocking().into())
}

/// Returns the next notification from NOTIFY and removes it from the queue; free it with PQfreemem.
/// Returns NULL if there is none, if memory ran out, and for NULL.
///
/// Does not read from the socket: call PQconsumeInput first.
///
/// # Safety
/// Same as for PQsetSingleRowMode.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQnotifies(conn: *mut pg_conn) -> *mut PGnotify {
    let step = |conn: &mut pg_conn| {
        let next = conn.client.next_notification();
        let notify = next.map(|notification| notification.map_or(null_mut(), notification_block));
        if matches!(notify, Ok(notify) if !notify.is_null()) {
            conn.client.notification_taken();
        }
        notify
    };
    // SAFETY: the caller's promise.
    unsafe { drive(conn, null_mut(), step) }
}

/// A notification as one block of memory; NULL if memory ran out.
fn notification_block(notification: &Notification) -> *mut PGnotify {
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
