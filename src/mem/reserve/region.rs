//! The reserve's memory: regions of granules. Each granule is marked as free or in use.

use std::alloc::GlobalAlloc;
use std::alloc::{Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::lock::Lock;

/// The size of a granule. Blocks begin at multiples of it, and their size is a multiple of it.
const GRANULE: usize = 64;
const GRANULES: usize = 4096;
/// The size of a region in bytes.
pub const SIZE: usize = GRANULE * GRANULES;

/// A mark for each granule.
type Marks = [u64; GRANULES / 64];

/// A region of zeroes is one in which everything is free. There are no references to a whole region, only to its book: the
/// owners of blocks use the memory at the same time.
#[repr(C, align(4096))]
struct Region {
    memory: [u8; SIZE],
    book: Book,
    next: *mut Region,
}

/// Which granules of a region are in use.
struct Book {
    used: Marks,
    /// The last granules of blocks.
    last: Marks,
    /// How many granules are in use.
    taken: usize,
}

/// All regions. The first one always exists.
pub struct Regions {
    first: UnsafeCell<Region>,
    lock: Lock,
    /// A copy of the first region's `next` that can be read without the lock.
    more: AtomicPtr<Region>,
}

// SAFETY: everything except `more` and the memory of blocks is read and written under the lock.
unsafe impl Sync for Regions {}

impl Regions {
    pub const fn new() -> Regions {
        Regions {
            first: UnsafeCell::new(Region {
                memory: [0; SIZE],
                book: Book {
                    used: [0; GRANULES / 64],
                    last: [0; GRANULES / 64],
                    taken: 0,
                },
                next: ptr::null_mut(),
            }),
            lock: Lock::new(),
            more: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Allocates a block. Returns it, or NULL, and how many bytes are left.
    pub fn take(&self, layout: Layout) -> (*mut u8, usize) {
        let _locked = self.lock.acquire();
        let count = layout.size().div_ceil(GRANULE).max(1);
        let step = layout.align().div_ceil(GRANULE);
        let mut block: *mut u8 = ptr::null_mut();
        let mut region = self.first.get();
        while !region.is_null() && block.is_null() && layout.align() <= align_of::<Region>() {
            // SAFETY: the list holds live regions, and the lock is held.
            unsafe {
                if let Some(start) = (*region).book.take(count, step) {
                    block = region.cast::<u8>().add(start * GRANULE);
                }
                region = (*region).next;
            }
        }
        (block, self.left())
    }

    /// Frees a block and returns how many bytes are left; None if the block is not from the reserve. An unused region
    /// is freed if the others have enough space.
    pub fn give_back(&self, block: *mut u8) -> Option<usize> {
        if !self.may_own(block) {
            return None;
        }
        let _locked = self.lock.acquire();
        let region = self.region_of(block)?;
        // SAFETY: the list holds live regions, and the lock is held.
        unsafe {
            (*region)
                .book
                .give_back((block.addr() - region.addr()) / GRANULE);
            // Without this region there must be enough left.
            let plenty = self.left() >= SIZE + SIZE / 2;
            if plenty && (*region).book.taken == 0 && region != self.first.get() {
                self.remove(region);
            }
        }
        Some(self.left())
    }

    /// Whether the block is from the reserve.
    pub fn own(&self, block: *mut u8) -> bool {
        if !self.may_own(block) {
            return false;
        }
        let _locked = self.lock.acquire();
        self.region_of(block).is_some()
    }

    /// Adds a region, if there is memory for it.
    pub fn add(&self) -> bool {
        let layout = Layout::new::<Region>();
        // SAFETY: the size is not zero.
        let fresh = unsafe { System.alloc_zeroed(layout) }.cast::<Region>();
        if fresh.is_null() {
            return false;
        }
        let _locked = self.lock.acquire();
        // SAFETY: a new region of zeroes is valid, and the lock is held.
        unsafe {
            let first = self.first.get();
            (*fresh).next = (*first).next;
            (*first).next = fresh;
        }
        self.more.store(fresh, Release);
        true
    }

    /// False if the address alone shows that the block is not from the reserve.
    fn may_own(&self, block: *mut u8) -> bool {
        contains(self.first.get(), block) || !self.more.load(Acquire).is_null()
    }

    /// The lock must be held.
    fn region_of(&self, block: *mut u8) -> Option<*mut Region> {
        let mut region = self.first.get();
        while !region.is_null() {
            if contains(region, block) {
                return Some(region);
            }
            // SAFETY: the list holds live regions, and the lock is held.
            region = unsafe { (*region).next };
        }
        None
    }

    /// The lock must be held.
    fn left(&self) -> usize {
        let mut left = 0;
        let mut region = self.first.get();
        while !region.is_null() {
            // SAFETY: the list holds live regions, and the lock is held.
            unsafe {
                left += (GRANULES - (*region).book.taken) * GRANULE;
                region = (*region).next;
            }
        }
        left
    }

    /// Frees a region other than the first. The lock must be held.
    fn remove(&self, unused: *mut Region) {
        let first = self.first.get();
        let mut region = first;
        // SAFETY: the list holds live regions, `unused` among them, and the lock is held.
        unsafe {
            while (*region).next != unused {
                region = (*region).next;
            }
            (*region).next = (*unused).next;
            self.more.store((*first).next, Relaxed);
            System.dealloc(unused.cast(), Layout::new::<Region>());
        }
    }
}

fn contains(region: *const Region, block: *mut u8) -> bool {
    block.addr().wrapping_sub(region.addr()) < SIZE
}

impl Book {
    /// Marks the first `count` granules that are free, from a multiple of `step` on, and returns the first of them.
    fn take(&mut self, count: usize, step: usize) -> Option<usize> {
        let mut start = 0;
        while start + count <= GRANULES {
            match (start..start + count).rfind(|&granule| is_marked(&self.used, granule)) {
                None => {
                    self.mark(start, count);
                    return Some(start);
                }
                Some(used) => start = (used + 1).next_multiple_of(step),
            }
        }
        None
    }

    fn mark(&mut self, start: usize, count: usize) {
        (start..start + count).for_each(|granule| flip(&mut self.used, granule));
        flip(&mut self.last, start + count - 1);
        self.taken += count;
    }

    /// Frees the block that begins at `granule`.
    fn give_back(&mut self, mut granule: usize) {
        loop {
            flip(&mut self.used, granule);
            self.taken -= 1;
            if is_marked(&self.last, granule) {
                flip(&mut self.last, granule);
                return;
            }
            granule += 1;
        }
    }
}

fn is_marked(marks: &Marks, granule: usize) -> bool {
    marks[granule / 64] & (1 << (granule % 64)) != 0
}

fn flip(marks: &mut Marks, granule: usize) {
    marks[granule / 64] ^= 1 << (granule % 64);
}
