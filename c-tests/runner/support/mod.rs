//! Helpers for tests: real and scripted servers, C programs, and the libraries to run them with.

// No test uses all of the helpers.
#![allow(dead_code)]

pub mod cleanup;
pub mod clients;
pub mod emulator;
pub mod installation;
pub mod interpose;
pub mod message;
pub mod packages;
pub mod paths;
pub mod postgres;
pub mod process;
pub mod program;
pub mod script;
pub mod session;
pub mod valgrind;
