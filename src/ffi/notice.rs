//! Notice receivers and processors.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;

use super::clear::PQclear;
use super::conn::pg_conn;
use super::notice_hooks::{NoticeHooks, hooks_of};
use super::types::{PQnoticeProcessor, PQnoticeReceiver};
use super::{guard, ptr};
use crate::result::store::PgResult;

/// Passes a notice to its receiver and frees it.
///
/// # Safety
/// `result` came from `into_raw` and is not used again. The callers hold no borrow and nothing that must be dropped: the
/// receiver may longjmp.
pub unsafe fn deliver(result: *mut PgResult) {
    // SAFETY: the caller's promise.
    unsafe {
        // libpq: a result that does not come from a connection has no receiver.
        if let Some(hooks) = hooks_of(result) {
            (hooks.receiver)(hooks.receiver_argument, result);
        }
        PQclear(result);
    }
}

/// Raises a notice of the library itself, with the receiver of `result`'s connection.
///
/// # Safety
/// `result` is NULL or a live result; otherwise as for [`deliver`].
pub unsafe fn warn_from_result(result: *const PgResult, text: &[u8]) {
    // SAFETY: the caller's promise.
    let notice = unsafe { warning(result, text) };
    if !notice.is_null() {
        // SAFETY: just made.
        unsafe { deliver(notice) };
    }
}

/// # Safety
/// `result` is NULL or a live result.
unsafe fn warning(result: *const PgResult, text: &[u8]) -> *mut PgResult {
    // SAFETY: the caller's promise.
    let source = unsafe { ptr::shared(result) };
    guard::guard(null_mut(), || {
        let encoding = source.map_or(0, PgResult::encoding);
        let Ok(mut notice) = PgResult::internal_notice(text, encoding) else {
            return null_mut();
        };
        if let Some(result) = source {
            notice.take_hooks_of(result);
        }
        notice.into_raw()
    })
}

/// # Safety
/// `conn` is a live connection.
unsafe fn replace(conn: *mut pg_conn, change: impl FnOnce(&mut NoticeHooks)) -> NoticeHooks {
    // SAFETY: the caller's promise.
    let conn = unsafe { &mut *conn };
    let old = conn.hooks;
    change(&mut conn.hooks);
    guard::guard((), || conn.client.set_hooks(Arc::new(conn.hooks)));
    old
}

/// Sets the function that receives notices and warnings as results, and returns the previous one.
/// If `proc` is NULL, only returns the current one. Returns NULL for NULL.
///
/// Results created from now on use the function too. It must not use the connection. It may leave
/// with longjmp: the connection stays usable, PQgetResult continues the command, and only the
/// notice leaks.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsetNoticeReceiver(
    conn: *mut pg_conn,
    proc: PQnoticeReceiver,
    arg: *mut c_void,
) -> PQnoticeReceiver {
    if conn.is_null() {
        return None;
    }
    // SAFETY: not NULL, and the caller's promise.
    let old = unsafe {
        replace(conn, |hooks| {
            if let Some(receiver) = proc {
                hooks.receiver = receiver;
                hooks.receiver_argument = arg;
            }
        })
    };
    Some(old.receiver)
}

/// Sets the function that receives notices and warnings as text, and returns the previous one. The
/// default notice receiver calls it; the default processor writes to stderr. If `proc` is NULL,
/// only returns the current one. Returns NULL for NULL. See PQsetNoticeReceiver.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsetNoticeProcessor(
    conn: *mut pg_conn,
    proc: PQnoticeProcessor,
    arg: *mut c_void,
) -> PQnoticeProcessor {
    if conn.is_null() {
        return None;
    }
    // SAFETY: not NULL, and the caller's promise.
    let old = unsafe {
        replace(conn, |hooks| {
            if let Some(processor) = proc {
                hooks.processor = processor;
                hooks.processor_argument = arg;
            }
        })
    };
    Some(old.processor)
}
