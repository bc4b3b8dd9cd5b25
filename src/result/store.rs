//! A result: the object that the C API's PGresult points to, and its accessors.

use super::columns::{ColumnDesc, Columns};
use super::origin::Origin;
use super::status::Status;
use crate::mem::rows::Rows;
pub use crate::mem::rows::{FastValue, Layout, Value};
use crate::mem::trailing::TrailingBox;
use crate::protocol::fields::ErrorFields;
use std::any::Any;
use std::ffi::{CStr, c_char};
use std::mem::size_of;
use std::ptr;
use std::sync::Arc;

/// An owned result.
pub type PgResultBox = TrailingBox<PgResult>;

/// libpq: command tags are truncated to 63 bytes.
pub(super) const COMMAND_TAG_SIZE: usize = 64;

/// The result of a command.
#[repr(C)]
pub struct PgResult {
    /// The first field: programs expect C libpq's layout at the start of a result.
    pub(super) rows: Rows,
    origin: Option<Arc<Origin>>,
    pub(super) params: Vec<u32>,
    /// The instances of the event procedures registered for the result.
    pub events: Option<Box<dyn Any + Send>>,
    pub(super) error: Option<TrailingBox<ErrorInfo>>,
    /// NUL-terminated.
    pub(super) command: [u8; COMMAND_TAG_SIZE],
    pub(super) binary: i32,
    pub(super) encoding: i32,
    /// Whether there was no memory for an error text.
    pub(super) out_of_memory: bool,
    pub(super) status: Status,
}

/// The additional data of an error result.
#[derive(Default)]
pub(super) struct ErrorInfo {
    /// NUL-terminated, if not empty.
    pub message: Vec<u8>,
    pub fields: Option<ErrorFields>,
    /// The command that failed, if the server reported a position in it.
    pub query: Option<Vec<u8>>,
}

impl PgResult {
    pub(super) const fn empty(status: Status, encoding: i32, layout: Layout) -> PgResult {
        PgResult::of_parts(status, encoding, Rows::new(layout), 0, None)
    }

    /// `rows` must already have the columns of `origin`.
    pub(super) const fn of_parts(
        status: Status,
        encoding: i32,
        rows: Rows,
        binary: i32,
        origin: Option<Arc<Origin>>,
    ) -> PgResult {
        PgResult {
            rows,
            origin,
            status,
            out_of_memory: false,
            binary,
            encoding,
            command: [0; COMMAND_TAG_SIZE],
            error: None,
            params: Vec::new(),
            events: None,
        }
    }

    /// The error result to use when there is no memory for a result. Meant for a static.
    pub const fn out_of_memory() -> PgResult {
        let mut result = PgResult::empty(Status::FatalError, 0, Layout::Compact);
        result.out_of_memory = true;
        result
    }

    #[inline]
    pub fn status(&self) -> Status {
        self.status
    }

    /// The client encoding when the result arrived.
    pub fn encoding(&self) -> i32 {
        self.encoding
    }

    #[inline]
    pub fn nrows(&self) -> i32 {
        self.rows.len() as i32
    }

    #[inline]
    pub fn ncols(&self) -> i32 {
        self.rows.columns() as i32
    }

    /// 1 if all columns are binary; for COPY the overall format.
    pub fn binary(&self) -> i32 {
        self.binary
    }

    /// The value, if its row has the usual form. Otherwise use [`PgResult::value`].
    #[inline(always)]
    pub fn fast_value(&self, row: i32, column: i32) -> Option<FastValue> {
        self.rows.fast_value(row as u32, column as u32)
    }

    /// The empty string that NULLs point to.
    #[inline(always)]
    pub fn empty_string(&self) -> *const c_char {
        self.rows.empty_string()
    }

    /// The value, or None if there is no such row or column.
    pub fn value(&self, row: i32, column: i32) -> Option<Value> {
        self.rows.value(row as u32, column as u32)
    }

    /// The value's bytes (Some(None) for NULL), or None if there is no such row or column.
    pub fn bytes(&self, row: i32, column: i32) -> Option<Option<&[u8]>> {
        self.rows.bytes(row as u32, column as u32)
    }

    /// The columns, and the notice hooks of the connection that created the result.
    pub fn origin(&self) -> Option<&Arc<Origin>> {
        self.origin.as_ref()
    }

    pub fn set_origin(&mut self, origin: Option<Arc<Origin>>) {
        let columns = origin.as_ref().and_then(|origin| origin.columns());
        self.rows
            .set_descriptions(columns.map_or(ptr::null(), |columns| columns.as_c()));
        self.origin = origin;
    }

    /// The columns, if the result has any.
    pub fn columns(&self) -> Option<&Arc<Columns>> {
        self.origin.as_ref()?.columns()
    }

    /// The column's description, or None if there is no such column.
    pub fn column(&self, column: i32) -> Option<&ColumnDesc> {
        self.columns()?.desc(usize::try_from(column).ok()?)
    }

    /// The types of a prepared statement's parameters.
    pub fn params(&self) -> &[u32] {
        &self.params
    }

    /// The error text, newline included; empty if there is none.
    pub fn error_message(&self) -> &CStr {
        if self.out_of_memory {
            return c"out of memory\n";
        }
        let message = self.error.as_ref().map(|error| &error.message[..]);
        CStr::from_bytes_until_nul(message.unwrap_or_default()).unwrap_or_default()
    }

    /// The server's text for a field of the error.
    pub fn error_field(&self, code: u8) -> Option<&CStr> {
        self.error_fields()?.get_c(code)
    }

    /// The fields of a server's error or notice.
    pub fn error_fields(&self) -> Option<&ErrorFields> {
        self.error.as_ref()?.fields.as_ref()
    }

    /// The command that failed, if the server reported a position in it.
    pub fn error_query(&self) -> Option<&[u8]> {
        self.error.as_ref()?.query.as_deref()
    }

    /// The command tag; empty if there is none.
    pub fn cmd_status(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.command).unwrap_or_default()
    }

    /// The bytes allocated for the result.
    pub fn memory_size(&self) -> usize {
        let columns = self.columns().map_or(0, |c| c.memory_size());
        let error = self.error.as_ref().map_or(0, |e| e.memory_size());
        let params = self.params.capacity() * size_of::<u32>();
        size_of::<PgResult>() + self.rows.memory_size() + columns + error + params
    }
}

impl ErrorInfo {
    fn memory_size(&self) -> usize {
        let fields = self.fields.as_ref().map_or(0, ErrorFields::memory_size);
        let query = self.query.as_ref().map_or(0, Vec::capacity);
        size_of::<ErrorInfo>() + self.message.capacity() + fields + query
    }
}
