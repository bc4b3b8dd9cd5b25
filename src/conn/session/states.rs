//! The states and modes of a session.

/// The progress of the current command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsyncState {
    Idle,
    /// Waiting for the server.
    Busy,
    /// A result is complete.
    Ready,
    /// A partial result is complete. More rows of the same query follow.
    ReadyMore,
    CopyIn,
    CopyOut,
    CopyBoth,
    /// In pipeline mode, between the results of two commands.
    PipelineIdle,
}

/// libpq's transaction states, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum TransactionStatus {
    Idle = 0,
    Active = 1,
    InTransaction = 2,
    InError = 3,
    Unknown = 4,
}

/// libpq's pipeline states, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum PipelineStatus {
    Off = 0,
    On = 1,
    Aborted = 2,
}

/// How rows are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowMode {
    /// All rows in one result.
    Whole,
    /// One result for each row.
    Single,
    /// Results of at most this many rows.
    Chunked(usize),
}
