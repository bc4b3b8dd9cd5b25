//! Reading and freeing results.
//!
//! Pointers that these functions return into a result live until `PQclear`.

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

/// The names of the statuses, as pointers for C.
#[repr(transparent)]
pub struct StatusNames([*const c_char; NAMES.len()]);

// SAFETY: the pointers are to constants.
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

/// A notice's text, which must not need dropping: the receiver may longjmp.
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

/// Gives a notice through the result's own hooks.
///
/// # Safety
/// `res` is a result, of which no reference is held: the receiver may use it.
#[cold]
unsafe fn warn(res: *const PGresult, text: fmt::Arguments) {
    let mut notice = NoticeText::new();
    let _ = notice.write_fmt(text);
    // SAFETY: the caller's promise.
    unsafe { warn_bytes(res, &notice) };
}

/// As [`warn`].
///
/// # Safety
/// As for [`warn`].
#[cold]
unsafe fn warn_bytes(res: *const PGresult, text: &NoticeText) {
    // SAFETY: the caller's promise.
    unsafe { super::notice::warn_from_result(res, &text.bytes[..text.len]) };
}

/// Gives libpq's notice that there is no such row or column.
///
/// # Safety
/// As for [`warn`].
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

/// The status of a result; `PGRES_FATAL_ERROR` for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQresultStatus(res: *const PGresult) -> ExecStatusCode {
    // SAFETY: the caller's promise.
    let status = unsafe { shared(res) }.map(|result| result.status());
    status.unwrap_or(Status::FatalError) as ExecStatusCode
}

/// The name of a status, a constant string; a sentence saying so for numbers that are none.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn PQresStatus(status: ExecStatusCode) -> *mut c_char {
    let index = usize::try_from(status).ok();
    let name = index.and_then(|index| pgresStatus.0.get(index));
    let unknown = c"invalid ExecStatusType code".as_ptr();
    name.map_or(unknown, |name| *name).cast_mut()
}

/// The error text of a result, owned by it; an empty string if there is none, and for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQresultErrorMessage(res: *const PGresult) -> *mut c_char {
    // SAFETY: the caller's promise.
    let message = unsafe { shared(res) }.map(|result| result.error_message());
    message.unwrap_or_default().as_ptr().cast_mut()
}

/// The error text in another style, for `PQfreemem`; NULL when memory ran out.
///
/// For NULL, and results that are no errors, it is a sentence that says so.
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

/// The text of a field (`PG_DIAG_...`) of the server's error, owned by the result; NULL if it
/// has no such field, and for NULL.
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

/// The number of rows; 0 for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQntuples(res: *const PGresult) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { shared(res) }.map_or(0, |result| result.nrows())
}

/// The number of columns; 0 for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQnfields(res: *const PGresult) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { shared(res) }.map_or(0, |result| result.ncols())
}

/// 1 if all columns are binary, 0 if not, if there are none, and for NULL; the overall format
/// for the result of a COPY.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQbinaryTuples(res: *const PGresult) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { shared(res) }.map_or(0, |result| result.binary())
}

/// A value, owned by the result, with a NUL behind it; an empty string for SQL's NULL.
///
/// Binary values are aligned to 8 bytes. NULL, and a notice, if there is no such row or column;
/// NULL for NULL.
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
        None => unsafe { other_value(res, tup_num, field_num) },
    }
}

/// A value's length in bytes; 0 for SQL's NULL, for NULL, and, with a notice, if there is no
/// such row or column.
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
        None => unsafe { other_length(res, tup_num, field_num) },
    }
}

/// Whether a value is SQL's NULL: 1 or 0; 1 for NULL, and, with a notice, if there is no such
/// row or column.
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
        None => unsafe { other_is_null(res, tup_num, field_num) },
    }
}

/// [`PQgetvalue`] where there is no such value, and for rows of rare forms.
///
/// With the C calling convention, as what it is called from, it is jumped to.
///
/// # Safety
/// `res` is NULL or a result.
#[cold]
unsafe extern "C-unwind" fn other_value(
    res: *const PGresult,
    row: c_int,
    column: c_int,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { value_or_warning(res, row, column) }
        .map_or(ptr::null_mut(), |value| value.ptr.cast_mut())
}

/// As [`other_value`], for [`PQgetlength`].
///
/// # Safety
/// `res` is NULL or a result.
#[cold]
unsafe extern "C-unwind" fn other_length(res: *const PGresult, row: c_int, column: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { value_or_warning(res, row, column) }.map_or(0, |value| value.len)
}

/// As [`other_value`], for [`PQgetisnull`].
///
/// # Safety
/// `res` is NULL or a result.
#[cold]
unsafe extern "C-unwind" fn other_is_null(
    res: *const PGresult,
    row: c_int,
    column: c_int,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { value_or_warning(res, row, column) }
        .is_none_or(|value| value.null)
        .into()
}

/// The value; None for NULL, and, with a notice, if there is no such row or column.
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

/// The bytes allocated for a result; 0 for NULL.
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
