//! What a command's tag says.

use super::super::ptr::shared;
use super::super::types::{Oid, PGresult};
use super::{NoticeText, warn_bytes};
use std::cell::UnsafeCell;
use std::ffi::c_char;
use std::ptr;

/// libpq's size: longer numbers are cut.
const OID_SIZE: usize = 24;

thread_local! {
    static OID: UnsafeCell<[u8; OID_SIZE]> = const { UnsafeCell::new([0; OID_SIZE]) };
}

/// The tag of the command, owned by the result; empty if it has none, NULL for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcmdStatus(res: *mut PGresult) -> *mut c_char {
    // SAFETY: the caller's promise.
    let tag = unsafe { shared(res) }.map(|result| result.cmd_status().as_ptr());
    tag.unwrap_or(ptr::null()).cast_mut()
}

/// The digits of the OID of the row an INSERT made, in a buffer that the thread's next call
/// overwrites; an empty string for other commands and NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQoidStatus(res: *const PGresult) -> *mut c_char {
    // SAFETY: the caller's promise.
    let digits = unsafe { shared(res) }.map_or(&b""[..], |result| result.oid_digits());
    let len = digits.len().min(OID_SIZE - 1);
    OID.with(|buffer| {
        // SAFETY: the buffer is this thread's, and no reference to it outlives a call.
        let buffer = unsafe { &mut *buffer.get() };
        buffer.fill(0);
        buffer[..len].copy_from_slice(&digits[..len]);
        buffer.as_mut_ptr().cast()
    })
}

/// The OID of the row an INSERT made; 0 if it made none, for other commands and NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQoidValue(res: *const PGresult) -> Oid {
    // SAFETY: the caller's promise.
    unsafe { shared(res) }.map_or(0, |result| result.oid_value())
}

/// The digits of the number of rows a command affected, owned by the result.
///
/// An empty string for commands that do not count, for NULL, and, with a notice, if the server's
/// tag makes no sense.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcmdTuples(res: *mut PGresult) -> *mut c_char {
    // SAFETY: the caller's promise.
    let Some(result) = (unsafe { shared(res) }) else {
        return c"".as_ptr().cast_mut();
    };
    if let Ok(count) = result.cmd_tuples() {
        return count.as_ptr().cast_mut();
    }
    // The tag may be of any encoding, a notice's text too: the bytes are copied as they are.
    let mut text = NoticeText::new();
    text.push(b"could not interpret result from server: ");
    text.push(result.cmd_status().to_bytes());
    // SAFETY: not NULL, and `result` is not used again.
    unsafe { warn_bytes(res, &text) };
    c"".as_ptr().cast_mut()
}
