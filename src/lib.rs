//! A drop-in `libpq.so.5` in Rust, API level libpq 19, that understands GoAway.
//!
//! The C API lives in [`ffi`]; everything below it is layered, imports point down only.

#![deny(clippy::undocumented_unsafe_blocks)]
#![deny(unsafe_op_in_unsafe_fn)]

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
compile_error!("libpq-oxide is built for Linux on x86-64 and aarch64 only");

mod auth;
mod client;
mod conn;
mod conninfo;
pub mod ffi;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod mem;
mod net;
mod result;
mod text;

pub(crate) use pq_protocol as protocol;
pub(crate) use pq_verify as verify;

#[global_allocator]
static ALLOCATOR: mem::reserve::Allocator = mem::reserve::Allocator;
