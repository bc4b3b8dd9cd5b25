//! Layer 0: client encodings and escaping.

pub mod bytea;
mod doubling;
pub mod encoding;
pub mod encoding_names;
pub mod encoding_verify;
pub mod encoding_width;
pub mod escape;
pub mod sink;
#[cfg(test)]
mod vectors;
