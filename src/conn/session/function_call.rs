//! A fast-path function call in progress.

/// The result that the caller accepts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    /// An integer of 2 or 4 bytes.
    Integer,
    /// At most this many bytes.
    AtMost(usize),
    #[default]
    Anything,
}

/// The reply to a call.
#[derive(Debug, Default)]
pub struct FunctionCall {
    pub(super) returns: Returns,
    pub answered: bool,
    /// The bytes of the result. `None` for NULL or no result yet.
    pub value: Option<Vec<u8>>,
}
