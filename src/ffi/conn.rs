//! The connection, `PGconn` in C.

mod token_request;

use std::cell::RefCell;
use std::ffi::c_char;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr::{self, null_mut};
use std::slice;
use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

pub use token_request::{
    PGoauthBearerRequest, PGoauthBearerRequestName, PGoauthBearerRequestV2, TokenRequest,
};

use super::notice_hooks::NoticeHooks;
use super::registration::Registration;
use crate::client::{Connection, without_cancellation};

/// A connection.
pub struct pg_conn {
    pub(crate) client: Connection,
    pub(super) hooks: NoticeHooks,
    pub(super) events: Vec<Registration>,
    /// The stream that PQtrace was given, or NULL.
    pub(super) trace: *mut libc::FILE,
    /// The request that the application's OAuth flow works on, or NULL. It comes from a Box.
    pub(super) token_request: *mut TokenRequest,
    /// Strings returned to the application. They stay valid until PQfinish.
    strings: RefCell<Vec<Zeroizing<Vec<u8>>>>,
}

impl pg_conn {
    pub(super) fn new(mut client: Connection) -> pg_conn {
        let hooks = NoticeHooks::default();
        client.set_hooks(Arc::new(hooks));
        pg_conn {
            client,
            hooks,
            events: Vec::new(),
            trace: null_mut(),
            token_request: null_mut(),
            strings: RefCell::default(),
        }
    }

    /// Drops the connection and wipes its memory. Bytes that it does not use can have copies of the stack, where the dynamic
    /// linker saves registers, and in them parts of a password.
    ///
    /// # Safety
    /// `conn` comes from `Box::into_raw`, and is not used again.
    pub(super) unsafe fn free(conn: *mut pg_conn) {
        // SAFETY: the caller's promise; both types have the same layout, and the value is dropped once.
        let mut conn = unsafe {
            let mut conn = Box::from_raw(conn.cast::<ManuallyDrop<pg_conn>>());
            ManuallyDrop::drop(&mut conn);
            conn
        };
        let memory = ptr::from_mut(&mut *conn).cast::<MaybeUninit<u8>>();
        // SAFETY: the memory is the box's, which has no value any more.
        unsafe { slice::from_raw_parts_mut(memory, size_of::<pg_conn>()) }.zeroize();
    }

    /// `text` as a C string that lives as long as the connection.
    pub(super) fn intern(&self, text: &[u8]) -> *mut c_char {
        let mut strings = self.strings.borrow_mut();
        if let Some(known) = strings.iter().find(|s| s.strip_suffix(b"\0") == Some(text)) {
            return known.as_ptr().cast_mut().cast();
        }
        if text.contains(&0) {
            return null_mut();
        }
        strings.push(Zeroizing::new([text, b"\0"].concat()));
        strings
            .last()
            .map_or(null_mut(), |s| s.as_ptr().cast_mut().cast())
    }

    /// Writes the trace lines collected since the last call.
    pub(super) fn write_trace_lines(&mut self) {
        if self.trace.is_null() {
            return;
        }
        if let Some(tracer) = self.client.tracer() {
            let lines = tracer.take_lines();
            // SAFETY: the application keeps the stream open while it traces to it.
            without_cancellation(|| unsafe {
                libc::fwrite(lines.as_ptr().cast(), 1, lines.len(), self.trace)
            });
        }
    }
}
