//! Large objects: opening, reading, writing and deleting them.
//!
//! Each operation is a fast-path call and must run in a transaction. The first operation on a connection queries the OIDs of
//! the functions.

mod files;

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use super::call::call;
use super::clear::PQclear;
use super::conn::pg_conn;
use super::exec::PQexec;
use super::function::{FunctionReply, invoke};
use super::ptr;
use super::types::Oid;
use crate::client::function::{Argument, Returns};
use crate::client::large_object::{FUNCTIONS_QUERY, Function};
use crate::result::status::Status;

/// Starts an operation and returns the OID of its function; None with an error message (libpq: lo_initialize).
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
unsafe fn begin(conn: *mut pg_conn, function: Function) -> Option<Oid> {
    // SAFETY: the caller's promise.
    unsafe {
        let known = call(conn, None, |conn| Some(conn.client.begin_large_object()))?;
        if !known && !query_functions(conn) {
            return None;
        }
        call(conn, None, |conn| {
            conn.client.large_object_function(function)
        })
    }
}

/// # Safety
/// Same as for [`begin`].
unsafe fn query_functions(conn: *mut pg_conn) -> bool {
    // SAFETY: the caller's promise; the result is live until it is cleared.
    unsafe {
        let result = PQexec(conn, FUNCTIONS_QUERY.as_ptr());
        if result.is_null() {
            return false;
        }
        let learned = call(conn, false, |conn| conn.client.learn_functions(&*result));
        PQclear(result);
        learned
    }
}

/// Calls a function and frees its result. Returns None if the call failed.
///
/// # Safety
/// Same as for [`invoke`].
unsafe fn run(
    conn: *mut pg_conn,
    function: Oid,
    arguments: &[Argument<'_>],
    returns: Returns,
    place: *mut u8,
) -> Option<FunctionReply> {
    // SAFETY: the caller's promise.
    unsafe {
        let reply = invoke(conn, function, arguments, returns, place);
        let done = !reply.result.is_null() && (*reply.result).status() == Status::CommandOk;
        PQclear(reply.result);
        done.then_some(reply)
    }
}

/// # Safety
/// Same as for [`begin`].
unsafe fn integer(
    conn: *mut pg_conn,
    function: Function,
    arguments: &[Argument<'_>],
) -> Option<c_int> {
    // SAFETY: the caller's promise.
    unsafe {
        let function = begin(conn, function)?;
        run(conn, function, arguments, Returns::Integer, null_mut())?.integer
    }
}

/// # Safety
/// Same as for [`begin`].
unsafe fn integer64(
    conn: *mut pg_conn,
    function: Function,
    arguments: &[Argument<'_>],
) -> Option<i64> {
    let mut bytes = [0; 8];
    let returns = Returns::AtMost(bytes.len());
    // SAFETY: the caller's promise.
    let reply = unsafe {
        let function = begin(conn, function)?;
        run(conn, function, arguments, returns, bytes.as_mut_ptr())?
    };
    (reply.length == 8).then(|| i64::from_be_bytes(bytes))
}

/// `length` as the server takes it; None with an error message.
///
/// # Safety
/// Same as for [`begin`].
unsafe fn checked_length(conn: *mut pg_conn, length: usize, error: &str) -> Option<c_int> {
    let fitting = c_int::try_from(length).ok();
    if fitting.is_none() {
        // SAFETY: the caller's promise.
        unsafe { call(conn, false, |conn| conn.client.refuse(error)) };
    }
    fitting
}

/// Opens a large object. `mode` is INV_READ, INV_WRITE or both. Returns a descriptor that is valid
/// until the end of the transaction, or -1 with an error message. All functions for large objects
/// must run in a transaction.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_open(conn: *mut pg_conn, lobjId: Oid, mode: c_int) -> c_int {
    let arguments = [lobjId.into(), mode.into()];
    // SAFETY: the caller's promise.
    unsafe { integer(conn, Function::Open, &arguments) }.unwrap_or(-1)
}

/// Closes a descriptor of lo_open. Returns 0, or -1 with an error message.
///
/// # Safety
/// Same as for lo_open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_close(conn: *mut pg_conn, fd: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { integer(conn, Function::Close, &[fd.into()]) }.unwrap_or(-1)
}

/// Reads up to `len` bytes (at most INT_MAX) into `buf`. Returns the number of bytes read, 0 at the
/// end, or -1 with an error message. If the server sends more than `len` bytes, the connection is
/// closed.
///
/// # Safety
/// Same as for lo_open; `buf` has room for `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_read(
    conn: *mut pg_conn,
    fd: c_int,
    buf: *mut c_char,
    len: usize,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { read(conn, fd, buf, len) }.unwrap_or(-1)
}

/// # Safety
/// Same as for [`lo_read`].
unsafe fn read(conn: *mut pg_conn, fd: c_int, buf: *mut c_char, len: usize) -> Option<c_int> {
    // SAFETY: the caller's promise.
    unsafe {
        let function = begin(conn, Function::Read)?;
        let count = checked_length(conn, len, "argument of lo_read exceeds integer range")?;
        let arguments = [fd.into(), count.into()];
        let reply = run(conn, function, &arguments, Returns::AtMost(len), buf.cast())?;
        Some(reply.length)
    }
}

/// Writes `len` bytes (at most INT_MAX). Returns the number of bytes written, or -1 with an error
/// message, also if `buf` is NULL and `len` is not 0.
///
/// # Safety
/// Same as for lo_open; `buf` holds `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_write(
    conn: *mut pg_conn,
    fd: c_int,
    buf: *const c_char,
    len: usize,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { write(conn, fd, buf, len) }.unwrap_or(-1)
}

/// # Safety
/// Same as for [`lo_write`].
unsafe fn write(conn: *mut pg_conn, fd: c_int, buf: *const c_char, len: usize) -> Option<c_int> {
    // SAFETY: the caller's promise.
    unsafe {
        let function = begin(conn, Function::Write)?;
        checked_length(conn, len, "argument of lo_write exceeds integer range")?;
        if buf.is_null() && len > 0 {
            call(conn, false, |conn| {
                conn.client.refuse("buffer is a null pointer")
            });
            return None;
        }
        let arguments = [fd.into(), Argument::Bytes(ptr::bytes(buf, len))];
        run(conn, function, &arguments, Returns::Integer, null_mut())?.integer
    }
}

/// Sets the position of a descriptor, like lseek; `whence` is SEEK_SET, SEEK_CUR or SEEK_END.
/// Returns the new position in bytes, or -1 with an error message, also if the position is 2 GB or
/// more.
///
/// # Safety
/// Same as for lo_open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_lseek(
    conn: *mut pg_conn,
    fd: c_int,
    offset: c_int,
    whence: c_int,
) -> c_int {
    let arguments = [fd.into(), offset.into(), whence.into()];
    // SAFETY: the caller's promise.
    unsafe { integer(conn, Function::Lseek, &arguments) }.unwrap_or(-1)
}

/// Like lo_lseek, without the limit of 2 GB. Needs a server since version 9.3.
///
/// # Safety
/// Same as for lo_open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_lseek64(
    conn: *mut pg_conn,
    fd: c_int,
    offset: i64,
    whence: c_int,
) -> i64 {
    let arguments = [fd.into(), offset.into(), whence.into()];
    // SAFETY: the caller's promise.
    unsafe { integer64(conn, Function::Lseek64, &arguments) }.unwrap_or(-1)
}

/// Creates a large object; the server assigns the OID. Returns the OID, or 0 with an error message.
/// `mode` is ignored.
///
/// # Safety
/// Same as for lo_open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_creat(conn: *mut pg_conn, mode: c_int) -> Oid {
    // SAFETY: the caller's promise.
    unsafe { integer(conn, Function::Creat, &[mode.into()]) }.unwrap_or(0) as Oid
}

/// Creates a large object with the OID `lobjId`; if it is 0, the server assigns one. Returns the
/// OID, or 0 with an error message.
///
/// # Safety
/// Same as for lo_open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_create(conn: *mut pg_conn, lobjId: Oid) -> Oid {
    // SAFETY: the caller's promise.
    unsafe { integer(conn, Function::Create, &[lobjId.into()]) }.unwrap_or(0) as Oid
}

/// Returns the position of a descriptor in bytes, or -1 with an error message, also if the position
/// is 2 GB or more.
///
/// # Safety
/// Same as for lo_open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_tell(conn: *mut pg_conn, fd: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { integer(conn, Function::Tell, &[fd.into()]) }.unwrap_or(-1)
}

/// Like lo_tell, without the limit of 2 GB. Needs a server since version 9.3.
///
/// # Safety
/// Same as for lo_open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_tell64(conn: *mut pg_conn, fd: c_int) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { integer64(conn, Function::Tell64, &[fd.into()]) }.unwrap_or(-1)
}

/// Sets the size of a large object to `len` bytes (at most INT_MAX); adds zero bytes if it was
/// smaller. Returns 0, or -1 with an error message.
///
/// # Safety
/// Same as for lo_open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_truncate(conn: *mut pg_conn, fd: c_int, len: usize) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { truncate(conn, fd, len) }.unwrap_or(-1)
}

/// # Safety
/// Same as for [`lo_truncate`].
unsafe fn truncate(conn: *mut pg_conn, fd: c_int, len: usize) -> Option<c_int> {
    // SAFETY: the caller's promise.
    unsafe {
        let function = begin(conn, Function::Truncate)?;
        let length = checked_length(conn, len, "argument of lo_truncate exceeds integer range")?;
        let arguments = [fd.into(), length.into()];
        run(conn, function, &arguments, Returns::Integer, null_mut())?.integer
    }
}

/// Like lo_truncate, without the limit of 2 GB. Needs a server since version 9.3.
///
/// # Safety
/// Same as for lo_open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_truncate64(conn: *mut pg_conn, fd: c_int, len: i64) -> c_int {
    let arguments = [fd.into(), len.into()];
    // SAFETY: the caller's promise.
    unsafe { integer(conn, Function::Truncate64, &arguments) }.unwrap_or(-1)
}

/// Deletes a large object. Returns 1, or -1 with an error message.
///
/// # Safety
/// Same as for lo_open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_unlink(conn: *mut pg_conn, lobjId: Oid) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { integer(conn, Function::Unlink, &[lobjId.into()]) }.unwrap_or(-1)
}
