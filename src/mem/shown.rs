//! Pointers that C programs may read, and this library does not.

use std::ptr;

/// A pointer in a structure that C programs look into. Only they follow it.
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

// SAFETY: it is a number as far as this library is concerned.
unsafe impl<T> Send for Shown<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shown<T> {}
