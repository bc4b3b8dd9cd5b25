//! How a connection builds a result.

use super::columns::Columns;
use super::origin::Origin;
use super::rows::{self, RowError};
use super::status::Status;
use super::store::{COMMAND_TAG_SIZE, ErrorInfo, PgResult, PgResultBox};
use crate::mem::OutOfMemory;
use crate::mem::rows::{EncodedRow, Layout, Rows, Shape};
use crate::mem::trailing::TrailingBox;
use crate::protocol::fields::{ErrorFields, STATEMENT_POSITION};
use std::sync::Arc;

impl PgResult {
    /// A result without rows or columns.
    pub fn new(status: Status, encoding: i32, layout: Layout) -> Result<PgResultBox, OutOfMemory> {
        TrailingBox::new(PgResult::empty(status, encoding, layout), 0)
    }

    /// A result for rows of `columns`.
    ///
    /// `row_space` is the expected total size of the DataRow bodies. That much space for rows is allocated together with
    /// the result. Pass the body's size for a single row, an estimate otherwise (for example the size of the last chunk).
    /// Rows that do not fit are allocated separately.
    pub fn with_columns(
        status: Status,
        encoding: i32,
        origin: Arc<Origin>,
        layout: Layout,
        row_space: usize,
    ) -> Result<PgResultBox, OutOfMemory> {
        let (shape, binary) = match origin.columns() {
            Some(columns) => (columns.shape(layout), columns.all_binary()),
            None => (Shape::new(layout), false),
        };
        let extra = Rows::trailing_space_for(shape, row_space);
        TrailingBox::with_space(extra, |space| {
            let rows = Rows::in_trailing_space(space, shape, row_space);
            PgResult::of_parts(status, encoding, rows, binary.into(), Some(origin))
        })
    }

    /// A result without rows, for a part of the rows of the same query. `row_space` is as for [`PgResult::with_columns`].
    pub fn portion(&self, status: Status, row_space: usize) -> Result<PgResultBox, OutOfMemory> {
        let extra = Rows::trailing_space_for(self.rows.shape(), row_space);
        TrailingBox::with_space(extra, |space| {
            let rows = Rows::in_trailing_space(space, self.rows.shape(), row_space);
            let origin = self.origin().cloned();
            PgResult::of_parts(status, self.encoding, rows, self.binary, origin)
        })
    }

    /// A result with one row, that of the DataRow message at the start of `stream`, and the size of the message. `self` is
    /// the result of the whole query. None if the row is not plain, as for [`PgResult::push_rows`].
    pub fn single_row(&self, stream: &[u8]) -> Option<(PgResultBox, usize)> {
        match self.rows.layout() {
            Layout::Compact => self.single(stream, Rows::push_plain),
            Layout::Libpq => self.single_in_cells(stream),
        }
    }

    // A function of its own, so that the usual case stays small.
    #[inline(never)]
    fn single_in_cells(&self, stream: &[u8]) -> Option<(PgResultBox, usize)> {
        self.single(stream, Rows::push_plain_to_cells)
    }

    #[inline(always)]
    fn single(
        &self,
        stream: &[u8],
        push: impl FnOnce(&mut Rows, &EncodedRow<'_>) -> bool,
    ) -> Option<(PgResultBox, usize)> {
        let row = rows::first_row(stream, self.rows.columns())?;
        let mut single = self
            .portion(Status::SingleTuple, rows::body_size(&row))
            .ok()?;
        let pushed = push(&mut single.rows, &row);
        pushed.then(|| (single, rows::message_size(&row)))
    }

    /// Describes the columns of a result that has none yet, as for a prepared statement.
    pub fn set_columns(&mut self, origin: Arc<Origin>) {
        if let Some(columns) = origin.columns() {
            self.binary = columns.all_binary().into();
            self.rows
                .set_columns(columns.len() as u32, columns.any_binary());
        }
        self.set_origin(Some(origin));
    }

    /// Describes the columns of a COPY; `overall` is its format.
    pub fn set_copy_columns(&mut self, overall: i32, columns: Arc<Columns>) {
        self.binary = overall;
        self.attach(columns);
    }

    pub(super) fn attach(&mut self, columns: Arc<Columns>) {
        self.rows
            .set_columns(columns.len() as u32, columns.any_binary());
        let earlier = self.origin().map(Arc::as_ref);
        self.set_origin(Some(Origin::with_columns(columns, earlier)));
    }

    /// Adds the row in the body of a DataRow message.
    #[inline]
    pub fn push_row(&mut self, body: &[u8]) -> Result<(), RowError> {
        rows::push_data_row(&mut self.rows, body)
    }

    /// Adds the rows of the DataRow messages that `stream` begins with, at most `most`, and returns the size of these
    /// messages. Stops at a row that is not plain, which [`PgResult::push_row`] can add.
    #[inline]
    pub fn push_rows(&mut self, stream: &[u8], most: usize) -> usize {
        rows::push_data_rows(&mut self.rows, stream, most)
    }

    /// A notice that the library itself creates: only its text, with a newline.
    pub fn internal_notice(text: &[u8], encoding: i32) -> Result<PgResultBox, OutOfMemory> {
        let mut notice = PgResult::new(Status::NonfatalError, encoding, Layout::Compact)?;
        notice.set_fields(&ErrorFields::notice(b"NOTICE", text), None);
        notice.set_error_message(text);
        notice.append_error(b"\n");
        Ok(notice)
    }

    #[cfg(test)]
    pub fn of_error(body: &[u8], query: &[u8]) -> PgResultBox {
        let mut failed = PgResult::new(Status::FatalError, 6, Layout::Compact).expect("small");
        let fields = ErrorFields::parse(body).expect("an ErrorResponse");
        failed.set_fields(&fields, Some(query));
        failed
    }

    pub fn set_status(&mut self, status: Status) {
        self.status = status;
    }

    /// Sets the command tag, truncated to 63 bytes.
    pub fn set_command_tag(&mut self, tag: &[u8]) {
        let end = tag.len().min(COMMAND_TAG_SIZE - 1);
        self.command[..end].copy_from_slice(&tag[..end]);
        self.command[end] = 0;
    }

    /// Sets the types of a prepared statement's parameters.
    pub fn set_params(&mut self, params: Vec<u32>) {
        self.params = params;
    }

    /// Stores the fields of an error or notice, and its `query` if PQresultVerboseErrorMessage needs it.
    pub fn set_fields(&mut self, fields: &ErrorFields, query: Option<&[u8]>) {
        let positioned = fields.get(STATEMENT_POSITION).is_some();
        let Some(error) = self.error_info() else {
            return;
        };
        error.fields = fields.try_clone();
        error.query = query.filter(|_| positioned).and_then(try_copy);
    }

    /// Sets the error text (with its newline), up to a NUL.
    ///
    /// If there is no memory for it, the result has the text for lack of memory instead.
    pub fn set_error_message(&mut self, text: &[u8]) {
        if let Some(error) = self.error_info() {
            error.message.clear();
        }
        self.append_error(text);
    }

    /// Appends to the error text.
    pub fn append_error(&mut self, text: &[u8]) {
        let text = &text[..memchr::memchr(0, text).unwrap_or(text.len())];
        let Some(error) = self.error_info() else {
            return;
        };
        let message = &mut error.message;
        if message.try_reserve_exact(text.len() + 1).is_err() {
            self.out_of_memory = true;
            return;
        }
        if message.last() == Some(&0) {
            message.pop();
        }
        message.extend_from_slice(text);
        message.push(0);
    }

    /// The error part, allocated on first use; None if there is no memory.
    fn error_info(&mut self) -> Option<&mut ErrorInfo> {
        if self.error.is_none() {
            self.error = TrailingBox::new(ErrorInfo::default(), 0).ok();
            self.out_of_memory = self.error.is_none();
        }
        self.error.as_deref_mut()
    }
}

fn try_copy(text: &[u8]) -> Option<Vec<u8>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(text.len()).ok()?;
    copy.extend_from_slice(text);
    Some(copy)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::result::columns::ColumnDesc;

    pub fn columns(names: &[&[u8]], format: i32) -> Arc<Columns> {
        let mut columns = Columns::default();
        for name in names {
            let desc = ColumnDesc {
                format,
                ..ColumnDesc::default()
            };
            columns.push(Some(name), desc).expect("small");
        }
        Arc::new(columns)
    }

    fn origin(columns: &Arc<Columns>) -> Arc<Origin> {
        Origin::with_columns(columns.clone(), None)
    }

    pub fn body(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut body = (values.len() as u16).to_be_bytes().to_vec();
        for value in values {
            let length = value.map_or(-1, |value| value.len() as i32);
            body.extend(length.to_be_bytes());
            body.extend(value.unwrap_or_default());
        }
        body
    }

    pub fn result(names: &[&[u8]], rows: &[&[Option<&[u8]>]]) -> PgResultBox {
        result_of(Layout::Compact, names, rows)
    }

    pub fn result_of(layout: Layout, names: &[&[u8]], rows: &[&[Option<&[u8]>]]) -> PgResultBox {
        let columns = columns(names, 0);
        let mut result = PgResult::with_columns(Status::TuplesOk, 6, origin(&columns), layout, 100)
            .expect("small");
        for row in rows {
            result.push_row(&body(row)).expect("valid");
        }
        result
    }

    #[test]
    fn rows_and_columns() {
        let result = result(
            &[b"a", b"b"],
            &[
                &[Some(b"1"), None],
                &[None, Some(b"two")],
                &[Some(b""), None],
            ],
        );
        assert_eq!((result.nrows(), result.ncols()), (3, 2));
        assert_eq!(result.bytes(1, 1), Some(Some(&b"two"[..])));
        assert_eq!(result.bytes(1, 0), Some(None));
        assert_eq!(result.bytes(2, 0), Some(Some(&b""[..])));
        for (row, column) in [(-1, 0), (3, 0), (0, 2), (0, -1), (i32::MIN, i32::MAX)] {
            assert!(result.fast_value(row, column).is_none());
            assert!(result.value(row, column).is_none());
        }
    }

    #[test]
    fn binary_results_are_aligned() {
        for layout in [Layout::Compact, Layout::Libpq] {
            check_alignment(layout);
        }
    }

    fn check_alignment(layout: Layout) {
        let columns = columns(&[b"a", b"b"], 1);
        let mut result =
            PgResult::with_columns(Status::TuplesOk, 6, origin(&columns), layout, 0).unwrap();
        for len in 0..40 {
            let value = vec![7; len];
            result
                .push_row(&body(&[Some(&value), Some(&value)]))
                .unwrap();
            let last = result.nrows() - 1;
            for column in 0..2 {
                let value = result.value(last, column).unwrap();
                assert_eq!(value.ptr.addr() % 8, 0);
            }
            assert_eq!(result.bytes(last, 1), Some(Some(&value[..])));
        }
        assert_eq!(result.binary(), 1);
    }

    #[test]
    fn a_result_outlives_its_columns_owner() {
        let shared = columns(&[b"name"], 0);
        let result =
            PgResult::with_columns(Status::SingleTuple, 6, origin(&shared), Layout::Compact, 9)
                .unwrap();
        drop(shared);
        assert_eq!(result.columns().unwrap().name(0), Some(c"name"));
        assert_eq!(result.column(0), Some(&Default::default()));
        assert_eq!(result.column(1), None);
        assert_eq!(result.column(-1), None);
    }

    #[test]
    fn command_tags_are_truncated() {
        let mut result = PgResult::new(Status::CommandOk, 6, Layout::Compact).unwrap();
        assert_eq!(result.cmd_status(), c"");
        result.set_command_tag(&[b'x'; 64]);
        assert_eq!(result.cmd_status().to_bytes(), [b'x'; 63]);
        result.set_command_tag(b"SELECT 1\0rest");
        assert_eq!(result.cmd_status(), c"SELECT 1");
    }

    #[test]
    fn error_texts_accumulate() {
        let mut result = PgResult::new(Status::FatalError, 6, Layout::Compact).unwrap();
        assert_eq!(result.error_message(), c"");
        result.append_error(b"one\n");
        result.append_error(b"two\n\0three");
        assert_eq!(result.error_message(), c"one\ntwo\n");
        result.set_error_message(b"new\n");
        assert_eq!(result.error_message(), c"new\n");
    }

    #[test]
    fn stores_the_fields_and_a_query_that_has_a_position() {
        let mut result = PgResult::new(Status::FatalError, 6, Layout::Compact).unwrap();
        let plain = ErrorFields::parse(b"SERROR\0C42601\0\0").unwrap();
        result.set_fields(&plain, Some(b"select"));
        assert_eq!(result.error_field(b'C'), Some(c"42601"));
        assert_eq!(result.error_field(b'M'), None);
        assert_eq!(result.error_query(), None);
        let positioned = ErrorFields::parse(b"P3\0\0").unwrap();
        result.set_fields(&positioned, Some(b"select"));
        assert_eq!(result.error_query(), Some(&b"select"[..]));
    }

    #[test]
    fn the_out_of_memory_result_has_a_text() {
        let result = PgResult::out_of_memory();
        assert_eq!(result.status(), Status::FatalError);
        assert_eq!(result.error_message(), c"out of memory\n");
        assert_eq!(result.error_field(b'M'), None);
        assert_eq!((result.nrows(), result.ncols()), (0, 0));
    }

    #[test]
    fn a_small_result_is_small() {
        let one = result(&[b"a"], &[&[Some(b"1")]]);
        assert!(size_of::<PgResult>() <= 264, "{}", size_of::<PgResult>());
        assert!(one.memory_size() < 700, "{}", one.memory_size());
    }
}
