//! The command tag of a result.

use super::super::ptr::shared;
use super::super::types::{Oid, PGresult};
use super::{NoticeText, warn_bytes};
use std::cell::UnsafeCell;
use std::ffi::c_char;
use std::ptr;

/// libpq's size; a longer number is truncated.
const OID_SIZE: usize = 24;

thread_local! {
    static OID: UnsafeCell<[u8; OID_SIZE]> = const { UnsafeCell::new([0; OID_SIZE]) };
}

/// Returns the command tag of a result, such as "INSERT 0 1"; an empty string if it has none.
/// Returns NULL for NULL. The string belongs to the result.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcmdStatus(res: *mut PGresult) -> *mut c_char {
    // SAFETY: the caller's promise.
    let tag = unsafe { shared(res) }.map(|result| result.cmd_status().as_ptr());
    tag.unwrap_or(ptr::null()).cast_mut()
}

/// Returns the OID of the row that an INSERT created, as a string; an empty string if there is
/// none, and for NULL. The next call in the same thread overwrites the string. Deprecated: use
/// PQoidValue.
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

/// Returns the OID of the row that an INSERT created. Returns 0 if there is none, and for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQoidValue(res: *const PGresult) -> Oid {
    // SAFETY: the caller's promise.
    unsafe { shared(res) }.map_or(0, |result| result.oid_value())
}

/// Returns the number of rows that a command affected, as a string that belongs to the result.
/// Returns an empty string if the command does not count rows, and for NULL. If the server's
/// command tag is malformed, returns an empty string and raises a notice.
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
    // The tag may have any encoding, so its bytes are copied without conversion.
    let mut text = NoticeText::new();
    text.push(b"could not interpret result from server: ");
    text.push(result.cmd_status().to_bytes());
    // SAFETY: not NULL, and `result` is not used again.
    unsafe { warn_bytes(res, &text) };
    c"".as_ptr().cast_mut()
}
