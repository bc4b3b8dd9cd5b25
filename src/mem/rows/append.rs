//! Adds encoded rows quickly: many at once, without a call for each. Only the plain case is handled here.

use super::block::{CELLS, Offset, SHORT, tagged};
use super::cells;
use super::encoded::{EncodedRow, PIECE, length_at};
use super::shape::{ALIGN, Form, Layout};
use super::{Rows, block};
use crate::mem::arena::FreeSpace;
use std::mem::size_of;
use std::ptr::NonNull;

const MOST_PIECES: usize = 8;

impl Rows {
    /// Adds rows, at most `most`. Stops at a row that is not plain (it is not valid, too long for short offsets, or the
    /// first one in new memory) and returns that row; [`Rows::push_encoded`] can add it.
    #[inline(always)]
    pub fn push_plain_rows<'a>(
        &mut self,
        rows: &mut impl Iterator<Item = EncodedRow<'a>>,
        most: usize,
    ) -> Option<EncodedRow<'a>> {
        if self.layout() == Layout::Libpq {
            return self.push_rows_as_cells(rows, most);
        }
        let columns = self.columns() as usize;
        if self.form == Form::Whole {
            self.push_each(rows, most, |space, row| push_whole(space, row, columns))
        } else {
            self.push_each(rows, most, |space, row| push_aligned(space, row, columns))
        }
    }

    // A function of its own, so that the usual case stays small.
    #[inline(never)]
    fn push_rows_as_cells<'a>(
        &mut self,
        rows: &mut impl Iterator<Item = EncodedRow<'a>>,
        most: usize,
    ) -> Option<EncodedRow<'a>> {
        let (columns, align) = (self.columns() as usize, self.form.align());
        let empty = self.empty_place();
        self.push_each(rows, most, |space, row| {
            push_cells(space, row, columns, align, empty)
        })
    }

    #[inline(always)]
    fn push_each<'a>(
        &mut self,
        rows: &mut impl Iterator<Item = EncodedRow<'a>>,
        most: usize,
        push: impl Fn(&mut FreeSpace<'_>, &EncodedRow<'a>) -> Option<*mut u8>,
    ) -> Option<EncodedRow<'a>> {
        let Rows { table, arena, .. } = self;
        let mut space = arena.free_space();
        for row in rows.take(most.min(table.room())) {
            let Some(pointer) = push(&mut space, &row) else {
                return Some(row);
            };
            table.push(pointer);
        }
        None
    }

    /// Adds one row; false if it is not plain. Not with [`Layout::Libpq`].
    #[inline(always)]
    pub fn push_plain(&mut self, row: &EncodedRow<'_>) -> bool {
        let columns = self.columns() as usize;
        if self.form == Form::Whole {
            self.push_one(|space| push_whole(space, row, columns))
        } else {
            self.push_one(|space| push_aligned(space, row, columns))
        }
    }

    /// The same with [`Layout::Libpq`].
    #[inline(always)]
    pub fn push_plain_to_cells(&mut self, row: &EncodedRow<'_>) -> bool {
        let (columns, align) = (self.columns() as usize, self.form.align());
        let empty = self.empty_place();
        self.push_one(|space| push_cells(space, row, columns, align, empty))
    }

    #[inline(always)]
    fn push_one(&mut self, push: impl FnOnce(&mut FreeSpace<'_>) -> Option<*mut u8>) -> bool {
        if self.table.room() == 0 {
            return false;
        }
        let Some(row) = push(&mut self.arena.free_space()) else {
            return false;
        };
        self.table.push(row);
        true
    }
}

/// Copies a row as [`Rows::push_encoded`] does with [`Form::Whole`].
#[inline(always)]
fn push_whole(space: &mut FreeSpace<'_>, row: &EncodedRow<'_>, columns: usize) -> Option<*mut u8> {
    let (data, readable) = (row.data(), row.readable());
    let head = columns * size_of::<u16>();
    let len = head + data.len() + 1;
    if len > usize::from(u16::MAX) {
        return None;
    }
    let block = space.place(len + PIECE, size_of::<u32>())?;
    // SAFETY: the block has `len` bytes, and as many more as the last piece may need; so have the bytes that are read.
    // Every offset is that of a value found inside `data`.
    unsafe {
        let copy = block.add(head);
        if data.len() <= PIECE * MOST_PIECES && readable.len() >= data.len() + PIECE {
            let from = NonNull::from(readable).cast::<u8>();
            let mut at = 0;
            while at < data.len() {
                let piece = from.add(at).cast::<[u8; PIECE]>().read();
                copy.add(at).cast::<[u8; PIECE]>().write(piece);
                at += PIECE;
            }
        } else {
            copy.copy_from_nonoverlapping(NonNull::from(data).cast(), data.len());
        }
        copy.add(data.len()).write(0);
        let mut at = 0;
        for column in 0..columns {
            let left = data.len() - at;
            if left < size_of::<u32>() {
                return None;
            }
            // Read from `data`: a read from the copy would wait for the larger pieces just written there.
            let word = data.as_ptr().add(at).cast::<[u8; 4]>().read();
            let length = u32::from_be_bytes(word);
            let mut offset = head + at + size_of::<u32>();
            if length as usize <= left - size_of::<u32>() {
                at += length as usize;
            } else if (length as i32) < 0 {
                // Terminates the value before, because the length of NULL does not begin with zero.
                copy.add(at).write(0);
                offset = 0;
            } else {
                return None;
            }
            at += size_of::<u32>();
            let place = block.cast::<u16>().add(column);
            place.write(u16::from_usize(offset));
        }
        if at != data.len() {
            return None;
        }
        space.allocate_to(block.add(len));
    }
    Some(tagged(block, SHORT))
}

/// Copies values one by one, as with [`Form::Aligned`].
#[inline(always)]
fn push_aligned(
    space: &mut FreeSpace<'_>,
    row: &EncodedRow<'_>,
    columns: usize,
) -> Option<*mut u8> {
    let data = row.data();
    let head = columns * size_of::<u16>();
    let most = head + data.len() + columns * ALIGN;
    if most > usize::from(u16::MAX) {
        return None;
    }
    let block = space.place(most, ALIGN)?;
    let mut rest = data;
    let mut end = head;
    for column in 0..columns {
        let length = length_at(rest, 0)?;
        rest = &rest[size_of::<u32>()..];
        let mut start = 0;
        if let Ok(length) = usize::try_from(length) {
            let (value, behind) = rest.split_at_checked(length)?;
            rest = behind;
            start = (end + size_of::<u32>()).next_multiple_of(ALIGN);
            end = start + length + 1;
            // SAFETY: in addition to its length and its own bytes a value takes at most ALIGN bytes, so all of them fit
            // into `most`.
            unsafe { write_value(block.add(start), value) };
        }
        // SAFETY: the block begins with an offset for each column, and is aligned to 8.
        unsafe {
            block
                .cast::<u16>()
                .add(column)
                .write(u16::from_usize(start))
        };
    }
    if !rest.is_empty() {
        return None;
    }
    // SAFETY: `end <= most`, which the block is long.
    space.allocate_to(unsafe { block.add(end) });
    Some(tagged(block, SHORT))
}

/// Fills an array of cells, as with [`Form::Cells`].
#[inline(always)]
fn push_cells(
    space: &mut FreeSpace<'_>,
    row: &EncodedRow<'_>,
    columns: usize,
    align: usize,
    empty: *const u8,
) -> Option<*mut u8> {
    let most = cells::row_size(columns, row.data().len() + PIECE, align)?;
    let block = space.place(most, ALIGN)?;
    // SAFETY: the block is as long and aligned.
    let end = unsafe { cells::copy_encoded(block, row, columns, align, empty) }?;
    space.allocate_to(end);
    Some(tagged(block, CELLS))
}

/// Writes a value with its length and its NUL. The most frequent size, eight bytes, needs no call.
///
/// # Safety
/// As for [`super::block::write_value`].
#[inline(always)]
unsafe fn write_value(start: NonNull<u8>, value: &[u8]) {
    // SAFETY: the caller's promise.
    unsafe {
        match <&[u8; 8]>::try_from(value) {
            Ok(value) => block::write_value(start, value),
            Err(_) => block::write_value(start, value),
        }
    }
}
