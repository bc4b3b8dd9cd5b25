//! Large objects and files on the client: import and export.

use std::ffi::{c_char, c_int};

use super::{lo_close, lo_creat, lo_create, lo_open, read, write};
use crate::client::large_object::CHUNK;
use crate::ffi::call::call;
use crate::ffi::conn::pg_conn;
use crate::ffi::ptr;
use crate::ffi::types::Oid;

const INV_WRITE: c_int = 0x20000;
const INV_READ: c_int = 0x40000;

/// What printf of the C library prints for a null pointer.
const NO_NAME: &[u8] = b"(null)";

/// Creates a large object from a file on the client. Returns its OID, or 0 with an error message,
/// also for a NULL name.
///
/// # Safety
/// Same as for lo_open; `filename` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn lo_import(conn: *mut pg_conn, filename: *const c_char) -> Oid {
    // SAFETY: the caller's promise.
    unsafe { import(conn, filename, 0) }
}

/// Like lo_import, with the OID `lobjId`; if it is 0, the server assigns one.
///
/// # Safety
/// Same as for lo_import.
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
/// Same as for [`lo_import`].
unsafe fn import(conn: *mut pg_conn, filename: *const c_char, wanted: Oid) -> Oid {
    // SAFETY: the caller's promise.
    unsafe {
        let name = ptr::text(filename);
        if !call(conn, false, |conn| conn.client.open_import_file(name)) {
            return 0;
        }
        let name = name.unwrap_or(NO_NAME);
        let object = import_opened(conn, name, wanted);
        // Closing a file that was only read does not fail.
        let _ = call(conn, Ok(()), |conn| conn.client.close_file());
        object.unwrap_or(0)
    }
}

/// # Safety
/// Same as for [`lo_open`].
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
        copy_from_file(conn, name, fd)?;
        (lo_close(conn, fd) == 0).then_some(object)
    }
}

/// Copies the file into the large object.
///
/// # Safety
/// Same as for [`lo_open`].
unsafe fn copy_from_file(conn: *mut pg_conn, name: &[u8], fd: c_int) -> Option<()> {
    let mut chunk = [0; CHUNK];
    loop {
        // SAFETY: the caller's promise.
        unsafe {
            let read = call(conn, Err(0), |conn| conn.client.read_file(&mut chunk));
            let count = match read {
                Ok(0) => return Some(()),
                Ok(count) => count,
                Err(errno) => return fail_with_file_error(conn, fd, "read from", name, errno),
            };
            // If this fails, the transaction is aborted, and lo_close would replace the error message.
            if write(conn, fd, chunk.as_ptr().cast(), count)? as usize != count {
                return None;
            }
        }
    }
}

/// Closes the large object and sets an error message about the file.
///
/// # Safety
/// Same as for [`lo_open`].
unsafe fn fail_with_file_error<T>(
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

/// Writes a large object to a file on the client; an existing file is overwritten. Returns 1, or -1
/// with an error message.
///
/// # Safety
/// Same as for lo_import.
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
/// Same as for [`lo_open`].
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
            return fail_with_file_error(conn, fd, "open", name, errno);
        }
        copy_to_file(conn, name, fd)?;
        (lo_close(conn, fd) == 0).then_some(())
    }
}

/// Copies the large object into the file.
///
/// # Safety
/// Same as for [`lo_open`].
unsafe fn copy_to_file(conn: *mut pg_conn, name: &[u8], fd: c_int) -> Option<()> {
    let mut chunk: [u8; CHUNK] = [0; CHUNK];
    loop {
        // SAFETY: the caller's promise; the chunk has room for CHUNK bytes.
        let count = unsafe { read(conn, fd, chunk.as_mut_ptr().cast(), CHUNK) }?;
        let read = chunk.get(..usize::try_from(count).ok()?)?;
        if read.is_empty() {
            return Some(());
        }
        // SAFETY: the caller's promise.
        unsafe {
            let written = call(conn, Err(0), |conn| conn.client.write_file(read));
            if let Err(errno) = written {
                return fail_with_file_error(conn, fd, "write to", name, errno);
            }
        }
    }
}
