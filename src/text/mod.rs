//! Layer 0: client encodings and escaping.

mod doubling;
pub mod encoding;
pub mod escape;
pub mod sink;
#[cfg(test)]
mod vectors;
