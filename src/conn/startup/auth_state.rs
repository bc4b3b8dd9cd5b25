//! What authentication keeps between two messages.

use zeroize::Zeroizing;

use crate::auth::scram::Client;
use crate::conn::session::Session;
use crate::mem::error_text::ErrorText;
use crate::protocol::frontend::{NoRoom, Output};
use crate::protocol::trace::AuthResponse;

/// The exchange on the current physical connection.
#[derive(Default)]
pub struct Authentication {
    pub(super) requests: u32,
    pub(super) completed: bool,
    pub(super) scram: Option<Client>,
    pub(super) oauth: Option<OAuthExchange>,
    pub(super) gss: Option<GssExchange>,
}

/// Appends an answer to an authentication request.
pub(super) fn answer_request(
    session: &mut Session,
    meaning: AuthResponse,
    write: impl FnOnce(&mut Output) -> Result<(), NoRoom>,
) -> Result<(), ErrorText> {
    let appended = session.append_auth_response(meaning, write);
    appended.map_err(|NoRoom| b"out of memory".into())
}

/// What a TLS handshake tells those who authenticate.
#[derive(Debug)]
pub struct TlsFacts {
    /// The server asked for a certificate of the client.
    pub certificate_requested: bool,
    /// A certificate of the client was sent.
    pub certificate_sent: bool,
    /// The server certificate's hash for the channel binding tls-server-end-point, or why there is none.
    pub server_end_point: Result<Vec<u8>, ErrorText>,
}

/// What is known of the issuer for as long as the connection object lives, and the token until a
/// connection stands.
#[derive(Default)]
pub struct OAuth {
    /// The identifier of the one issuer that is trusted.
    pub issuer: Option<String>,
    pub discovery_uri: Option<String>,
    pub(super) token: Option<Zeroizing<Vec<u8>>>,
    /// Plain http is allowed, for tests.
    pub allow_http: bool,
}

/// Where the exchange of the current physical connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OAuthExchange {
    /// A token is being asked for, so that it can go into the first message.
    Begun,
    /// The first message is sent; whether a flow is ready to bring the token that was not in it.
    Sent { flow: bool },
    /// The server has said where a token is to be had.
    Discovered,
    /// The server has refused our token.
    Refused,
}

/// What the server of a GSSAPI exchange said last; Err if that will not do.
pub(super) struct GssExchange(pub Result<Vec<u8>, ErrorText>);
