//! Reads results. The pointers that these functions return are valid until `PQclear`.

mod columns;
mod command;
mod modify;

pub use columns::*;
pub use command::*;
pub use modify::*;

use super::alloc;
use super::guard::guard;
use super::ptr::shared;
use super::types::{ContextVisibilityCode, ExecStatusCode, PGresult, VerbosityCode};
use crate::result::message::{ShowContext, Verbosity};
use crate::result::status::{NAMES, Status};
use crate::result::store::Value;
use std::ffi::{CStr, c_char, c_int};
use std::fmt::{self, Write};
use std::ptr;

/// The names of the statuses, as C strings.
#[repr(transparent)]
pub struct StatusNames([*const c_char; NAMES.len()]);

// SAFETY: the pointers point to constants.
unsafe impl Sync for StatusNames {}

/// The name of each `ExecStatusType`, by number; [`PQresStatus`] checks the number.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static pgresStatus: StatusNames = StatusNames(status_names());

const fn status_names() -> [*const c_char; NAMES.len()] {
    let mut names = [ptr::null(); NAMES.len()];
    let mut status = 0;
    while status < NAMES.len() {
        names[status] = NAMES[status].as_ptr();
        status += 1;
    }
    names
}

/// The text of a notice. It must not need to be dropped, because the receiver may longjmp.
struct NoticeText {
    bytes: [u8; NoticeText::SIZE],
    len: usize,
}

impl NoticeText {
    /// Enough for a command tag in a sentence.
    const SIZE: usize = 160;

    const fn new() -> NoticeText {
        NoticeText {
            bytes: [0; NoticeText::SIZE],
            len: 0,
        }
    }

    fn push(&mut self, text: &[u8]) {
        let room = &mut self.bytes[self.len..];
        let len = text.len().min(room.len());
        room[..len].copy_from_slice(&text[..len]);
        self.len += len;
    }
}

impl Write for NoticeText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

/// Raises a notice with the result's own notice hooks.
///
/// # Safety
/// `res` is a result that nothing borrows: the receiver may use it.
#[cold]
unsafe fn warn(res: *const PGresult, text: fmt::Arguments) {
    let mut notice = NoticeText::new();
    let _ = notice.write_fmt(text);
    // SAFETY: the caller's promise.
    unsafe { warn_bytes(res, &notice) };
}

/// Like [`warn`], for text that may not be UTF-8.
///
/// # Safety
/// Same as for [`warn`].
#[cold]
unsafe fn warn_bytes(res: *const PGresult, text: &NoticeText) {
    // SAFETY: the caller's promise.
    unsafe { super::notice::warn_from_result(res, &text.bytes[..text.len]) };
}

/// Raises libpq's notice that there is no such row or column.
///
/// # Safety
/// Same as for [`warn`].
#[cold]
unsafe fn warn_out_of_range(res: *const PGresult, row: c_int, column: c_int) {
    // SAFETY: the caller's promise.
    let (rows, columns) = unsafe { ((*res).nrows(), (*res).ncols()) };
    if row < 0 || row >= rows {
        let last = rows - 1;
        // SAFETY: the caller's promise.
        unsafe {
            warn(
                res,
                format_args!("row number {row} is out of range 0..{last}"),
            )
        };
    } else {
        let last = columns - 1;
        // SAFETY: the caller's promise.
        unsafe {
            warn(
                res,
                format_args!("column number {column} is out of range 0..{last}"),
            )
        };
    }
}

/// Returns the status of a result. Returns PGRES_FATAL_ERROR for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQresultStatus(res: *const PGresult) -> ExecStatusCode {
    // SAFETY: the caller's promise.
    let status = unsafe { shared(res) }.map(|result| result.status());
    status.unwrap_or(Status::FatalError) as ExecStatusCode
}

/// Returns the name of a status, such as "PGRES_TUPLES_OK", as a constant string. Returns a message
/// if there is no such status.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn PQresStatus(status: ExecStatusCode) -> *mut c_char {
    let index = usize::try_from(status).ok();
    let name = index.and_then(|index| pgresStatus.0.get(index));
    let unknown = c"invalid ExecStatusType code".as_ptr();
    name.map_or(unknown, |name| *name).cast_mut()
}

/// Returns the error message of a result; an empty string if there is none, and for NULL. The
/// string belongs to the result.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQresultErrorMessage(res: *const PGresult) -> *mut c_char {
    // SAFETY: the caller's promise.
    let message = unsafe { shared(res) }.map(|result| result.error_message());
    message.unwrap_or_default().as_ptr().cast_mut()
}

/// Returns the error message of a result, formatted with other settings; free it with PQfreemem.
/// Returns NULL if memory ran out.
///
/// For NULL, and for a result that is not an error, returns a message that says so.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQresultVerboseErrorMessage(
    res: *const PGresult,
    verbosity: VerbosityCode,
    show_context: ContextVisibilityCode,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    let Some(result) = (unsafe { shared(res) }) else {
        return alloc::string(b"PGresult is not an error result\n");
    };
    let verbosity = Verbosity::from_code(verbosity);
    let show_context = ShowContext::from_code(show_context);
    guard(ptr::null_mut(), || {
        alloc::string(&result.verbose_error_message(verbosity, show_context))
    })
}

/// Returns one field of the server's error, such as PG_DIAG_SQLSTATE. Returns NULL if the error
/// does not have this field, and for NULL. The string belongs to the result.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQresultErrorField(
    res: *const PGresult,
    fieldcode: c_int,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    let field =
        unsafe { shared(res) }.and_then(|result| result.error_field(u8::try_from(fieldcode).ok()?));
    field.map_or(ptr::null_mut(), |field: &CStr| field.as_ptr().cast_mut())
}

/// Returns the number of rows. Returns 0 for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQntuples(res: *const PGresult) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { shared(res) }.map_or(0, |result| result.nrows())
}

/// Returns the number of columns. Returns 0 for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQnfields(res: *const PGresult) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { shared(res) }.map_or(0, |result| result.ncols())
}

/// Returns 1 if all columns have the binary format; for a COPY, if its overall format is binary.
/// Otherwise returns 0, also without columns and for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQbinaryTuples(res: *const PGresult) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { shared(res) }.map_or(0, |result| result.binary())
}

/// Returns a value, followed by a NUL byte; an empty string for an SQL NULL. Rows and columns are
/// numbered from 0. The value belongs to the result.
///
/// A binary value is aligned to 8 bytes. If there is no such row or column, returns NULL and raises
/// a notice. Returns NULL for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQgetvalue(
    res: *const PGresult,
    tup_num: c_int,
    field_num: c_int,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    let result = unsafe { shared(res) };
    match result.and_then(|result| Some((result, result.fast_value(tup_num, field_num)?))) {
        Some((result, value)) => match value.start() {
            Some(start) => start.as_ptr().cast(),
            None => result.empty_string().cast_mut(),
        },
        // SAFETY: the caller's promise.
        None => unsafe { value_slow(res, tup_num, field_num) },
    }
}

/// Returns the length of a value in bytes, without the NUL byte; 0 for an SQL NULL. If there is no
/// such row or column, returns 0 and raises a notice. Returns 0 for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQgetlength(
    res: *const PGresult,
    tup_num: c_int,
    field_num: c_int,
) -> c_int {
    // SAFETY: the caller's promise.
    match unsafe { shared(res) }.and_then(|result| result.fast_value(tup_num, field_num)) {
        Some(value) => value.length(),
        // SAFETY: the caller's promise.
        None => unsafe { length_slow(res, tup_num, field_num) },
    }
}

/// Returns 1 if a value is an SQL NULL, otherwise 0. If there is no such row or column, returns 1
/// and raises a notice. Returns 1 for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQgetisnull(
    res: *const PGresult,
    tup_num: c_int,
    field_num: c_int,
) -> c_int {
    // SAFETY: the caller's promise.
    match unsafe { shared(res) }.and_then(|result| result.fast_value(tup_num, field_num)) {
        Some(value) => value.is_null().into(),
        // SAFETY: the caller's promise.
        None => unsafe { is_null_slow(res, tup_num, field_num) },
    }
}

/// [`PQgetvalue`] for a value that does not exist and for rows in a rare format.
///
/// It has the C ABI, like its caller, so that the call is a jump.
///
/// # Safety
/// `res` is NULL or a result.
#[cold]
unsafe extern "C-unwind" fn value_slow(
    res: *const PGresult,
    row: c_int,
    column: c_int,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { value_or_warning(res, row, column) }
        .map_or(ptr::null_mut(), |value| value.ptr.cast_mut())
}

/// Like [`value_slow`], for [`PQgetlength`].
///
/// # Safety
/// `res` is NULL or a result.
#[cold]
unsafe extern "C-unwind" fn length_slow(res: *const PGresult, row: c_int, column: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { value_or_warning(res, row, column) }.map_or(0, |value| value.len)
}

/// Like [`value_slow`], for [`PQgetisnull`].
///
/// # Safety
/// `res` is NULL or a result.
#[cold]
unsafe extern "C-unwind" fn is_null_slow(res: *const PGresult, row: c_int, column: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { value_or_warning(res, row, column) }
        .is_none_or(|value| value.null)
        .into()
}

/// The value. Returns None for NULL; if there is no such row or column, returns None and raises a notice.
///
/// # Safety
/// `res` is NULL or a result.
unsafe fn value_or_warning(res: *const PGresult, row: c_int, column: c_int) -> Option<Value> {
    // SAFETY: the caller's promise.
    let value = unsafe { shared(res) }?.value(row, column);
    if value.is_none() {
        // SAFETY: not NULL, and no reference to the result is held.
        unsafe { warn_out_of_range(res, row, column) };
    }
    value
}

/// Returns the number of bytes allocated for a result. Returns 0 for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQresultMemorySize(res: *const PGresult) -> usize {
    // SAFETY: the caller's promise.
    unsafe { shared(res) }.map_or(0, |result| result.memory_size())
}

#[cfg(test)]
mod tests;
