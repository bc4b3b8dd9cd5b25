//! The columns of a result, and the parameters of a prepared statement.

use super::super::guard::guard;
use super::super::ptr::{shared, text};
use super::super::types::{Oid, PGresult};
use super::warn;
use crate::result::columns::ColumnDesc;
use std::ffi::{c_char, c_int};
use std::ptr;

/// The description of a column; None, after a notice, if there is no such column.
///
/// # Safety
/// `res` is NULL or a result.
unsafe fn column(res: *const PGresult, field_num: c_int) -> Option<ColumnDesc> {
    // SAFETY: the caller's promise.
    let result = unsafe { shared(res) }?;
    if field_num < 0 || field_num >= result.ncols() {
        // SAFETY: not NULL, and `result` is not used again.
        unsafe { warn_no_column(res, field_num) };
        return None;
    }
    result.column(field_num).copied()
}

/// # Safety
/// As for [`warn`].
#[cold]
pub(super) unsafe fn warn_no_column(res: *const PGresult, field_num: c_int) {
    // SAFETY: the caller's promise.
    let last = unsafe { (*res).ncols() } - 1;
    // SAFETY: the caller's promise.
    unsafe {
        warn(
            res,
            format_args!("column number {field_num} is out of range 0..{last}"),
        );
    }
}

/// A column's name, owned by the result; NULL for NULL, and, with a notice, if there is no such
/// column. Columns of a COPY have none.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQfname(res: *const PGresult, field_num: c_int) -> *mut c_char {
    // SAFETY: the caller's promise.
    let Some(result) = (unsafe { shared(res) }) else {
        return ptr::null_mut();
    };
    if field_num < 0 || field_num >= result.ncols() {
        // SAFETY: not NULL, and `result` is not used again.
        unsafe { warn_no_column(res, field_num) };
        return ptr::null_mut();
    }
    let columns = result.columns();
    let name = columns.map_or(ptr::null(), |columns| columns.name_ptr(field_num as usize));
    name.cast_mut()
}

/// The number of the first column of that name, from 0 on; -1 if there is none, for NULL and
/// for an empty name.
///
/// The name is read as SQL reads it: in lower case but for what stands in double quotes.
///
/// # Safety
/// `res` is NULL or a result, `field_name` NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQfnumber(
    res: *const PGresult,
    field_name: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    let (result, name) = unsafe { (shared(res), text(field_name)) };
    let columns = result.and_then(|result| result.columns());
    let (Some(columns), Some(name)) = (columns, name) else {
        return -1;
    };
    guard(-1, || {
        let number = columns.find(name, lower).map(c_int::try_from);
        number.and_then(Result::ok).unwrap_or(-1)
    })
}

/// libpq: letters beyond ASCII follow the locale where it has one byte a character.
fn lower(c: u8) -> u8 {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    // SAFETY: both functions take any unsigned char.
    let lower = unsafe {
        if libc::isupper(c.into()) != 0 {
            libc::tolower(c.into())
        } else {
            c.into()
        }
    };
    u8::try_from(lower).unwrap_or(c)
}

/// The OID of the table a column is from; 0 if it is from none, for NULL, and, with a notice, if
/// there is no such column.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQftable(res: *const PGresult, field_num: c_int) -> Oid {
    // SAFETY: the caller's promise.
    unsafe { column(res, field_num) }.map_or(0, |desc| desc.tableid)
}

/// A column's number in its table, from 1 on; 0 if it is from none, for NULL, and, with a
/// notice, if there is no such column.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQftablecol(res: *const PGresult, field_num: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { column(res, field_num) }.map_or(0, |desc| desc.columnid)
}

/// A column's format, 0 for text and 1 for binary; 0 for NULL, and, with a notice, if there is
/// no such column.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQfformat(res: *const PGresult, field_num: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { column(res, field_num) }.map_or(0, |desc| desc.format)
}

/// The OID of a column's type; 0 for NULL, and, with a notice, if there is no such column.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQftype(res: *const PGresult, field_num: c_int) -> Oid {
    // SAFETY: the caller's promise.
    unsafe { column(res, field_num) }.map_or(0, |desc| desc.typid)
}

/// The size of a column's type in bytes, negative if it varies; 0 for NULL, and, with a notice,
/// if there is no such column.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQfsize(res: *const PGresult, field_num: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { column(res, field_num) }.map_or(0, |desc| desc.typlen)
}

/// The modifier of a column's type, -1 if it has none; 0 for NULL, and, with a notice, if there
/// is no such column.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQfmod(res: *const PGresult, field_num: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { column(res, field_num) }.map_or(0, |desc| desc.atttypmod)
}

/// The number of a prepared statement's parameters; 0 for NULL and other results.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQnparams(res: *const PGresult) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { shared(res) }.map_or(0, |result| result.params().len() as c_int)
}

/// The OID of the type of a prepared statement's parameter; 0 for NULL, and, with a notice, if
/// there is no such parameter.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQparamtype(res: *const PGresult, param_num: c_int) -> Oid {
    // SAFETY: the caller's promise.
    let Some(params) = (unsafe { shared(res) }).map(|result| result.params()) else {
        return 0;
    };
    let found = usize::try_from(param_num).ok().and_then(|n| params.get(n));
    if let Some(param) = found {
        return *param;
    }
    let last = params.len() as c_int - 1;
    // SAFETY: not NULL, and `params` is not used again.
    unsafe {
        warn(
            res,
            format_args!("parameter number {param_num} is out of range 0..{last}"),
        )
    };
    0
}
