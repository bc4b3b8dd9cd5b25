//! Memory handed to C: always from libc's `malloc`, as callers release it with `free`.

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::{ptr, slice};

use crate::text::escape::Room;

mod spare;

use spare::SPARE;

/// A `malloc`ed copy of `text` with a NUL behind it; NULL when memory ran out.
pub fn string(text: &[u8]) -> *mut c_char {
    // SAFETY: malloc takes any size, and no slice is as long as `usize` reaches.
    let memory = unsafe { libc::malloc(text.len() + 1) }.cast::<u8>();
    if memory.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: `memory` has room for the text and a NUL, and nobody else knows of it yet.
    unsafe { put(memory, text) }
}

/// As [`string`], for a row of a COPY, which may live where the row before did.
#[inline]
pub fn row(text: &[u8]) -> *mut c_char {
    let memory = SPARE.take(text.len()).cast::<u8>();
    if memory.is_null() {
        return string(text);
    }
    // SAFETY: `memory` is larger than the text, and nobody else knows of it.
    unsafe { put(memory, text) }
}

/// Says that no more rows come.
pub fn no_more_rows() {
    // SAFETY: it came from libc's allocator, and the spare has forgotten it.
    unsafe { free(SPARE.give_up()) }
}

/// Writes `text` and a NUL.
///
/// # Safety
/// `memory` has room for both.
#[inline]
unsafe fn put(memory: *mut u8, text: &[u8]) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe {
        memory.copy_from_nonoverlapping(text.as_ptr(), text.len());
        memory.add(text.len()).write(0);
    }
    memory.cast()
}

/// What `fill` writes into `malloc`ed room for `size` bytes, a NUL behind it, and how much that was;
/// NULL when memory ran out.
pub fn filled(size: usize, fill: impl FnOnce(&mut Room<'_>)) -> (*mut c_char, usize) {
    if size >= isize::MAX as usize {
        return (ptr::null_mut(), 0);
    }
    // SAFETY: malloc takes any size.
    let memory = unsafe { libc::malloc(size + 1) }.cast::<MaybeUninit<u8>>();
    if memory.is_null() {
        return (ptr::null_mut(), 0);
    }
    // SAFETY: `memory` has `size` bytes (and one more), and nobody else knows of it yet.
    let mut room = Room::new(unsafe { slice::from_raw_parts_mut(memory, size) });
    fill(&mut room);
    let length = room.filled();
    // SAFETY: `length` is at most `size`, behind which there is one byte more.
    unsafe { memory.add(length).write(MaybeUninit::new(0)) };
    (memory.cast(), length)
}

/// `size` zero bytes (at least one) from `calloc`; NULL when memory ran out.
pub fn zeroed(size: usize) -> *mut c_void {
    // SAFETY: calloc takes any size.
    unsafe { libc::calloc(1, size.max(1)) }
}

/// Gives memory of this module back.
///
/// # Safety
/// `memory` is NULL or came from libc's allocator and is not used again.
pub unsafe fn free(memory: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { libc::free(memory) }
}

/// As [`free`], for what the application gives back: a [`row`] may live there.
///
/// # Safety
/// As for [`free`].
#[inline]
pub unsafe fn give_back(memory: *mut c_void) {
    if memory.is_null() {
        return;
    }
    // SAFETY: the caller's promise; what the spare answers is nobody's.
    unsafe {
        let surplus = SPARE.put(memory);
        if !surplus.is_null() {
            free(surplus);
        }
    }
}
