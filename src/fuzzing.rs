//! What `fuzz/` runs: each function takes whatever came from the network, or from a user, and panics when
//! something is not as it must be. The unit tests run them, too, on the seeds and on damaged seeds.

mod chain;
mod connection_string;
#[cfg(feature = "oauth")]
mod http;
#[cfg(feature = "gss")]
mod packets;
mod scram;
mod stream;

pub use chain::chain;
pub use connection_string::connection_string;
#[cfg(feature = "oauth")]
pub use http::{http, json};
#[cfg(feature = "gss")]
pub use packets::packets;
pub use scram::scram;
pub use stream::stream;

#[cfg(test)]
mod tests;
