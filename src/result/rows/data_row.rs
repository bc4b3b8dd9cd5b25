//! DataRow messages: their fields, and the rows in them.

use super::RowError;
use crate::mem::rows::{EncodedRow, ValueSource};
use crate::protocol::codes::server::DATA_ROW;
use std::mem::size_of;

/// The message's type and length, and the number of fields.
const HEAD: usize = 7;

/// The fields of a DataRow's body, after their number.
pub struct Fields<'a> {
    pub rest: &'a [u8],
}

impl<'a> ValueSource<'a> for Fields<'a> {
    type Error = RowError;

    #[inline(always)]
    fn next(&mut self) -> Result<Option<&'a [u8]>, RowError> {
        let Some((length, rest)) = self.rest.split_first_chunk::<4>() else {
            return Err(RowError::InsufficientData);
        };
        // libpq: any negative length is NULL.
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            self.rest = rest;
            return Ok(None);
        };
        let Some((value, rest)) = rest.split_at_checked(length) else {
            return Err(RowError::InsufficientData);
        };
        self.rest = rest;
        Ok(Some(value))
    }

    #[inline(always)]
    fn finish(&self) -> Result<(), RowError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(RowError::LengthMismatch)
        }
    }
}

/// The row of the DataRow message at the start of `stream`, if the message is complete and has `columns` fields.
#[inline(always)]
pub fn first_row(stream: &[u8], columns: u32) -> Option<EncodedRow<'_>> {
    let &[kind, a, b, c, d, e, f] = stream.first_chunk::<HEAD>()?;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if kind != DATA_ROW || u32::from(u16::from_be_bytes([e, f])) != columns {
        return None;
    }
    let size = (length + 1).checked_sub(HEAD)?;
    EncodedRow::at_start_of(&stream[HEAD..], size)
}

/// The size of the body of a row's message.
pub fn body_size(row: &EncodedRow<'_>) -> usize {
    size_of::<u16>() + row.data().len()
}

/// The size of a row's message.
pub fn message_size(row: &EncodedRow<'_>) -> usize {
    HEAD + row.data().len()
}

/// The rows of the DataRow messages that a stream begins with.
pub struct DataRows<'a> {
    pub rest: &'a [u8],
    pub columns: u32,
}

impl<'a> Iterator for DataRows<'a> {
    type Item = EncodedRow<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<EncodedRow<'a>> {
        let row = first_row(self.rest, self.columns)?;
        self.rest = &row.readable()[row.data().len()..];
        Some(row)
    }
}

/// The size of what comes before `row` in a stream of `size` bytes that ends with the row's readable bytes.
#[inline(always)]
pub fn offset_in_stream(row: &EncodedRow<'_>, size: usize) -> usize {
    size - (row.readable().len() + HEAD)
}
