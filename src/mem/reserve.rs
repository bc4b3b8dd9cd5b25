//! The library's global allocator: libc's, and a reserve that serves small allocations when libc has no memory.
//!
//! Rust's collections abort the process when an allocation fails. Large allocations therefore use `try_reserve`
//! everywhere. Small ones use the reserve when libc's allocator fails, and the current call continues normally. A call
//! begins only when the reserve holds enough for it ([`is_ready`]); otherwise it fails with `out of memory` before it
//! has done anything. Code that allocates as often as a server or a program decides calls [`is_ready`] again in between,
//! and stops when it returns false.
//!
//! The first region is part of the library's zeroed data: it needs no allocation, uses no memory until it is touched,
//! and is copied by `fork`. More regions are allocated when long-lived blocks have nearly filled it and memory is
//! available again.

mod lock;
mod region;

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use region::Regions;

/// The alignment of every `malloc` block on the platforms that this crate supports.
pub const MALLOC_ALIGN: usize = 16;
/// Larger allocations are not served from the reserve. TLS records and the buffers for them are smaller.
const LARGEST: usize = 64 * 1024;
/// The number of free bytes in the reserve that a call needs.
const ENOUGH: usize = 96 * 1024;

static REGIONS: Regions = Regions::new();
/// How many blocks of the reserve are in use.
static BLOCKS: AtomicUsize = AtomicUsize::new(0);
/// Whether the reserve holds less than [`ENOUGH`].
static LOW: AtomicBool = AtomicBool::new(false);

/// Whether there is enough memory in the reserve for a call, or for the next step of one.
#[inline]
pub fn is_ready() -> bool {
    !LOW.load(Relaxed) || refill()
}

#[cold]
fn refill() -> bool {
    let filled = REGIONS.add();
    LOW.store(!filled, Relaxed);
    filled
}

/// libc's allocator and the reserve.
pub struct Allocator;

// SAFETY: memory from libc's allocator is returned to it. Blocks of the reserve are disjoint, have the requested size
// and alignment, and are recognized by their address.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let memory = unsafe { System.alloc(layout) };
        if memory.is_null() {
            return take(layout);
        }
        memory
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let memory = unsafe { System.alloc_zeroed(layout) };
        if memory.is_null() {
            return take_zeroed(layout);
        }
        memory
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // The owner of a block of the reserve has synchronized with the thread that allocated it, so it sees the count.
        if BLOCKS.load(Relaxed) != 0 && give_back(memory) {
            return;
        }
        // SAFETY: the caller's promise; the block is not from the reserve.
        unsafe { System.dealloc(memory, layout) };
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if BLOCKS.load(Relaxed) == 0 || !REGIONS.own(memory) {
            // SAFETY: the caller's promise; the block is not from the reserve.
            let moved = unsafe { System.realloc(memory, layout, size) };
            if !moved.is_null() {
                return moved;
            }
        }
        // SAFETY: the caller's promise.
        unsafe { self.move_block(memory, layout, size) }
    }
}

impl Allocator {
    /// Moves a block out of the reserve, or into it.
    ///
    /// # Safety
    /// As for [`GlobalAlloc::realloc`].
    #[cold]
    unsafe fn move_block(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: by the caller's promise the size is not zero, and not too large for the alignment.
        unsafe {
            let new = Layout::from_size_align_unchecked(size, layout.align());
            let moved = self.alloc(new);
            if !moved.is_null() {
                ptr::copy_nonoverlapping(memory, moved, size.min(layout.size()));
                self.dealloc(memory, layout);
            }
            moved
        }
    }
}

/// A block from libc's `malloc`, or from the reserve if the block is small and the reserve has enough for other callers.
/// NULL if there is no memory. Free it with [`free`].
#[inline]
pub fn malloc(size: usize) -> *mut u8 {
    // SAFETY: malloc takes any size.
    let memory = unsafe { libc::malloc(size) }.cast::<u8>();
    if memory.is_null() {
        return take_like_malloc(size);
    }
    memory
}

#[cold]
fn take_like_malloc(size: usize) -> *mut u8 {
    // This caller can handle a failure; the users of the global allocator cannot.
    if LOW.load(Relaxed) {
        return ptr::null_mut();
    }
    Layout::from_size_align(size, MALLOC_ALIGN).map_or(ptr::null_mut(), take)
}

/// Frees a block.
///
/// # Safety
/// The block came from [`malloc`] and is not used again.
#[inline]
pub unsafe fn free(memory: *mut u8) {
    if BLOCKS.load(Relaxed) != 0 && give_back(memory) {
        return;
    }
    // SAFETY: the caller's promise; the block is not from the reserve.
    unsafe { libc::free(memory.cast()) };
}

/// A block of the reserve; NULL if it has no space.
#[cold]
fn take(layout: Layout) -> *mut u8 {
    if layout.size() > LARGEST {
        return ptr::null_mut();
    }
    let (block, left) = REGIONS.take(layout);
    if !block.is_null() {
        BLOCKS.fetch_add(1, Relaxed);
    }
    if left < ENOUGH {
        LOW.store(true, Relaxed);
    }
    block
}

#[cold]
fn take_zeroed(layout: Layout) -> *mut u8 {
    let block = take(layout);
    if !block.is_null() {
        // SAFETY: the block has that size.
        unsafe { block.write_bytes(0, layout.size()) };
    }
    block
}

/// Frees a block of the reserve. False if it is not from the reserve.
#[cold]
fn give_back(memory: *mut u8) -> bool {
    let Some(left) = REGIONS.give_back(memory) else {
        return false;
    };
    BLOCKS.fetch_sub(1, Relaxed);
    if left >= ENOUGH {
        LOW.store(false, Relaxed);
    }
    true
}

#[cfg(test)]
mod tests;
