//! Layer 2: sans-IO state machines of a connection.

pub mod attempt;
pub mod attributes;
pub mod auth_state;
pub mod authenticate;
pub mod copy;
pub mod description;
pub mod encrypt_request;
pub mod encryption;
pub mod errors;
pub mod function;
pub mod function_call;
pub mod goaway;
pub mod gss_auth;
pub mod host_list;
pub mod messages;
pub mod negotiate;
pub mod oauth;
pub mod outcome;
pub mod pipeline;
pub mod query;
pub mod queue;
mod receive;
mod reply;
pub mod rows;
pub mod sasl;
pub mod send;
pub mod server;
pub mod session;
pub mod startup;
pub mod status;
pub mod tracing;

#[cfg(any(test, fuzzing))]
pub mod application;
#[cfg(test)]
mod status_tests;
#[cfg(test)]
pub mod streams;
