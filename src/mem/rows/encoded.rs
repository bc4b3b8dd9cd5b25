//! A row as PostgreSQL encodes it: each value after its length in four bytes, big-endian. A negative length means NULL.

use super::table::NoRoom;

/// Short rows and values are copied in pieces of this size, and therefore up to as many bytes further than they reach.
pub const PIECE: usize = 16;

/// The values of one row, in order.
pub trait ValueSource<'a> {
    type Error: From<NoRoom>;

    /// The next value; None for NULL.
    fn next(&mut self) -> Result<Option<&'a [u8]>, Self::Error>;

    /// Fails if something is left after the last value.
    fn finish(&self) -> Result<(), Self::Error>;
}

/// An encoded row, and the bytes that follow it in memory.
pub struct EncodedRow<'a> {
    /// The first bytes of `readable`.
    data: &'a [u8],
    readable: &'a [u8],
}

impl<'a> EncodedRow<'a> {
    /// The first `size` bytes of `readable`, if it has as many.
    #[inline(always)]
    pub fn at_start_of(readable: &'a [u8], size: usize) -> Option<EncodedRow<'a>> {
        let data = readable.get(..size)?;
        Some(EncodedRow { data, readable })
    }

    #[inline(always)]
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// The row and the bytes after it.
    #[inline(always)]
    pub fn readable(&self) -> &'a [u8] {
        self.readable
    }
}

/// The length at `at`; None if `data` has no four bytes there.
#[inline(always)]
pub fn length_at(data: &[u8], at: usize) -> Option<i32> {
    let word = data.get(at..)?.first_chunk::<4>()?;
    Some(i32::from_be_bytes(*word))
}
