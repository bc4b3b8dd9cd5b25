//! GSSAPI authentication: the exchange of tokens (libpq: pg_GSS_startup, pg_GSS_continue).

use super::Startup;
use super::auth_state::{GssExchange, answer_request};
use super::encryption::Method;
use crate::conn::session::Session;
use crate::conn::status::Phase;
use crate::mem::error_text::ErrorText;
use crate::protocol::backend::{Body, HEADER};
use crate::protocol::frontend;
use crate::protocol::trace::AuthResponse;

/// The result of one step of the exchange.
pub struct GssStepResult {
    /// The token for the server. Empty if none is sent.
    pub token: Vec<u8>,
    /// Both sides are authenticated.
    pub complete: bool,
}

impl Startup {
    /// The server requests GSSAPI.
    pub(super) fn begin_gss(&mut self, session: &mut Session, frame: &[u8]) {
        // libpq: authentication needs a host name, encryption does not.
        let named = self
            .host()
            .host
            .as_ref()
            .is_some_and(|host| !host.is_empty());
        let token = if !named {
            Err(b"host name must be specified".into())
        } else if self.auth.gss.is_some() || self.in_use == Method::Gss {
            Err(b"duplicate GSS authentication request".into())
        } else {
            Ok(Vec::new())
        };
        self.take_gss_token(session, token, frame);
    }

    /// The server sent a token.
    pub(super) fn continue_gss(&mut self, session: &mut Session, body: Body<'_>, frame: &[u8]) {
        let token = match &self.auth.gss {
            Some(_) => Ok(body.0.to_vec()),
            None => Err(b"fe_sendauth: invalid authentication request from server: AUTH_REQ_GSS_CONT without AUTH_REQ_GSS".into()),
        };
        self.take_gss_token(session, token, frame);
    }

    /// libpq: takes the lock even if it then refuses the request.
    fn take_gss_token(
        &mut self,
        session: &mut Session,
        token: Result<Vec<u8>, ErrorText>,
        frame: &[u8],
    ) {
        if token.is_ok() {
            session.trace_received(frame, frame.len() - HEADER);
        }
        self.auth.gss = Some(GssExchange(token));
        self.enter(session, Phase::GssStep);
    }

    /// The server's token for [`Want::GssStep`](super::Want::GssStep), empty at the start. `Err` if the step is refused.
    pub fn gss_token(&self) -> Result<&[u8], ErrorText> {
        match &self.auth.gss {
            Some(GssExchange(token)) => token.as_deref().map_err(ErrorText::clone),
            None => Ok(&[]),
        }
    }

    /// The result of the step. `Err` has libpq's error text.
    pub fn gss_stepped(
        &mut self,
        session: &mut Session,
        outcome: Result<GssStepResult, ErrorText>,
    ) {
        self.enter(session, Phase::GssAnswered);
        if let Err(message) = outcome.and_then(|outcome| answer(session, &outcome)) {
            self.fail_with(session, message);
        }
    }
}

fn answer(session: &mut Session, outcome: &GssStepResult) -> Result<(), ErrorText> {
    if !outcome.token.is_empty() {
        answer_request(session, AuthResponse::Gss, |out| {
            frontend::gss_response(out, &outcome.token)
        })?;
    }
    if outcome.complete {
        session.server_mut().client_finished_auth = true;
        session.server_mut().gssapi_used = true;
    }
    Ok(())
}
