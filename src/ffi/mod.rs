//! The C functions. Each converts its arguments, calls the layers below and converts the result.

// Functions, types and parameters have the names that libpq uses.
#![allow(non_snake_case, non_camel_case_types)]

pub mod alloc;
pub mod asynchronous;
pub mod call;
pub mod cancel;
pub mod cancel_connection;
pub mod clear;
pub mod client_encoding;
pub mod command;
pub mod conn;
pub mod connect;
pub mod conninfo;
pub mod copy;
pub mod drive;
pub mod encoding;
pub mod enums;
pub mod escape;
pub mod events;
pub mod exec;
pub mod function;
pub mod function_slot;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod gss;
pub mod guard;
pub mod large_object;
pub mod misc;
pub mod new_connection;
pub mod notice;
pub mod notice_hooks;
pub mod oauth;
pub mod params;
pub mod password;
pub mod ping;
pub mod pipeline;
pub mod pqexpbuffer;
pub mod print;
pub mod ptr;
pub mod registers;
pub mod registration;
pub mod result;
pub mod sending;
pub mod status;
pub mod tls;
pub mod trace;
pub mod types;
pub mod wait;
