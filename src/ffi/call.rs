//! Entry into the client: panics are caught, trace lines are written.

use super::conn::pg_conn;
use super::guard;

/// Runs `body` on a connection that may be NULL. Returns `failure` for NULL and after a panic.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
pub unsafe fn call<T: Copy>(
    conn: *mut pg_conn,
    failure: T,
    body: impl FnOnce(&mut pg_conn) -> T,
) -> T {
    if conn.is_null() {
        return failure;
    }
    // SAFETY: not NULL; exclusive by the caller's promise, and the reference ends with the closure.
    let outcome = guard::catch(|| body(unsafe { &mut *conn }));
    // SAFETY: as above.
    if outcome.is_none() || unsafe { !(*conn).trace.is_null() } {
        // SAFETY: as above.
        unsafe { after_call(conn, outcome.is_none()) };
    }
    outcome.unwrap_or(failure)
}

/// Marks the connection as bad after a panic, and writes the trace lines.
///
/// # Safety
/// `conn` is a live connection that nobody else uses.
#[cold]
unsafe fn after_call(conn: *mut pg_conn, panicked: bool) {
    // SAFETY: the caller's promise; the reference ends here.
    let conn = unsafe { &mut *conn };
    if panicked {
        guard::guard((), || conn.client.mark_bad());
    }
    conn.write_trace_lines();
}
