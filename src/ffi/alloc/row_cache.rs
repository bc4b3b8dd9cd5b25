//! The memory of the last row that PQgetCopyData returned. After PQfreemem, the next row uses it again.
//!
//! Programs usually call PQgetCopyData and PQfreemem in turn, and malloc and free would be half of a row's cost. The memory
//! comes from malloc, so a program may also pass it to free.
//!
//! PQfreemem has no connection as an argument, so the cache is one for the process. One thread at a time owns it, from the
//! first row of its COPY to the last. It is not a thread-local variable because access to one costs as much as malloc in a
//! shared library.
//!
//! The size of the memory is what malloc says when PQfreemem gets it. A size remembered from earlier could be wrong: the
//! program may have shrunk the row with realloc, or freed it, and malloc may have returned the address for something smaller.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicUsize};

use super::usable_size::{malloc_knows_sizes, usable_size};

/// Larger rows are not cached.
const LARGEST: usize = 4096;
/// The owner when no thread owns the cache.
const NOBODY: usize = 0;

pub struct RowCache {
    /// The thread that owns the cache. Others use only `owner`.
    owner: AtomicUsize,
    /// The last row returned, or NULL.
    memory: AtomicPtr<c_void>,
    /// The size of `memory` in bytes when it is free for the next row; 0 while the program has it.
    free_size: AtomicUsize,
}

pub static ROW_CACHE: RowCache = RowCache::new();

impl RowCache {
    const fn new() -> RowCache {
        RowCache {
            owner: AtomicUsize::new(NOBODY),
            memory: AtomicPtr::new(ptr::null_mut()),
            free_size: AtomicUsize::new(0),
        }
    }

    /// The cached memory, if it has more than `length` bytes; otherwise NULL.
    #[inline]
    pub fn take(&self, length: usize) -> *mut c_void {
        if !self.is_mine() {
            return self.claim();
        }
        if self.free_size.load(Relaxed) <= length {
            return ptr::null_mut();
        }
        self.free_size.store(0, Relaxed);
        self.memory.load(Relaxed)
    }

    /// Records `memory` from malloc as the last row returned, and frees what was cached.
    pub fn record(&self, memory: *mut c_void) {
        if self.is_mine() {
            self.free_cached();
            self.memory.store(memory, Relaxed);
        }
    }

    /// Caches `memory` if it is the last row returned. Returns false if the caller has to free it.
    ///
    /// # Safety
    /// `memory` came from malloc and is not used again, unless this returns false.
    #[inline]
    pub unsafe fn keep(&self, memory: *mut c_void) -> bool {
        if self.memory.load(Relaxed) != memory || !self.is_mine() {
            return false;
        }
        if self.free_size.load(Relaxed) != 0 {
            return self.freed_twice();
        }
        // SAFETY: the caller's promise; `claim` saw that malloc knows sizes.
        let size = unsafe { usable_size(memory) };
        if size > LARGEST {
            return false;
        }
        self.free_size.store(size, Relaxed);
        true
    }

    /// Frees the memory, so that the caller's second free is a double free, which the allocator can report.
    #[cold]
    fn freed_twice(&self) -> bool {
        self.free_cached();
        false
    }

    /// Ends the COPY of this thread: frees the cached memory and releases the ownership.
    pub fn release(&self) {
        if self.is_mine() {
            self.free_cached();
            self.memory.store(ptr::null_mut(), Relaxed);
            self.owner.store(NOBODY, Release);
        }
    }

    /// Frees the memory if the program does not have it.
    fn free_cached(&self) {
        if self.free_size.load(Relaxed) != 0 {
            let memory = self.memory.load(Relaxed);
            self.free_size.store(0, Relaxed);
            self.memory.store(ptr::null_mut(), Relaxed);
            // SAFETY: the memory is from malloc, PQfreemem got it, and the cache no longer refers to it.
            unsafe { libc::free(memory) };
        }
    }

    /// If the owner ends during a COPY, the cache belongs to the next thread whose control block has the same address.
    #[inline]
    fn is_mine(&self) -> bool {
        self.owner.load(Relaxed) == this_thread()
    }

    /// Makes this thread the owner if there is none, and if malloc can tell sizes. NULL, as nothing is cached yet.
    #[cold]
    fn claim(&self) -> *mut c_void {
        if self.owner.load(Relaxed) == NOBODY && malloc_knows_sizes() {
            let me = this_thread();
            let _ = self.owner.compare_exchange(NOBODY, me, Acquire, Relaxed);
        }
        ptr::null_mut()
    }
}

/// A number that differs between living threads.
#[inline]
#[cfg(target_arch = "x86_64")]
fn this_thread() -> usize {
    let pointer: usize;
    // SAFETY: the ABI has the address of the thread's control block there. (pthread_self returns the same, but a call into
    // another library would double the cost of the cache.)
    unsafe {
        std::arch::asm!("mov {}, fs:0", out(reg) pointer, options(nostack, preserves_flags, readonly));
    }
    pointer
}

/// A number that differs between living threads.
#[inline]
#[cfg(not(target_arch = "x86_64"))]
fn this_thread() -> usize {
    // SAFETY: pthread_self has no preconditions.
    unsafe { libc::pthread_self() as usize }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(size: usize) -> *mut c_void {
        // SAFETY: malloc takes any size.
        unsafe { libc::malloc(size) }
    }

    fn free(memory: *mut c_void) {
        // SAFETY: the tests free each piece of memory once.
        unsafe { libc::free(memory) };
    }

    /// A row that PQgetCopyData had to allocate.
    fn new_row(cache: &RowCache, size: usize) -> *mut c_void {
        assert!(cache.take(size - 1).is_null());
        let row = memory(size);
        cache.record(row);
        row
    }

    fn keep(cache: &RowCache, memory: *mut c_void) -> bool {
        // SAFETY: the tests do not use the memory afterwards. A second call for it is what one of them tests.
        unsafe { cache.keep(memory) }
    }

    #[test]
    fn the_last_row_is_used_again_after_it_was_freed() {
        let cache = RowCache::new();
        let row = new_row(&cache, 104);
        assert!(cache.take(10).is_null());
        assert!(keep(&cache, row));
        assert!(cache.take(200).is_null());
        assert_eq!(cache.take(103), row);
        assert!(cache.take(0).is_null());
        assert!(keep(&cache, row));
        cache.release();
        assert!(!keep(&cache, row));
    }

    #[test]
    fn other_memory_is_not_kept() {
        let cache = RowCache::new();
        let first = new_row(&cache, 100);
        let second = new_row(&cache, 100);
        assert!(!keep(&cache, first));
        free(first);
        assert!(!keep(&cache, ptr::without_provenance_mut(8)));
        assert!(keep(&cache, second));
        let too_large = new_row(&cache, LARGEST + 1);
        assert!(!keep(&cache, too_large));
        free(too_large);
    }

    /// The row was shrunk, or freed and its address returned by malloc for something smaller.
    #[test]
    fn the_size_is_that_of_the_memory_when_it_is_freed() {
        let cache = RowCache::new();
        let row = new_row(&cache, 1000);
        // SAFETY: the row came from malloc.
        let smaller = unsafe { libc::realloc(row, 40) };
        cache.record(smaller);
        assert!(keep(&cache, smaller));
        assert!(cache.take(999).is_null());
        assert_eq!(cache.take(39), smaller);
        free(smaller);
    }

    #[test]
    fn a_larger_row_replaces_the_cached_one() {
        let cache = RowCache::new();
        let small = new_row(&cache, 100);
        assert!(keep(&cache, small));
        let large = new_row(&cache, 1000);
        assert!(cache.take(10).is_null());
        assert!(keep(&cache, large));
        assert_eq!(cache.take(999), large);
        cache.release();
        free(large);
    }

    #[test]
    fn one_thread_at_a_time_owns_the_cache() {
        let cache = RowCache::new();
        let row = new_row(&cache, 100);
        assert!(keep(&cache, row));
        let in_a_thread = |body: &(dyn Fn() + Sync)| {
            std::thread::scope(|scope| {
                scope.spawn(body);
            });
        };
        in_a_thread(&|| {
            let other = new_row(&cache, 50);
            assert!(!keep(&cache, other));
            free(other);
            cache.release();
        });
        assert_eq!(cache.take(99), row);
        assert!(keep(&cache, row));
        cache.release();
        in_a_thread(&|| {
            let other = new_row(&cache, 50);
            assert!(keep(&cache, other));
            cache.release();
        });
    }

    #[test]
    fn a_row_freed_twice_is_not_kept_twice() {
        let cache = RowCache::new();
        let row = new_row(&cache, 100);
        assert!(keep(&cache, row));
        // `keep` has called free once; the test does not call it again.
        assert!(!keep(&cache, row));
        assert!(cache.take(10).is_null());
    }
}
