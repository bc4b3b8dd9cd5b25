//! Sockets, name resolution, encryption, and the system calls that the library needs.

pub mod dl;
pub mod gss;
pub mod http;
pub mod ldap;
pub mod mux;
pub mod resolve;
pub mod socket;
pub mod stream;
pub mod sys;
pub mod tls;
pub mod transport;
