//! A bump allocator over chunks: everything in it is freed at once.

mod block;
mod cells;
mod chunk;
mod data_row;
pub mod rows;
mod shape;
mod stream;
mod table;

use super::OutOfMemory;
use super::tail::Tail;
use chunk::{Chunk, ChunkList};
use std::ptr::NonNull;

/// The first chunk's size; later ones grow with what the arena holds.
const FIRST_CHUNK: usize = 2 * 1024;
/// From here on chunks are mapped, aligned and backed by huge pages where the kernel has them.
const MAPPED_CHUNK: usize = 2 * 1024 * 1024;
const LARGEST_CHUNK: usize = 32 * 1024 * 1024;

/// Owns chunks of memory and hands out pieces that live until it is dropped.
pub struct Arena {
    cursor: NonNull<u8>,
    room: usize,
    /// Bytes of the chunk behind the room, which have to be opened first.
    closed: usize,
    chunks: ChunkList,
    tail: usize,
}

impl Arena {
    /// An arena that holds no memory yet.
    pub const fn new() -> Arena {
        Arena {
            cursor: NonNull::dangling(),
            room: 0,
            closed: 0,
            chunks: ChunkList::new(),
            tail: 0,
        }
    }

    /// An arena whose first memory is `tail`, the end of `whole` bytes that count as its own; it belongs to the box that
    /// the arena will be stored in.
    #[inline(always)]
    pub fn in_tail(tail: Tail, whole: usize) -> Arena {
        Arena {
            cursor: tail.start,
            room: tail.len,
            closed: 0,
            chunks: ChunkList::new(),
            tail: whole,
        }
    }

    /// `size` uninitialised bytes at a multiple of `align` (a power of two, at most 16).
    #[inline]
    pub fn alloc(&mut self, size: usize, align: usize) -> Result<NonNull<u8>, OutOfMemory> {
        let pad = self.cursor.addr().get().wrapping_neg() & (align - 1);
        let taken = size.checked_add(pad).ok_or(OutOfMemory)?;
        if taken > self.room {
            return self.alloc_further(size, taken, align);
        }
        // SAFETY: `room` bytes from the cursor on are this arena's, and `pad <= taken <= room`.
        let piece = unsafe { self.cursor.add(pad) };
        self.take(taken);
        Ok(piece)
    }

    /// Takes back the end of the newest piece, from `end` on, if nothing was allocated since.
    fn give_back(&mut self, end: NonNull<u8>, piece_end: NonNull<u8>) {
        if piece_end == self.cursor {
            self.room += piece_end.addr().get() - end.addr().get();
            self.cursor = end;
        }
    }

    /// Bytes this arena keeps allocated, its tail included.
    pub fn memory_size(&self) -> usize {
        self.tail + self.chunks.bytes()
    }

    fn take(&mut self, bytes: usize) {
        // SAFETY: callers checked that `bytes <= room`, so the cursor stays inside its chunk.
        self.cursor = unsafe { self.cursor.add(bytes) };
        self.room -= bytes;
    }

    #[cold]
    fn alloc_further(
        &mut self,
        size: usize,
        taken: usize,
        align: usize,
    ) -> Result<NonNull<u8>, OutOfMemory> {
        if taken - self.room <= self.closed {
            self.open(taken);
            return self.alloc(size, align);
        }
        self.alloc_in_new_chunk(size)
    }

    /// Makes room for `needed` bytes in the current chunk, which has as many.
    fn open(&mut self, needed: usize) {
        if needed > MAPPED_CHUNK {
            // A program may ask for much and use little of it: nothing is made present.
            self.room += self.closed;
            self.closed = 0;
        }
        while self.room < needed {
            // SAFETY: the closed part of the chunk begins where the room ends.
            let end = unsafe { self.cursor.add(self.room) };
            let opened = self.chunks.open(end, self.closed);
            self.room += opened;
            self.closed -= opened;
        }
    }

    fn alloc_in_new_chunk(&mut self, size: usize) -> Result<NonNull<u8>, OutOfMemory> {
        let chunk = self.new_chunk(size)?;
        let left = chunk.len - size;
        // The older chunk stays the current one when it has more room left (an object with a chunk of its own).
        if left > self.room + self.closed {
            self.cursor = chunk.start;
            self.room = chunk.open;
            self.closed = chunk.len - chunk.open;
            self.open(size);
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

// SAFETY: an arena owns its memory, and nothing else refers to it.
unsafe impl Send for Arena {}
// SAFETY: a shared arena only reports its size.
unsafe impl Sync for Arena {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::tail::TailBox;

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
        for round in 0..20_000usize {
            let size = (round * 7919) % 700;
            let align = [1, 2, 4, 8, 16][round % 5];
            pieces.push(fill(&mut arena, size, align, round as u8));
        }
        check(&pieces);
    }

    #[test]
    fn large_pieces_leave_the_current_chunk_in_use() {
        let mut arena = Arena::new();
        let mut pieces = vec![fill(&mut arena, 10, 1, 1)];
        let cursor = arena.cursor;
        // With the chunk's header it fills whole pages.
        pieces.push(fill(&mut arena, (5 << 20) - 32, 16, 2));
        assert_eq!(arena.cursor, cursor);
        pieces.push(fill(&mut arena, 10, 1, 3));
        check(&pieces);
        assert!(arena.memory_size() < (6 << 20));
    }

    #[test]
    fn the_tail_is_used_first() {
        let mut boxed = TailBox::with_tail(256, |tail| Arena::in_tail(tail, 256)).unwrap();
        fill(&mut boxed, 200, 8, 1);
        assert_eq!(boxed.memory_size(), 256);
        fill(&mut boxed, 200, 8, 2);
        assert_eq!(boxed.memory_size(), 256 + FIRST_CHUNK);
    }

    #[test]
    fn chunks_grow_with_the_contents() {
        let mut arena = Arena::new();
        for _ in 0..100_000 {
            arena.alloc(2060, 4).unwrap();
        }
        assert!(arena.chunks.count() < 40, "{}", arena.chunks.count());
        assert!(arena.memory_size() < 2060 * 100_000 * 5 / 4);
    }

    #[test]
    fn memory_is_opened_window_by_window() {
        for chunks in [ChunkList::new(), ChunkList::of_small_pages()] {
            let mut arena = Arena::new();
            arena.chunks = chunks;
            let mut pieces = Vec::new();
            for round in 0..200usize {
                let size = (round * 7919) % 150_000;
                pieces.push(fill(&mut arena, size, 8, round as u8));
                assert!(arena.room <= MAPPED_CHUNK);
            }
            assert!(arena.memory_size() > 3 * MAPPED_CHUNK);
            // More than is made present at once, in the current chunk and beyond it.
            let whole = arena.room + arena.closed;
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
        assert!(arena.alloc(usize::MAX, 16).is_err());
    }

    #[test]
    fn an_empty_piece_needs_no_memory_behind_it() {
        let mut arena = Arena::new();
        assert_eq!(arena.alloc(0, 8).unwrap().addr().get() % 8, 0);
    }
}
