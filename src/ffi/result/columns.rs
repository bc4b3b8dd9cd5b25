//! The columns of a result, and the parameters of a prepared statement.

use super::super::guard::guard;
use super::super::ptr::{shared, text};
use super::super::types::{Oid, PGresult};
use super::warn;
use crate::result::columns::ColumnDesc;
use std::ffi::{c_char, c_int};
use std::ptr;

/// The description of a column. If there is no such column, returns None and raises a notice.
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
/// Same as for [`warn`].
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

/// Returns the name of a column; it belongs to the result. Columns are numbered from 0. Columns of
/// a COPY have no name: returns NULL. If there is no such column, returns NULL and raises a notice.
/// Returns NULL for NULL.
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

/// Returns the number of the first column with the given name, starting with 0. Returns -1 if there
/// is none, for an empty name and for NULL.
///
/// The name is folded to lower case, except for parts in double quotes, as in SQL.
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

/// libpq: letters outside ASCII follow the locale if it has one byte per character.
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

/// Returns the OID of the table that a column belongs to; 0 if it belongs to none. If there is no
/// such column, returns 0 and raises a notice. Returns 0 for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQftable(res: *const PGresult, field_num: c_int) -> Oid {
    // SAFETY: the caller's promise.
    unsafe { column(res, field_num) }.map_or(0, |desc| desc.tableid)
}

/// Returns the number of a column in its table, starting with 1; 0 if it belongs to no table. If
/// there is no such column, returns 0 and raises a notice. Returns 0 for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQftablecol(res: *const PGresult, field_num: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { column(res, field_num) }.map_or(0, |desc| desc.columnid)
}

/// Returns the format of a column: 0 for text, 1 for binary. If there is no such column, returns 0
/// and raises a notice. Returns 0 for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQfformat(res: *const PGresult, field_num: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { column(res, field_num) }.map_or(0, |desc| desc.format)
}

/// Returns the OID of the type of a column. If there is no such column, returns 0 and raises a
/// notice. Returns 0 for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQftype(res: *const PGresult, field_num: c_int) -> Oid {
    // SAFETY: the caller's promise.
    unsafe { column(res, field_num) }.map_or(0, |desc| desc.typid)
}

/// Returns the size of the type of a column in bytes; a negative number if the size varies. If
/// there is no such column, returns 0 and raises a notice. Returns 0 for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQfsize(res: *const PGresult, field_num: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { column(res, field_num) }.map_or(0, |desc| desc.typlen)
}

/// Returns the type modifier of a column, for example its precision; -1 if it has none. If there is
/// no such column, returns 0 and raises a notice. Returns 0 for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQfmod(res: *const PGresult, field_num: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { column(res, field_num) }.map_or(0, |desc| desc.atttypmod)
}

/// Returns the number of parameters of a prepared statement, for a result of PQdescribePrepared.
/// Returns 0 for other results and for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQnparams(res: *const PGresult) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { shared(res) }.map_or(0, |result| result.params().len() as c_int)
}

/// Returns the OID of the type of a parameter of a prepared statement, for a result of
/// PQdescribePrepared. Parameters are numbered from 0. If there is no such parameter, returns 0 and
/// raises a notice. Returns 0 for NULL.
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
