//! A bump allocator over chunks. All of its memory is freed at once.

mod chunk;

use super::OutOfMemory;
use super::trailing::TrailingSpace;
use chunk::{Chunk, ChunkList};
use std::ptr::NonNull;

/// The size of the first chunk. Later chunks grow with the arena.
const FIRST_CHUNK: usize = 2 * 1024;
/// Chunks of this size and more are mapped and aligned, and use huge pages if the kernel has them.
const MAPPED_CHUNK: usize = 2 * 1024 * 1024;
const LARGEST_CHUNK: usize = 32 * 1024 * 1024;

/// Owns chunks of memory and allocates pieces of them. The pieces live until the arena is dropped.
pub struct Arena {
    /// Where the free bytes of the current chunk begin.
    cursor: NonNull<u8>,
    /// The number of free bytes at the cursor.
    free: usize,
    /// Bytes of the chunk after the free ones. They must be prefaulted (see [`ChunkList::prefault`]) before use.
    unfaulted: usize,
    chunks: ChunkList,
    /// The size of the trailing space that the arena began with.
    trailing: usize,
}

impl Arena {
    /// An arena that holds no memory yet.
    pub const fn new() -> Arena {
        Arena {
            cursor: NonNull::dangling(),
            free: 0,
            unfaulted: 0,
            chunks: ChunkList::new(),
            trailing: 0,
        }
    }

    /// An arena that uses `space` first. `space` is the end of `whole` bytes, all of which count as the arena's memory.
    /// The arena must be stored in the box that `space` belongs to.
    #[inline(always)]
    pub fn in_trailing_space(space: TrailingSpace, whole: usize) -> Arena {
        Arena {
            cursor: space.start,
            free: space.len,
            unfaulted: 0,
            chunks: ChunkList::new(),
            trailing: whole,
        }
    }

    /// Allocates `size` uninitialized bytes at a multiple of `align` (a power of two, at most 16).
    #[inline]
    pub fn alloc(&mut self, size: usize, align: usize) -> Result<NonNull<u8>, OutOfMemory> {
        let pad = self.cursor.addr().get().wrapping_neg() & (align - 1);
        let taken = size.checked_add(pad).ok_or(OutOfMemory)?;
        if taken > self.free {
            return self.alloc_slow(size, taken, align);
        }
        // SAFETY: `free` bytes from the cursor on are this arena's, and `pad <= taken <= free`.
        let piece = unsafe { self.cursor.add(pad) };
        self.take(taken);
        Ok(piece)
    }

    /// Frees the end of the newest piece, from `end` on, unless something was allocated after it.
    pub(super) fn give_back(&mut self, end: NonNull<u8>, piece_end: NonNull<u8>) {
        if piece_end == self.cursor {
            self.free += piece_end.addr().get() - end.addr().get();
            self.cursor = end;
        }
    }

    /// The bytes that this arena has allocated, the trailing space included.
    pub fn memory_size(&self) -> usize {
        self.trailing + self.chunks.bytes()
    }

    fn take(&mut self, bytes: usize) {
        // SAFETY: callers checked that `bytes <= free`, so the cursor stays inside its chunk.
        self.cursor = unsafe { self.cursor.add(bytes) };
        self.free -= bytes;
    }

    /// The free bytes, for code that allocates many pieces in a loop.
    #[inline(always)]
    pub(super) fn free_space(&mut self) -> FreeSpace<'_> {
        FreeSpace {
            cursor: self.cursor,
            free: self.free,
            arena: self,
        }
    }

    #[cold]
    fn alloc_slow(
        &mut self,
        size: usize,
        taken: usize,
        align: usize,
    ) -> Result<NonNull<u8>, OutOfMemory> {
        if taken - self.free <= self.unfaulted {
            self.prefault(taken);
            return self.alloc(size, align);
        }
        self.alloc_in_new_chunk(size)
    }

    /// Makes `needed` bytes of the current chunk free. The chunk must have as many.
    fn prefault(&mut self, needed: usize) {
        if needed > MAPPED_CHUNK {
            // A program may ask for much memory and use little of it, so nothing is prefaulted.
            self.free += self.unfaulted;
            self.unfaulted = 0;
        }
        while self.free < needed {
            // SAFETY: the unfaulted part of the chunk begins where the free part ends.
            let end = unsafe { self.cursor.add(self.free) };
            let added = self.chunks.prefault(end, self.unfaulted);
            self.free += added;
            self.unfaulted -= added;
        }
    }

    fn alloc_in_new_chunk(&mut self, size: usize) -> Result<NonNull<u8>, OutOfMemory> {
        let chunk = self.new_chunk(size)?;
        let left = chunk.len - size;
        // The older chunk remains the current one if it has more free bytes: a large piece then has a chunk of its own.
        if left > self.free + self.unfaulted {
            self.cursor = chunk.start;
            self.free = chunk.free;
            self.unfaulted = chunk.len - chunk.free;
            self.prefault(size);
            self.take(size);
        }
        Ok(chunk.start)
    }

    fn new_chunk(&mut self, size: usize) -> Result<Chunk, OutOfMemory> {
        let held = self.memory_size();
        if held < MAPPED_CHUNK {
            let grown = held.next_power_of_two().clamp(FIRST_CHUNK, MAPPED_CHUNK);
            return self.chunks.add(size, grown, MAPPED_CHUNK);
        }
        let grown = (held / 4).clamp(MAPPED_CHUNK, LARGEST_CHUNK) & !(MAPPED_CHUNK - 1);
        self.chunks.add(size, grown, MAPPED_CHUNK)
    }
}

/// The free bytes of an arena's current chunk. The arena is updated when this is dropped: until then the compiler can
/// keep both fields in registers.
pub(super) struct FreeSpace<'a> {
    cursor: NonNull<u8>,
    free: usize,
    arena: &'a mut Arena,
}

impl FreeSpace<'_> {
    /// The place of `len` bytes at a multiple of `align`, if they are free. They are not allocated yet.
    #[inline(always)]
    pub(super) fn place(&self, len: usize, align: usize) -> Option<NonNull<u8>> {
        let pad = self.cursor.addr().get().wrapping_neg() & (align - 1);
        if len + pad > self.free {
            return None;
        }
        // SAFETY: `free` bytes from the cursor on are the arena's, and `pad` is less.
        Some(unsafe { self.cursor.add(pad) })
    }

    /// Allocates the bytes before `end`, which lies in a place that [`FreeSpace::place`] returned.
    #[inline(always)]
    pub(super) fn allocate_to(&mut self, end: NonNull<u8>) {
        self.free -= end.addr().get() - self.cursor.addr().get();
        self.cursor = end;
    }
}

impl Drop for FreeSpace<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.arena.cursor = self.cursor;
        self.arena.free = self.free;
    }
}

// SAFETY: an arena owns its memory, and nothing else refers to it.
unsafe impl Send for Arena {}
// SAFETY: a shared arena only reports its size.
unsafe impl Sync for Arena {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::trailing::TrailingBox;

    fn fill(arena: &mut Arena, size: usize, align: usize, byte: u8) -> (NonNull<u8>, usize, u8) {
        let piece = arena.alloc(size, align).unwrap();
        assert_eq!(piece.addr().get() % align, 0);
        // SAFETY: the piece is `size` bytes long.
        unsafe { piece.write_bytes(byte, size) };
        (piece, size, byte)
    }

    fn check(pieces: &[(NonNull<u8>, usize, u8)]) {
        for (piece, size, byte) in pieces {
            // SAFETY: the piece was filled and its arena is alive.
            let bytes = unsafe { std::slice::from_raw_parts(piece.as_ptr(), *size) };
            assert!(bytes.iter().all(|b| b == byte));
        }
    }

    #[test]
    fn pieces_never_overlap() {
        let mut arena = Arena::new();
        let mut pieces = Vec::new();
        for round in 0..if cfg!(miri) { 50 } else { 20_000 } {
            let size = (round * 7919) % 700;
            let align = [1, 2, 4, 8, 16][round % 5];
            pieces.push(fill(&mut arena, size, align, round as u8));
        }
        check(&pieces);
    }

    #[test]
    #[cfg_attr(miri, ignore = "fills megabytes")]
    fn large_pieces_leave_the_current_chunk_in_use() {
        let mut arena = Arena::new();
        let mut pieces = vec![fill(&mut arena, 10, 1, 1)];
        let cursor = arena.cursor;
        // Together with the chunk's header the piece fills whole pages.
        pieces.push(fill(&mut arena, (5 << 20) - 32, 16, 2));
        assert_eq!(arena.cursor, cursor);
        pieces.push(fill(&mut arena, 10, 1, 3));
        check(&pieces);
        assert!(arena.memory_size() < (6 << 20));
    }

    #[test]
    fn the_trailing_space_is_used_first() {
        let mut boxed =
            TrailingBox::with_space(256, |space| Arena::in_trailing_space(space, 256)).unwrap();
        fill(&mut boxed, 200, 8, 1);
        assert_eq!(boxed.memory_size(), 256);
        fill(&mut boxed, 200, 8, 2);
        assert_eq!(boxed.memory_size(), 256 + FIRST_CHUNK);
    }

    #[test]
    #[cfg_attr(miri, ignore = "needs minutes")]
    fn chunks_grow_with_the_contents() {
        let mut arena = Arena::new();
        for _ in 0..100_000 {
            arena.alloc(2060, 4).unwrap();
        }
        assert!(arena.chunks.count() < 40, "{}", arena.chunks.count());
        assert!(arena.memory_size() < 2060 * 100_000 * 5 / 4);
    }

    #[test]
    #[cfg_attr(miri, ignore = "maps memory")]
    fn memory_is_prefaulted_window_by_window() {
        for chunks in [ChunkList::new(), ChunkList::of_small_pages()] {
            let mut arena = Arena::new();
            arena.chunks = chunks;
            let mut pieces = Vec::new();
            for round in 0..200usize {
                let size = (round * 7919) % 150_000;
                pieces.push(fill(&mut arena, size, 8, round as u8));
                assert!(arena.free <= MAPPED_CHUNK);
            }
            assert!(arena.memory_size() > 3 * MAPPED_CHUNK);
            // More than is prefaulted at once, in the current chunk and beyond it.
            let whole = arena.free + arena.unfaulted;
            pieces.push(fill(&mut arena, whole.max(MAPPED_CHUNK + 8) - 8, 1, 7));
            pieces.push(fill(&mut arena, 3 * MAPPED_CHUNK, 16, 8));
            check(&pieces);
        }
    }

    #[test]
    fn impossible_sizes_are_errors() {
        let mut arena = Arena::new();
        assert!(arena.alloc(usize::MAX, 1).is_err());
        assert!(arena.alloc(usize::MAX - 7, 8).is_err());
        assert!(arena.alloc(isize::MAX as usize, 8).is_err());
        fill(&mut arena, 100, 8, 1);
        for below in 0..5000 {
            assert!(arena.alloc(usize::MAX - below, 16).is_err(), "{below}");
        }
    }

    #[test]
    fn an_empty_piece_needs_no_memory() {
        let mut arena = Arena::new();
        assert_eq!(arena.alloc(0, 8).unwrap().addr().get() % 8, 0);
    }
}
