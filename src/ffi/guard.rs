//! Panics stop here: an entry point answers its failure value instead of unwinding into C.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}
static QUIET_HOOK: Once = Once::new();

/// Runs `body`; a panic in it becomes `failure`, with nothing printed on the host's stderr.
///
/// Must not be called around a callback into C: the callback may longjmp.
pub fn guard<T>(failure: T, body: impl FnOnce() -> T) -> T {
    catch(body).unwrap_or(failure)
}

/// As [`guard`], but the caller decides what a panic (None) means.
pub fn catch<T>(body: impl FnOnce() -> T) -> Option<T> {
    QUIET_HOOK.call_once(install_hook);
    // Found once: in a shared library each look at a thread's variable is a call.
    INSIDE.with(|inside| {
        let outer = inside.replace(true);
        let outcome = panic::catch_unwind(AssertUnwindSafe(body));
        inside.set(outer);
        outcome.ok()
    })
}

fn install_hook() {
    let earlier = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !INSIDE.get() {
            earlier(info);
        }
    }));
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
