//! The fuzz targets that call C functions.

mod connection;
mod copy;
mod escape;
mod server;

pub use connection::connection;
pub use copy::copy;
pub use escape::escape;
