//! Layer 0: encoding and decoding of the frontend/backend protocol. It does no I/O and uses no clock.

pub mod backend;
pub mod codes;
pub mod fields;
pub mod frontend;
pub mod output;
pub mod trace;
