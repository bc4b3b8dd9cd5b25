//! The code of the targets in `fuzz/`: each function takes any bytes from the network or from a user, and panics if
//! something is wrong. The unit tests run them on the seeds and on damaged seeds.

mod chain;
mod connection_string;
mod files;
#[cfg(feature = "oauth")]
mod http;
#[cfg(feature = "gss")]
mod packets;
mod pem;
mod scram;
mod stream;

pub use chain::chain;
pub use connection_string::connection_string;
pub use files::files;
#[cfg(feature = "oauth")]
pub use http::{http, json};
#[cfg(feature = "gss")]
pub use packets::packets;
pub use pem::pem;
pub use scram::scram;
pub use stream::stream;

pub use crate::ffi::fuzzing::{connection, copy, escape};

#[cfg(test)]
mod tests;
