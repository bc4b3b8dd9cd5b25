//! COPY: the present calls and the old ones.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use super::asynchronous::get_result;
use super::call::call;
use super::clear::PQclear;
use super::conn::pg_conn;
use super::drive::drive;
use super::sending::{complete, dispatch};
use super::{alloc, notice, ptr};
use crate::client::Pause;
use crate::client::copy::CopyOut;
use crate::client::io::Sent;
use crate::result::status::Status;

const EOF: c_int = -1;

/// Sends `nbytes` of COPY data: 1 when they are queued, -1 with an error text, or for NULL.
///
/// A NULL `buffer` and a negative `nbytes` count as no data.
///
/// In nonblocking mode all of it is queued whatever the server takes: call PQflush now and then.
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
        // Most rows take this way.
        if ptr::exclusive(conn).is_some_and(|conn| conn.client.queue_copy_row(data)) {
            return 1;
        }
        put(conn, data)
    }
}

/// Sends COPY data, whatever is to be done besides.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[cold]
unsafe fn put(conn: *mut pg_conn, data: &[u8]) -> c_int {
    // SAFETY: the caller's promise.
    let sent = unsafe {
        let sent = drive(conn, Sent::No, |conn| conn.client.put_copy_data(data));
        complete(conn, sent)
    };
    if sent { 1 } else { -1 }
}

/// Ends COPY data, as a failure with the text `errormsg` if that is not NULL: 1, or -1 with an error text,
/// or for NULL. The outcome of the COPY itself comes from PQgetResult.
///
/// In nonblocking mode, call PQflush until all is sent.
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

/// What a COPY OUT had.
#[derive(Clone, Copy)]
enum Row {
    Data(*mut c_char, usize),
    Nothing,
    End,
    Failed,
}

/// Receives a row of COPY data into `*buffer`, to be freed with PQfreemem, and answers its length.
///
/// 0 when none has come yet and `r#async` is not 0; -1 when the COPY is over (its outcome comes from
/// PQgetResult); -2 with an error text, or for a NULL connection or `buffer`.
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
    if let Some((row, size)) = unsafe { row_at_hand(conn) } {
        // SAFETY: not NULL, and the caller's promise.
        unsafe { *buffer = row };
        return size as c_int;
    }
    // SAFETY: as above.
    unsafe { await_row(conn, buffer, r#async == 0) }
}

/// Receives a row of COPY data, whatever is to be done before it comes.
///
/// # Safety
/// As for PQgetCopyData; `buffer` is not NULL.
#[cold]
unsafe fn await_row(conn: *mut pg_conn, buffer: *mut *mut c_char, wait: bool) -> c_int {
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

/// Takes a row that is there already, as most are.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[inline]
unsafe fn row_at_hand(conn: *mut pg_conn) -> Option<(*mut c_char, usize)> {
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

/// Reads a line of text COPY data, without its newline, as a C string into `buffer` of `length` bytes.
///
/// 0 when the line is whole, 1 when more of it follows, EOF (-1) for an error. The line `\.` ends the
/// data. Deprecated: use PQgetCopyData.
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
    // libpq: there must be room for the end marker.
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

/// Puts a NUL behind a piece, in the place of its newline if it ends in one.
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

/// The next bytes of the row at the front, at most `room` of them.
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
        // libpq: what cannot be understood ends the COPY like its last line.
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

/// Reads COPY data that has come into `buffer`, of `bufsize` bytes, without a NUL behind it: its length,
/// 0 when there is none yet, -1 when the COPY is over. Long rows come in pieces. Deprecated: use
/// PQgetCopyData.
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

/// Sends a C string as COPY data: 0, or EOF (-1). NULL is an empty one. Deprecated: use PQputCopyData.
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

/// Sends bytes as COPY data: 0, or EOF (-1). Otherwise as PQputCopyData, which is to be used instead.
///
/// # Safety
/// As for PQputCopyData.
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

/// Ends a COPY and waits for its outcome: 0 when it succeeded, 1 when not; the error text then also goes
/// to the notice receiver. 0 for NULL. Deprecated: use PQputCopyEnd and PQgetResult.
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
            let told = call(conn, null_mut(), |conn| {
                let notice = conn.client.error_as_notice();
                notice.map_or(null_mut(), |notice| notice.into_raw())
            });
            if !told.is_null() {
                notice::deliver(told);
            }
        }
        PQclear(result);
        (!succeeded).into()
    }
}
