//! Descriptions of a result's columns, shared by all results of a query.

use crate::mem::OutOfMemory;
use crate::mem::rows::{Form, Layout, Shape};
use crate::mem::shown::Shown;
use std::ffi::{CStr, c_char, c_void};
use std::mem::size_of;
use std::ptr;

/// The server's description of one column.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ColumnDesc {
    pub tableid: u32,
    pub columnid: i32,
    pub format: i32,
    pub typid: u32,
    pub typlen: i32,
    pub atttypmod: i32,
}

/// Why a message that describes columns was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnsError {
    OutOfMemory,
    InsufficientData,
    LengthMismatch,
}

impl ColumnsError {
    /// libpq's text for an error in a RowDescription.
    pub fn message(self) -> &'static str {
        match self {
            ColumnsError::OutOfMemory => "out of memory for query result",
            ColumnsError::InsufficientData => "insufficient data in \"T\" message",
            ColumnsError::LengthMismatch => {
                "message contents do not agree with length in message type \"T\""
            }
        }
    }
}

impl From<OutOfMemory> for ColumnsError {
    fn from(_: OutOfMemory) -> ColumnsError {
        ColumnsError::OutOfMemory
    }
}

impl From<std::collections::TryReserveError> for ColumnsError {
    fn from(_: std::collections::TryReserveError) -> ColumnsError {
        ColumnsError::OutOfMemory
    }
}

/// C's `PGresAttDesc`. Programs read it in the memory of results.
#[repr(C)]
struct Column {
    /// Points into `names`, NUL-terminated; NULL if the columns have no names.
    name: Shown<c_char>,
    desc: ColumnDesc,
}

const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<Column>() == 32 && offset_of!(Column, desc) == 8);
    assert!(offset_of!(ColumnDesc, columnid) == 4 && offset_of!(ColumnDesc, format) == 8);
    assert!(offset_of!(ColumnDesc, typid) == 12 && offset_of!(ColumnDesc, typlen) == 16);
    assert!(offset_of!(ColumnDesc, atttypmod) == 20);
};

/// The columns of a result.
#[derive(Default)]
pub struct Columns {
    /// The names, each NUL-terminated.
    names: Vec<u8>,
    columns: Vec<Column>,
    /// The number of columns with format 1.
    binary: usize,
    /// The number of columns whose format is not 0.
    not_text: usize,
}

impl Columns {
    /// Parses the body of a RowDescription message.
    pub fn from_row_description(body: &[u8]) -> Result<Columns, ColumnsError> {
        let mut rest = MessageReader { rest: body };
        let count = usize::from(rest.u16()?);
        let mut columns = Columns::with_room(count, body.len())?;
        for _ in 0..count {
            let name = rest.name()?;
            let desc = rest.desc()?;
            columns.push(Some(name), desc)?;
        }
        rest.finish()?;
        Ok(columns)
    }

    /// Parses the body of a CopyInResponse, CopyOutResponse or CopyBothResponse message: the overall format, and the
    /// columns, of which only the formats are known.
    pub fn from_copy_response(body: &[u8]) -> Result<(i32, Columns), ColumnsError> {
        let mut rest = MessageReader { rest: body };
        let [overall] = rest.take::<1>()?;
        let count = usize::from(rest.u16()?);
        let mut columns = Columns::with_room(count, 0)?;
        for _ in 0..count {
            let format = rest.i16()?;
            let desc = ColumnDesc {
                format,
                ..ColumnDesc::default()
            };
            columns.push(None, desc)?;
        }
        rest.finish()?;
        Ok((i32::from(overall as i8), columns))
    }

    /// No columns, with capacity for `count` of them.
    pub fn with_room(count: usize, name_bytes: usize) -> Result<Columns, ColumnsError> {
        let mut columns = Columns::default();
        columns.names.try_reserve_exact(name_bytes)?;
        columns.columns.try_reserve_exact(count)?;
        Ok(columns)
    }

    /// Adds a column; `name` ends at a NUL.
    pub fn push(&mut self, name: Option<&[u8]>, desc: ColumnDesc) -> Result<(), ColumnsError> {
        self.columns.try_reserve(1)?;
        let name = match name {
            Some(name) => Shown::new(self.keep_name(name)?),
            None => Shown::NULL,
        };
        self.columns.push(Column { name, desc });
        self.binary += usize::from(desc.format == 1);
        self.not_text += usize::from(desc.format != 0);
        Ok(())
    }

    /// Copies a name, which ends at a NUL, to `names`. If `names` is reallocated, the pointers into it are updated.
    fn keep_name(&mut self, name: &[u8]) -> Result<*const c_char, ColumnsError> {
        let end = memchr::memchr(0, name).unwrap_or(name.len());
        let (old, start) = (self.names.as_ptr(), self.names.len());
        self.names.try_reserve(end + 1)?;
        self.names.extend_from_slice(&name[..end]);
        self.names.push(0);
        if self.names.as_ptr() != old {
            for index in 0..self.columns.len() {
                if let Some(offset) = self.name_offset(index, old) {
                    self.columns[index].name = Shown::new(self.names[offset..].as_ptr().cast());
                }
            }
        }
        Ok(self.names[start..].as_ptr().cast())
    }

    /// The offset of the column's name in `names`, whose address is `names_at`; None if the column has no name.
    fn name_offset(&self, column: usize, names_at: *const u8) -> Option<usize> {
        let name = self.columns.get(column)?.name.get();
        (!name.is_null()).then(|| name.addr() - names_at.addr())
    }

    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// The shape of rows with these columns.
    pub fn shape(&self, layout: Layout) -> Shape {
        Shape {
            columns: self.len() as u32,
            form: Form::of(layout, self.any_binary()),
            descriptions: self.as_c(),
        }
    }

    /// The columns as an array of C's `PGresAttDesc`; NULL if there are none.
    pub fn as_c(&self) -> *const c_void {
        if self.is_empty() {
            ptr::null()
        } else {
            self.columns.as_ptr().cast()
        }
    }

    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The column's name; None if there is no such column, and for columns of a COPY.
    pub fn name(&self, column: usize) -> Option<&CStr> {
        let start = self.name_offset(column, self.names.as_ptr())?;
        CStr::from_bytes_until_nul(&self.names[start..]).ok()
    }

    /// The column's name for C; NULL if [`Columns::name`] is None.
    pub fn name_ptr(&self, column: usize) -> *const c_char {
        let column = self.columns.get(column);
        column.map_or(ptr::null(), |column| column.name.get())
    }

    pub fn desc(&self, column: usize) -> Option<&ColumnDesc> {
        self.columns.get(column).map(|column| &column.desc)
    }

    /// Whether there are columns and all of them have format 1.
    pub fn all_binary(&self) -> bool {
        !self.is_empty() && self.binary == self.len()
    }

    /// Whether a column has another format than text, so that programs may read values through pointers of any type.
    pub fn any_binary(&self) -> bool {
        self.not_text > 0
    }

    /// The column that `name` means in SQL: `lower` folds the case outside of double quotes.
    pub fn find(&self, name: &[u8], lower: impl Fn(u8) -> u8) -> Option<usize> {
        if name.is_empty() {
            return None;
        }
        let plain = !name.iter().any(|&c| c == b'"' || c != lower(c));
        let exact = if plain { self.position(name) } else { None };
        exact.or_else(|| self.position(&folded(name, lower)?))
    }

    /// The bytes allocated.
    pub fn memory_size(&self) -> usize {
        size_of::<Columns>() + self.names.capacity() + self.columns.capacity() * size_of::<Column>()
    }

    fn position(&self, name: &[u8]) -> Option<usize> {
        (0..self.len()).find(|&column| self.has_name(column, name))
    }

    fn has_name(&self, column: usize, name: &[u8]) -> bool {
        let Some(start) = self.name_offset(column, self.names.as_ptr()) else {
            return false;
        };
        let names = &self.names[start..];
        names.starts_with(name) && names.get(name.len()) == Some(&0)
    }
}

/// The name after folding case and removing quotes; None if there is no memory.
fn folded(name: &[u8], lower: impl Fn(u8) -> u8) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    out.try_reserve_exact(name.len()).ok()?;
    let mut in_quotes = false;
    let mut rest = name;
    while let Some((&c, after)) = rest.split_first() {
        rest = after;
        match c {
            b'"' if in_quotes && after.first() == Some(&b'"') => {
                out.push(b'"');
                rest = &after[1..];
            }
            b'"' => in_quotes = !in_quotes,
            _ if in_quotes => out.push(c),
            _ => out.push(lower(c)),
        }
    }
    Some(out)
}

/// The rest of a message body that is being parsed.
struct MessageReader<'a> {
    rest: &'a [u8],
}

impl<'a> MessageReader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ColumnsError> {
        let Some((bytes, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(ColumnsError::InsufficientData);
        };
        self.rest = rest;
        Ok(*bytes)
    }

    fn u16(&mut self) -> Result<u16, ColumnsError> {
        Ok(u16::from_be_bytes(self.take()?))
    }

    fn i16(&mut self) -> Result<i32, ColumnsError> {
        Ok(i16::from_be_bytes(self.take()?).into())
    }

    fn u32(&mut self) -> Result<u32, ColumnsError> {
        Ok(u32::from_be_bytes(self.take()?))
    }

    fn name(&mut self) -> Result<&'a [u8], ColumnsError> {
        let end = memchr::memchr(0, self.rest).ok_or(ColumnsError::InsufficientData)?;
        let (name, rest) = self.rest.split_at(end);
        self.rest = &rest[1..];
        Ok(name)
    }

    fn desc(&mut self) -> Result<ColumnDesc, ColumnsError> {
        let tableid = self.u32()?;
        let columnid = self.i16()?;
        let typid = self.u32()?;
        let typlen = self.i16()?;
        let atttypmod = i32::from_be_bytes(self.take()?);
        let format = self.i16()?;
        Ok(ColumnDesc {
            tableid,
            columnid,
            format,
            typid,
            typlen,
            atttypmod,
        })
    }

    fn finish(&self) -> Result<(), ColumnsError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(ColumnsError::LengthMismatch)
        }
    }
}

#[cfg(test)]
mod tests;
