//! Pointers that C programs may read. This library does not dereference them.

use std::ptr;

/// A pointer in a structure that C programs read. Only they dereference it.
#[repr(transparent)]
#[derive(Debug, Clone, Copy)]
pub struct Shown<T>(*const T);

impl<T> Shown<T> {
    pub const NULL: Shown<T> = Shown(ptr::null());

    pub fn new(pointer: *const T) -> Shown<T> {
        Shown(pointer)
    }

    pub fn get(self) -> *const T {
        self.0
    }
}

// SAFETY: this library never dereferences it.
unsafe impl<T> Send for Shown<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shown<T> {}
