//! The status of a result, with libpq's numbers.

use std::ffi::CStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    EmptyQuery = 0,
    CommandOk = 1,
    TuplesOk = 2,
    CopyOut = 3,
    CopyIn = 4,
    BadResponse = 5,
    NonfatalError = 6,
    FatalError = 7,
    CopyBoth = 8,
    SingleTuple = 9,
    PipelineSync = 10,
    PipelineAborted = 11,
    TuplesChunk = 12,
}

impl Status {
    /// Whether a result with this status never has an error text.
    pub fn is_success(self) -> bool {
        matches!(
            self,
            Status::EmptyQuery
                | Status::CommandOk
                | Status::TuplesOk
                | Status::CopyOut
                | Status::CopyIn
                | Status::CopyBoth
                | Status::SingleTuple
                | Status::TuplesChunk
        )
    }

    /// Whether a result with this status begins a COPY.
    pub fn is_copy(self) -> bool {
        matches!(self, Status::CopyIn | Status::CopyOut | Status::CopyBoth)
    }

    /// The status with libpq's number, if it is one.
    pub fn from_code(code: i32) -> Option<Status> {
        const ALL: [Status; 13] = [
            Status::EmptyQuery,
            Status::CommandOk,
            Status::TuplesOk,
            Status::CopyOut,
            Status::CopyIn,
            Status::BadResponse,
            Status::NonfatalError,
            Status::FatalError,
            Status::CopyBoth,
            Status::SingleTuple,
            Status::PipelineSync,
            Status::PipelineAborted,
            Status::TuplesChunk,
        ];
        usize::try_from(code)
            .ok()
            .and_then(|code| ALL.get(code).copied())
    }
}

/// The names for `PQresStatus` and `pgresStatus`, by number.
pub static NAMES: [&CStr; 13] = [
    c"PGRES_EMPTY_QUERY",
    c"PGRES_COMMAND_OK",
    c"PGRES_TUPLES_OK",
    c"PGRES_COPY_OUT",
    c"PGRES_COPY_IN",
    c"PGRES_BAD_RESPONSE",
    c"PGRES_NONFATAL_ERROR",
    c"PGRES_FATAL_ERROR",
    c"PGRES_COPY_BOTH",
    c"PGRES_SINGLE_TUPLE",
    c"PGRES_PIPELINE_SYNC",
    c"PGRES_PIPELINE_ABORTED",
    c"PGRES_TUPLES_CHUNK",
];
