//! Functions with which programs create and change results.

use super::super::clear::changeable;
use super::super::guard::guard;
use super::super::ptr::{bytes, shared};
use super::super::types::{PG_COPYRES_EVENTS, PGresAttDesc, PGresult};
use super::columns::warn_no_column;
use super::warn;
use crate::result::columns::{ColumnDesc, Columns};
use crate::result::modify::SetValueError;
use crate::result::rows::RowError;
use crate::result::store::PgResultBox;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

/// Returns a copy of a result with status PGRES_TUPLES_OK; free it with PQclear. `flags`
/// (PG_COPYRES_...) selects what else is copied. Returns NULL if memory ran out, and for NULL.
///
/// # Safety
/// `src` is NULL or a result.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcopyResult(src: *const PGresult, flags: c_int) -> *mut PGresult {
    // SAFETY: the caller's promise.
    let Some(source) = (unsafe { shared(src) }) else {
        return ptr::null_mut();
    };
    let copy = guard(None, || source.copy(flags).ok());
    let Some(dest) = copy.map(PgResultBox::into_raw) else {
        return ptr::null_mut();
    };
    // SAFETY: both are results, to which no reference is held here.
    if flags & PG_COPYRES_EVENTS == 0 || unsafe { super::super::events::fire_copy(src, dest) } {
        return dest;
    }
    // SAFETY: `dest` came from `into_raw` and was not returned.
    drop(unsafe { PgResultBox::from_raw(dest) });
    ptr::null_mut()
}

/// Sets the columns of a result that has neither columns nor rows. The names are copied. Returns 1,
/// also if `numAttributes` is less than 1 or `attDescs` is NULL, in which case nothing changes.
/// Returns 0 if the result has columns, if memory ran out, and for NULL.
///
/// # Safety
/// `res` is NULL or a result, `attDescs` NULL or an array of `numAttributes`, with names that
/// are NULL or strings.
#[unsafe(no_mangle)]
#[allow(non_snake_case)]
pub unsafe extern "C-unwind" fn PQsetResultAttrs(
    res: *mut PGresult,
    numAttributes: c_int,
    attDescs: *mut PGresAttDesc,
) -> c_int {
    // SAFETY: the caller's promise.
    let Some(result) = (unsafe { changeable(res) }) else {
        return 0;
    };
    let count = usize::try_from(numAttributes).unwrap_or(0);
    if result.ncols() > 0 {
        return 0;
    }
    if count == 0 || attDescs.is_null() {
        return 1;
    }
    // SAFETY: the caller's promise.
    let descs = unsafe { std::slice::from_raw_parts(attDescs, count) };
    guard(0, || {
        // SAFETY: the caller's promise.
        let columns = unsafe { columns_of(descs) };
        columns
            .is_some_and(|columns| result.set_attributes(columns))
            .into()
    })
}

/// # Safety
/// The names are NULL or strings.
unsafe fn columns_of(descs: &[PGresAttDesc]) -> Option<Columns> {
    let mut columns = Columns::with_room(descs.len(), 0).ok()?;
    for desc in descs {
        let name = if desc.name.is_null() {
            c""
        } else {
            // SAFETY: not NULL, a string by the caller's promise.
            unsafe { CStr::from_ptr(desc.name) }
        };
        let desc = ColumnDesc {
            tableid: desc.tableid,
            columnid: desc.columnid,
            format: desc.format,
            typid: desc.typid,
            typlen: desc.typlen,
            atttypmod: desc.atttypmod,
        };
        columns.push(Some(name.to_bytes()), desc).ok()?;
    }
    Some(columns)
}

/// Sets a value to a copy of the `len` bytes at `value`, or to an SQL NULL if `len` is -1 or
/// `value` is NULL. If `tup_num` is the number of rows, a row is added, and its other values are
/// SQL NULLs.
///
/// Returns 1. If there is no such row or column, or memory ran out, returns 0 and raises a notice.
/// Returns 0 for NULL.
///
/// # Safety
/// `res` is NULL or a result, `value` NULL or readable for `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsetvalue(
    res: *mut PGresult,
    tup_num: c_int,
    field_num: c_int,
    value: *mut c_char,
    len: c_int,
) -> c_int {
    // SAFETY: the caller's promise.
    let Some(result) = (unsafe { changeable(res) }) else {
        return 0;
    };
    let null = value.is_null() || len == -1;
    // SAFETY: the caller's promise.
    let value = unsafe { bytes(value, usize::try_from(len).unwrap_or(0)) };
    let set = guard(Err(SetValueError::OutOfMemory), || {
        result.set_value(tup_num, field_num, (!null).then_some(value))
    });
    if let Err(error) = set {
        // SAFETY: not NULL, and `result` is not used again.
        unsafe { warn_not_set(res, error, tup_num, field_num) };
    }
    set.is_ok().into()
}

/// # Safety
/// Same as for [`warn`].
#[cold]
unsafe fn warn_not_set(res: *const PGresult, error: SetValueError, row: c_int, column: c_int) {
    // SAFETY: the caller's promise, here and below.
    unsafe {
        match error {
            SetValueError::NoSuchColumn => warn_no_column(res, column),
            SetValueError::NoSuchRow => {
                let rows = (*res).nrows();
                warn(
                    res,
                    format_args!("row number {row} is out of range 0..{rows}"),
                );
            }
            SetValueError::OutOfMemory => warn(res, format_args!("out of memory")),
            SetValueError::TooManyRows => {
                warn(res, format_args!("{}", RowError::TooManyRows.message()));
            }
        }
    }
}

/// Allocates memory that is freed with the result. It is aligned for any type. If `nBytes` is 0,
/// the pointer must not be dereferenced. Returns NULL if memory ran out, and for NULL.
///
/// # Safety
/// `res` is NULL or a result.
#[unsafe(no_mangle)]
#[allow(non_snake_case)]
pub unsafe extern "C-unwind" fn PQresultAlloc(res: *mut PGresult, nBytes: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    let Some(result) = (unsafe { changeable(res) }) else {
        return ptr::null_mut();
    };
    guard(ptr::null_mut(), || {
        result.alloc(nBytes).unwrap_or(ptr::null_mut())
    })
}
