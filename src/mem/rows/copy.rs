//! Adds rows of any form and size, one by one. [`super::append`] adds the usual ones faster.

use super::Rows;
use super::block::{self, CELLS, Offset, TAG, tagged};
use super::cells;
use super::encoded::ValueSource;
use super::shape::{ALIGN, Form, Layout};
use super::table::NoRoom;
use std::mem::size_of;
use std::ptr::NonNull;

/// Rows of this size may hold a value whose length does not begin with a zero byte.
const MAX_WHOLE: usize = 1 << 24;

impl Rows {
    /// Adds an encoded row, whose values `values` yields.
    pub fn push_encoded<'a, V: ValueSource<'a>>(
        &mut self,
        data: &'a [u8],
        values: V,
    ) -> Result<(), V::Error> {
        if self.form != Form::Whole || data.len() >= MAX_WHOLE {
            return self.push_values(data.len(), values);
        }
        self.table.reserve(self.form.layout())?;
        let row = if whole_len::<u16>(self.columns(), data) <= usize::from(u16::MAX) {
            self.copy_whole::<u16, V>(data, values)?
        } else {
            self.copy_whole::<u32, V>(data, values)?
        };
        self.table.push(row);
        Ok(())
    }

    /// Adds a row of copies of `values`. `size` is their size in an encoded row: the sum of the values' lengths, and 4
    /// for each column.
    pub fn push_values<'a, V: ValueSource<'a>>(
        &mut self,
        size: usize,
        mut values: V,
    ) -> Result<(), V::Error> {
        self.table.reserve(self.form.layout())?;
        let row = match self.layout() {
            Layout::Compact => self.copy_aligned(size, &mut values)?,
            Layout::Libpq => self.copy_to_cells(size, &mut values)?,
        };
        values.finish()?;
        self.table.push(row);
        Ok(())
    }

    /// Adds a row of NULLs.
    pub fn push_nulls(&mut self) -> Result<(), NoRoom> {
        self.table.reserve(self.form.layout())?;
        let (columns, empty) = (self.columns(), self.empty_place());
        let cells = cells::nulls(&mut self.arena, columns, empty)?;
        self.table.push(tagged(cells.cast(), CELLS));
        Ok(())
    }

    /// Copies the encoded row `data` after an array of offsets.
    #[inline]
    fn copy_whole<'a, O: Offset, V: ValueSource<'a>>(
        &mut self,
        data: &'a [u8],
        mut values: V,
    ) -> Result<*mut u8, V::Error> {
        let columns = self.columns();
        let head = columns as usize * size_of::<O>();
        let block = self.allocate(whole_len::<O>(columns, data), TAG + 1)?;
        // SAFETY: the block is `head + data.len() + 1` bytes long.
        let copy = unsafe {
            let copy = block.add(head);
            copy.copy_from_nonoverlapping(NonNull::from(data).cast(), data.len());
            copy.add(data.len()).write(0);
            copy
        };
        let mut at = 0;
        for column in 0..columns as usize {
            let value = values.next()?;
            let length_end = at + size_of::<u32>();
            let end = length_end + value.map_or(0, <[u8]>::len);
            assert!(end <= data.len());
            let offset = if value.is_some() {
                head + length_end
            } else {
                // Terminates the value before, because the length of NULL does not begin with zero.
                // SAFETY: `at` is inside of `data`.
                unsafe { copy.add(at).write(0) };
                0
            };
            // SAFETY: the block begins with an offset for each column and is aligned to 4.
            unsafe { block.cast::<O>().add(column).write(O::from_usize(offset)) };
            at = end;
        }
        values.finish()?;
        Ok(tagged(block, O::TAG))
    }

    fn copy_to_cells<'a, V: ValueSource<'a>>(
        &mut self,
        size: usize,
        values: &mut V,
    ) -> Result<*mut u8, V::Error> {
        let (columns, align) = (self.columns() as usize, self.form.align());
        let len = cells::row_size(columns, size, align).ok_or(NoRoom::OutOfMemory)?;
        let block = self.allocate(len, ALIGN)?;
        // SAFETY: the block is as long and aligned.
        unsafe {
            let end = cells::copy_row(block, columns, size, align, self.empty_place(), values)?;
            self.arena.give_back(end, block.add(len));
        }
        Ok(tagged(block, CELLS))
    }

    /// Copies each value after its length, aligned.
    fn copy_aligned<'a, V: ValueSource<'a>>(
        &mut self,
        size: usize,
        values: &mut V,
    ) -> Result<*mut u8, V::Error> {
        // In addition to the 4 bytes of its length, a value takes at most ALIGN bytes for padding and its NUL.
        let columns = self.columns() as usize;
        let most = size
            .checked_add(columns * ALIGN)
            .ok_or(NoRoom::OutOfMemory)?;
        if columns * size_of::<u16>() + most <= usize::from(u16::MAX) {
            self.copy_each::<u16, V>(most, values)
        } else if most <= u32::MAX as usize - columns * size_of::<u32>() {
            self.copy_each::<u32, V>(most, values)
        } else {
            Err(NoRoom::OutOfMemory.into())
        }
    }

    fn copy_each<'a, O: Offset, V: ValueSource<'a>>(
        &mut self,
        most: usize,
        values: &mut V,
    ) -> Result<*mut u8, V::Error> {
        let columns = self.columns() as usize;
        let head = columns * size_of::<O>();
        let len = head + most;
        let block = self.allocate(len, ALIGN)?;
        let mut at = head;
        for column in 0..columns {
            let value = values.next()?;
            let start = value.map_or(0, |_| (at + size_of::<u32>()).next_multiple_of(ALIGN));
            // SAFETY: the block begins with an offset for each column and is aligned to 8.
            unsafe { block.cast::<O>().add(column).write(O::from_usize(start)) };
            let Some(value) = value else { continue };
            at = start + value.len() + 1;
            assert!(at <= len && i32::try_from(value.len()).is_ok());
            // SAFETY: by the assertion the value and its NUL fit. Its length is in the bytes skipped.
            unsafe { block::write_value(block.add(start), value) };
        }
        // SAFETY: `at <= len`, the block's length.
        unsafe { self.arena.give_back(block.add(at), block.add(len)) };
        Ok(tagged(block, O::TAG))
    }

    #[inline]
    fn allocate(&mut self, size: usize, align: usize) -> Result<NonNull<u8>, NoRoom> {
        Ok(self.arena.alloc(size, align)?)
    }
}

fn whole_len<O>(columns: u32, data: &[u8]) -> usize {
    columns as usize * size_of::<O>() + data.len() + 1
}
