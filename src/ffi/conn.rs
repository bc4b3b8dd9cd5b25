//! The connection, `PGconn` in C.

mod token_request;

use std::cell::RefCell;
use std::ffi::c_char;
use std::ptr::null_mut;
use std::sync::Arc;

use zeroize::Zeroizing;

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
