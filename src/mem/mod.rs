//! Layer 0: fallible, growable memory for rows and received bytes.

pub mod arena;
pub mod buffer;
pub mod shown;
pub mod tail;

/// An allocation failed; the caller reports libpq's out-of-memory error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfMemory;

impl From<std::collections::TryReserveError> for OutOfMemory {
    fn from(_: std::collections::TryReserveError) -> OutOfMemory {
        OutOfMemory
    }
}
