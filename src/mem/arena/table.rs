//! The pointers to a result's rows.

use super::data_row::RowError;
use super::shape::{Head, Layout, Shape};
use crate::mem::OutOfMemory;
use crate::mem::tail::{self, Tail};
use std::mem::{align_of, size_of};
use std::ptr::{self, NonNull};

/// libpq: row numbers are C ints.
const MAX_ROWS: u32 = i32::MAX as u32;
const FIRST_ALLOCATED: u32 = 128;

/// A growing array of row pointers, first in a tail, then in a block of its own.
#[repr(C)]
pub struct RowTable {
    /// First, where C programs look for it.
    pub head: Head,
    rows: NonNull<*mut u8>,
    capacity: u32,
    owned: bool,
}

impl RowTable {
    pub const fn new(shape: Shape) -> RowTable {
        RowTable {
            head: Head {
                rows: 0,
                columns: shape.columns,
                descriptions: shape.descriptions,
                tuples: ptr::null(),
            },
            rows: NonNull::dangling(),
            capacity: 0,
            owned: false,
        }
    }

    /// A table that begins with room for `capacity` rows at the front of `tail`, and what is left of it. If they do not
    /// fit, the table begins without room.
    #[inline(always)]
    pub fn in_tail(tail: Tail, capacity: usize, shape: Shape) -> (RowTable, Tail) {
        let size = capacity * size_of::<*mut u8>();
        let mut table = RowTable::new(shape);
        let Some((rows, rest)) = tail.split(size, align_of::<*mut u8>()) else {
            return (table, tail);
        };
        table.capacity = capacity as u32;
        table.stand_at(rows.cast(), shape.form.layout());
        (table, rest)
    }

    /// The array is at `rows` now.
    #[inline(always)]
    fn stand_at(&mut self, rows: NonNull<*mut u8>, layout: Layout) {
        self.rows = rows;
        if layout == Layout::Libpq {
            self.head.tuples = rows.as_ptr();
        }
    }

    #[inline(always)]
    pub fn len(&self) -> u32 {
        self.head.rows
    }

    /// How many rows can be added before it has to grow.
    pub fn room(&self) -> usize {
        (self.capacity - self.len()) as usize
    }

    /// Bytes in the table's own block.
    pub fn allocated(&self) -> usize {
        if self.owned {
            self.capacity as usize * size_of::<*mut u8>()
        } else {
            0
        }
    }

    /// # Safety
    /// `row < len`.
    #[inline(always)]
    pub unsafe fn get(&self, row: u32) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { self.rows.add(row as usize).read() }
    }

    /// # Safety
    /// `row < len`.
    pub unsafe fn set(&mut self, row: u32, pointer: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { self.rows.add(row as usize).write(pointer) };
    }

    /// Makes room for one more row.
    #[inline(always)]
    pub fn reserve(&mut self, layout: Layout) -> Result<(), RowError> {
        if self.len() == self.capacity {
            self.grow(layout)
        } else {
            Ok(())
        }
    }

    /// Adds a row, for which [`RowTable::reserve`] made room.
    #[inline(always)]
    pub fn push(&mut self, pointer: *mut u8) {
        let len = self.len();
        assert!(len < self.capacity);
        // SAFETY: the table has room for `capacity` rows.
        unsafe { self.rows.add(len as usize).write(pointer) };
        self.head.rows = len + 1;
    }

    #[cold]
    fn grow(&mut self, layout: Layout) -> Result<(), RowError> {
        if self.capacity == MAX_ROWS {
            return Err(RowError::TooManyRows);
        }
        let doubled = self.capacity.saturating_mul(2);
        let capacity = doubled.clamp(FIRST_ALLOCATED, MAX_ROWS);
        let rows = self.moved(capacity as usize * size_of::<*mut u8>())?;
        self.stand_at(rows, layout);
        self.capacity = capacity;
        self.owned = true;
        Ok(())
    }

    /// The rows in a block of `size` bytes, larger than the one before, which is gone then.
    fn moved(&self, size: usize) -> Result<NonNull<*mut u8>, OutOfMemory> {
        if self.owned {
            // SAFETY: an owned table stands in a block from malloc.
            let block = unsafe { libc::realloc(self.rows.as_ptr().cast(), size) };
            return NonNull::new(block.cast()).ok_or(OutOfMemory);
        }
        let block = tail::malloc(size)?.cast();
        // SAFETY: `len` rows stand at the old place, and the new one is larger.
        unsafe { block.copy_from_nonoverlapping(self.rows, self.len() as usize) };
        Ok(block)
    }
}

impl Drop for RowTable {
    fn drop(&mut self) {
        if self.owned {
            // SAFETY: an owned table stands in a block from malloc.
            unsafe { libc::free(self.rows.as_ptr().cast()) };
        }
    }
}
