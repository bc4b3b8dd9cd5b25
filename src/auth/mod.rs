//! Layer 0: password hashing, the SCRAM exchange and OAuth. Random numbers are arguments.

pub mod md5;
pub mod oauth;
mod saslprep;
pub mod scram;
