//! Descriptions of a result's columns, shared by all results of a query.

use crate::mem::OutOfMemory;
use std::ffi::{CStr, c_char};
use std::mem::size_of;
use std::ptr;

/// What the server says of one column.
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

struct Column {
    /// Where the name begins in `names`; None if the columns have none.
    name: Option<usize>,
    desc: ColumnDesc,
}

/// The columns of a result.
#[derive(Default)]
pub struct Columns {
    /// Each name with a NUL behind it.
    names: Vec<u8>,
    columns: Vec<Column>,
    /// How many have format 1.
    binary: usize,
    /// How many have another format than 0.
    not_text: usize,
}

impl Columns {
    /// The columns in the body of a RowDescription message.
    pub fn from_row_description(body: &[u8]) -> Result<Columns, ColumnsError> {
        let mut rest = Reader { rest: body };
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

    /// The overall format and the columns, formats only, in the body of a CopyInResponse,
    /// CopyOutResponse or CopyBothResponse message.
    pub fn from_copy_response(body: &[u8]) -> Result<(i32, Columns), ColumnsError> {
        let mut rest = Reader { rest: body };
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

    /// No columns, with room for `count` of them.
    pub fn with_room(count: usize, name_bytes: usize) -> Result<Columns, ColumnsError> {
        let mut columns = Columns::default();
        columns.names.try_reserve_exact(name_bytes)?;
        columns.columns.try_reserve_exact(count)?;
        Ok(columns)
    }

    /// Adds a column; `name` ends at a NUL.
    pub fn push(&mut self, name: Option<&[u8]>, desc: ColumnDesc) -> Result<(), ColumnsError> {
        self.columns.try_reserve(1)?;
        let start = self.names.len();
        if let Some(name) = name {
            let end = memchr::memchr(0, name).unwrap_or(name.len());
            self.names.try_reserve(end + 1)?;
            self.names.extend_from_slice(&name[..end]);
            self.names.push(0);
        }
        let name = name.map(|_| start);
        self.columns.push(Column { name, desc });
        self.binary += usize::from(desc.format == 1);
        self.not_text += usize::from(desc.format != 0);
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.columns.len()
    }

    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The column's name; None beyond the last column, and for columns of a COPY.
    pub fn name(&self, column: usize) -> Option<&CStr> {
        let start = self.columns.get(column)?.name?;
        CStr::from_bytes_until_nul(&self.names[start..]).ok()
    }

    /// The column's name as C sees it, NULL where [`Columns::name`] is None.
    pub fn name_ptr(&self, column: usize) -> *const c_char {
        match self.columns.get(column).and_then(|column| column.name) {
            Some(start) => self.names[start..].as_ptr().cast(),
            None => ptr::null(),
        }
    }

    pub fn desc(&self, column: usize) -> Option<&ColumnDesc> {
        self.columns.get(column).map(|column| &column.desc)
    }

    /// Whether there are columns and none of them is text.
    pub fn all_binary(&self) -> bool {
        !self.is_empty() && self.binary == self.len()
    }

    /// Whether values may be read through pointers of other types than char.
    pub fn any_binary(&self) -> bool {
        self.not_text > 0
    }

    /// The column of that name in SQL, with case folded by `lower` outside of double quotes.
    pub fn find(&self, name: &[u8], lower: impl Fn(u8) -> u8) -> Option<usize> {
        if name.is_empty() {
            return None;
        }
        let plain = !name.iter().any(|&c| c == b'"' || c != lower(c));
        let exact = if plain { self.position(name) } else { None };
        exact.or_else(|| self.position(&folded(name, lower)?))
    }

    /// Bytes held.
    pub fn memory_size(&self) -> usize {
        size_of::<Columns>() + self.names.capacity() + self.columns.capacity() * size_of::<Column>()
    }

    fn position(&self, name: &[u8]) -> Option<usize> {
        (0..self.len()).find(|&column| self.has_name(column, name))
    }

    fn has_name(&self, column: usize, name: &[u8]) -> bool {
        let Some(start) = self.columns[column].name else {
            return false;
        };
        let names = &self.names[start..];
        names.starts_with(name) && names.get(name.len()) == Some(&0)
    }
}

/// A name as SQL reads it; None when memory ran out.
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

/// Reads the integers and names of a message body.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
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
mod tests {
    use super::*;

    fn description(names: &[&[u8]]) -> Vec<u8> {
        let mut body = (names.len() as u16).to_be_bytes().to_vec();
        for (index, name) in names.iter().enumerate() {
            body.extend(*name);
            body.push(0);
            body.extend(70_000u32.to_be_bytes());
            body.extend((index as i16 - 1).to_be_bytes());
            body.extend(23u32.to_be_bytes());
            body.extend((-1i16).to_be_bytes());
            body.extend((-1i32).to_be_bytes());
            body.extend((index as u16 % 2).to_be_bytes());
        }
        body
    }

    fn columns(names: &[&[u8]]) -> Columns {
        Columns::from_row_description(&description(names)).unwrap_or_default()
    }

    #[test]
    fn a_description_is_read_whole() {
        let columns = columns(&[b"first", b"", b"third"]);
        assert_eq!(columns.len(), 3);
        assert_eq!(columns.name(0), Some(c"first"));
        assert_eq!(columns.name(1), Some(c""));
        assert_eq!(columns.name(2), Some(c"third"));
        assert_eq!(columns.name(3), None);
        let expected = ColumnDesc {
            tableid: 70_000,
            columnid: -1,
            format: 0,
            typid: 23,
            typlen: -1,
            atttypmod: -1,
        };
        assert_eq!(columns.desc(0), Some(&expected));
        assert!(columns.any_binary());
        assert!(!columns.all_binary());
    }

    #[test]
    fn a_description_cut_anywhere_is_refused() {
        let body = description(&[b"a", b"bc"]);
        for end in 0..body.len() {
            let cut: Box<[u8]> = body[..end].into();
            let error = Columns::from_row_description(&cut).err();
            assert_eq!(error, Some(ColumnsError::InsufficientData));
        }
        let longer = [&body[..], b"x"].concat();
        let error = Columns::from_row_description(&longer).err();
        assert_eq!(error, Some(ColumnsError::LengthMismatch));
    }

    #[test]
    fn a_copy_response_has_formats_only() {
        let body = [1, 0, 2, 0, 1, 0xFF, 0xFF];
        let Ok((overall, columns)) = Columns::from_copy_response(&body) else {
            panic!("refused");
        };
        assert_eq!(overall, 1);
        assert_eq!(columns.desc(0).map(|desc| desc.format), Some(1));
        assert_eq!(columns.desc(1).map(|desc| desc.format), Some(-1));
        assert!(columns.name_ptr(0).is_null());
        for end in 0..body.len() {
            let error = Columns::from_copy_response(&body[..end]).err();
            assert_eq!(error, Some(ColumnsError::InsufficientData));
        }
    }

    #[test]
    fn names_are_found_as_sql_reads_them() {
        let columns = columns(&[b"plain", b"Mixed", b"say \"hi\"", b"a", b"a", b"fooBARfoo"]);
        let find = |name: &[u8]| columns.find(name, |c| c.to_ascii_lowercase());
        assert_eq!(find(b"plain"), Some(0));
        assert_eq!(find(b"PLAIN"), Some(0));
        assert_eq!(find(b"\"plain\""), Some(0));
        assert_eq!(find(b"\"PLAIN\""), None);
        assert_eq!(find(b"Mixed"), None);
        assert_eq!(find(b"\"Mixed\""), Some(1));
        assert_eq!(find(b"\"say \"\"hi\"\"\""), Some(2));
        assert_eq!(find(b"a"), Some(3));
        assert_eq!(find(b"FOO\"BAR\"foo"), Some(5));
        assert_eq!(find(b""), None);
        assert_eq!(find(b"plai"), None);
        assert_eq!(find(b"plain2"), None);
    }

    #[test]
    fn an_empty_name_is_found_in_quotes() {
        let columns = columns(&[b"x", b""]);
        assert_eq!(columns.find(b"\"\"", |c| c), Some(1));
    }

    #[test]
    fn all_binary_needs_columns() {
        assert!(!columns(&[]).all_binary());
        let Ok((_, binary)) = Columns::from_copy_response(&[1, 0, 1, 0, 1]) else {
            panic!("refused");
        };
        assert!(binary.all_binary());
    }
}
