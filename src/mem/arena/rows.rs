//! The rows of a result, kept in an arena: the one place that reads values through raw pointers.
//!
//! A row is a tagged pointer to a block. In most blocks an offset for each column is followed by
//! the body of the DataRow message as it came: a value's length stands in the four bytes before
//! it, and the first byte of the next length, zero for lengths under 16 MB, ends it as a C
//! string. Binary values and rows of 16 MB are copied one by one into the same form, each
//! aligned. A row changed by `PQsetvalue` is an array of [`Cell`]s instead, and with [`Layout::Libpq`]
//! every row is.

use super::Arena;
pub use super::block::Near;
use super::block::{self, Block, CELLS, Offset, Place, TAG, tagged};
use super::cells::{self, Cell};
pub use super::data_row::RowError;
use super::data_row::{Fields, PIECE};
use super::shape::ALIGN;
pub use super::shape::{Form, Layout, Shape};
pub use super::stream::PlainRow;
use super::table::RowTable;
use crate::mem::OutOfMemory;
use crate::mem::tail::Tail;
use std::ffi::{c_char, c_void};
use std::mem::size_of;
use std::ptr::NonNull;

/// Rows of this size may hold a value whose length word does not begin with a zero byte.
const MAX_WHOLE: usize = 1 << 24;

/// A value as C sees it: `ptr` is NUL-terminated and never NULL.
#[derive(Debug, Clone, Copy)]
pub struct Value {
    pub ptr: *const c_char,
    pub len: i32,
    pub null: bool,
}

/// Rows of one number of columns.
///
/// They must not move while C programs read them: cells refer to the empty string.
#[repr(C)]
pub struct Rows {
    /// First, for its head.
    pub(super) table: RowTable,
    pub(super) arena: Arena,
    pub(super) form: Form,
    empty: [u8; 1],
}

impl Rows {
    /// No rows, in an arena of its own.
    pub const fn new(layout: Layout) -> Rows {
        let shape = Shape::new(layout);
        Rows {
            table: RowTable::new(shape),
            arena: Arena::new(),
            form: shape.form,
            empty: [0],
        }
    }

    /// No rows yet, to go to `tail` first, as long as [`Rows::tail_for`] says.
    #[inline(always)]
    pub fn in_tail(tail: Tail, shape: Shape, bytes: usize) -> Rows {
        let whole = tail.len();
        let (table, rest) = RowTable::in_tail(tail, first_rows(bytes), shape);
        Rows {
            table,
            arena: Arena::in_tail(rest, whole),
            form: shape.form,
            empty: [0],
        }
    }

    /// The tail that [`Rows::in_tail`] needs for `bytes` bytes of DataRow bodies; exactly enough
    /// if they are one row's.
    pub fn tail_for(shape: Shape, bytes: usize) -> usize {
        let pointers = first_rows(bytes) * size_of::<*mut u8>();
        let values = shape.columns as usize * shape.form.overhead();
        // The first value is aligned too. Short rows and values are copied in pieces, the last of which may reach further
        // than they do.
        (pointers + ALIGN + PIECE + values).saturating_add(bytes)
    }

    /// The number of rows, at most `i32::MAX`.
    #[inline]
    pub fn len(&self) -> u32 {
        self.table.len()
    }

    #[inline]
    pub fn columns(&self) -> u32 {
        self.table.head.columns
    }

    pub fn layout(&self) -> Layout {
        self.form.layout()
    }

    #[inline(always)]
    pub fn shape(&self) -> Shape {
        Shape {
            columns: self.columns(),
            form: self.form,
            descriptions: self.table.head.descriptions,
        }
    }

    /// Sets the number of columns while there is no row; with `aligned`, values start at multiples of 8.
    pub fn set_columns(&mut self, columns: u32, aligned: bool) {
        if self.len() == 0 {
            self.table.head.columns = columns;
            self.form = Form::of(self.layout(), aligned);
        }
    }

    /// Tells C programs where the columns' descriptions are.
    pub fn show_descriptions(&mut self, descriptions: *const c_void) {
        self.table.head.descriptions = descriptions;
    }

    /// Bytes held for rows, values and pieces.
    pub fn memory_size(&self) -> usize {
        self.arena.memory_size() + self.table.allocated()
    }

    /// `size` bytes that live as long as the rows, aligned for any type.
    pub fn alloc(&mut self, size: usize) -> Result<NonNull<u8>, OutOfMemory> {
        self.arena.alloc(size, 16)
    }

    /// An empty C string that lives as long as the rows.
    pub fn empty_string(&self) -> *const c_char {
        self.empty.as_ptr().cast()
    }

    /// The same, for cells.
    #[inline(always)]
    pub(super) fn empty_place(&self) -> *const u8 {
        self.empty.as_ptr()
    }

    /// Adds the row in the body of a DataRow message.
    pub fn push_wire(&mut self, body: &[u8]) -> Result<(), RowError> {
        let Some((count, data)) = body.split_first_chunk::<2>() else {
            return Err(RowError::InsufficientData);
        };
        let columns = self.columns();
        if u32::from(u16::from_be_bytes(*count)) != columns {
            return Err(RowError::FieldCount);
        }
        self.table.reserve(self.form.layout())?;
        let row = if self.form != Form::Whole || data.len() >= MAX_WHOLE {
            let mut fields = Fields { rest: data };
            let row = self.copy_values(data.len(), || fields.next())?;
            fields.finish()?;
            row
        } else if whole_len::<u16>(columns, data) <= usize::from(u16::MAX) {
            self.copy_whole::<u16>(data)?
        } else {
            self.copy_whole::<u32>(data)?
        };
        self.table.push(row);
        Ok(())
    }

    /// Adds a copy of a row of `other`, which has as many columns, with aligned values.
    pub fn push_copy(&mut self, other: &Rows, row: u32) -> Result<(), RowError> {
        let columns = self.columns();
        if other.columns() != columns {
            return Err(RowError::FieldCount);
        }
        self.table.reserve(self.form.layout())?;
        let values = |column: u32| other.bytes(row, column).flatten();
        let size: usize = (0..columns)
            .map(|column| 4 + values(column).map_or(0, <[u8]>::len))
            .sum();
        let mut columns = 0..columns;
        let row = self.copy_values(size, || Ok(columns.next().and_then(values)))?;
        self.table.push(row);
        Ok(())
    }

    /// Adds a row of NULLs.
    pub fn push_nulls(&mut self) -> Result<(), RowError> {
        self.table.reserve(self.form.layout())?;
        let (columns, empty) = (self.columns(), self.empty_place());
        let cells = cells::nulls(&mut self.arena, columns, empty)?;
        self.table.push(tagged(cells.cast(), CELLS));
        Ok(())
    }

    /// Replaces a value with a copy of `value`; false if there is no such row or column.
    pub fn set(
        &mut self,
        row: u32,
        column: u32,
        value: Option<&[u8]>,
    ) -> Result<bool, OutOfMemory> {
        if row >= self.len() || column >= self.columns() {
            return Ok(false);
        }
        let cells = self.cells_of(row)?;
        let empty = self.empty_place();
        let cell = Cell::copy_of(&mut self.arena, value, empty)?;
        // SAFETY: `cells` is an array of `columns` cells, and `column < columns`.
        unsafe { cells.add(column as usize).write(cell) };
        Ok(true)
    }

    /// The value as C sees it, or None if there is no such row or column.
    pub fn value(&self, row: u32, column: u32) -> Option<Value> {
        let place = self.find(row, column)?;
        Some(Value {
            ptr: self.pointer_to(place),
            len: block::length_at(place),
            null: block::is_null_at(place),
        })
    }

    /// The value's bytes (Some(None) for NULL), or None if there is no such row or column.
    pub fn bytes(&self, row: u32, column: u32) -> Option<Option<&[u8]>> {
        let value = self.value(row, column)?;
        if value.null {
            return Some(None);
        }
        let len = usize::try_from(value.len).unwrap_or(0);
        // SAFETY: `len` bytes stand at the value's pointer and live as long as `self`.
        Some(Some(unsafe {
            std::slice::from_raw_parts(value.ptr.cast(), len)
        }))
    }

    /// The value, if there is such a row and column and its block has short offsets; else [`Rows::value`] tells.
    #[inline(always)]
    pub fn near(&self, row: u32, column: u32) -> Option<Near> {
        if row >= self.len() || column >= self.columns() {
            return None;
        }
        // SAFETY: `row` is in the table, and has `columns` columns.
        unsafe { Near::in_row(self.table.get(row), column) }
    }

    fn find(&self, row: u32, column: u32) -> Option<Place> {
        if row >= self.len() || column >= self.columns() {
            return None;
        }
        let column = column as usize;
        // SAFETY: `row` is in the table; its block begins with an entry for each of `columns`, and an offset that is
        // not zero is one of a value in the block.
        unsafe {
            Some(match block::of(self.table.get(row)) {
                Block::Short(offsets) => block::wire(offsets.cast(), (*offsets.add(column)).into()),
                Block::Long(offsets) => block::wire(offsets.cast(), *offsets.add(column)),
                Block::Cells(cells) => Place::Cell(cells.add(column)),
            })
        }
    }

    fn pointer_to(&self, place: Place) -> *const c_char {
        let start = match place {
            Place::Wire(start) => NonNull::new(start.cast_mut()),
            // SAFETY: a place inside a live row.
            Place::Cell(cell) => unsafe { (*cell).start() },
        };
        start.map_or(self.empty_string(), |start| start.as_ptr().cast())
    }

    /// The row as an array of cells, turned into one if it was not.
    fn cells_of(&mut self, row: u32) -> Result<NonNull<Cell>, OutOfMemory> {
        // SAFETY: callers checked that `row < len`.
        if let Block::Cells(cells) = block::of(unsafe { self.table.get(row) })
            && let Some(cells) = NonNull::new(cells.cast_mut())
        {
            return Ok(cells);
        }
        let (columns, empty) = (self.columns(), self.empty_place());
        let cells = cells::nulls(&mut self.arena, columns, empty)?;
        for column in 0..columns {
            if let Some(Place::Wire(start)) = self.find(row, column)
                && !start.is_null()
            {
                let cell = Cell::at(start, block::length_at(Place::Wire(start)));
                // SAFETY: `cells` is an array of `columns` cells.
                unsafe { cells.add(column as usize).write(cell) };
            }
        }
        // SAFETY: as above, `row < len`.
        unsafe { self.table.set(row, tagged(cells.cast(), CELLS)) };
        Ok(cells)
    }

    /// Copies `data`, a DataRow body without its count, behind a table of offsets.
    #[inline]
    fn copy_whole<O: Offset>(&mut self, data: &[u8]) -> Result<*mut u8, RowError> {
        let columns = self.columns();
        let head = columns as usize * size_of::<O>();
        let block = self.arena.alloc(whole_len::<O>(columns, data), TAG + 1)?;
        // SAFETY: the block is `head + data.len() + 1` bytes long, so that everything below stays in it: each offset
        // is that of a field which `fields` found inside `data`.
        unsafe {
            let copy = block.add(head);
            copy.copy_from_nonoverlapping(NonNull::from(data).cast(), data.len());
            copy.add(data.len()).write(0);
            let offsets = block.cast::<O>();
            let mut fields = Fields { rest: data };
            for column in 0..columns as usize {
                let word = data.len() - fields.rest.len();
                let offset = if fields.next()?.is_some() {
                    head + word + size_of::<u32>()
                } else {
                    // Ends the value before: the length word of NULL does not begin with zero.
                    copy.add(word).write(0);
                    0
                };
                offsets.add(column).write(O::from_usize(offset));
            }
            fields.finish()?;
        }
        Ok(tagged(block, O::TAG))
    }

    /// Copies each value for itself. `size` is at least the sum of the values' lengths plus 4 for each.
    fn copy_values<'a>(
        &mut self,
        size: usize,
        next: impl FnMut() -> Result<Option<&'a [u8]>, RowError>,
    ) -> Result<*mut u8, RowError> {
        match self.layout() {
            Layout::Compact => self.copy_aligned(size, next),
            Layout::Libpq => self.copy_to_cells(size, next),
        }
    }

    fn copy_to_cells<'a>(
        &mut self,
        size: usize,
        next: impl FnMut() -> Result<Option<&'a [u8]>, RowError>,
    ) -> Result<*mut u8, RowError> {
        let (columns, align) = (self.columns() as usize, self.form.align());
        let len = cells::row_size(columns, size, align).ok_or(RowError::OutOfMemory)?;
        let block = self.arena.alloc(len, ALIGN)?;
        // SAFETY: the block is as long and aligned.
        unsafe {
            let end = cells::copy_row(block, columns, align, self.empty_place(), next)?;
            self.arena.give_back(end, block.add(len));
        }
        Ok(tagged(block, CELLS))
    }

    /// Copies each value behind its length, aligned.
    fn copy_aligned<'a>(
        &mut self,
        size: usize,
        next: impl FnMut() -> Result<Option<&'a [u8]>, RowError>,
    ) -> Result<*mut u8, RowError> {
        // Alignment and the NUL cost at most ALIGN bytes a value beside the 4 of its length.
        let columns = self.columns() as usize;
        let values = size
            .checked_add(columns * ALIGN)
            .ok_or(RowError::OutOfMemory)?;
        if columns * size_of::<u16>() + values <= usize::from(u16::MAX) {
            self.copy_each::<u16>(values, next)
        } else if values <= u32::MAX as usize - columns * size_of::<u32>() {
            self.copy_each::<u32>(values, next)
        } else {
            Err(RowError::OutOfMemory)
        }
    }

    fn copy_each<'a, O: Offset>(
        &mut self,
        values: usize,
        mut next: impl FnMut() -> Result<Option<&'a [u8]>, RowError>,
    ) -> Result<*mut u8, RowError> {
        let columns = self.columns() as usize;
        let head = columns * size_of::<O>();
        let len = head + values;
        let block = self.arena.alloc(len, ALIGN)?;
        let mut at = head;
        for column in 0..columns {
            let value = next()?;
            let start = value.map_or(0, |_| (at + size_of::<u32>()).next_multiple_of(ALIGN));
            // SAFETY: an offset for each column stands at the block's start, which is aligned to 8.
            unsafe { block.cast::<O>().add(column).write(O::from_usize(start)) };
            let Some(value) = value else { continue };
            at = start + value.len() + 1;
            assert!(at <= len && i32::try_from(value.len()).is_ok());
            // SAFETY: by the assertion the value and its NUL fit; its length stands in the bytes skipped.
            unsafe { block::write_value(block.add(start), value) };
        }
        // SAFETY: `at <= len`, the block's length.
        unsafe { self.arena.give_back(block.add(at), block.add(len)) };
        Ok(tagged(block, O::TAG))
    }
}

fn whole_len<O>(columns: u32, data: &[u8]) -> usize {
    columns as usize * size_of::<O>() + data.len() + 1
}

/// How many row pointers a tail for `bytes` bytes of rows begins with.
fn first_rows(bytes: usize) -> usize {
    const SMALL_ROW: usize = 64;
    // At least one.
    (bytes / SMALL_ROW).min(16) | 1
}

// SAFETY: rows own the memory they point to.
unsafe impl Send for Rows {}
// SAFETY: shared rows are only read.
unsafe impl Sync for Rows {}

#[cfg(test)]
mod tests;
