//! Pipeline mode.

use std::ffi::c_int;

use super::call::call;
use super::conn::pg_conn;
use super::sending::dispatch;

/// Begins to queue commands without waiting for each one's results: 1, also when the mode is on already;
/// 0 when a command is in progress, or NULL is given.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQenterPipelineMode(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { call(conn, false, |conn| conn.client.enter_pipeline()).into() }
}

/// Ends pipeline mode: 1, also when it is off; 0 while results are to be collected, or NULL is given.
///
/// # Safety
/// As for PQenterPipelineMode.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQexitPipelineMode(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { dispatch(conn, |conn| conn.client.exit_pipeline()).into() }
}

/// Marks a sync point, and sends all that is queued: 1, or 0 with an error text.
///
/// # Safety
/// As for PQenterPipelineMode.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQpipelineSync(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { dispatch(conn, |conn| conn.client.send_pipeline_sync(true)).into() }
}

/// Marks a sync point without sending what is queued: 1, or 0 with an error text.
///
/// # Safety
/// As for PQenterPipelineMode.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsendPipelineSync(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { dispatch(conn, |conn| conn.client.send_pipeline_sync(false)).into() }
}

/// Asks the server to send the results it has; call PQflush afterwards. 1, or 0 with an error text.
///
/// # Safety
/// As for PQenterPipelineMode.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsendFlushRequest(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { dispatch(conn, |conn| conn.client.send_flush_request()).into() }
}
