//! Layer 0: password hashing and the SCRAM exchange; randomness is injected.

pub mod md5;
mod saslprep;
pub mod scram;
