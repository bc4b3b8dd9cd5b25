//! Results that programs create and change.

use super::columns::{Columns, ColumnsError};
use super::origin::Origin;
use super::rows;
use super::status::Status;
use super::store::{PgResult, PgResultBox};
use crate::mem::OutOfMemory;
use crate::mem::rows::NoRoom;
use std::ffi::c_void;
use std::sync::Arc;

/// Flags of PQcopyResult. The caller copies the events, because this layer does not know their type.
pub const COPY_ATTRS: i32 = 0x01;
pub const COPY_TUPLES: i32 = 0x02;
pub const COPY_NOTICE_HOOKS: i32 = 0x08;

/// Why a value was not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetValueError {
    NoSuchRow,
    NoSuchColumn,
    OutOfMemory,
    TooManyRows,
}

impl PgResult {
    /// A copy of the parts that `flags` select, always with the status TuplesOk.
    pub fn copy(&self, flags: i32) -> Result<PgResultBox, OutOfMemory> {
        let mut copy = PgResult::new(Status::TuplesOk, self.encoding, self.rows.layout())?;
        copy.command = self.command;
        if flags & COPY_NOTICE_HOOKS != 0 {
            copy.take_hooks_of(self);
        }
        if flags & (COPY_ATTRS | COPY_TUPLES) != 0
            && let Some(columns) = self.columns()
        {
            copy.describe(named(columns).map_err(|_| OutOfMemory)?);
        }
        // libpq: rows without columns are not copied.
        if flags & COPY_TUPLES != 0 && copy.ncols() > 0 {
            copy.copy_rows(self)?;
        }
        Ok(copy)
    }

    /// Sets the columns of a result. False if it already has columns or rows.
    pub fn set_attributes(&mut self, columns: Columns) -> bool {
        if self.ncols() > 0 || self.nrows() > 0 {
            return false;
        }
        self.describe(Arc::new(columns));
        true
    }

    /// Sets a value. If `row` is the number of rows, a row of NULLs is added first.
    pub fn set_value(
        &mut self,
        row: i32,
        column: i32,
        value: Option<&[u8]>,
    ) -> Result<(), SetValueError> {
        if column < 0 || column >= self.ncols() {
            return Err(SetValueError::NoSuchColumn);
        }
        if row < 0 || row > self.nrows() {
            return Err(SetValueError::NoSuchRow);
        }
        if row == self.nrows() {
            self.rows.push_nulls().map_err(|error| match error {
                NoRoom::TooManyRows => SetValueError::TooManyRows,
                NoRoom::OutOfMemory => SetValueError::OutOfMemory,
            })?;
        }
        match self.rows.set(row as u32, column as u32, value) {
            Ok(_) => Ok(()),
            Err(OutOfMemory) => Err(SetValueError::OutOfMemory),
        }
    }

    /// Memory that lives as long as the result, aligned for any type; an empty string for 0 bytes.
    pub fn alloc(&mut self, size: usize) -> Result<*mut c_void, OutOfMemory> {
        if size == 0 {
            return Ok(self.rows.empty_string().cast_mut().cast());
        }
        Ok(self.rows.alloc(size)?.as_ptr().cast())
    }

    /// Copies the notice hooks of `other`.
    pub fn take_hooks_of(&mut self, other: &PgResult) {
        if let Some(origin) = other.origin() {
            self.set_origin(Some(Origin::with_hooks(origin.hooks().cloned())));
        }
    }

    fn describe(&mut self, columns: Arc<Columns>) {
        let count = columns.len();
        let mut formats = (0..count).filter_map(|column| columns.desc(column));
        // libpq: here every format except 0 counts as binary, in a RowDescription only 1.
        let binary = count > 0 && formats.all(|desc| desc.format != 0);
        self.binary = binary.into();
        self.attach(columns);
    }

    fn copy_rows(&mut self, source: &PgResult) -> Result<(), OutOfMemory> {
        for row in 0..source.rows.len() {
            let copied = rows::push_copy(&mut self.rows, &source.rows, row);
            copied.map_err(|_| OutOfMemory)?;
        }
        Ok(())
    }
}

/// The same columns. Columns of a COPY, which have no names, get empty names.
fn named(columns: &Arc<Columns>) -> Result<Arc<Columns>, ColumnsError> {
    if columns.name(0).is_some() {
        return Ok(columns.clone());
    }
    let mut copy = Columns::with_room(columns.len(), columns.len())?;
    for desc in (0..columns.len()).filter_map(|column| columns.desc(column)) {
        copy.push(Some(b""), *desc)?;
    }
    Ok(Arc::new(copy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::rows::Layout;
    use crate::result::builder::tests::{columns, result};
    use crate::result::origin::Hooks;

    fn hooks_of(result: &PgResult) -> Option<&Hooks> {
        result.origin()?.hooks()
    }

    #[test]
    fn copies_the_parts_that_the_flags_select() {
        let mut source = result(
            &[b"a", b"b"],
            &[&[Some(b"1"), None], &[Some(b""), Some(b"x")]],
        );
        source.set_command_tag(b"SELECT 2");
        source.set_error_message(b"not copied");
        source.set_status(Status::FatalError);
        let columns = source.columns().unwrap().clone();
        let hooks = Origin::with_hooks(Some(Arc::new(5)));
        source.set_origin(Some(Origin::with_columns(columns, Some(&hooks))));
        let nothing = source.copy(0).unwrap();
        assert_eq!((nothing.nrows(), nothing.ncols()), (0, 0));
        assert_eq!(nothing.status(), Status::TuplesOk);
        assert_eq!(nothing.cmd_status(), c"SELECT 2");
        assert_eq!(nothing.error_message(), c"");
        assert!(hooks_of(&nothing).is_none());
        let columns_only = source.copy(COPY_ATTRS | COPY_NOTICE_HOOKS).unwrap();
        assert_eq!((columns_only.nrows(), columns_only.ncols()), (0, 2));
        assert!(hooks_of(&columns_only).is_some());
        let all = source.copy(COPY_TUPLES).unwrap();
        drop(source);
        assert_eq!((all.nrows(), all.ncols()), (2, 2));
        assert_eq!(all.bytes(0, 0), Some(Some(&b"1"[..])));
        assert_eq!(all.bytes(0, 1), Some(None));
        assert_eq!(all.bytes(1, 0), Some(Some(&b""[..])));
        assert_eq!(all.bytes(1, 1), Some(Some(&b"x"[..])));
    }

    #[test]
    fn rows_without_columns_are_not_copied() {
        let source = result(&[], &[&[], &[]]);
        assert_eq!(source.nrows(), 2);
        assert_eq!(source.copy(COPY_TUPLES).unwrap().nrows(), 0);
    }

    #[test]
    fn a_copy_of_a_copy_result_has_empty_names() {
        let Ok((_, unnamed)) = Columns::from_copy_response(&[0, 0, 2, 0, 1, 0, 0]) else {
            panic!("refused");
        };
        let mut source = PgResult::new(Status::CopyOut, 6, Layout::Compact).unwrap();
        source.set_copy_columns(0, Arc::new(unnamed));
        let copy = source.copy(COPY_ATTRS).unwrap();
        assert_eq!(copy.columns().unwrap().name(1), Some(c""));
        assert_eq!(copy.column(0).map(|desc| desc.format), Some(1));
        assert_eq!(copy.binary(), 0);
    }

    #[test]
    fn a_program_builds_a_result() {
        let mut made = PgResult::new(Status::TuplesOk, 6, Layout::Compact).unwrap();
        assert_eq!(made.set_value(0, 0, None), Err(SetValueError::NoSuchColumn));
        let Ok(described) = Arc::try_unwrap(columns(&[b"n", b"t"], 2)) else {
            panic!("shared");
        };
        assert!(made.set_attributes(described));
        assert!(!made.set_attributes(Columns::default()));
        assert_eq!(made.binary(), 1);
        for row in 0..1000 {
            let text = row.to_string();
            made.set_value(row, 1, Some(text.as_bytes())).unwrap();
        }
        made.set_value(500, 1, None).unwrap();
        assert_eq!(made.nrows(), 1000);
        assert_eq!(made.bytes(500, 1), Some(None));
        assert_eq!(made.bytes(999, 0), Some(None));
        assert_eq!(made.bytes(999, 1), Some(Some(&b"999"[..])));
        assert_eq!(made.set_value(1001, 0, None), Err(SetValueError::NoSuchRow));
        assert_eq!(made.set_value(-1, 0, None), Err(SetValueError::NoSuchRow));
        assert_eq!(made.set_value(0, 2, None), Err(SetValueError::NoSuchColumn));
        assert_eq!(
            made.set_value(0, -1, None),
            Err(SetValueError::NoSuchColumn)
        );
    }

    #[test]
    fn columns_cannot_be_set_if_there_are_rows() {
        let mut result = result(&[], &[&[]]);
        assert_eq!((result.nrows(), result.ncols()), (1, 0));
        assert!(!result.set_attributes(Columns::default()));
    }

    #[test]
    fn allocates_memory_for_programs() {
        let mut result = result(&[b"a"], &[&[Some(b"1")]]);
        let before = result.memory_size();
        let empty = result.alloc(0).unwrap();
        assert!(!empty.is_null());
        assert_eq!(result.memory_size(), before);
        assert_eq!(result.alloc(100_000).unwrap().addr() % 16, 0);
        assert!(result.memory_size() >= before + 100_000);
        assert!(result.alloc(usize::MAX).is_err());
        assert_eq!(result.bytes(0, 0), Some(Some(&b"1"[..])));
    }
}
