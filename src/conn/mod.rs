//! Layer 2: sans-IO state machines of a connection.

pub mod session;
pub mod startup;
pub mod status;

#[cfg(any(test, fuzzing))]
pub mod application;
#[cfg(test)]
mod status_tests;
#[cfg(test)]
pub mod streams;
