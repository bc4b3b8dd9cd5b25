//! SASL authentication: the choice of a mechanism and the exchange (libpq: pg_SASL_init, pg_SASL_continue).

use zeroize::Zeroizing;

use super::Startup;
use super::auth_state::answer_request;
use super::authenticate::{INVALID_REQUEST, NO_PASSWORD};
use crate::auth::scram::{Binding, Client, Credentials};
use crate::conn::session::Session;
use crate::conninfo::params::{ChannelBinding, auth_bit};
use crate::mem::error_text::ErrorText;
use crate::protocol::backend::{Body, HEADER};
use crate::protocol::frontend;
use crate::protocol::trace::AuthResponse;

const SCRAM: &[u8] = b"SCRAM-SHA-256";
const SCRAM_PLUS: &[u8] = b"SCRAM-SHA-256-PLUS";
const OAUTH: &[u8] = b"OAUTHBEARER";

impl Startup {
    pub(super) fn begin_sasl(
        &mut self,
        session: &mut Session,
        body: Body<'_>,
        frame: &[u8],
    ) -> Result<(), ErrorText> {
        let requires_binding = self.params.channel_binding == ChannelBinding::Require;
        if requires_binding && self.tls.is_none() {
            return Err(b"channel binding required, but SSL not in use".into());
        }
        if self.auth.scram.is_some() || self.auth.oauth.is_some() {
            return Err(b"duplicate SASL authentication request".into());
        }
        let mechanism = self.choose_mechanism(body)?;
        session.server_mut().password_needed = mechanism != OAUTH;
        self.check_mechanism(mechanism)?;
        if requires_binding && mechanism != SCRAM_PLUS {
            return Err(b"channel binding is required, but server did not offer an authentication method that supports channel binding".into());
        }
        if mechanism == OAUTH {
            session.trace_received(frame, frame.len() - HEADER);
            return self.begin_oauth(session);
        }
        let credentials = self.credentials()?;
        let mut nonce = [0; 18];
        if !(self.random)(&mut nonce) {
            return Err(b"could not generate nonce".into());
        }
        let mut client = Client::new(self.binding(mechanism)?, credentials, nonce);
        session.trace_received(frame, frame.len() - HEADER);
        let first = client.first_message();
        answer_request(session, AuthResponse::SaslInitial, |out| {
            frontend::sasl_initial(out, mechanism, &first)
        })?;
        self.auth.scram = Some(client);
        Ok(())
    }

    /// Chooses a mechanism from the server's list: SCRAM-SHA-256-PLUS if possible, otherwise the first one supported.
    fn choose_mechanism(&self, mut list: Body<'_>) -> Result<&'static [u8], ErrorText> {
        let mut chosen = None;
        loop {
            let Some(name) = list.string() else {
                return Err(b"fe_sendauth: invalid authentication request from server: invalid list of authentication mechanisms".into());
            };
            match name {
                b"" if list.is_empty() => break,
                b"" => return Err(INVALID_REQUEST.into()),
                // TLS may have been stripped by an attacker.
                SCRAM_PLUS if self.tls.is_none() => {
                    return Err(b"server offered SCRAM-SHA-256-PLUS authentication over a non-SSL connection".into());
                }
                SCRAM_PLUS if self.params.channel_binding != ChannelBinding::Disable => {
                    chosen = Some(SCRAM_PLUS);
                }
                SCRAM => chosen = chosen.or(Some(SCRAM)),
                OAUTH => chosen = chosen.or(Some(OAUTH)),
                _ => {}
            }
        }
        chosen.ok_or_else(|| {
            ErrorText::from(b"none of the server's SASL authentication mechanisms are supported")
        })
    }

    fn binding(&self, mechanism: &[u8]) -> Result<Binding, ErrorText> {
        match &self.tls {
            Some(facts) if mechanism == SCRAM_PLUS => {
                facts.server_end_point.clone().map(Binding::ServerEndPoint)
            }
            Some(_) if self.params.channel_binding != ChannelBinding::Disable => {
                Ok(Binding::NotOffered)
            }
            _ => Ok(Binding::Unsupported),
        }
    }

    fn check_mechanism(&self, mechanism: &[u8]) -> Result<(), ErrorText> {
        let bit = if mechanism == OAUTH {
            auth_bit::OAUTH
        } else {
            auth_bit::SCRAM
        };
        let required = self.params.require_auth.as_ref();
        if required.is_some_and(|required| required.allowed & bit == 0) {
            let reason = [b"server requested ", mechanism, b" authentication"];
            return Err(self.require_auth_error(reason.concat()));
        }
        Ok(())
    }

    fn credentials(&self) -> Result<Credentials, ErrorText> {
        let client_key = self.params.scram_client_key.clone();
        let password = self.password();
        if client_key.is_none() && password.is_none() {
            return Err(NO_PASSWORD.into());
        }
        Ok(Credentials {
            password: password.map(|password| Zeroizing::new(password.to_vec())),
            client_key,
            server_key: self.params.scram_server_key.clone(),
        })
    }

    /// Processes AuthenticationSASLContinue, or AuthenticationSASLFinal if `is_last`.
    pub(super) fn continue_sasl(
        &mut self,
        session: &mut Session,
        body: Body<'_>,
        frame: &[u8],
        is_last: bool,
    ) -> Result<(), ErrorText> {
        if self.auth.oauth.is_some() {
            session.trace_received(frame, frame.len() - HEADER);
            return self.continue_oauth(session, body.0, is_last);
        }
        let client = self.auth.scram.as_mut().ok_or_else(not_begun)?;
        session.trace_received(frame, frame.len() - HEADER);
        if is_last {
            client.verify(body.0).map_err(|e| e.message())?;
            session.server_mut().client_finished_auth = true;
            return Ok(());
        }
        let reply = client.final_message(body.0).map_err(|e| e.message())?;
        answer_request(session, AuthResponse::Sasl, |out| {
            frontend::sasl_response(out, &reply)
        })
    }
}

fn not_begun() -> ErrorText {
    b"fe_sendauth: invalid authentication request from server: AUTH_REQ_SASL_CONT without AUTH_REQ_SASL".into()
}
