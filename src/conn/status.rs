//! How far a connection has got, and the status that PQstatus derives from it.

use super::startup::encryption::Method;

/// libpq's connection states, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ConnStatus {
    Ok = 0,
    Bad = 1,
    Started = 2,
    Made = 3,
    AwaitingResponse = 4,
    AuthOk = 5,
    SslStartup = 7,
    Needed = 8,
    CheckWritable = 9,
    Consume = 10,
    GssStartup = 11,
    CheckTarget = 12,
    CheckStandby = 13,
    Allocated = 14,
    Authenticating = 15,
}

/// The life of a connection. This is the only record of it: [`Stage::status`] computes what PQstatus returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not begun, failed, lost or closed.
    Closed,
    /// A cancel connection that is not begun.
    Allocated,
    Starting(Phase),
    /// Commands can be sent, or the cancel request was delivered.
    Open,
}

impl Stage {
    pub(super) fn status(self) -> ConnStatus {
        match self {
            Stage::Closed => ConnStatus::Bad,
            Stage::Allocated => ConnStatus::Allocated,
            Stage::Starting(phase) => phase.status(),
            Stage::Open => ConnStatus::Ok,
        }
    }

    /// Whether no answer to an authentication request is outstanding: the server's messages can be parsed as those of a
    /// session.
    pub(super) fn is_past_authentication(self) -> bool {
        match self {
            Stage::Closed | Stage::Open => true,
            Stage::Allocated => false,
            Stage::Starting(phase) => phase.is_past_authentication(),
        }
    }
}

/// The phase of a connection attempt: what happens next at the current address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The addresses of the host are looked up.
    Resolving,
    /// Begin a physical connection to the current address.
    NewConnection {
        /// The new socket takes over the descriptor of the last one.
        keep_descriptor: bool,
    },
    /// Create the socket.
    Opening,
    Connecting,
    CheckPeer,
    Connected,
    Made,
    /// The server was asked for encryption.
    EncryptionRequested(Method),
    Handshake(Method),
    AwaitingResponse,
    /// OAuth: the application is asked for a token.
    TokenWanted,
    /// OAuth: the first message can be sent.
    BearerReady,
    /// OAuth: a flow runs.
    Authenticating,
    /// GSSAPI: the server's token needs an answer.
    GssStep,
    /// GSSAPI: the answer is in the output buffer.
    GssAnswered,
    AuthOk,
    CheckTarget,
    ProbeWritable,
    ProbeStandby,
    /// Read the rest of a probe's answer.
    Consume,
}

impl Phase {
    fn status(self) -> ConnStatus {
        match self {
            Phase::Resolving | Phase::NewConnection { .. } | Phase::Opening => ConnStatus::Needed,
            Phase::Connecting => ConnStatus::Started,
            Phase::CheckPeer | Phase::Connected | Phase::Made => ConnStatus::Made,
            Phase::EncryptionRequested(Method::Gss) | Phase::Handshake(Method::Gss) => {
                ConnStatus::GssStartup
            }
            Phase::EncryptionRequested(_) | Phase::Handshake(_) => ConnStatus::SslStartup,
            Phase::AwaitingResponse
            | Phase::TokenWanted
            | Phase::BearerReady
            | Phase::GssStep
            | Phase::GssAnswered => ConnStatus::AwaitingResponse,
            Phase::Authenticating => ConnStatus::Authenticating,
            Phase::AuthOk => ConnStatus::AuthOk,
            Phase::CheckTarget => ConnStatus::CheckTarget,
            Phase::ProbeWritable => ConnStatus::CheckWritable,
            Phase::ProbeStandby => ConnStatus::CheckStandby,
            Phase::Consume => ConnStatus::Consume,
        }
    }

    fn is_past_authentication(self) -> bool {
        matches!(
            self,
            Phase::AuthOk
                | Phase::CheckTarget
                | Phase::ProbeWritable
                | Phase::ProbeStandby
                | Phase::Consume
        )
    }
}
