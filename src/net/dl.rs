//! Shared libraries that are loaded when a connection needs them, so that programs start without them.

#[cfg(feature = "gss")]
pub mod gssapi;
#[cfg(feature = "ldap")]
pub mod ldap;
#[cfg(any(feature = "gss", feature = "ldap"))]
mod library;
pub mod loaded;
