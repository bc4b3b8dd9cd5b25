//! Adds the rows of DataRow messages, and copies of other rows, to the rows of a result.

mod data_row;

pub use data_row::{body_size, first_row, message_size};

use crate::mem::OutOfMemory;
use crate::mem::rows::{NoRoom, Rows, ValueSource};
use data_row::{DataRows, Fields, offset_in_stream};

/// Why a row was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowError {
    OutOfMemory,
    TooManyRows,
    FieldCount,
    InsufficientData,
    LengthMismatch,
}

impl RowError {
    /// libpq's text.
    pub fn message(self) -> &'static str {
        match self {
            RowError::OutOfMemory => "out of memory for query result",
            RowError::TooManyRows => "PGresult cannot support more than INT_MAX tuples",
            RowError::FieldCount => "unexpected field count in \"D\" message",
            RowError::InsufficientData => "insufficient data in \"D\" message",
            RowError::LengthMismatch => {
                "message contents do not agree with length in message type \"D\""
            }
        }
    }
}

impl From<NoRoom> for RowError {
    fn from(error: NoRoom) -> RowError {
        match error {
            NoRoom::OutOfMemory => RowError::OutOfMemory,
            NoRoom::TooManyRows => RowError::TooManyRows,
        }
    }
}

impl From<OutOfMemory> for RowError {
    fn from(_: OutOfMemory) -> RowError {
        RowError::OutOfMemory
    }
}

/// Adds the row in the body of a DataRow message.
pub fn push_data_row(rows: &mut Rows, body: &[u8]) -> Result<(), RowError> {
    let Some((count, data)) = body.split_first_chunk::<2>() else {
        return Err(RowError::InsufficientData);
    };
    if u32::from(u16::from_be_bytes(*count)) != rows.columns() {
        return Err(RowError::FieldCount);
    }
    rows.push_encoded(data, Fields { rest: data })
}

/// Adds the rows of the DataRow messages that `stream` begins with, at most `most`, and returns the size of these
/// messages. Stops at a message that is not complete or whose row is not plain. [`push_data_row`] adds that one.
pub fn push_data_rows(rows: &mut Rows, stream: &[u8], most: usize) -> usize {
    let columns = rows.columns();
    let rest = stream;
    let mut messages = DataRows { rest, columns };
    match rows.push_plain_rows(&mut messages, most) {
        Some(row) => offset_in_stream(&row, stream.len()),
        None => stream.len() - messages.rest.len(),
    }
}

/// Adds a copy of a row of `source`, which has as many columns, with aligned values.
pub fn push_copy(rows: &mut Rows, source: &Rows, row: u32) -> Result<(), RowError> {
    if source.columns() != rows.columns() {
        return Err(RowError::FieldCount);
    }
    let value = |column: u32| source.bytes(row, column).flatten();
    let size: usize = (0..source.columns())
        .map(|column| 4 + value(column).map_or(0, <[u8]>::len))
        .sum();
    let column = 0;
    let values = RowValues {
        source,
        row,
        column,
    };
    rows.push_values(size, values)
}

/// The values of a row that exists already.
struct RowValues<'a> {
    source: &'a Rows,
    row: u32,
    column: u32,
}

impl<'a> ValueSource<'a> for RowValues<'a> {
    type Error = RowError;

    fn next(&mut self) -> Result<Option<&'a [u8]>, RowError> {
        let value = self.source.bytes(self.row, self.column);
        self.column += 1;
        Ok(value.flatten())
    }

    fn finish(&self) -> Result<(), RowError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
