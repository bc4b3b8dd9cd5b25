//! The memory blocks of an arena. Small blocks come from `malloc`, large ones from `mmap`.

use crate::mem::OutOfMemory;
use crate::mem::trailing;
use std::mem::size_of;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

const PAGE: usize = 4096;
const HUGE_PAGE: usize = 2 * 1024 * 1024;
/// How many bytes are prefaulted at once in small pages.
const SMALL_WINDOW: usize = 256 * 1024;
/// Prefaulting a huge page is slow if it takes more nanoseconds of CPU time than this. Normally it takes a quarter.
const SLOW_HUGE_PAGE: u64 = 1_000_000;

/// The start of every block. Its size is a multiple of 16, so that the bytes after it are aligned.
#[repr(C, align(16))]
struct Header {
    next: *mut Header,
    size: usize,
    mapped: bool,
}

/// The usable bytes of one block.
pub struct Chunk {
    pub start: NonNull<u8>,
    pub len: usize,
    /// How many of them need no prefaulting.
    pub free: usize,
}

/// Owns blocks, and frees them when dropped.
pub struct ChunkList {
    newest: *mut Header,
    bytes: usize,
    /// Whether huge pages turned out to be slow.
    small_pages: bool,
}

impl ChunkList {
    pub const fn new() -> ChunkList {
        ChunkList {
            newest: ptr::null_mut(),
            bytes: 0,
            small_pages: false,
        }
    }

    /// The bytes of all blocks, headers included.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a block with at least `need` usable bytes. Its size is `preferred` if that is enough, otherwise the
    /// smallest possible. Blocks of `map_from` bytes and more are mapped.
    pub fn add(
        &mut self,
        need: usize,
        preferred: usize,
        map_from: usize,
    ) -> Result<Chunk, OutOfMemory> {
        let least = need.checked_add(size_of::<Header>()).ok_or(OutOfMemory)?;
        let mut size = least.max(preferred);
        let mapped = size >= map_from && mapping_allowed();
        let (block, free) = if mapped {
            size = size.checked_next_multiple_of(PAGE).ok_or(OutOfMemory)?;
            let block = map(size, self.small_pages)?;
            (block, self.prefault(block, size))
        } else {
            (trailing::malloc(size)?, size)
        };
        self.link(block.cast(), size, mapped);
        Ok(Chunk {
            // SAFETY: every block is larger than its header.
            start: unsafe { block.add(size_of::<Header>()) },
            len: size - size_of::<Header>(),
            free: free - size_of::<Header>(),
        })
    }

    /// Prefaults the first pages of the `unfaulted` bytes at `start`, the end of a mapped block, and returns how many
    /// bytes that are. This costs much less than one page fault for each page.
    ///
    /// A huge page costs less than 512 small ones, unless the kernel has no free huge page. In a virtual machine that
    /// returns free memory to its host, even a free huge page may have to come from there, at ten times the cost of
    /// small pages. After one slow huge page, the rest of the list uses small pages.
    pub fn prefault(&mut self, start: NonNull<u8>, unfaulted: usize) -> usize {
        let window = if self.small_pages {
            SMALL_WINDOW
        } else {
            HUGE_PAGE
        };
        let len = window.min(unfaulted);
        let before = cpu_time();
        // Kernels before 5.14 do not support this advice. There every page faults on first use.
        // SAFETY: the list owns the pages, and nothing uses them yet.
        unsafe { libc::madvise(start.as_ptr().cast(), len, libc::MADV_POPULATE_WRITE) };
        if !self.small_pages && cpu_time().saturating_sub(before) > SLOW_HUGE_PAGE {
            self.small_pages = true;
            // SAFETY: as above; `len <= unfaulted`.
            unsafe {
                let rest = start.add(len).as_ptr().cast();
                libc::madvise(rest, unfaulted - len, libc::MADV_NOHUGEPAGE);
            }
        }
        len
    }

    fn link(&mut self, block: NonNull<Header>, size: usize, mapped: bool) {
        let header = Header {
            next: self.newest,
            size,
            mapped,
        };
        // SAFETY: the block is fresh, larger than a header and 16-byte aligned.
        unsafe { block.write(header) };
        self.newest = block.as_ptr();
        self.bytes += size;
    }

    #[cfg(test)]
    pub fn of_small_pages() -> ChunkList {
        let mut list = ChunkList::new();
        list.small_pages = true;
        list
    }

    #[cfg(test)]
    pub fn count(&self) -> usize {
        let mut count = 0;
        let mut block = self.newest;
        while !block.is_null() {
            count += 1;
            // SAFETY: the list holds live blocks only.
            block = unsafe { (*block).next };
        }
        count
    }
}

impl Drop for ChunkList {
    fn drop(&mut self) {
        while !self.newest.is_null() {
            // SAFETY: the list holds live blocks only, each begun by its header.
            let header = unsafe { self.newest.read() };
            let block = self.newest.cast();
            // SAFETY: the list owns the block. It came from mmap or malloc, as its header says.
            unsafe {
                if header.mapped {
                    libc::munmap(block, header.size);
                } else {
                    libc::free(block);
                }
            }
            self.newest = header.next;
        }
    }
}

/// Whether large blocks may be mapped. `LIBPQ_OXIDE_ARENA=malloc` forbids it, so that memory checkers see every block.
fn mapping_allowed() -> bool {
    if cfg!(miri) {
        return false; // Miri cannot unmap a part of a mapping.
    }
    static ALLOWED: OnceLock<bool> = OnceLock::new();
    *ALLOWED.get_or_init(|| std::env::var_os("LIBPQ_OXIDE_ARENA").is_none_or(|v| v != "malloc"))
}

/// The CPU time of this thread in nanoseconds. Unlike wall-clock time it does not count interruptions.
fn cpu_time() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid place for the result.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Maps `size` bytes (a multiple of the page size), aligned to the size of a huge page.
fn map(size: usize, small_pages: bool) -> Result<NonNull<u8>, OutOfMemory> {
    let span = size.checked_add(HUGE_PAGE).ok_or(OutOfMemory)?;
    let start = map_anywhere(span)?;
    let skip = start.addr().get().wrapping_neg() & (HUGE_PAGE - 1);
    // SAFETY: `skip < HUGE_PAGE`, so the block lies inside the mapping, and the unmapped parts lie outside the block.
    // All bounds are multiples of the page size.
    unsafe {
        let block = start.add(skip);
        unmap_unused(start, skip);
        unmap_unused(block.add(size), HUGE_PAGE - skip);
        if !small_pages {
            // If the kernel ignores the advice, the block still works.
            libc::madvise(block.as_ptr().cast(), size, libc::MADV_HUGEPAGE);
        }
        Ok(block)
    }
}

fn map_anywhere(span: usize) -> Result<NonNull<u8>, OutOfMemory> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new private mapping does not affect other memory.
    let start = unsafe { libc::mmap(ptr::null_mut(), span, protection, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(OutOfMemory);
    }
    NonNull::new(start.cast()).ok_or(OutOfMemory)
}

/// # Safety
/// The `len` bytes at `start` are whole, unused pages of a mapping.
unsafe fn unmap_unused(start: NonNull<u8>, len: usize) {
    if len > 0 {
        // SAFETY: the caller's promise.
        unsafe { libc::munmap(start.as_ptr().cast(), len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "maps memory")]
    fn mapped_blocks_start_at_a_huge_page() {
        for size in [HUGE_PAGE, HUGE_PAGE + PAGE, 3 * HUGE_PAGE - PAGE] {
            let block = map(size, false).unwrap();
            assert_eq!(block.addr().get() % HUGE_PAGE, 0);
            // SAFETY: the block is `size` bytes long, and the test owns it.
            unsafe {
                block.write_bytes(1, size);
                assert_eq!(libc::munmap(block.as_ptr().cast(), size), 0);
            }
        }
    }

    #[test]
    fn large_blocks_have_the_requested_size() {
        let mut list = ChunkList::new();
        for need in [HUGE_PAGE, HUGE_PAGE + 1, 3 * HUGE_PAGE - 17] {
            let chunk = list.add(need, 0, HUGE_PAGE).unwrap();
            assert!(chunk.len >= need && chunk.len < need + PAGE + size_of::<Header>());
            // SAFETY: the chunk is `len` bytes long.
            unsafe { chunk.start.write_bytes(1, chunk.len) };
        }
        assert_eq!(list.count(), 3);
    }

    #[test]
    fn small_blocks_are_aligned() {
        let mut list = ChunkList::new();
        let chunk = list.add(1, 2048, HUGE_PAGE).unwrap();
        assert_eq!(chunk.len, 2048 - size_of::<Header>());
        assert_eq!(chunk.start.addr().get() % 16, 0);
    }
}
