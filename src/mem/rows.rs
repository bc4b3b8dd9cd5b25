//! The rows of a result in memory. Only this module reads values through raw pointers.
//!
//! A row is a tagged pointer to a block. In most blocks an array of offsets, one for each column, is followed by the
//! encoded row as it was received. There a value's length is in the four bytes before it. The first byte of the next
//! length is zero for lengths under 16 MB, and so terminates the value as a C string. Binary values, and rows of 16 MB
//! and more, are copied one by one into the same form, each aligned. A row changed by `PQsetvalue` is an array of
//! [`Cell`]s instead, and with [`Layout::Libpq`] every row is.

mod append;
mod block;
mod cells;
mod copy;
mod encoded;
mod shape;
mod table;

pub use block::FastValue;
pub use encoded::{EncodedRow, ValueSource};
pub use shape::{Form, Layout, Shape};
pub use table::NoRoom;

use super::OutOfMemory;
use super::arena::Arena;
use super::trailing::TrailingSpace;
use block::{Block, CELLS, Place, tagged};
use cells::Cell;
use encoded::PIECE;
use shape::ALIGN;
use std::ffi::{c_char, c_void};
use std::mem::size_of;
use std::ptr::NonNull;
use table::RowTable;

/// A value for C: `ptr` is NUL-terminated and never NULL.
#[derive(Debug, Clone, Copy)]
pub struct Value {
    pub ptr: *const c_char,
    pub len: i32,
    pub null: bool,
}

/// Rows that all have the same number of columns.
///
/// They must not move while C programs read them, because cells refer to the empty string.
#[repr(C)]
pub struct Rows {
    /// The first field, so that its head is at the start of the result.
    table: RowTable,
    arena: Arena,
    form: Form,
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

    /// No rows yet. They will be stored in `space` first, which is as long as [`Rows::trailing_space_for`] says.
    #[inline(always)]
    pub fn in_trailing_space(space: TrailingSpace, shape: Shape, bytes: usize) -> Rows {
        let whole = space.len();
        let (table, rest) = RowTable::in_trailing_space(space, first_rows(bytes), shape);
        Rows {
            table,
            arena: Arena::in_trailing_space(rest, whole),
            form: shape.form,
            empty: [0],
        }
    }

    /// The trailing space that [`Rows::in_trailing_space`] needs for `bytes` bytes of DataRow bodies. If these are one
    /// row, it is exactly enough.
    pub fn trailing_space_for(shape: Shape, bytes: usize) -> usize {
        let pointers = first_rows(bytes) * size_of::<*mut u8>();
        let values = shape.columns as usize * shape.form.overhead();
        // The first value is aligned too. Short rows and values are copied in pieces, and the last piece may extend past
        // their end.
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

    /// Sets the pointer to the columns' descriptions that C programs read.
    pub fn set_descriptions(&mut self, descriptions: *const c_void) {
        self.table.head.descriptions = descriptions;
    }

    /// The bytes allocated for rows, values and [`Rows::alloc`].
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
    fn empty_place(&self) -> *const u8 {
        self.empty.as_ptr()
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

    /// The value for C, or None if there is no such row or column.
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
        // SAFETY: `len` bytes are at the value's pointer and live as long as `self`.
        Some(Some(unsafe {
            std::slice::from_raw_parts(value.ptr.cast(), len)
        }))
    }

    /// The value, if there is such a row and column and its block has short offsets. Otherwise use [`Rows::value`].
    #[inline(always)]
    pub fn fast_value(&self, row: u32, column: u32) -> Option<FastValue> {
        if row >= self.len() || column >= self.columns() {
            return None;
        }
        // SAFETY: `row` is in the table, and has `columns` columns.
        unsafe { FastValue::in_row(self.table.get(row), column) }
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

    /// The row as an array of cells. A row of another form is converted.
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
}

/// What tests read of rows in memory.
#[cfg(test)]
impl Rows {
    /// A value as C programs read it through the head; None if there is no such value, or no array of cells.
    pub fn value_in_c_layout(&self, row: u32, column: u32) -> Option<Option<&[u8]>> {
        #[repr(C)]
        struct CValue {
            length: i32,
            start: *const u8,
        }
        let head = &self.table.head;
        if row >= head.rows || column >= head.columns || head.tuples.is_null() {
            return None;
        }
        // SAFETY: C libpq's results have this layout; there is such a row and such a column.
        unsafe {
            let cells = *head.tuples.cast::<*const CValue>().add(row as usize);
            let CValue { length, start } = cells.add(column as usize).read();
            let Ok(length) = usize::try_from(length) else {
                assert_eq!((length, start), (-1, self.empty_place()));
                return Some(None);
            };
            let bytes = std::slice::from_raw_parts(start, length);
            assert_eq!(start.add(length).read(), 0);
            Some(Some(bytes))
        }
    }

    /// Whether a NUL follows the value.
    pub fn is_terminated(&self, row: u32, column: u32) -> bool {
        let value = self.value(row, column).expect("a value");
        // SAFETY: the value has `len` bytes, and the one after them is to be tested.
        unsafe { value.ptr.add(value.len as usize).read() == 0 }
    }
}

/// How many row pointers the trailing space for `bytes` bytes of rows begins with.
fn first_rows(bytes: usize) -> usize {
    const SMALL_ROW: usize = 64;
    // At least one.
    (bytes / SMALL_ROW).min(16) | 1
}

// SAFETY: rows own the memory they point to.
unsafe impl Send for Rows {}
// SAFETY: shared rows are only read.
unsafe impl Sync for Rows {}
