//! Rows changed by the program: an array of pointers and lengths.

use super::Arena;
use crate::mem::OutOfMemory;
use std::mem::size_of;
use std::ptr::{self, NonNull};

const NULL_LENGTH: i32 = -1;
/// libpq aligns what it copies for a program.
const ALIGN: usize = 8;

/// A value elsewhere in the arena; NULL and the empty value have no pointer.
pub struct Cell {
    start: *const u8,
    length: i32,
}

impl Cell {
    const NULL: Cell = Cell {
        start: ptr::null(),
        length: NULL_LENGTH,
    };

    /// A value of `length` bytes at `start`, NUL-terminated.
    pub fn at(start: *const u8, length: i32) -> Cell {
        Cell { start, length }
    }

    /// A copy of `value` in `arena`.
    pub fn copy_of(arena: &mut Arena, value: Option<&[u8]>) -> Result<Cell, OutOfMemory> {
        let Some(value) = value else {
            return Ok(Cell::NULL);
        };
        let length = i32::try_from(value.len()).map_err(|_| OutOfMemory)?;
        if value.is_empty() {
            return Ok(Cell::at(ptr::null(), 0));
        }
        let copy = arena.alloc(value.len() + 1, ALIGN)?;
        // SAFETY: the piece has room for the value and its NUL.
        unsafe {
            copy.copy_from_nonoverlapping(NonNull::from(value).cast(), value.len());
            copy.add(value.len()).write(0);
        }
        Ok(Cell::at(copy.as_ptr(), length))
    }

    #[inline]
    pub fn start(&self) -> *const u8 {
        self.start
    }

    /// The length, 0 for NULL.
    #[inline]
    pub fn length(&self) -> i32 {
        self.length.max(0)
    }

    #[inline]
    pub fn is_null(&self) -> bool {
        self.length == NULL_LENGTH
    }
}

/// An array of `count` NULLs in `arena`.
pub fn nulls(arena: &mut Arena, count: u32) -> Result<NonNull<Cell>, OutOfMemory> {
    let size = size_of::<Cell>()
        .checked_mul(count as usize)
        .ok_or(OutOfMemory)?;
    let cells = arena.alloc(size, ALIGN)?.cast::<Cell>();
    for index in 0..count as usize {
        // SAFETY: the piece is `count` cells long and aligned for them.
        unsafe { cells.add(index).write(Cell::NULL) };
    }
    Ok(cells)
}
