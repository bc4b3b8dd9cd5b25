//! Sends what a command has put into the output buffer.

use super::call::call;
use super::conn::pg_conn;
use super::drive::drive;
use super::wait;
use crate::client::io::{Flushed, Sent};

/// Sends a command and does not wait for its results. Returns false with an error message.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
pub unsafe fn dispatch(conn: *mut pg_conn, send: impl FnOnce(&mut pg_conn) -> Sent) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let sent = call(conn, Sent::No, send);
        ensure_sent(conn, sent)
    }
}

/// Sends the rest of a command. Returns false if the command was not sent.
///
/// # Safety
/// `conn` is a live connection that nobody else uses during the call, unless `sent` is not `Unfinished`.
#[inline]
pub unsafe fn ensure_sent(conn: *mut pg_conn, sent: Sent) -> bool {
    match sent {
        Sent::Yes => true,
        Sent::No => false,
        // SAFETY: the caller's promise.
        Sent::Unfinished => unsafe { send_output(conn) },
    }
}

/// # Safety
/// `conn` is a live connection that nobody else uses during the call.
#[inline]
unsafe fn send_output(conn: *mut pg_conn) -> bool {
    // SAFETY: the caller's promise; no reference is held while the output is sent.
    unsafe {
        // Usually the socket takes the whole command at once.
        if let Some(output) = (*conn).client.output_at_hand() {
            let sent = wait::send_now(output);
            if (*conn).client.output_sent(sent) {
                return true;
            }
        }
        send_rest(conn)
    }
}

/// # Safety
/// Same as for [`send_output`].
#[cold]
unsafe fn send_rest(conn: *mut pg_conn) -> bool {
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
