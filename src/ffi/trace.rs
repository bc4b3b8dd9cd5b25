//! PQtrace and related functions.

use std::ffi::c_int;
use std::ptr::null_mut;

use super::call::call;
use super::conn::pg_conn;
use super::types::{PQTRACE_REGRESS_MODE, PQTRACE_SUPPRESS_TIMESTAMPS};
use crate::client::{Tracer, local_time, without_cancellation};

/// Starts to write a line for each message sent or received to `debug_port`, which must stay open
/// until PQuntrace. Stops an earlier trace and clears its flags. Does nothing more if `debug_port`
/// is NULL, and nothing for a NULL connection.
///
/// The trace shows passwords in the form in which they are sent.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call, `debug_port` NULL or an
/// open stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQtrace(conn: *mut pg_conn, debug_port: *mut libc::FILE) {
    // SAFETY: the caller's promise.
    unsafe {
        PQuntrace(conn);
        call(conn, (), |conn| {
            if debug_port.is_null() {
                return;
            }
            libc::setvbuf(debug_port, null_mut(), libc::_IOLBF, 0);
            conn.trace = debug_port;
            *conn.client.tracer() = Some(Tracer::new(local_time));
        });
    }
}

/// Stops a trace and flushes its stream. Does nothing for NULL.
///
/// # Safety
/// Same as for PQtrace.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQuntrace(conn: *mut pg_conn) {
    // SAFETY: the caller's promise; the stream is still open.
    unsafe {
        call(conn, (), |conn| {
            conn.write_trace_lines();
            if !conn.trace.is_null() {
                without_cancellation(|| libc::fflush(conn.trace));
            }
            conn.trace = null_mut();
            *conn.client.tracer() = None;
        });
    }
}

/// Sets the format of the trace: 0, or a combination of PQTRACE_SUPPRESS_TIMESTAMPS and
/// PQTRACE_REGRESS_MODE. Does nothing if no trace is active, and for NULL. Call it after PQtrace.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQsetTraceFlags(conn: *mut pg_conn, flags: c_int) {
    // SAFETY: the caller's promise.
    unsafe {
        call(conn, (), |conn| {
            if let Some(tracer) = conn.client.tracer() {
                tracer.flags.suppress_timestamps = flags & PQTRACE_SUPPRESS_TIMESTAMPS != 0;
                tracer.flags.regress = flags & PQTRACE_REGRESS_MODE != 0;
            }
        });
    }
}
