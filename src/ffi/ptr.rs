//! Converts C pointers to Rust values.

use std::ffi::{CStr, c_char};

/// A shared reference to the object at `pointer`; None for NULL.
///
/// # Safety
/// `pointer` is NULL or points to a live `T` that nobody changes during `'a`.
pub unsafe fn shared<'a, T>(pointer: *const T) -> Option<&'a T> {
    // SAFETY: the caller's promise.
    unsafe { pointer.as_ref() }
}

/// An exclusive reference to the object at `pointer`; None for NULL.
///
/// # Safety
/// `pointer` is NULL or points to a live `T` that nobody else uses during `'a`.
pub unsafe fn exclusive<'a, T>(pointer: *mut T) -> Option<&'a mut T> {
    // SAFETY: the caller's promise.
    unsafe { pointer.as_mut() }
}

/// The bytes of a C string without its NUL byte; None for NULL.
///
/// # Safety
/// `pointer` is NULL or points to a NUL-terminated string that lives during `'a`.
pub unsafe fn text<'a>(pointer: *const c_char) -> Option<&'a [u8]> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: not NULL, and NUL-terminated by the caller's promise.
    Some(unsafe { CStr::from_ptr(pointer) }.to_bytes())
}

/// `length` bytes at `pointer`; empty for NULL.
///
/// # Safety
/// `pointer` is NULL or points to `length` readable bytes that live during `'a`.
pub unsafe fn bytes<'a>(pointer: *const c_char, length: usize) -> &'a [u8] {
    if pointer.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: not NULL, readable by the caller's promise.
    unsafe { std::slice::from_raw_parts(pointer.cast(), length) }
}
