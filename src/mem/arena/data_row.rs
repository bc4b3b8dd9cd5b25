//! The fields of a DataRow message.

use crate::mem::OutOfMemory;

/// Short rows and values are copied in pieces of this size, and so up to as much further than they reach.
pub const PIECE: usize = 16;

/// Why a DataRow was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowError {
    OutOfMemory,
    TooManyRows,
    FieldCount,
    InsufficientData,
    LengthMismatch,
}

impl From<OutOfMemory> for RowError {
    fn from(_: OutOfMemory) -> RowError {
        RowError::OutOfMemory
    }
}

/// The fields of a DataRow body behind the column count.
pub struct Fields<'a> {
    pub rest: &'a [u8],
}

impl<'a> Fields<'a> {
    #[inline(always)]
    pub fn next(&mut self) -> Result<Option<&'a [u8]>, RowError> {
        let Some((word, rest)) = self.rest.split_first_chunk::<4>() else {
            return Err(RowError::InsufficientData);
        };
        // libpq: any negative length is NULL.
        let Ok(len) = usize::try_from(i32::from_be_bytes(*word)) else {
            self.rest = rest;
            return Ok(None);
        };
        let Some((value, rest)) = rest.split_at_checked(len) else {
            return Err(RowError::InsufficientData);
        };
        self.rest = rest;
        Ok(Some(value))
    }

    #[inline(always)]
    pub fn finish(&self) -> Result<(), RowError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(RowError::LengthMismatch)
        }
    }
}

/// The big-endian word at `at`, if there is one.
#[inline(always)]
pub fn word_at(data: &[u8], at: usize) -> Option<i32> {
    let word = data.get(at..)?.first_chunk::<4>()?;
    Some(i32::from_be_bytes(*word))
}
