//! Sending what a command left in the output buffer.

use super::call::call;
use super::conn::pg_conn;
use super::drive::drive;
use super::wait;
use crate::client::io::{Flushed, Sent};

/// Sends a command without waiting for its results; false with an error text.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
pub unsafe fn dispatch(conn: *mut pg_conn, send: impl FnOnce(&mut pg_conn) -> Sent) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let sent = call(conn, Sent::No, send);
        complete(conn, sent)
    }
}

/// Sees a command on its way; false when it is not.
///
/// # Safety
/// `conn` is a live connection that nobody else uses during the call, or nothing is unfinished.
#[inline]
pub unsafe fn complete(conn: *mut pg_conn, sent: Sent) -> bool {
    match sent {
        Sent::Yes => true,
        Sent::No => false,
        // SAFETY: the caller's promise.
        Sent::Unfinished => unsafe { send_out(conn) },
    }
}

/// # Safety
/// `conn` is a live connection that nobody else uses during the call.
#[inline]
unsafe fn send_out(conn: *mut pg_conn) -> bool {
    // SAFETY: the caller's promise; no reference is held while the output is sent.
    unsafe {
        // Most commands go at once.
        if let Some(output) = (*conn).client.output_at_hand() {
            let sent = wait::send_now(output);
            if (*conn).client.output_sent(sent) {
                return true;
            }
        }
        finish(conn)
    }
}

/// # Safety
/// As for [`send_out`].
#[cold]
unsafe fn finish(conn: *mut pg_conn) -> bool {
    let step = |conn: &mut pg_conn| {
        let step = conn.client.finish_sending();
        if let Ok(Flushed::Failed) = step {
            conn.client.take_back_command();
        }
        step
    };
    // SAFETY: the caller's promise.
    unsafe { drive(conn, Flushed::Failed, step) != Flushed::Failed }
}
