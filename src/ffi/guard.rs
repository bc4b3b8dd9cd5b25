//! Panics stop here: a C function returns its failure value instead of unwinding into C.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::mem::reserve;

static QUIET_HOOK: Once = Once::new();

/// Runs `body`. Returns `failure` if it panics, and prints nothing to stderr.
///
/// `body` must not call functions of the application, which may longjmp.
pub fn guard<T>(failure: T, body: impl FnOnce() -> T) -> T {
    catch(body).unwrap_or(failure)
}

/// Like [`guard`], for a function that needs memory. Returns `failure` at once if there is too little.
pub fn begin<T>(failure: T, body: impl FnOnce() -> T) -> T {
    if reserve::is_ready() {
        guard(failure, body)
    } else {
        failure
    }
}

/// Like [`guard`], but returns None for a panic.
pub fn catch<T>(body: impl FnOnce() -> T) -> Option<T> {
    QUIET_HOOK.call_once(install_hook);
    inside::enter(|| panic::catch_unwind(AssertUnwindSafe(body)).ok())
}

fn install_hook() {
    let earlier = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !inside::is_here() {
            earlier(info);
        }
    }));
}

/// The C library has its own copy of std, so every panic that it sees comes from this library. A thread-local variable would
/// be exact, but if a program loads the library with dlopen, the variable has to be allocated in each thread, and if that
/// fails, the system ends the process.
#[cfg(not(test))]
mod inside {
    #[inline]
    pub fn enter<T>(body: impl FnOnce() -> T) -> T {
        body()
    }

    pub fn is_here() -> bool {
        true
    }
}

/// The test harness shares this std, so a thread-local variable says whether the thread is in the library.
#[cfg(test)]
mod inside {
    use std::cell::Cell;

    thread_local! {
        static INSIDE: Cell<bool> = const { Cell::new(false) };
    }

    pub fn enter<T>(body: impl FnOnce() -> T) -> T {
        let outer = INSIDE.replace(true);
        let value = body();
        INSIDE.set(outer);
        value
    }

    pub fn is_here() -> bool {
        INSIDE.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_the_failure_value() {
        assert_eq!(guard(-1, || panic!("inside")), -1);
        assert_eq!(guard(-1, || 5), 5);
    }
}
