//! The pointers to a result's rows.

use super::shape::{Head, Layout, Shape};
use crate::mem::OutOfMemory;
use crate::mem::trailing::{self, TrailingSpace};
use std::mem::{align_of, size_of};
use std::ptr::{self, NonNull};

/// libpq: row numbers are C ints.
const MAX_ROWS: u32 = i32::MAX as u32;
const FIRST_ALLOCATED: u32 = 128;

/// Why a row was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRoom {
    OutOfMemory,
    TooManyRows,
}

impl From<OutOfMemory> for NoRoom {
    fn from(_: OutOfMemory) -> NoRoom {
        NoRoom::OutOfMemory
    }
}

/// A growable array of row pointers. It begins in trailing space and moves to an allocation of its own when it grows.
#[repr(C)]
pub struct RowTable {
    /// The first field: C programs read it at the start of the result.
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

    /// A table with capacity for `capacity` rows at the start of `space`, and the rest of `space`. If they do not fit,
    /// the table begins with no capacity.
    #[inline(always)]
    pub fn in_trailing_space(
        space: TrailingSpace,
        capacity: usize,
        shape: Shape,
    ) -> (RowTable, TrailingSpace) {
        let size = capacity * size_of::<*mut u8>();
        let mut table = RowTable::new(shape);
        let Some((rows, rest)) = space.split(size, align_of::<*mut u8>()) else {
            return (table, space);
        };
        table.capacity = capacity as u32;
        table.use_array(rows.cast(), shape.form.layout());
        (table, rest)
    }

    /// Makes `rows` the array.
    #[inline(always)]
    fn use_array(&mut self, rows: NonNull<*mut u8>, layout: Layout) {
        self.rows = rows;
        if layout == Layout::Libpq {
            self.head.tuples = rows.as_ptr();
        }
    }

    #[inline(always)]
    pub fn len(&self) -> u32 {
        self.head.rows
    }

    /// How many rows can be added before the table has to grow.
    pub fn room(&self) -> usize {
        (self.capacity - self.len()) as usize
    }

    /// The size of the table's own allocation.
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
    pub fn reserve(&mut self, layout: Layout) -> Result<(), NoRoom> {
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
    fn grow(&mut self, layout: Layout) -> Result<(), NoRoom> {
        if self.capacity == MAX_ROWS {
            return Err(NoRoom::TooManyRows);
        }
        let doubled = self.capacity.saturating_mul(2);
        let capacity = doubled.clamp(FIRST_ALLOCATED, MAX_ROWS);
        let rows = self.reallocate(capacity as usize * size_of::<*mut u8>())?;
        self.use_array(rows, layout);
        self.capacity = capacity;
        self.owned = true;
        Ok(())
    }

    /// Moves the rows to an allocation of `size` bytes, which is larger than the old one.
    fn reallocate(&self, size: usize) -> Result<NonNull<*mut u8>, OutOfMemory> {
        if self.owned {
            // SAFETY: an owned table is in a block from malloc.
            let block = unsafe { libc::realloc(self.rows.as_ptr().cast(), size) };
            return NonNull::new(block.cast()).ok_or(OutOfMemory);
        }
        let block = trailing::malloc(size)?.cast();
        // SAFETY: `len` rows are at the old place, and the new one is larger.
        unsafe { block.copy_from_nonoverlapping(self.rows, self.len() as usize) };
        Ok(block)
    }
}

impl Drop for RowTable {
    fn drop(&mut self) {
        if self.owned {
            // SAFETY: an owned table is in a block from malloc.
            unsafe { libc::free(self.rows.as_ptr().cast()) };
        }
    }
}
