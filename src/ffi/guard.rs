//! Panics stop here: an entry point answers its failure value instead of unwinding into C.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::mem::reserve;

static QUIET_HOOK: Once = Once::new();

/// Runs `body`; a panic in it becomes `failure`, with nothing printed on the host's stderr.
///
/// Must not be called around a callback into C: the callback may longjmp.
pub fn guard<T>(failure: T, body: impl FnOnce() -> T) -> T {
    catch(body).unwrap_or(failure)
}

/// As [`guard`], for what needs memory: where too little is left of it, the answer is `failure` at once.
pub fn begin<T>(failure: T, body: impl FnOnce() -> T) -> T {
    if reserve::is_ready() {
        guard(failure, body)
    } else {
        failure
    }
}

/// As [`guard`], but the caller decides what a panic (None) means.
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

/// Every panic that the C library's own copy of std sees is the library's. Each thread's own variable would say so more
/// precisely, but where a program loads the library later, it has to be allocated in each thread, and if that fails the
/// system ends the process.
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

/// Other Rust code shares this std: whether a thread is inside the library.
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
