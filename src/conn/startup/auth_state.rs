//! Authentication state kept between messages.

use zeroize::Zeroizing;

use crate::auth::scram::Client;
use crate::conn::session::Session;
use crate::mem::error_text::ErrorText;
use crate::protocol::frontend::{NoRoom, Output};
use crate::protocol::trace::AuthResponse;

/// The authentication exchange on the current physical connection.
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

/// Facts from a TLS handshake that authentication needs.
#[derive(Debug)]
pub struct TlsFacts {
    /// The server requested a client certificate.
    pub certificate_requested: bool,
    /// A client certificate was sent.
    pub certificate_sent: bool,
    /// The hash of the server certificate for the channel binding tls-server-end-point, or why there is none.
    pub server_end_point: Result<Vec<u8>, ErrorText>,
}

/// OAuth data. The issuer lasts as long as the connection object, the token until the connection is open.
#[derive(Default)]
pub struct OAuth {
    /// The identifier of the only issuer that is trusted.
    pub issuer: Option<String>,
    pub discovery_uri: Option<String>,
    pub(super) token: Option<Zeroizing<Vec<u8>>>,
    /// Plain http is permitted, for tests.
    pub allow_http: bool,
}

/// The progress of OAUTHBEARER on the current physical connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OAuthExchange {
    /// A token for the first message is requested.
    Begun,
    /// The first message was sent. If it had no token, `flow` tells whether a flow is ready to obtain one.
    Sent { flow: bool },
    /// The server has sent the discovery URI of the issuer.
    Discovered,
    /// The server has rejected the token.
    Refused,
}

/// The last token from the server in a GSSAPI exchange, or why it is not accepted.
pub(super) struct GssExchange(pub Result<Vec<u8>, ErrorText>);
