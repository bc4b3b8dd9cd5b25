//! A static library with Rust's runtime in it, for a C program that also contains libpq.a.

use std::cell::Cell;
use std::ffi::c_int;
use std::panic::catch_unwind;

thread_local! { static CALLS: Cell<c_int> = const { Cell::new(0) }; }

/// Panics and catches the panic: the unwinder must find this runtime, not the other. Returns the number of calls.
#[unsafe(no_mangle)]
pub extern "C" fn other_rust() -> c_int {
    let caught = catch_unwind(|| panic!("in the other library"));
    assert!(caught.is_err());
    CALLS.with(|calls| {
        calls.set(calls.get() + 1);
        calls.get()
    })
}
