//! Hides system calls from the thread that makes them.

use super::{errno, set_errno};
use std::ffi::c_int;
use std::ptr;

const PTHREAD_CANCEL_DISABLE: c_int = 1;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
}

/// Runs `body` with thread cancellation disabled, and restores errno afterwards.
///
/// A thread that pthread_cancel cancels leaves its functions in the next system call that is a cancellation point. Rust
/// frames that catch panics or drop values do not survive that: the process would abort. So the library makes all system
/// calls that are cancellation points in here, except for the waits in `ffi`.
pub fn without_cancellation<T>(body: impl FnOnce() -> T) -> T {
    let _state = ThreadState::new();
    body()
}

/// The state to restore at the end, also after a panic.
struct ThreadState {
    cancel_state: c_int,
    errno: c_int,
}

impl ThreadState {
    fn new() -> ThreadState {
        let errno = errno();
        let mut cancel_state = 0;
        // SAFETY: the place is valid. With deferred cancellation the call itself is no cancellation point.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut cancel_state) };
        ThreadState {
            cancel_state,
            errno,
        }
    }
}

impl Drop for ThreadState {
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
    fn cancellation_and_errno_are_restored_even_after_a_panic() {
        set_errno(42);
        let outside = state();
        let inside = without_cancellation(|| {
            set_errno(libc::EAGAIN);
            without_cancellation(state)
        });
        assert_eq!((outside, inside, state()), (0, PTHREAD_CANCEL_DISABLE, 0));
        assert_eq!(errno(), 42);
        let panic = std::panic::catch_unwind(|| without_cancellation(|| panic!("inside")));
        assert!(panic.is_err());
        assert_eq!(state(), 0);
    }
}
