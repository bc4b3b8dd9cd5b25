//! The memory of a COPY's row, once PQfreemem was given it, for the next row.
//!
//! While a COPY goes on, PQgetCopyData and PQfreemem mostly take turns, and malloc and free would be half of a row's
//! cost. It stays memory of libc's allocator: a program that gives it to free instead loses nothing. One thread at a
//! time has a spare, because to find a thread's own variables costs a shared library as much as malloc does.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicUsize};

/// No more than this is kept.
const LARGEST: usize = 4096;
/// No thread.
const NOBODY: usize = 0;

pub struct Spare {
    /// The thread of the COPY, which alone looks at the rest.
    owner: AtomicUsize,
    memory: AtomicPtr<c_void>,
    /// How many bytes that is; 0 when there is none.
    size: AtomicUsize,
}

pub static SPARE: Spare = Spare::new();

impl Spare {
    const fn new() -> Spare {
        Spare {
            owner: AtomicUsize::new(NOBODY),
            memory: AtomicPtr::new(ptr::null_mut()),
            size: AtomicUsize::new(0),
        }
    }

    /// Memory from libc's allocator of more than `size` bytes; NULL when there is none.
    #[inline]
    pub fn take(&self, size: usize) -> *mut c_void {
        if !self.is_mine() {
            return self.claim();
        }
        if self.size.load(Relaxed) <= size {
            return ptr::null_mut();
        }
        self.size.store(0, Relaxed);
        let memory = self.memory.load(Relaxed);
        self.memory.store(ptr::null_mut(), Relaxed);
        memory
    }

    /// Keeps `memory` or what there is already, whichever is larger, and answers what is to be freed; NULL for nothing.
    ///
    /// # Safety
    /// `memory` came from libc's allocator and is not used again.
    #[inline]
    pub unsafe fn put(&self, memory: *mut c_void) -> *mut c_void {
        if !self.is_mine() {
            return memory;
        }
        // SAFETY: the caller's promise.
        let size = unsafe { libc::malloc_usable_size(memory) };
        let kept = self.memory.load(Relaxed);
        if memory == kept {
            return self.put_twice(memory);
        }
        if size <= self.size.load(Relaxed) || size > LARGEST {
            return memory;
        }
        self.size.store(size, Relaxed);
        self.memory.store(memory, Relaxed);
        kept
    }

    /// Freeing memory twice is left for the allocator to complain of.
    #[cold]
    fn put_twice(&self, memory: *mut c_void) -> *mut c_void {
        self.size.store(0, Relaxed);
        self.memory.store(ptr::null_mut(), Relaxed);
        // SAFETY: what was kept came from libc's allocator.
        unsafe { libc::free(memory) };
        memory
    }

    /// The COPY is over. Answers what is to be freed; NULL for nothing.
    pub fn give_up(&self) -> *mut c_void {
        if !self.is_mine() {
            return ptr::null_mut();
        }
        self.size.store(0, Relaxed);
        let memory = self.memory.swap(ptr::null_mut(), Relaxed);
        self.owner.store(NOBODY, Release);
        memory
    }

    /// A thread that ended in the midst of a COPY leaves the spare to the next one that takes its place in memory.
    #[inline]
    fn is_mine(&self) -> bool {
        self.owner.load(Relaxed) == this_thread()
    }

    #[cold]
    fn claim(&self) -> *mut c_void {
        if self.owner.load(Relaxed) == NOBODY {
            // Who comes too late does without.
            let me = this_thread();
            let _ = self.owner.compare_exchange(NOBODY, me, Acquire, Relaxed);
        }
        ptr::null_mut()
    }
}

/// What tells living threads apart.
#[inline]
#[cfg(target_arch = "x86_64")]
fn this_thread() -> usize {
    let pointer: usize;
    // SAFETY: the ABI has the address of the thread's control block there. (Not pthread_self: a call into another
    // library costs as much as all else here.)
    unsafe {
        std::arch::asm!("mov {}, fs:0", out(reg) pointer, options(nostack, preserves_flags, readonly));
    }
    pointer
}

/// What tells living threads apart.
#[inline]
#[cfg(not(target_arch = "x86_64"))]
fn this_thread() -> usize {
    // SAFETY: pthread_self has no conditions.
    unsafe { libc::pthread_self() as usize }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What [`Spare::put`] hands back is nobody's.
    fn put(spare: &Spare, memory: *mut c_void) -> bool {
        // SAFETY: the tests put what `memory` made, and use it no more.
        let surplus = unsafe { spare.put(memory) };
        // SAFETY: as above.
        unsafe { libc::free(surplus) };
        surplus != memory
    }

    fn memory(size: usize) -> *mut c_void {
        // SAFETY: malloc takes any size.
        unsafe { libc::malloc(size) }
    }

    fn end(spare: &Spare) {
        // SAFETY: the spare has forgotten it.
        unsafe { libc::free(spare.give_up()) };
    }

    #[test]
    fn memory_is_kept_from_the_first_row_to_the_end_and_the_larger_one_wins() {
        let spare = Spare::new();
        assert!(!put(&spare, memory(100)));
        assert!(spare.take(10).is_null());
        let first = memory(100);
        assert!(put(&spare, first));
        assert!(!put(&spare, memory(50)));
        assert!(spare.take(1000).is_null());
        assert_eq!(spare.take(99), first);
        assert!(spare.take(0).is_null());
        assert!(put(&spare, first));
        let larger = memory(1000);
        assert!(put(&spare, larger));
        assert!(!put(&spare, memory(LARGEST + 100)));
        assert_eq!(spare.take(99), larger);
        assert!(put(&spare, larger));
        end(&spare);
        assert!(!put(&spare, memory(100)));
    }

    #[test]
    fn one_thread_at_a_time_has_it() {
        let spare = Spare::new();
        assert!(spare.take(1).is_null());
        assert!(put(&spare, memory(100)));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(spare.take(1).is_null());
                assert!(!put(&spare, memory(100)));
                assert!(spare.give_up().is_null());
            });
        });
        end(&spare);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(spare.take(1).is_null());
                assert!(put(&spare, memory(100)));
                end(&spare);
            });
        });
    }

    #[test]
    fn what_is_given_back_twice_is_freed_twice() {
        let spare = Spare::new();
        assert!(spare.take(1).is_null());
        let twice = memory(100);
        assert!(put(&spare, twice));
        // SAFETY: nobody frees what is answered.
        assert_eq!(unsafe { spare.put(twice) }, twice);
        assert!(spare.give_up().is_null());
    }
}
