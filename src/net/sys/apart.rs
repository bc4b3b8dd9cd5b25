//! Code that makes system calls, kept apart from the thread that runs it.

use super::{errno, set_errno};
use std::ffi::c_int;
use std::ptr;

const PTHREAD_CANCEL_DISABLE: c_int = 1;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
}

/// Runs `body` so that the thread does not notice its system calls: it cannot be cancelled there, and errno is as before.
///
/// A thread that is cancelled with pthread_cancel leaves its functions in the next system call that is a cancellation
/// point. Frames of Rust that catch panics or drop values do not survive that: the process would end. So all system calls
/// of the library that are cancellation points are made in here, except the waits that `ffi` makes itself.
pub fn apart<T>(body: impl FnOnce() -> T) -> T {
    let _kept = Kept::new();
    body()
}

/// What is put back at the end, also of a panic.
struct Kept {
    cancel_state: c_int,
    errno: c_int,
}

impl Kept {
    fn new() -> Kept {
        let errno = errno();
        let mut cancel_state = 0;
        // SAFETY: the place is valid. With deferred cancellation the call itself is no cancellation point.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut cancel_state) };
        Kept {
            cancel_state,
            errno,
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // SAFETY: as in `new`; the old state is not asked for.
        unsafe { pthread_setcancelstate(self.cancel_state, ptr::null_mut()) };
        set_errno(self.errno);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> c_int {
        let mut state = -1;
        // SAFETY: the place is valid.
        unsafe {
            pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut state);
            pthread_setcancelstate(state, ptr::null_mut());
        }
        state
    }

    #[test]
    fn the_thread_is_as_before() {
        set_errno(42);
        let outside = state();
        let inside = apart(|| {
            set_errno(libc::EAGAIN);
            apart(state)
        });
        assert_eq!((outside, inside, state()), (0, PTHREAD_CANCEL_DISABLE, 0));
        assert_eq!(errno(), 42);
        let panic = std::panic::catch_unwind(|| apart(|| panic!("inside")));
        assert!(panic.is_err());
        assert_eq!(state(), 0);
    }
}
