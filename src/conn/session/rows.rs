//! Rows and columns of results.

use std::sync::Arc;

use super::errors::OUT_OF_MEMORY;
use super::queue::QueryClass;
use super::reply::{MessageOutcome, length_mismatch};
use super::{AsyncState, RowMode, Session};
use crate::mem::OutOfMemory;
use crate::mem::buffer::RecvBuffer;
use crate::protocol::backend::Body;
use crate::protocol::codes::server;
use crate::result::columns::{Columns, ColumnsError};
use crate::result::origin::Origin;
use crate::result::rows::RowError;
use crate::result::status::Status;
use crate::result::store::{PgResult, PgResultBox};

/// The space for rows, in bytes, that a result starts with. Enough for most short queries.
const FIRST_ROWS: usize = 600;
/// The limit on the space for rows that a chunk starts with.
const CHUNK_ROWS: usize = 32 * 1024;

impl Session {
    pub(super) fn row_description(&mut self, body: &[u8]) -> MessageOutcome {
        if self.has_failed() {
            // The query has failed: everything up to its end is dropped.
            return self.end_of_failed_description();
        }
        let describing = matches!(self.queue.class(), None | Some(QueryClass::Describe));
        if self.result.is_some() && self.queue.class() != Some(QueryClass::Describe) {
            // libpq: another result starts. Parsing waits until this one is collected.
            self.state = AsyncState::Ready;
            return MessageOutcome::Wait;
        }
        match self.described(body, describing) {
            Ok(()) => {
                if describing {
                    self.state = AsyncState::Ready;
                }
                MessageOutcome::Done
            }
            Err(ColumnsError::LengthMismatch) => MessageOutcome::Malformed,
            Err(error) => {
                self.fail_result(error.message());
                self.end_of_failed_description()
            }
        }
    }

    /// A RowDescription ends the command if a description was requested.
    fn end_of_failed_description(&mut self) -> MessageOutcome {
        if self.queue.class() == Some(QueryClass::Describe) {
            self.state = AsyncState::Ready;
        }
        MessageOutcome::Done
    }

    fn described(&mut self, body: &[u8], describing: bool) -> Result<(), ColumnsError> {
        let origin = self
            .last_description
            .origin_of(body, self.origin.as_ref())?;
        let earlier = if describing { self.result.take() } else { None };
        let mut result = match earlier {
            Some(result) => result,
            None if describing => self.empty_result(Status::CommandOk)?,
            None => return self.await_rows(origin),
        };
        result.set_columns(origin);
        self.result = Some(result);
        Ok(())
    }

    fn await_rows(&mut self, origin: Arc<Origin>) -> Result<(), ColumnsError> {
        let encoding = self.server.encoding;
        let space = self.last_description.row_space().unwrap_or(FIRST_ROWS);
        let result =
            PgResult::with_columns(Status::TuplesOk, encoding, origin, self.layout, space)?;
        self.result = Some(result);
        Ok(())
    }

    pub(super) fn parameter_description(&mut self, body: &[u8]) -> MessageOutcome {
        if self.has_failed() {
            // libpq: replaces the error by a result.
            return MessageOutcome::Done;
        }
        let mut rest = Body(body);
        match self.described_parameters(&mut rest) {
            Ok(Some(result)) if rest.is_empty() => {
                self.result = Some(result);
                MessageOutcome::Done
            }
            // The error waits for the RowDescription or NoData that ends the description.
            Ok(Some(_)) if self.queue.class() == Some(QueryClass::Describe) => {
                self.damaged = true;
                self.fail_result(length_mismatch(server::PARAMETER_DESCRIPTION))
            }
            Ok(Some(_)) => MessageOutcome::Malformed,
            Ok(None) => self.fail_result("insufficient data in \"t\" message"),
            Err(OutOfMemory) => self.fail_result(OUT_OF_MEMORY),
        }
    }

    fn described_parameters(
        &mut self,
        body: &mut Body<'_>,
    ) -> Result<Option<PgResultBox>, OutOfMemory> {
        let Some(count) = body.u16() else {
            return Ok(None);
        };
        let Some(bytes) = body.take(usize::from(count) * 4) else {
            return Ok(None);
        };
        let types = bytes
            .chunks_exact(4)
            .map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
        let mut params = Vec::new();
        params.try_reserve_exact(count.into())?;
        params.extend(types);
        let mut result = self.empty_result(Status::CommandOk)?;
        result.set_params(params);
        Ok(Some(result))
    }

    /// Whether the current result is an error.
    fn has_failed(&self) -> bool {
        self.error_result
            || self
                .result
                .as_ref()
                .is_some_and(|result| result.status() == Status::FatalError)
    }

    /// Replaces the result being built by an error. The message counts as processed.
    pub(super) fn fail_result(&mut self, message: impl AsRef<[u8]>) -> MessageOutcome {
        self.clear_result();
        self.errors.add(message);
        self.save_error_result();
        MessageOutcome::Done
    }

    pub(super) fn data_row(&mut self, body: &[u8]) -> MessageOutcome {
        let accepts_rows = self
            .result
            .as_ref()
            .is_some_and(|r| matches!(r.status(), Status::TuplesOk | Status::TuplesChunk));
        if !accepts_rows {
            if self.has_failed() {
                return MessageOutcome::Done;
            }
            self.errors.add(
                "server sent data (\"D\" message) without prior row description (\"T\" message)",
            );
            self.save_error_result();
            return MessageOutcome::Done;
        }
        match self.store_row(body) {
            Ok(()) => {
                self.last_description.rows_taken(body.len());
                MessageOutcome::Done
            }
            Err(RowError::LengthMismatch) => MessageOutcome::Malformed,
            Err(error) => self.fail_result(error.message()),
        }
    }

    /// Adds the DataRows at the front of the input on the fast path. [`Session::data_row`] processes all others.
    #[inline]
    pub(super) fn data_rows(&mut self, input: &mut RecvBuffer) {
        let wanted = input.unread().first() == Some(&server::DATA_ROW)
            && self.state == AsyncState::Busy
            && self.tracer.is_none();
        if !wanted {
            return;
        }
        let (result, saved) = (&mut self.result, &mut self.saved_result);
        let (taken, state) = plain_rows(input.unread(), self.row_mode, result, saved);
        self.last_description.rows_taken(taken);
        input.consume(taken);
        self.state = state;
    }

    fn store_row(&mut self, body: &[u8]) -> Result<(), RowError> {
        let limit = match self.row_mode {
            RowMode::Whole => {
                return match &mut self.result {
                    Some(result) => result.push_row(body),
                    None => Err(RowError::OutOfMemory),
                };
            }
            RowMode::Single => 1,
            RowMode::Chunked(rows) => rows,
        };
        if self.saved_result.is_none() {
            let partial = self.partial_result(body.len())?;
            self.saved_result = self.result.replace(partial);
        }
        let Some(result) = &mut self.result else {
            return Err(RowError::OutOfMemory);
        };
        result.push_row(body)?;
        if result.nrows() as usize >= limit {
            self.state = AsyncState::ReadyMore;
        }
        Ok(())
    }

    /// An empty result with the columns of the current one and space for rows of `row_size` bytes.
    fn partial_result(&self, row_size: usize) -> Result<PgResultBox, RowError> {
        let Some(whole) = &self.result else {
            return Err(RowError::OutOfMemory);
        };
        let (status, space) = match self.row_mode {
            RowMode::Single => (Status::SingleTuple, row_size),
            RowMode::Chunked(rows) => {
                let space = row_size.saturating_mul(rows).min(CHUNK_ROWS);
                (Status::TuplesChunk, space)
            }
            RowMode::Whole => (Status::TuplesOk, FIRST_ROWS),
        };
        // libpq: encoding and hooks are those of the whole result.
        Ok(whole.portion(status, space)?)
    }

    pub(super) fn copy_start(
        &mut self,
        body: &[u8],
        status: Status,
        state: AsyncState,
    ) -> MessageOutcome {
        if self.error_result {
            // libpq: the COPY replaces the error.
            self.state = AsyncState::Ready;
            return MessageOutcome::Wait;
        }
        let (overall, columns) = match Columns::from_copy_response(body) {
            Ok((overall, columns)) => (overall, Arc::new(columns)),
            Err(ColumnsError::OutOfMemory) => return self.fail_copy(state),
            Err(_) => return MessageOutcome::Malformed,
        };
        match self.empty_result(status) {
            Ok(mut result) => {
                result.set_copy_columns(overall, columns);
                self.result = Some(result);
                self.state = state;
                self.copy_already_done = 0;
                self.copy_is_binary = overall != 0;
                MessageOutcome::Done
            }
            Err(OutOfMemory) => self.fail_copy(state),
        }
    }

    /// There is no memory to start a COPY. libpq would wait forever for a server that waits for data.
    #[cold]
    fn fail_copy(&mut self, state: AsyncState) -> MessageOutcome {
        if state == AsyncState::CopyOut {
            // The rest of the COPY is dropped.
            return self.fail_result(OUT_OF_MEMORY);
        }
        self.run_out_of_memory();
        MessageOutcome::Done
    }
}

/// Adds the rows at the front of `input` to the result. In single-row mode makes the first row the result and saves the
/// result of the whole query. Returns the number of bytes used and the new state.
#[inline(always)]
fn plain_rows(
    input: &[u8],
    mode: RowMode,
    result: &mut Option<PgResultBox>,
    saved: &mut Option<PgResultBox>,
) -> (usize, AsyncState) {
    let nothing = (0, AsyncState::Busy);
    let Some(rows) = result else {
        return nothing;
    };
    match (mode, rows.status()) {
        (RowMode::Whole, Status::TuplesOk) => (rows.push_rows(input, usize::MAX), AsyncState::Busy),
        (RowMode::Single, Status::TuplesOk) => {
            let Some((single, taken)) = rows.single_row(input) else {
                return nothing;
            };
            *saved = result.replace(single);
            (taken, AsyncState::ReadyMore)
        }
        (RowMode::Chunked(most), Status::TuplesChunk) => {
            let missing = most.saturating_sub(rows.nrows() as usize);
            let taken = rows.push_rows(input, missing);
            let full = rows.nrows() as usize >= most;
            let ready = if full {
                AsyncState::ReadyMore
            } else {
                AsyncState::Busy
            };
            (taken, ready)
        }
        _ => nothing,
    }
}
