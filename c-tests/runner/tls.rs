//! TLS: what C libpq 18 makes of certificates and options, and that ours makes the same of them.

mod algorithms;
pub mod certificates;
mod chains;
mod clients;
mod end_point;
mod fallback;
mod forms;
mod hello;
mod injected;
mod key_files;
mod keys;
mod lists;
mod matrix;
mod options;
mod root_files;
mod rsa_keys;
mod scripted;
pub mod server;
mod unloading;
mod verifier;
