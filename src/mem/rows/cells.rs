//! Rows in C libpq's layout: an array of lengths and pointers. Rows that the program changes get this layout, and with
//! [`Layout::Libpq`](super::shape::Layout) all rows have it.

use super::encoded::{EncodedRow, PIECE, ValueSource, length_at};
use super::shape::ALIGN;
use super::table::NoRoom;
use crate::mem::OutOfMemory;
use crate::mem::arena::Arena;
use std::mem::{offset_of, size_of};
use std::ptr::NonNull;

const NULL_LENGTH: i32 = -1;

/// C's `PGresAttValue`: the length and the place of a value in the arena. `start` is never NULL, and the value is
/// NUL-terminated; for NULL, `start` points to the result's empty string.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Cell {
    length: i32,
    start: *const u8,
}

const _: () = assert!(size_of::<Cell>() == 16 && offset_of!(Cell, start) == 8);

impl Cell {
    /// NULL; `empty` is the result's empty string.
    pub fn null(empty: *const u8) -> Cell {
        Cell {
            length: NULL_LENGTH,
            start: empty,
        }
    }

    /// A value of `length` bytes at `start`, NUL-terminated.
    pub fn at(start: *const u8, length: i32) -> Cell {
        Cell { length, start }
    }

    /// A copy of `value` in `arena`.
    pub fn copy_of(
        arena: &mut Arena,
        value: Option<&[u8]>,
        empty: *const u8,
    ) -> Result<Cell, OutOfMemory> {
        let Some(value) = value else {
            return Ok(Cell::null(empty));
        };
        let length = i32::try_from(value.len()).map_err(|_| OutOfMemory)?;
        // libpq aligns the values that it copies for a program.
        let copy = arena.alloc(value.len() + 1, ALIGN)?;
        // SAFETY: the piece is large enough for the value and its NUL.
        unsafe { write_value(copy, value) };
        Ok(Cell::at(copy.as_ptr(), length))
    }

    /// None for NULL.
    #[inline]
    pub fn start(&self) -> Option<NonNull<u8>> {
        if self.is_null() {
            None
        } else {
            NonNull::new(self.start.cast_mut())
        }
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
pub fn nulls(
    arena: &mut Arena,
    count: u32,
    empty: *const u8,
) -> Result<NonNull<Cell>, OutOfMemory> {
    let size = size_of::<Cell>()
        .checked_mul(count as usize)
        .ok_or(OutOfMemory)?;
    let cells = arena.alloc(size, ALIGN)?.cast::<Cell>();
    for index in 0..count as usize {
        // SAFETY: the piece is `count` cells long and aligned for them.
        unsafe { cells.add(index).write(Cell::null(empty)) };
    }
    Ok(cells)
}

/// The most bytes that a row of `columns` columns takes if its values, with their lengths, take `encoded` bytes in a
/// message.
pub fn row_size(columns: usize, encoded: usize, align: usize) -> Option<usize> {
    // In the message each value has four bytes of length. Here it has a NUL, and at most `align - 1` bytes of padding.
    (columns * (size_of::<Cell>() + align)).checked_add(encoded)
}

/// Writes an array of cells, and after it copies of the row's values, each at a multiple of `align`. Returns the end of
/// the last value.
///
/// # Safety
/// `block` is aligned for cells and has as many bytes as [`row_size`] says for values that take `encoded` bytes.
pub unsafe fn copy_row<'a, V: ValueSource<'a>>(
    block: NonNull<u8>,
    columns: usize,
    mut encoded: usize,
    align: usize,
    empty: *const u8,
    values: &mut V,
) -> Result<NonNull<u8>, V::Error> {
    let cells = block.cast::<Cell>();
    // SAFETY: the block begins with a cell for each column.
    let mut end = unsafe { cells.add(columns) }.cast::<u8>();
    for column in 0..columns {
        let cell = match values.next()? {
            None => Cell::null(empty),
            Some(value) => {
                let length = i32::try_from(value.len()).map_err(|_| NoRoom::OutOfMemory)?;
                let left = encoded.checked_sub(size_of::<u32>() + value.len());
                encoded = left.expect("the values take as many bytes as the caller said");
                // SAFETY: the values still to come, this one included, take no more than the bytes that are left.
                unsafe {
                    let start = aligned(end, align);
                    write_value(start, value);
                    end = start.add(value.len() + 1);
                    Cell::at(start.as_ptr(), length)
                }
            }
        };
        // SAFETY: as above, `column < columns`.
        unsafe { cells.add(column).write(cell) };
    }
    Ok(end)
}

/// The same from an encoded row; None if it is not valid.
///
/// # Safety
/// `block` is aligned for cells and has [`PIECE`] bytes more than [`row_size`] says for this row.
#[inline(always)]
pub unsafe fn copy_encoded(
    block: NonNull<u8>,
    row: &EncodedRow<'_>,
    columns: usize,
    align: usize,
    empty: *const u8,
) -> Option<NonNull<u8>> {
    let (data, readable) = (row.data(), row.readable());
    let in_pieces = readable.len() >= data.len() + PIECE;
    let mut at = 0;
    // SAFETY: by the caller's promise everything stays in the block. A value is read inside of `data`, with which
    // `readable` begins, or up to PIECE bytes further if that much is readable.
    unsafe {
        let cells = block.cast::<Cell>();
        let mut end = cells.add(columns).cast::<u8>();
        for column in 0..columns {
            let length = length_at(data, at)?;
            at += size_of::<u32>();
            let mut cell = Cell::null(empty);
            if let Ok(size) = usize::try_from(length) {
                if size > data.len() - at {
                    return None;
                }
                let value = NonNull::from(readable).cast::<u8>().add(at);
                end = aligned(end, align);
                cell = Cell::at(end.as_ptr(), length);
                if in_pieces && size <= MOST_IN_PIECES {
                    copy_pieces(end, value, size);
                } else {
                    end.copy_from_nonoverlapping(value, size);
                }
                at += size;
                end = end.add(size);
                end.write(0);
                end = end.add(1);
            }
            cells.add(column).write(cell);
        }
        (at == data.len()).then_some(end)
    }
}

const MOST_IN_PIECES: usize = 4 * PIECE;

/// Copies `size` bytes, and up to [`PIECE`] bytes after them.
///
/// # Safety
/// That many bytes are readable and writable.
#[inline(always)]
unsafe fn copy_pieces(to: NonNull<u8>, from: NonNull<u8>, size: usize) {
    let mut at = 0;
    while at < size {
        // SAFETY: the caller's promise.
        unsafe {
            let piece = from.add(at).cast::<[u8; PIECE]>().read();
            to.add(at).cast::<[u8; PIECE]>().write(piece);
        }
        at += PIECE;
    }
}

/// # Safety
/// At least `align` bytes of the block come after `place`.
#[inline(always)]
unsafe fn aligned(place: NonNull<u8>, align: usize) -> NonNull<u8> {
    let pad = place.addr().get().wrapping_neg() & (align - 1);
    // SAFETY: the caller's promise.
    unsafe { place.add(pad) }
}

/// # Safety
/// `value.len() + 1` bytes from `to` on are writable.
unsafe fn write_value(to: NonNull<u8>, value: &[u8]) {
    // SAFETY: the caller's promise.
    unsafe {
        to.copy_from_nonoverlapping(NonNull::from(value).cast(), value.len());
        to.add(value.len()).write(0);
    }
}
