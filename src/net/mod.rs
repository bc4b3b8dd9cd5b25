//! Sockets, name resolution, encryption, and the system calls that the library needs.

pub mod dl;
#[cfg_attr(not(feature = "gss"), path = "gss/absent.rs")]
pub mod gss;
#[cfg(feature = "oauth")]
pub mod http;
#[cfg_attr(not(feature = "ldap"), path = "ldap/absent.rs")]
pub mod ldap;
#[cfg(feature = "oauth")]
pub mod mux;
pub mod resolve;
pub mod socket;
pub mod socket_error;
pub mod stream;
pub mod sys;
pub mod tls;
pub mod transport;
