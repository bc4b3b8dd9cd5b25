//! COPY: the current functions and the old ones.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use super::asynchronous::get_result;
use super::call::call;
use super::clear::PQclear;
use super::conn::pg_conn;
use super::drive::drive;
use super::sending::{dispatch, ensure_sent};
use super::{alloc, notice, ptr};
use crate::client::Pause;
use crate::client::copy::CopyOut;
use crate::client::io::Sent;
use crate::result::status::Status;

const EOF: c_int = -1;

/// Sends data to the server during a COPY IN. Returns 1 when it is buffered or sent, -1 with an
/// error message, and -1 for NULL. In nonblocking mode it can also return 0.
///
/// A NULL `buffer` or a negative `nbytes` counts as no data. In nonblocking mode, the data is
/// buffered if the server reads slowly: call PQflush regularly. Returns 0, and takes no data, while
/// 256 MB wait to be sent: wait until the socket is writable and call it again.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `buffer` has `nbytes`
/// readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQputCopyData(
    conn: *mut pg_conn,
    buffer: *const c_char,
    nbytes: c_int,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        let data = ptr::bytes(buffer, usize::try_from(nbytes).unwrap_or(0));
        // The fast path.
        if ptr::exclusive(conn).is_some_and(|conn| conn.client.queue_copy_row(data)) {
            return 1;
        }
        put_data(conn, data)
    }
}

/// Sends COPY data on the slow path.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[cold]
unsafe fn put_data(conn: *mut pg_conn, data: &[u8]) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        let put = drive(conn, Some(Sent::No), |conn| conn.client.put_copy_data(data));
        match put {
            None => 0,
            Some(sent) if ensure_sent(conn, sent) => 1,
            Some(_) => -1,
        }
    }
}

/// Ends a COPY IN. If `errormsg` is not NULL, makes the COPY fail with this message. Returns 1, -1
/// with an error message, and -1 for NULL. PQgetResult then returns the result of the COPY.
///
/// In nonblocking mode, call PQflush until it returns 0.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `errormsg` NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQputCopyEnd(conn: *mut pg_conn, errormsg: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        let reason = ptr::text(errormsg);
        let sent = dispatch(conn, |conn| conn.client.put_copy_end(reason));
        if sent { 1 } else { -1 }
    }
}

/// What the next call of a COPY OUT returns.
#[derive(Clone, Copy)]
enum Row {
    Data(*mut c_char, usize),
    Nothing,
    End,
    Failed,
}

/// Receives the next row of a COPY OUT. Sets `*buffer` to the row, followed by a NUL byte, and
/// returns its length in bytes. Free the row with PQfreemem.
///
/// Waits for a row if `async` is 0. Otherwise returns 0 if no row is available: call PQconsumeInput
/// when the socket is readable. Returns -1 when the COPY is complete: PQgetResult returns its
/// result. Returns -2 with an error message, and if `conn` or `buffer` is NULL. If no row is
/// returned, `*buffer` is NULL.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `buffer` NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQgetCopyData(
    conn: *mut pg_conn,
    buffer: *mut *mut c_char,
    r#async: c_int,
) -> c_int {
    if buffer.is_null() {
        return -2;
    }
    // SAFETY: the caller's promise.
    if let Some((row, size)) = unsafe { buffered_row(conn) } {
        // SAFETY: not NULL, and the caller's promise.
        unsafe { *buffer = row };
        return size as c_int;
    }
    // SAFETY: as above.
    unsafe { wait_for_row(conn, buffer, r#async == 0) }
}

/// Receives a row of COPY data on the slow path.
///
/// # Safety
/// Same as for PQgetCopyData; `buffer` is not NULL.
#[cold]
unsafe fn wait_for_row(conn: *mut pg_conn, buffer: *mut *mut c_char, wait: bool) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { *buffer = null_mut() };
    // SAFETY: as above.
    match unsafe { drive(conn, Row::Failed, |conn| next_row(conn, wait)) } {
        Row::Data(row, size) => {
            // SAFETY: as above.
            unsafe { *buffer = row };
            size as c_int
        }
        Row::Nothing => 0,
        Row::End => -1,
        Row::Failed => -2,
    }
}

/// Takes a row that is already in the receive buffer, as most are.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[inline]
unsafe fn buffered_row(conn: *mut pg_conn) -> Option<(*mut c_char, usize)> {
    // SAFETY: the caller's promise.
    let conn = unsafe { ptr::exclusive(conn) }?;
    let data = conn.client.copy_row_at_hand()?;
    let (size, row) = (data.len(), alloc::row(data));
    if row.is_null() {
        return None;
    }
    conn.client.copy_consumed(size);
    Some((row, size))
}

fn next_row(conn: &mut pg_conn, wait: bool) -> Result<Row, Pause> {
    let out = conn.client.get_copy_data(wait)?;
    Ok(match out {
        CopyOut::Data(size) => {
            let row = alloc::row(conn.client.copy_data(size));
            if row.is_null() {
                conn.client.copy_row_starved();
                return Ok(Row::Failed);
            }
            conn.client.copy_consumed(size);
            Row::Data(row, size)
        }
        CopyOut::Nothing => Row::Nothing,
        CopyOut::End => {
            alloc::no_more_rows();
            Row::End
        }
        CopyOut::Failed => {
            alloc::no_more_rows();
            Row::Failed
        }
    })
}

/// Reads a line of text COPY data into `buffer` of `length` bytes, as a string without the newline.
/// Deprecated: use PQgetCopyData.
///
/// Returns 0 if the line is complete, 1 if the next call returns more of it, and -1 (EOF) for an
/// error and for NULL. The line `\.` ends the data.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `buffer` is NULL or has
/// `length` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQgetline(
    conn: *mut pg_conn,
    buffer: *mut c_char,
    length: c_int,
) -> c_int {
    if buffer.is_null() || length <= 0 {
        return EOF;
    }
    // SAFETY: not NULL and at least one byte.
    unsafe { *buffer = 0 };
    // libpq: the buffer must have room for the end marker.
    if length < 3 || conn.is_null() {
        return EOF;
    }
    // SAFETY: the caller's promise.
    let ready = unsafe {
        call(conn, false, |conn| {
            conn.client.is_text_copy_out()
                || conn.client.refuse("PQgetline: not doing text COPY OUT")
        })
    };
    if !ready {
        return EOF;
    }
    let room = length as usize - 1;
    // SAFETY: the caller's promise; `buffer` has one byte more than `room`.
    unsafe {
        let piece = drive(conn, Piece::Failed, |conn| {
            next_piece(conn, buffer, room, true)
        });
        match piece {
            Piece::Part(size) => end_line(buffer, size),
            Piece::End => {
                buffer.copy_from_nonoverlapping(c"\\.".as_ptr(), 3);
                0
            }
            Piece::Nothing | Piece::Failed => EOF,
        }
    }
}

/// Terminates a piece with a NUL byte, which replaces its newline if it has one.
///
/// # Safety
/// `buffer` has `size` bytes of data, at least one, and room for one more.
unsafe fn end_line(buffer: *mut c_char, size: usize) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        let whole = *buffer.add(size - 1) == b'\n' as c_char;
        let end = if whole { size - 1 } else { size };
        *buffer.add(end) = 0;
        (!whole).into()
    }
}

#[derive(Clone, Copy)]
enum Piece {
    Part(usize),
    Nothing,
    End,
    Failed,
}

/// Copies the next bytes of the first row, at most `room` of them.
fn next_piece(
    conn: &mut pg_conn,
    buffer: *mut c_char,
    room: usize,
    wait: bool,
) -> Result<Piece, Pause> {
    let size = match conn.client.get_copy_data(wait)? {
        CopyOut::Data(size) => size,
        CopyOut::Nothing => return Ok(Piece::Nothing),
        CopyOut::End => return Ok(Piece::End),
        CopyOut::Failed if conn.client.is_copying_out() => return Ok(Piece::Failed),
        // libpq: a message that cannot be parsed ends the COPY like its last line.
        CopyOut::Failed => return Ok(Piece::End),
    };
    let done = *conn.client.copy_already_done();
    let rest = conn.client.copy_data(size).get(done..).unwrap_or(&[]);
    let taken = rest.len().min(room);
    // SAFETY: the callers' `buffer` has `room` writable bytes.
    unsafe {
        buffer
            .cast::<u8>()
            .copy_from_nonoverlapping(rest.as_ptr(), taken)
    };
    if taken == rest.len() {
        conn.client.copy_consumed(size);
    } else {
        *conn.client.copy_already_done() += taken;
    }
    Ok(Piece::Part(taken))
}

/// Reads available COPY data into `buffer` of `bufsize` bytes, without a NUL byte. A long row is
/// returned in several pieces. Deprecated: use PQgetCopyData.
///
/// Returns the number of bytes, 0 if no data is available, and -1 when the COPY is complete, for an
/// error and for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `buffer` has `bufsize`
/// writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQgetlineAsync(
    conn: *mut pg_conn,
    buffer: *mut c_char,
    bufsize: c_int,
) -> c_int {
    let room = usize::try_from(bufsize).unwrap_or(0);
    if buffer.is_null() {
        return -1;
    }
    // SAFETY: the caller's promise.
    let piece = unsafe {
        drive(conn, Piece::Failed, |conn| {
            if !conn.client.is_copying_out() {
                return Ok(Piece::Failed);
            }
            next_piece(conn, buffer, room, false)
        })
    };
    match piece {
        Piece::Part(size) => size as c_int,
        Piece::Nothing => 0,
        Piece::End | Piece::Failed => -1,
    }
}

/// Sends a string as COPY data. NULL counts as an empty string. Returns 0, or -1 (EOF) for an
/// error. Deprecated: use PQputCopyData.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `string` NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQputline(conn: *mut pg_conn, string: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        let length = ptr::text(string).map_or(0, <[u8]>::len);
        let length = c_int::try_from(length).unwrap_or(-1);
        PQputnbytes(conn, string, length)
    }
}

/// Sends bytes as COPY data. Returns 0, or -1 (EOF) for an error. Deprecated: use PQputCopyData.
///
/// # Safety
/// Same as for PQputCopyData.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQputnbytes(
    conn: *mut pg_conn,
    buffer: *const c_char,
    nbytes: c_int,
) -> c_int {
    // SAFETY: the caller's promise.
    if unsafe { PQputCopyData(conn, buffer, nbytes) } > 0 {
        0
    } else {
        EOF
    }
}

/// Ends a COPY and waits for its result. Returns 0 if it succeeded, and for NULL. Otherwise returns
/// 1 and passes the error message to the notice receiver. Deprecated: use PQputCopyEnd and
/// PQgetResult.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQendcopy(conn: *mut pg_conn) -> c_int {
    if conn.is_null() {
        return 0;
    }
    // SAFETY: the caller's promise.
    unsafe {
        if !call(conn, false, |conn| conn.client.end_copy())
            || !drive(conn, false, |conn| conn.client.flush_copy())
        {
            return 1;
        }
        if drive(conn, false, |conn| conn.client.would_wait_for_copy_end()) {
            return 1;
        }
        let result = get_result(conn);
        let succeeded = !result.is_null() && (*result).status() == Status::CommandOk;
        if !succeeded {
            let notice_result = call(conn, null_mut(), |conn| {
                let notice = conn.client.error_as_notice();
                notice.map_or(null_mut(), |notice| notice.into_raw())
            });
            if !notice_result.is_null() {
                notice::deliver(notice_result);
            }
        }
        PQclear(result);
        (!succeeded).into()
    }
}
