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

/// Hands a notice to its receiver, then frees it.
///
/// # Safety
/// `result` came from `into_raw` and is not used again. Nothing may be borrowed or need dropping in the
/// callers: the receiver may longjmp.
pub unsafe fn deliver(result: *mut PgResult) {
    // SAFETY: the caller's promise.
    unsafe {
        // libpq: a result that no connection made has nobody to tell.
        if let Some(hooks) = hooks_of(result) {
            (hooks.receiver)(hooks.receiver_argument, result);
        }
        PQclear(result);
    }
}

/// Hands a notice of the library's own to the receiver of `result`'s connection.
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

/// Sets who takes the notices of a connection, and answers who did.
///
/// With a NULL `proc` nothing changes. NULL for a NULL connection. The receiver must not use the
/// connection, whose results made from now on it serves too. If it leaves by longjmp, the connection
/// stays usable: the call it interrupted can be followed by PQgetResult; only the notice is leaked.
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

/// Sets who takes the text of notices, as the receiver of a new connection passes them on, and answers who
/// did. Otherwise as PQsetNoticeReceiver; the processor of a new connection writes to stderr.
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
