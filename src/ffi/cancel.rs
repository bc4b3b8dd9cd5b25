//! The old cancel requests, without encryption. For the new ones see `cancel_connection`.

use super::call::call;
use super::conn::pg_conn;
use super::{alloc, guard, ptr};
use crate::client::cancel::{self, CancelData, CancelFailure, CancelText};
use std::ffi::{c_char, c_int};
use std::mem;

/// The data that `PQcancel` needs to cancel a command.
#[allow(non_camel_case_types)]
pub struct pg_cancel(CancelData);

/// Returns an object that PQcancel can use to cancel the command of `conn`, also in another thread
/// or a signal handler. It remains valid after PQfinish. Free it with PQfreeCancel. Deprecated: use
/// PQcancelCreate.
///
/// Returns NULL if the connection is not open, if one of its keepalive options is not an integer,
/// if memory ran out, and for NULL. If the server has sent no cancel key, returns an object with
/// which PQcancel fails.
///
/// # Safety
/// `conn` is NULL or a live connection that no other thread uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQgetCancel(conn: *mut pg_conn) -> *mut pg_cancel {
    // SAFETY: the caller's promise.
    let Some(conn) = (unsafe { ptr::shared(conn) }) else {
        return std::ptr::null_mut();
    };
    let data = guard::begin(None, || {
        cancel::snapshot(&conn.client.cancel_target()?).ok()
    });
    data.map_or(std::ptr::null_mut(), allocate)
}

/// NULL if memory ran out.
fn allocate(data: CancelData) -> *mut pg_cancel {
    let object = alloc::zeroed(mem::size_of::<pg_cancel>()).cast::<pg_cancel>();
    if !object.is_null() {
        // SAFETY: `object` has the size of a pg_cancel and malloc's alignment, which suffices for it.
        unsafe { object.write(pg_cancel(data)) };
    }
    object
}

const _: () = assert!(mem::align_of::<pg_cancel>() <= mem::align_of::<libc::max_align_t>());

/// Frees an object of PQgetCancel. Does nothing for NULL.
///
/// # Safety
/// `cancel` is NULL or came from `PQgetCancel` and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQfreeCancel(cancel: *mut pg_cancel) {
    // SAFETY: the caller's promise; the object holds plain data.
    unsafe { alloc::free(cancel.cast()) };
}

/// Asks the server to cancel the command in progress. Returns 1 if the request was sent, which does
/// not mean that there was a command to cancel. Otherwise returns 0 and writes the reason into
/// `errbuf`, unless it is NULL. `errbufsize` is its size in bytes; 256 is recommended.
///
/// Blocks until the server has closed the connection for the request. Waits for the connection at
/// most for the seconds of the option `connect_timeout`, or 60 if it is not set, and for its end as
/// long, but not less than 12 seconds. Never encrypts the request. Safe in a signal handler:
/// uses no locks and allocates no memory, and preserves errno. Deprecated: use PQcancelBlocking.
///
/// # Safety
/// `cancel` is NULL or a live object of `PQgetCancel`; `errbuf` is NULL or has room for `errbufsize` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQcancel(
    cancel: *mut pg_cancel,
    errbuf: *mut c_char,
    errbufsize: c_int,
) -> c_int {
    // SAFETY: the caller's promise; the object is only read.
    let outcome = match unsafe { ptr::shared(cancel) } {
        Some(object) => cancel::send(&object.0),
        None => Err(CancelFailure::NO_OBJECT),
    };
    let Err(failure) = outcome else {
        return 1;
    };
    let size = usize::try_from(errbufsize).unwrap_or(0);
    if size > 0 && !errbuf.is_null() {
        // SAFETY: the text and its NUL fit into `size` bytes, which the caller promises.
        unsafe { put_text(&failure.text(size), errbuf) };
    }
    0
}

/// Copies a text and adds a NUL byte.
///
/// # Safety
/// `buffer` has room for the text and one byte more.
unsafe fn put_text(text: &CancelText, buffer: *mut c_char) {
    let bytes = text.as_bytes();
    // SAFETY: room enough by the caller's promise; a text on this stack cannot overlap the buffer.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr().cast(), buffer, bytes.len());
        buffer.add(bytes.len()).write(0);
    }
}

/// Asks the server to cancel the command in progress. Returns 1 if the request was sent, 0 with an
/// error message, and 0 for NULL. Safe neither in a signal handler nor in another thread.
/// Deprecated: use PQcancelBlocking.
///
/// # Safety
/// `conn` is NULL or a live connection that no other thread uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQrequestCancel(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    let Some(data) = (unsafe { call(conn, None, |conn| conn.client.cancel_request()) }) else {
        return 0;
    };
    let Err(failure) = cancel::send(&data) else {
        return 1;
    };
    let text = failure.text(usize::MAX);
    // SAFETY: as above.
    unsafe { call(conn, (), |conn| conn.client.replace_error(text.as_bytes())) };
    0
}
