//! Many rows at once: the plain case, without calls and checks for each row.

use super::Arena;
use super::block::{CELLS, Offset, SHORT, tagged};
use super::cells;
use super::data_row::{PIECE, word_at};
use super::rows::Rows;
use super::shape::{ALIGN, Form, Layout};
use std::mem::size_of;
use std::ptr::NonNull;

/// The message's type and length, and the number of fields.
const HEAD: usize = 7;
const DATA_ROW: u8 = b'D';
const MOST_PIECES: usize = 8;

/// A row, found in a stream of messages.
pub struct PlainRow<'a> {
    data: &'a [u8],
    /// `data` and what follows it.
    readable: &'a [u8],
}

/// Where the next row goes.
struct Room {
    cursor: NonNull<u8>,
    left: usize,
}

impl Rows {
    /// Adds the rows of the DataRow messages that `stream` begins with, at most `most`, and tells how many bytes these
    /// messages take. It stops where a row is not plain: not whole, not valid, too long for short offsets, or the
    /// first one in new memory. [`Rows::push_wire`] deals with that one.
    pub fn push_stream(&mut self, stream: &[u8], most: usize) -> usize {
        if self.layout() == Layout::Libpq {
            return self.push_stream_to_cells(stream, most);
        }
        let columns = self.columns() as usize;
        if self.form == Form::Whole {
            self.push_each(stream, most, |room, row| room.push_whole(row, columns))
        } else {
            self.push_each(stream, most, |room, row| room.push_aligned(row, columns))
        }
    }

    // Apart, so that the usual case stays small.
    #[inline(never)]
    fn push_stream_to_cells(&mut self, stream: &[u8], most: usize) -> usize {
        let (columns, align) = (self.columns() as usize, self.form.align());
        let empty = self.empty_place();
        self.push_each(stream, most, |room, row| {
            room.push_cells(row, columns, align, empty)
        })
    }

    #[inline(always)]
    fn push_each(
        &mut self,
        stream: &[u8],
        most: usize,
        push: impl Fn(&mut Room, &PlainRow<'_>) -> Option<*mut u8>,
    ) -> usize {
        let columns = self.columns();
        let mut room = Room::of(&self.arena);
        let mut rest = stream;
        for _ in 0..most.min(self.table.room()) {
            let Some((data, behind)) = plain_row(rest, columns) else {
                break;
            };
            let readable = &rest[HEAD..];
            let Some(row) = push(&mut room, &PlainRow { data, readable }) else {
                break;
            };
            self.table.push(row);
            rest = behind;
        }
        room.back_to(&mut self.arena);
        stream.len() - rest.len()
    }

    /// Adds `row` alone; false if it is not plain. Not with [`Layout::Libpq`].
    #[inline(always)]
    pub fn push_plain(&mut self, row: &PlainRow<'_>) -> bool {
        let columns = self.columns() as usize;
        if self.form == Form::Whole {
            self.push_one(|room| room.push_whole(row, columns))
        } else {
            self.push_one(|room| room.push_aligned(row, columns))
        }
    }

    /// The same with [`Layout::Libpq`].
    #[inline(always)]
    pub fn push_plain_to_cells(&mut self, row: &PlainRow<'_>) -> bool {
        let (columns, align) = (self.columns() as usize, self.form.align());
        let empty = self.empty_place();
        self.push_one(|room| room.push_cells(row, columns, align, empty))
    }

    #[inline(always)]
    fn push_one(&mut self, push: impl FnOnce(&mut Room) -> Option<*mut u8>) -> bool {
        let mut room = Room::of(&self.arena);
        let (Some(pushed), true) = (push(&mut room), self.table.room() > 0) else {
            return false;
        };
        self.table.push(pushed);
        room.back_to(&mut self.arena);
        true
    }
}

/// The fields of the DataRow at the start of `stream`, behind their number, which is `columns`; and what follows it.
#[inline(always)]
fn plain_row(stream: &[u8], columns: u32) -> Option<(&[u8], &[u8])> {
    let &[kind, a, b, c, d, e, f] = stream.first_chunk::<HEAD>()?;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if kind != DATA_ROW || u32::from(u16::from_be_bytes([e, f])) != columns {
        return None;
    }
    let (message, rest) = stream.split_at_checked(length + 1)?;
    Some((message.get(HEAD..)?, rest))
}

impl<'a> PlainRow<'a> {
    /// The row in the DataRow message at the start of `stream`, if that is whole and has so many columns.
    #[inline(always)]
    pub fn first_of(stream: &'a [u8], columns: u32) -> Option<PlainRow<'a>> {
        let (data, _) = plain_row(stream, columns)?;
        let readable = &stream[HEAD..];
        Some(PlainRow { data, readable })
    }

    /// The size of the message's body.
    pub fn body_size(&self) -> usize {
        size_of::<u16>() + self.data.len()
    }

    /// The size of the message.
    pub fn message_size(&self) -> usize {
        HEAD + self.data.len()
    }
}

impl Room {
    #[inline(always)]
    fn of(arena: &Arena) -> Room {
        Room {
            cursor: arena.cursor,
            left: arena.room,
        }
    }

    #[inline(always)]
    fn back_to(self, arena: &mut Arena) {
        arena.cursor = self.cursor;
        arena.room = self.left;
    }

    /// The place of a block of `len` bytes, aligned; it is not taken yet.
    #[inline(always)]
    fn place(&self, len: usize, align: usize) -> Option<NonNull<u8>> {
        let pad = self.cursor.addr().get().wrapping_neg() & (align - 1);
        if len + pad > self.left {
            return None;
        }
        // SAFETY: `left` bytes from the cursor on are the arena's, and `pad` is less.
        Some(unsafe { self.cursor.add(pad) })
    }

    /// Takes what lies in front of `end`.
    #[inline(always)]
    fn take_to(&mut self, end: NonNull<u8>) {
        self.left -= end.addr().get() - self.cursor.addr().get();
        self.cursor = end;
    }

    /// As [`Rows::push_wire`] copies a row whole.
    #[inline(always)]
    fn push_whole(&mut self, row: &PlainRow<'_>, columns: usize) -> Option<*mut u8> {
        let PlainRow { data, readable } = *row;
        let head = columns * size_of::<u16>();
        let len = head + data.len() + 1;
        if len > usize::from(u16::MAX) {
            return None;
        }
        let block = self.place(len + PIECE, size_of::<u32>())?;
        // SAFETY: the block has `len` bytes and, like the pieces that are read, as much more as the last may need.
        // Every offset is one of a field that was found inside `data`.
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
                // A word that was found inside `data`; from there, for the copy has just been written in larger pieces.
                let word = data.as_ptr().add(at).cast::<[u8; 4]>().read();
                let length = u32::from_be_bytes(word);
                let mut offset = head + at + size_of::<u32>();
                if length as usize <= left - size_of::<u32>() {
                    at += length as usize;
                } else if (length as i32) < 0 {
                    // Ends the value before, as the length word of NULL does not.
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
            self.take_to(block.add(len));
        }
        Some(tagged(block, SHORT))
    }

    /// As [`Rows::push_wire`] copies values one by one.
    #[inline(always)]
    fn push_aligned(&mut self, row: &PlainRow<'_>, columns: usize) -> Option<*mut u8> {
        let data = row.data;
        let head = columns * size_of::<u16>();
        let most = head + data.len() + columns * ALIGN;
        if most > usize::from(u16::MAX) {
            return None;
        }
        let block = self.place(most, ALIGN)?;
        let mut rest = data;
        let mut end = head;
        for column in 0..columns {
            let length = word_at(rest, 0)?;
            rest = &rest[size_of::<u32>()..];
            let mut start = 0;
            if let Ok(length) = usize::try_from(length) {
                let (value, behind) = rest.split_at_checked(length)?;
                rest = behind;
                start = (end + size_of::<u32>()).next_multiple_of(ALIGN);
                end = start + length + 1;
                // SAFETY: beside its four bytes of length and its own, a value takes at most ALIGN bytes, so that all
                // of them fit into `most`.
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
        self.take_to(unsafe { block.add(end) });
        Some(tagged(block, SHORT))
    }

    /// As [`Rows::push_wire`] fills an array of cells.
    #[inline(always)]
    fn push_cells(
        &mut self,
        row: &PlainRow<'_>,
        columns: usize,
        align: usize,
        empty: *const u8,
    ) -> Option<*mut u8> {
        let PlainRow { data, readable } = *row;
        let most = cells::row_size(columns, data.len() + PIECE, align)?;
        let block = self.place(most, ALIGN)?;
        // SAFETY: the block is as long and aligned, and `readable` begins with `data`.
        let end = unsafe { cells::copy_fields(block, data, readable, columns, align, empty) }?;
        self.take_to(end);
        Some(tagged(block, CELLS))
    }
}

/// Writes a value with its length and its NUL; one of eight bytes, the most frequent, without a call.
///
/// # Safety
/// As for [`super::block::write_value`].
#[inline(always)]
unsafe fn write_value(start: NonNull<u8>, value: &[u8]) {
    // SAFETY: the caller's promise.
    unsafe {
        match <&[u8; 8]>::try_from(value) {
            Ok(value) => super::block::write_value(start, value),
            Err(_) => super::block::write_value(start, value),
        }
    }
}
