//! Layer 0: the bytes of the frontend/backend protocol. Knows nothing of sockets, clocks or the rest of the crate.

pub mod backend;
pub mod codes;
pub mod fields;
pub mod frontend;
pub mod output;
pub mod trace;
