//! Pipeline mode.

use std::ffi::c_int;

use super::call::call;
use super::conn::pg_conn;
use super::sending::dispatch;

/// Enables pipeline mode: commands can be sent before the results of earlier ones have arrived.
/// Returns 1, also if the mode is already enabled. Returns 0 if a command is in progress, and for
/// NULL.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQenterPipelineMode(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { call(conn, false, |conn| conn.client.enter_pipeline()).into() }
}

/// Disables pipeline mode. Returns 1, also if the mode is already disabled. Returns 0 if there are
/// results to collect, and for NULL.
///
/// # Safety
/// Same as for PQenterPipelineMode.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQexitPipelineMode(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { dispatch(conn, |conn| conn.client.exit_pipeline()).into() }
}

/// Adds a synchronization point to the pipeline and sends all buffered output. Returns 1, or 0 with
/// an error message, and 0 for NULL.
///
/// # Safety
/// Same as for PQenterPipelineMode.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQpipelineSync(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { dispatch(conn, |conn| conn.client.send_pipeline_sync(true)).into() }
}

/// Adds a synchronization point to the pipeline and does not send the buffered output. Returns 1,
/// or 0 with an error message, and 0 for NULL.
///
/// # Safety
/// Same as for PQenterPipelineMode.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsendPipelineSync(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { dispatch(conn, |conn| conn.client.send_pipeline_sync(false)).into() }
}

/// Adds a request that the server send the results that it has. Call PQflush to send it. Returns 1,
/// or 0 with an error message, and 0 for NULL.
///
/// # Safety
/// Same as for PQenterPipelineMode.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsendFlushRequest(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { dispatch(conn, |conn| conn.client.send_flush_request()).into() }
}
