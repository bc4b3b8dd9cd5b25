//! Large objects.
//!
//! Each operation is a fast-path call, and all must run inside a transaction. The first on a connection
//! asks the server for the functions' OIDs.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use super::call::call;
use super::clear::PQclear;
use super::conn::pg_conn;
use super::exec::PQexec;
use super::function::{Answer, invoke};
use super::ptr;
use super::types::Oid;
use crate::client::function::{Argument, Returns};
use crate::client::large_object::{CHUNK, FUNCTIONS_QUERY, Function};
use crate::result::status::Status;

const INV_WRITE: c_int = 0x20000;
const INV_READ: c_int = 0x40000;

/// What the C library prints for a null pointer.
const NO_NAME: &[u8] = b"(null)";

/// Begins an operation: the OID of its function; None with an error text (libpq: lo_initialize).
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
unsafe fn begin(conn: *mut pg_conn, function: Function) -> Option<Oid> {
    // SAFETY: the caller's promise.
    unsafe {
        let known = call(conn, None, |conn| Some(conn.client.begin_large_object()))?;
        if !known && !look_up(conn) {
            return None;
        }
        call(conn, None, |conn| {
            conn.client.large_object_function(function)
        })
    }
}

/// # Safety
/// As for [`begin`].
unsafe fn look_up(conn: *mut pg_conn) -> bool {
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

/// Calls a function and frees its result; None when the call failed.
///
/// # Safety
/// As for [`invoke`].
unsafe fn run(
    conn: *mut pg_conn,
    function: Oid,
    arguments: &[Argument<'_>],
    returns: Returns,
    place: *mut u8,
) -> Option<Answer> {
    // SAFETY: the caller's promise.
    unsafe {
        let answer = invoke(conn, function, arguments, returns, place);
        let done = !answer.result.is_null() && (*answer.result).status() == Status::CommandOk;
        PQclear(answer.result);
        done.then_some(answer)
    }
}

/// # Safety
/// As for [`begin`].
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
/// As for [`begin`].
unsafe fn integer64(
    conn: *mut pg_conn,
    function: Function,
    arguments: &[Argument<'_>],
) -> Option<i64> {
    let mut bytes = [0; 8];
    let returns = Returns::AtMost(bytes.len());
    // SAFETY: the caller's promise.
    let answer = unsafe {
        let function = begin(conn, function)?;
        run(conn, function, arguments, returns, bytes.as_mut_ptr())?
    };
    (answer.length == 8).then(|| i64::from_be_bytes(bytes))
}

/// `length` as the server takes it; None with an error text.
///
/// # Safety
/// As for [`begin`].
unsafe fn in_range(conn: *mut pg_conn, length: usize, complaint: &str) -> Option<c_int> {
    let fitting = c_int::try_from(length).ok();
    if fitting.is_none() {
        // SAFETY: the caller's promise.
        unsafe { call(conn, false, |conn| conn.client.refuse(complaint)) };
    }
    fitting
}

/// Opens a large object for INV_READ, INV_WRITE or both: a descriptor, good until the transaction ends, or
/// -1 with an error text.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_open(conn: *mut pg_conn, lobjId: Oid, mode: c_int) -> c_int {
    let arguments = [lobjId.into(), mode.into()];
    // SAFETY: the caller's promise.
    unsafe { integer(conn, Function::Open, &arguments) }.unwrap_or(-1)
}

/// Closes a descriptor of lo_open: 0, or -1 with an error text.
///
/// # Safety
/// As for lo_open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_close(conn: *mut pg_conn, fd: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { integer(conn, Function::Close, &[fd.into()]) }.unwrap_or(-1)
}

/// Reads up to `len` bytes into `buf`: how many there were, or -1 with an error text. A server that sends
/// more than was asked for loses the connection.
///
/// # Safety
/// As for lo_open; `buf` has room for `len` bytes.
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
/// As for [`lo_read`].
unsafe fn read(conn: *mut pg_conn, fd: c_int, buf: *mut c_char, len: usize) -> Option<c_int> {
    // SAFETY: the caller's promise.
    unsafe {
        let function = begin(conn, Function::Read)?;
        let count = in_range(conn, len, "argument of lo_read exceeds integer range")?;
        let arguments = [fd.into(), count.into()];
        let answer = run(conn, function, &arguments, Returns::AtMost(len), buf.cast())?;
        Some(answer.length)
    }
}

/// Writes `len` bytes: how many were written, or -1 with an error text, also for a NULL `buf`.
///
/// # Safety
/// As for lo_open; `buf` holds `len` bytes.
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
/// As for [`lo_write`].
unsafe fn write(conn: *mut pg_conn, fd: c_int, buf: *const c_char, len: usize) -> Option<c_int> {
    // SAFETY: the caller's promise.
    unsafe {
        let function = begin(conn, Function::Write)?;
        in_range(conn, len, "argument of lo_write exceeds integer range")?;
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

/// Moves the place at which a descriptor reads and writes, as lseek does (`whence` is SEEK_SET, SEEK_CUR
/// or SEEK_END): the new place, or -1 with an error text, also for one beyond 2 GB.
///
/// # Safety
/// As for lo_open.
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

/// As lo_lseek, for places of any size. Servers older than 9.3 cannot do it.
///
/// # Safety
/// As for lo_open.
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

/// Makes a large object with an OID of the server's choice: the OID, or 0 with an error text. `mode` is
/// ignored.
///
/// # Safety
/// As for lo_open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_creat(conn: *mut pg_conn, mode: c_int) -> Oid {
    // SAFETY: the caller's promise.
    unsafe { integer(conn, Function::Creat, &[mode.into()]) }.unwrap_or(0) as Oid
}

/// Makes a large object with the OID `lobjId`, or one of the server's choice for 0: the OID, or 0 with an
/// error text.
///
/// # Safety
/// As for lo_open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_create(conn: *mut pg_conn, lobjId: Oid) -> Oid {
    // SAFETY: the caller's promise.
    unsafe { integer(conn, Function::Create, &[lobjId.into()]) }.unwrap_or(0) as Oid
}

/// The place at which a descriptor reads and writes, or -1 with an error text, also for one beyond 2 GB.
///
/// # Safety
/// As for lo_open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_tell(conn: *mut pg_conn, fd: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { integer(conn, Function::Tell, &[fd.into()]) }.unwrap_or(-1)
}

/// As lo_tell, for places of any size. Servers older than 9.3 cannot do it.
///
/// # Safety
/// As for lo_open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_tell64(conn: *mut pg_conn, fd: c_int) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { integer64(conn, Function::Tell64, &[fd.into()]) }.unwrap_or(-1)
}

/// Cuts a large object to `len` bytes, or fills it up with zeroes: 0, or -1 with an error text.
///
/// # Safety
/// As for lo_open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_truncate(conn: *mut pg_conn, fd: c_int, len: usize) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { truncate(conn, fd, len) }.unwrap_or(-1)
}

/// # Safety
/// As for [`lo_truncate`].
unsafe fn truncate(conn: *mut pg_conn, fd: c_int, len: usize) -> Option<c_int> {
    // SAFETY: the caller's promise.
    unsafe {
        let function = begin(conn, Function::Truncate)?;
        let length = in_range(conn, len, "argument of lo_truncate exceeds integer range")?;
        let arguments = [fd.into(), length.into()];
        run(conn, function, &arguments, Returns::Integer, null_mut())?.integer
    }
}

/// As lo_truncate, for any size. Servers older than 9.3 cannot do it.
///
/// # Safety
/// As for lo_open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_truncate64(conn: *mut pg_conn, fd: c_int, len: i64) -> c_int {
    let arguments = [fd.into(), len.into()];
    // SAFETY: the caller's promise.
    unsafe { integer(conn, Function::Truncate64, &arguments) }.unwrap_or(-1)
}

/// Deletes a large object: 1, or -1 with an error text.
///
/// # Safety
/// As for lo_open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_unlink(conn: *mut pg_conn, lobjId: Oid) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { integer(conn, Function::Unlink, &[lobjId.into()]) }.unwrap_or(-1)
}

/// Makes a large object of a file on this machine: its OID, or 0 with an error text, also for a NULL name.
///
/// # Safety
/// As for lo_open; `filename` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_import(conn: *mut pg_conn, filename: *const c_char) -> Oid {
    // SAFETY: the caller's promise.
    unsafe { import(conn, filename, 0) }
}

/// As lo_import, with the OID `lobjId`, or one of the server's choice for 0.
///
/// # Safety
/// As for lo_import.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_import_with_oid(
    conn: *mut pg_conn,
    filename: *const c_char,
    lobjId: Oid,
) -> Oid {
    // SAFETY: the caller's promise.
    unsafe { import(conn, filename, lobjId) }
}

/// # Safety
/// As for [`lo_import`].
unsafe fn import(conn: *mut pg_conn, filename: *const c_char, wanted: Oid) -> Oid {
    // SAFETY: the caller's promise.
    unsafe {
        let name = ptr::text(filename);
        if !call(conn, false, |conn| conn.client.open_import_file(name)) {
            return 0;
        }
        let name = name.unwrap_or(NO_NAME);
        let object = import_opened(conn, name, wanted);
        // A file that was only read cannot fail late.
        let _ = call(conn, Ok(()), |conn| conn.client.close_file());
        object.unwrap_or(0)
    }
}

/// # Safety
/// As for [`lo_open`].
unsafe fn import_opened(conn: *mut pg_conn, name: &[u8], wanted: Oid) -> Option<Oid> {
    // SAFETY: the caller's promise.
    unsafe {
        let object = match wanted {
            0 => lo_creat(conn, INV_READ | INV_WRITE),
            wanted => lo_create(conn, wanted),
        };
        if object == 0 {
            return None;
        }
        let fd = lo_open(conn, object, INV_WRITE);
        if fd == -1 {
            return None;
        }
        fill(conn, name, fd)?;
        (lo_close(conn, fd) == 0).then_some(object)
    }
}

/// Copies the file into the large object.
///
/// # Safety
/// As for [`lo_open`].
unsafe fn fill(conn: *mut pg_conn, name: &[u8], fd: c_int) -> Option<()> {
    let mut chunk = [0; CHUNK];
    loop {
        // SAFETY: the caller's promise.
        unsafe {
            let read = call(conn, Err(0), |conn| conn.client.read_file(&mut chunk));
            let count = match read {
                Ok(0) => return Some(()),
                Ok(count) => count,
                Err(errno) => return give_up(conn, fd, "read from", name, errno),
            };
            // The transaction is aborted where this fails: lo_close would only hide why.
            if write(conn, fd, chunk.as_ptr().cast(), count)? as usize != count {
                return None;
            }
        }
    }
}

/// Closes the large object, and says of the file alone what went wrong.
///
/// # Safety
/// As for [`lo_open`].
unsafe fn give_up<T>(
    conn: *mut pg_conn,
    fd: c_int,
    action: &str,
    name: &[u8],
    errno: c_int,
) -> Option<T> {
    // SAFETY: the caller's promise.
    unsafe {
        lo_close(conn, fd);
        call(conn, (), |conn| {
            conn.client.clear_errors();
            conn.client.blame_file(action, name, errno);
        });
    }
    None
}

/// Writes a large object into a file on this machine, made anew: 1, or -1 with an error text.
///
/// # Safety
/// As for lo_import.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_export(
    conn: *mut pg_conn,
    lobjId: Oid,
    filename: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        let file = ptr::text(filename);
        let exported = export(conn, lobjId, file);
        let name = file.unwrap_or(NO_NAME);
        let closed = call(conn, Ok(()), |conn| conn.client.close_file());
        match (exported, closed) {
            (Some(()), Ok(())) => 1,
            (None, _) => -1,
            (Some(()), Err(errno)) => {
                call(conn, (), |conn| {
                    conn.client.blame_file("write to", name, errno)
                });
                -1
            }
        }
    }
}

/// # Safety
/// As for [`lo_open`].
unsafe fn export(conn: *mut pg_conn, object: Oid, file: Option<&[u8]>) -> Option<()> {
    // SAFETY: the caller's promise.
    unsafe {
        let fd = lo_open(conn, object, INV_READ);
        if fd == -1 {
            return None;
        }
        let name = file.unwrap_or(NO_NAME);
        let created = call(conn, Err(0), |conn| conn.client.create_export_file(file));
        if let Err(errno) = created {
            return give_up(conn, fd, "open", name, errno);
        }
        empty(conn, name, fd)?;
        (lo_close(conn, fd) == 0).then_some(())
    }
}

/// Copies the large object into the file.
///
/// # Safety
/// As for [`lo_open`].
unsafe fn empty(conn: *mut pg_conn, name: &[u8], fd: c_int) -> Option<()> {
    let mut chunk: [u8; CHUNK] = [0; CHUNK];
    loop {
        // SAFETY: the caller's promise; the chunk has room for what is asked for.
        let count = unsafe { read(conn, fd, chunk.as_mut_ptr().cast(), CHUNK) }?;
        let read = chunk.get(..usize::try_from(count).ok()?)?;
        if read.is_empty() {
            return Some(());
        }
        // SAFETY: the caller's promise.
        unsafe {
            let written = call(conn, Err(0), |conn| conn.client.write_file(read));
            if let Err(errno) = written {
                return give_up(conn, fd, "write to", name, errno);
            }
        }
    }
}
