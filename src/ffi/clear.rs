//! PQclear, and the constant result that it does not free.

use std::ptr;

use super::events;
use super::ptr::exclusive;
use super::types::PGresult;
use crate::result::store::PgResultBox;

struct Constant(PGresult);

// SAFETY: the result never changes: functions that change a result get it from `changeable`.
unsafe impl Sync for Constant {}

static OUT_OF_MEMORY: Constant = Constant(PGresult::out_of_memory());

/// The result to return when there is no memory for one. `PQclear` ignores it.
pub fn out_of_memory() -> *mut PGresult {
    ptr::from_ref(&OUT_OF_MEMORY.0).cast_mut()
}

/// The result `res` if it can be changed; None for NULL and for the constant out-of-memory result.
///
/// # Safety
/// `res` is NULL or a result that nobody else uses during `'a`.
pub unsafe fn changeable<'a>(res: *mut PGresult) -> Option<&'a mut PGresult> {
    if ptr::eq(res, &OUT_OF_MEMORY.0) {
        return None;
    }
    // SAFETY: the caller's promise.
    unsafe { exclusive(res) }
}

/// Calls the event procedures of a result (PGEVT_RESULTDESTROY) and frees it. Does nothing for
/// NULL.
///
/// # Safety
/// `res` is NULL or a result, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQclear(res: *mut PGresult) {
    if res.is_null() || ptr::eq(res, &OUT_OF_MEMORY.0) {
        return;
    }
    // SAFETY: a result, and no reference to it is held here.
    unsafe {
        if (*res).events.is_some() {
            events::fire_destroy(res);
        }
    }
    // SAFETY: results reach C through `into_raw`; this one is not used again.
    drop(unsafe { PgResultBox::from_raw(res) });
}
