//! Row pointers, tagged with the form of the block that they point to, and the values in a block.

use super::cells::Cell;
use std::ptr::{self, NonNull};

/// The block of a row. The tag in the low bits of the row's pointer says which form it has.
#[derive(Clone, Copy)]
pub enum Block {
    Short(*const u16),
    Long(*const u32),
    Cells(*const Cell),
}
/// The only tag with the lowest bit set, so that one test recognizes the usual form.
pub const SHORT: usize = 1;
pub const LONG: usize = 2;
/// No bits, because C programs read these pointers.
pub const CELLS: usize = 0;
pub const TAG: usize = 3;

/// A value in its block; the pointers are NULL for NULL.
#[derive(Clone, Copy)]
pub enum Place {
    Wire(*const u8),
    Cell(*const Cell),
}

/// A value in a block with short offsets, the usual form. The accessors of the C API read it in few instructions.
#[derive(Clone, Copy)]
pub struct FastValue {
    /// The row's pointer, tag included.
    row: NonNull<u8>,
    /// Zero for NULL.
    offset: u16,
}

impl FastValue {
    /// The value of `column` in `row`; None if its block has another form.
    ///
    /// # Safety
    /// `row` is a live row's pointer, and the row has the column.
    #[inline(always)]
    pub unsafe fn in_row(row: *mut u8, column: u32) -> Option<FastValue> {
        if row.addr() & SHORT == 0 {
            return None;
        }
        // SAFETY: no row's pointer is NULL; a block with short offsets begins with one for each column.
        unsafe {
            Some(FastValue {
                row: NonNull::new_unchecked(row),
                offset: *row.sub(SHORT).cast::<u16>().add(column as usize),
            })
        }
    }

    /// The start of the value, which is NUL-terminated; None for NULL.
    #[inline(always)]
    pub fn start(self) -> Option<NonNull<u8>> {
        // SAFETY: an offset that is not zero is one of a value in the block.
        (self.offset != 0).then(|| unsafe { self.row.add(usize::from(self.offset) - SHORT) })
    }

    /// The value's length, 0 for NULL.
    #[inline(always)]
    pub fn length(self) -> i32 {
        if self.offset == 0 {
            return 0;
        }
        // SAFETY: as in `start`; a value in a block comes after its length.
        unsafe { length_before(self.row.as_ptr().add(usize::from(self.offset) - SHORT)) }
    }

    #[inline(always)]
    pub fn is_null(self) -> bool {
        self.offset == 0
    }
}

/// The type of a block's offsets.
pub trait Offset: Copy {
    const TAG: usize;
    fn from_usize(offset: usize) -> Self;
}

impl Offset for u16 {
    const TAG: usize = SHORT;
    fn from_usize(offset: usize) -> u16 {
        offset as u16
    }
}

impl Offset for u32 {
    const TAG: usize = LONG;
    fn from_usize(offset: usize) -> u32 {
        offset as u32
    }
}

/// `block`, aligned to 4, with `tag` in its low bits.
pub fn tagged(block: NonNull<u8>, tag: usize) -> *mut u8 {
    block.as_ptr().wrapping_add(tag)
}

/// The block that a row's pointer leads to.
#[inline(always)]
pub fn of(row: *mut u8) -> Block {
    match row.addr() & TAG {
        CELLS => Block::Cells(row.cast()),
        SHORT => Block::Short(row.wrapping_sub(SHORT).cast()),
        _ => Block::Long(row.wrapping_sub(LONG).cast()),
    }
}

/// The value at `offset` of a block; an offset of zero means NULL.
///
/// # Safety
/// `offset` is zero or lies inside the block.
#[inline(always)]
pub unsafe fn wire(block: *const u8, offset: u32) -> Place {
    Place::Wire(if offset == 0 {
        ptr::null()
    } else {
        // SAFETY: the caller's promise.
        unsafe { block.add(offset as usize) }
    })
}

/// The length, which is stored before the value.
///
/// # Safety
/// `start` is the start of a value in a block.
#[inline(always)]
unsafe fn length_before(start: *const u8) -> i32 {
    // SAFETY: the caller's promise.
    i32::from_be_bytes(unsafe { start.sub(4).cast::<[u8; 4]>().read() })
}

/// A value's length, 0 for NULL.
#[inline(always)]
pub fn length_at(place: Place) -> i32 {
    match place {
        Place::Wire(start) if start.is_null() => 0,
        // SAFETY: places are made for live rows only, where a value comes after its length.
        Place::Wire(start) => unsafe { length_before(start) },
        // SAFETY: as above.
        Place::Cell(cell) => unsafe { (*cell).length() },
    }
}

/// Whether a value is NULL.
#[inline(always)]
pub fn is_null_at(place: Place) -> bool {
    match place {
        Place::Wire(start) => start.is_null(),
        // SAFETY: places are made for live rows only.
        Place::Cell(cell) => unsafe { (*cell).is_null() },
    }
}

/// Writes a value, its length before it and a NUL after it.
///
/// # Safety
/// The four bytes before `start`, and `value.len() + 1` from it on, are writable.
#[inline(always)]
pub unsafe fn write_value(start: NonNull<u8>, value: &[u8]) {
    let word = (value.len() as u32).to_be_bytes();
    // SAFETY: the caller's promise.
    unsafe {
        start.sub(4).cast::<[u8; 4]>().write(word);
        start.copy_from_nonoverlapping(NonNull::from(value).cast(), value.len());
        start.add(value.len()).write(0);
    }
}
