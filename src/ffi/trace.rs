//! PQtrace.

use std::ffi::c_int;
use std::ptr::null_mut;

use super::call::call;
use super::conn::pg_conn;
use super::types::{PQTRACE_REGRESS_MODE, PQTRACE_SUPPRESS_TIMESTAMPS};
use crate::client::{Tracer, apart, local_time};

/// Writes a line for each message from now on to `debug_port`, which the application keeps open.
///
/// Ends an earlier trace and clears its flags. A NULL stream only ends; a NULL connection is ignored.
/// Passwords are shown as they are sent.
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

/// Ends a trace and flushes its stream.
///
/// # Safety
/// As for PQtrace.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQuntrace(conn: *mut pg_conn) {
    // SAFETY: the caller's promise; the stream is still open.
    unsafe {
        call(conn, (), |conn| {
            conn.write_trace_lines();
            if !conn.trace.is_null() {
                apart(|| libc::fflush(conn.trace));
            }
            conn.trace = null_mut();
            *conn.client.tracer() = None;
        });
    }
}

/// Chooses how trace lines look: PQTRACE_SUPPRESS_TIMESTAMPS, PQTRACE_REGRESS_MODE, or both.
///
/// Without a trace nothing changes.
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
