//! Layer 1: results: rows, columns, error texts, printing.

pub mod builder;
pub mod columns;
pub mod command;
pub mod message;
pub mod modify;
pub mod origin;
pub mod print;
pub mod rows;
pub mod status;
pub mod store;
