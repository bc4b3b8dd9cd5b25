//! What tests are made of: real and scripted servers, C programs, and the libraries they run on.

// A vocabulary: a test file takes the words it needs.
#![allow(dead_code)]

pub mod clients;
pub mod keeper;
pub mod message;
pub mod paths;
pub mod postgres;
pub mod process;
pub mod program;
pub mod script;
pub mod session;
pub mod valgrind;
