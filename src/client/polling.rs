//! What the steps of connecting return.

use super::Hook;
use crate::conn::startup::auth_state::TlsFacts;
use crate::net::tls::Failure;

/// What PQconnectPoll returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polling {
    Failed,
    Reading,
    Writing,
    Ok,
}

/// How far the encryption of a connection got.
pub(super) enum EncryptionProgress {
    Tls(TlsFacts),
    Gss,
    Failed(Failure),
    /// The socket must become readable or writable first.
    Wait(Polling),
    /// The application must answer first.
    Ask(Hook),
}
