//! The OAUTHBEARER exchange over one or two connections (libpq: fe-auth-oauth.c).
//!
//! If there is no token yet, the first connection gets the discovery URI from the server and then fails. The second
//! connection sends the token.

use zeroize::Zeroizing;

use super::auth_state::{OAuthExchange, answer_request};
use super::{Next, Startup, Want};
use crate::auth::oauth::{self, ServerError, issuer};
use crate::conn::session::Session;
use crate::conn::status::Phase;
use crate::conninfo::options::Opt;
use crate::mem::error_text::ErrorText;
use crate::protocol::frontend;
use crate::protocol::trace::AuthResponse;

const MECHANISM: &[u8] = b"OAUTHBEARER";

/// The source of a token: the answer to [`Want::Token`].
pub enum TokenSource {
    Token(Zeroizing<Vec<u8>>),
    /// A flow is ready. [`Want::OAuthFlow`] runs it.
    Flow,
    /// The text for the error message.
    Failed(ErrorText),
}

impl Startup {
    /// OAUTHBEARER was chosen from the mechanisms that the server offers.
    pub(super) fn begin_oauth(&mut self, session: &mut Session) -> Result<(), ErrorText> {
        self.auth.oauth = Some(OAuthExchange::Begun);
        self.set_up_oauth()?;
        let known = self.oauth.discovery_uri.is_some();
        let phase = match self.oauth.token.is_none() && known {
            true => Phase::TokenWanted,
            false => Phase::BearerReady,
        };
        self.enter(session, phase);
        Ok(())
    }

    /// Reads the issuer from the options, once for each connection object.
    fn set_up_oauth(&mut self) -> Result<(), ErrorText> {
        if self.oauth.issuer.is_some() {
            return Ok(());
        }
        let (Some(issuer), Some(_)) = (
            self.options.get(Opt::OAuthIssuer),
            self.options.get(Opt::OAuthClientId),
        ) else {
            return Err(b"server requires OAuth authentication, but oauth_issuer and oauth_client_id are not both set".into());
        };
        let issuer = String::from_utf8_lossy(issuer).into_owned();
        if issuer::is_discovery_uri(&issuer) {
            let identifier = issuer::of_discovery_uri(&issuer, self.oauth.allow_http)?;
            self.oauth.issuer = Some(identifier);
            self.oauth.discovery_uri = Some(issuer);
        } else {
            self.oauth.issuer = Some(issuer);
        }
        Ok(())
    }

    /// The answer to [`Want::Token`].
    pub fn token_source(&mut self, session: &mut Session, source: TokenSource) {
        let begun = self.auth.oauth == Some(OAuthExchange::Begun);
        match source {
            TokenSource::Failed(text) => self.fail_with(session, text),
            TokenSource::Token(token) => {
                self.oauth.token = Some(token);
                match begun {
                    true => self.enter(session, Phase::BearerReady),
                    false => self.reconnect(session),
                }
            }
            TokenSource::Flow if begun => {
                self.auth.oauth = Some(OAuthExchange::Sent { flow: true });
                self.enter(session, Phase::BearerReady);
            }
            TokenSource::Flow => self.await_token(session),
        }
    }

    /// Sends the first message, with the token if there is one.
    pub(super) fn send_bearer(&mut self, session: &mut Session) -> Option<Want> {
        let token = self.oauth.token.as_ref().map(|token| token.as_slice());
        session.server_mut().client_finished_auth |= token.is_some();
        let message = oauth::first_message(token);
        let sent = answer_request(session, AuthResponse::SaslInitial, |out| {
            frontend::sasl_initial(out, MECHANISM, &message)
        });
        if let Err(text) = sent {
            self.fail_with(session, text);
            return None;
        }
        if self.auth.oauth == Some(OAuthExchange::Begun) {
            self.auth.oauth = Some(OAuthExchange::Sent { flow: false });
        }
        self.enter(session, Phase::AwaitingResponse);
        Some(Want::Write)
    }

    /// Reads the server's next message. It is an error: a success has no message.
    pub(super) fn continue_oauth(
        &mut self,
        session: &mut Session,
        message: &[u8],
        last: bool,
    ) -> Result<(), ErrorText> {
        let flow = match self.auth.oauth {
            Some(OAuthExchange::Sent { .. }) if last => {
                return Err(b"server sent unexpected additional OAuth data".into());
            }
            Some(OAuthExchange::Sent { flow }) => flow,
            Some(OAuthExchange::Refused) => {
                return Err(b"server sent additional OAuth data after error".into());
            }
            _ => return Err(b"invalid OAuth exchange state".into()),
        };
        answer_request(session, AuthResponse::Sasl, |out| {
            frontend::sasl_response(out, oauth::ERROR_RECEIVED)
        })?;
        self.take_server_error(oauth::server_error(message)?)?;
        if self.oauth.token.is_some() {
            // The server's ErrorResponse follows.
            self.auth.oauth = Some(OAuthExchange::Refused);
            return Ok(());
        }
        self.auth.oauth = Some(OAuthExchange::Discovered);
        if flow {
            self.await_token(session);
        } else if self.oauth.discovery_uri.is_some() {
            self.enter(session, Phase::TokenWanted);
        } else {
            return Err(
                b"server requires OAuth authentication, but no discovery metadata was provided"
                    .into(),
            );
        }
        Ok(())
    }

    /// Stores the issuer data that the server sent if it agrees with what is known.
    fn take_server_error(&mut self, error: ServerError) -> Result<(), ErrorText> {
        if let Some(uri) = error.discovery_uri {
            self.check_discovery_uri(&uri)?;
            self.oauth.discovery_uri = Some(uri);
        }
        if let Some(scope) = error.scope
            && self.options.get(Opt::OAuthScope).is_none()
        {
            self.options.set(Opt::OAuthScope, Some(scope.into_bytes()));
        }
        match error.status.as_deref() {
            None => Err(b"server sent error response without a status".into()),
            Some("invalid_token") => Ok(()),
            Some(status) => Err(format!("server rejected OAuth bearer token: {status}").into()),
        }
    }

    /// A server must not redirect the client to an issuer that is not trusted.
    fn check_discovery_uri(&self, uri: &str) -> Result<(), ErrorText> {
        let issuer = issuer::of_discovery_uri(uri, self.oauth.allow_http)?;
        let trusted = self.oauth.issuer.as_deref().unwrap_or_default();
        if issuer != trusted {
            let text = format!(
                "server's discovery document at {uri} (issuer \"{issuer}\") is incompatible with oauth_issuer ({trusted})"
            );
            return Err(text.into());
        }
        match &self.oauth.discovery_uri {
            Some(known) if known != uri => {
                let text = format!(
                    "server's discovery document has moved to {uri} (previous location was {known})"
                );
                Err(text.into())
            }
            _ => Ok(()),
        }
    }

    fn await_token(&mut self, session: &mut Session) {
        self.enter(session, Phase::Authenticating);
    }

    /// The result of [`Want::OAuthFlow`]: a token, or the text for the error message.
    pub fn token_obtained(
        &mut self,
        session: &mut Session,
        outcome: Result<Zeroizing<Vec<u8>>, ErrorText>,
    ) {
        match outcome {
            Ok(token) => {
                self.oauth.token = Some(token);
                self.reconnect(session);
            }
            Err(text) => self.fail_with(session, text),
        }
    }

    fn reconnect(&mut self, session: &mut Session) {
        // libpq: this text precedes the error of the second connection.
        session.add_error("retrying connection with new bearer token");
        self.advance_to(Next::Same);
    }

    /// Drops the token when the connection is open or closed.
    pub fn forget_token(&mut self) {
        self.oauth.token = None;
    }
}
