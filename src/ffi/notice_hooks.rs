//! The notice receiver and processor of a connection.

use std::ffi::{c_char, c_void};
use std::ptr::null_mut;

use crate::result::store::PgResult;

/// The notice receiver and processor of a connection and of the results created from it.
#[derive(Clone, Copy)]
pub struct NoticeHooks {
    pub receiver: unsafe extern "C-unwind" fn(*mut c_void, *const PgResult),
    pub receiver_argument: *mut c_void,
    pub processor: unsafe extern "C-unwind" fn(*mut c_void, *const c_char),
    pub processor_argument: *mut c_void,
}

// SAFETY: the arguments are only passed back to the application.
unsafe impl Send for NoticeHooks {}
// SAFETY: as above; a shared value does not change.
unsafe impl Sync for NoticeHooks {}

impl Default for NoticeHooks {
    fn default() -> NoticeHooks {
        NoticeHooks {
            receiver: default_receiver,
            receiver_argument: null_mut(),
            processor: print,
            processor_argument: null_mut(),
        }
    }
}

/// Passes the text to the processor. The result has a copy of both functions.
unsafe extern "C-unwind" fn default_receiver(_: *mut c_void, result: *const PgResult) {
    // SAFETY: the library calls it with a live result; nothing of it stays borrowed during the call.
    unsafe {
        let Some(hooks) = hooks_of(result) else {
            return;
        };
        let text = (*result).error_message().as_ptr();
        (hooks.processor)(hooks.processor_argument, text);
    }
}

unsafe extern "C" {
    static stderr: *mut libc::FILE;
}

unsafe extern "C-unwind" fn print(_: *mut c_void, text: *const c_char) {
    // SAFETY: `text` is a C string, stderr the C library's stream.
    unsafe { libc::fputs(text, stderr) };
}

/// # Safety
/// `result` is a live result.
pub unsafe fn hooks_of(result: *const PgResult) -> Option<NoticeHooks> {
    // SAFETY: the caller's promise.
    let origin = unsafe { (*result).origin() };
    origin?.hooks()?.downcast_ref().copied()
}
