//! A fast-path function call in progress.

/// What the caller can take.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    /// An integer of 2 or 4 bytes.
    Integer,
    /// At most so many bytes.
    AtMost(usize),
    #[default]
    Anything,
}

/// What came back.
#[derive(Debug, Default)]
pub struct FunctionCall {
    pub(super) returns: Returns,
    pub answered: bool,
    /// The result's bytes; None for NULL or none yet.
    pub value: Option<Vec<u8>>,
}
