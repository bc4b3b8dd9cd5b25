//! The allocator of the library's own small things: libc's, with a reserve behind it.
//!
//! Rust's collections end the process when an allocation fails. Large ones are therefore made with `try_reserve`
//! everywhere. For small ones there is the reserve: when libc's allocator has nothing left, it serves them, and the call
//! in progress goes on as if nothing had happened. A call begins only when the reserve holds enough for it
//! ([`is_ready`]); else it is refused with `out of memory` before it has done anything. What allocates as often as the
//! server or a program likes looks in between ([`is_ready`] again), and stops.
//!
//! The first region is part of the library's zeroed data: it needs no allocation, costs no memory before it is used, and
//! is copied by `fork` like everything else. More are allocated when that one is nearly used up, by blocks that live
//! long, and memory is to be had again.

mod lock;
mod region;

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use region::Regions;

/// The alignment of every `malloc` block on the platforms that this crate supports.
pub const MALLOC_ALIGN: usize = 16;
/// What is larger finds nothing in the reserve. TLS records, and all that grows to hold one, are smaller.
const LARGEST: usize = 64 * 1024;
/// Less than this in the reserve is not enough for a call.
const ENOUGH: usize = 96 * 1024;

static REGIONS: Regions = Regions::new();
/// How many blocks of the reserve are in use.
static BLOCKS: AtomicUsize = AtomicUsize::new(0);
/// The reserve holds less than [`ENOUGH`].
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

// SAFETY: what comes from libc's allocator goes back to it. Blocks of the reserve are disjoint, of the size and alignment
// asked for, and known by their address.
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
        // A block of the reserve that its owner knows of is counted: no other order is needed to see that.
        if BLOCKS.load(Relaxed) != 0 && give_back(memory) {
            return;
        }
        // SAFETY: the caller's promise; it is no block of the reserve.
        unsafe { System.dealloc(memory, layout) };
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if BLOCKS.load(Relaxed) == 0 || !REGIONS.own(memory) {
            // SAFETY: the caller's promise; it is no block of the reserve.
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
        // SAFETY: the size is not zero, nor too large for the alignment, by the caller's promise.
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

/// A block from libc's `malloc`, or from the reserve if it is small and there is enough for others; NULL when there is
/// none. To be given to [`free`].
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
    // The caller can do without, others cannot.
    if LOW.load(Relaxed) {
        return ptr::null_mut();
    }
    Layout::from_size_align(size, MALLOC_ALIGN).map_or(ptr::null_mut(), take)
}

/// Frees a block.
///
/// # Safety
/// It came from [`malloc`] and is not used again.
#[inline]
pub unsafe fn free(memory: *mut u8) {
    if BLOCKS.load(Relaxed) != 0 && give_back(memory) {
        return;
    }
    // SAFETY: the caller's promise; it is no block of the reserve.
    unsafe { libc::free(memory.cast()) };
}

/// A block of the reserve; NULL when there is none.
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

/// Whether it was a block of the reserve.
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
