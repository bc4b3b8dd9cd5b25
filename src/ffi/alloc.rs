//! Memory for the application. It always comes from libc's `malloc`, because applications may pass it to `free`.

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::{ptr, slice};

use zeroize::Zeroize;

use crate::text::escape::Room;

mod row_cache;
mod usable_size;

use row_cache::ROW_CACHE;

/// A copy of `text`, followed by a NUL byte; NULL if memory ran out.
pub fn string(text: &[u8]) -> *mut c_char {
    // SAFETY: malloc takes any size, and no slice is as long as `usize` reaches.
    let memory = unsafe { libc::malloc(text.len() + 1) }.cast::<u8>();
    if memory.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: `memory` has room for the text and a NUL, and nobody else uses it yet.
    unsafe { put(memory, text) }
}

/// Like [`string`], for a row of a COPY. Uses the memory of the last row if that was freed.
#[inline]
pub fn row(text: &[u8]) -> *mut c_char {
    let memory = ROW_CACHE.take(text.len()).cast::<u8>();
    if memory.is_null() {
        return new_row(text);
    }
    // SAFETY: `memory` is larger than the text, and nobody else uses it.
    unsafe { put(memory, text) }
}

#[inline(never)]
fn new_row(text: &[u8]) -> *mut c_char {
    let memory = string(text);
    if !memory.is_null() {
        ROW_CACHE.record(memory.cast());
    }
    memory
}

/// Ends a COPY: no more rows follow.
pub fn no_more_rows() {
    ROW_CACHE.release();
}

/// Writes `text` and a NUL byte.
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

/// Memory with what `fill` writes into `size` bytes, followed by a NUL byte, and the number of bytes written. NULL if memory
/// ran out.
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
    // SAFETY: `length` is at most `size`, and the memory has one byte more.
    unsafe { memory.add(length).write(MaybeUninit::new(0)) };
    (memory.cast(), length)
}

/// `size` zero bytes (at least one); NULL if memory ran out.
pub fn zeroed(size: usize) -> *mut c_void {
    // SAFETY: calloc takes any size.
    unsafe { libc::calloc(1, size.max(1)) }
}

/// Frees memory of this module.
///
/// # Safety
/// `memory` is NULL or came from libc's allocator and is not used again.
pub unsafe fn free(memory: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { libc::free(memory) }
}

/// Like [`free`], for a text that may be secret: overwrites it first.
///
/// # Safety
/// `text` is NULL or a NUL-terminated string from libc's allocator, and is not used again.
pub unsafe fn wipe_and_free(text: *mut c_char) {
    // SAFETY: the caller's promise.
    unsafe {
        if !text.is_null() {
            slice::from_raw_parts_mut(text, libc::strlen(text)).zeroize();
        }
        free(text.cast());
    }
}

/// Like [`free`], for memory that the application passes to PQfreemem. Keeps the memory of the last [`row`] for the next one.
///
/// # Safety
/// Same as for [`free`].
#[inline]
pub unsafe fn free_for_application(memory: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe {
        if !memory.is_null() && !ROW_CACHE.keep(memory) {
            free(memory);
        }
    }
}
