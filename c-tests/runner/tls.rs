//! TLS: certificates and options must give the same results with C libpq 18 and with our library.

mod algorithms;
pub mod certificates;
mod chains;
mod clients;
mod end_point;
mod fallback;
pub mod forms;
mod hello;
mod injected;
mod key_files;
pub mod keys;
mod lists;
mod matrix;
mod options;
mod random;
mod root_files;
mod rsa_keys;
mod scripted;
pub mod server;
mod trust_settings;
mod unloading;
mod verifier;
