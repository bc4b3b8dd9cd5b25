//! Authentication with GSSAPI: the server's tokens and ours (libpq: pg_GSS_startup, pg_GSS_continue).

use super::Startup;
use super::auth_state::{GssExchange, answer_request};
use super::encryption::Method;
use crate::conn::session::Session;
use crate::conn::status::Phase;
use crate::mem::error_text::ErrorText;
use crate::protocol::backend::{Body, HEADER};
use crate::protocol::frontend;
use crate::protocol::trace::AuthResponse;

/// What a step of the exchange came to.
pub struct Outcome {
    /// For the server; empty when it is to get none.
    pub token: Vec<u8>,
    /// The server has proved who it is, and knows who we are.
    pub complete: bool,
}

impl Startup {
    /// The server asks for GSSAPI.
    pub(super) fn begin_gss(&mut self, session: &mut Session, frame: &[u8]) {
        // libpq: an address alone will not do, although encryption takes it.
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

    /// The server's next token.
    pub(super) fn continue_gss(&mut self, session: &mut Session, body: Body<'_>, frame: &[u8]) {
        let token = match &self.auth.gss {
            Some(_) => Ok(body.0.to_vec()),
            None => Err(b"fe_sendauth: invalid authentication request from server: AUTH_REQ_GSS_CONT without AUTH_REQ_GSS".into()),
        };
        self.take_gss_token(session, token, frame);
    }

    /// libpq: the lock is taken even if the request is refused then.
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

    /// The server's token for the step that [`Want::GssStep`](super::Want::GssStep) asks for, empty at first;
    /// Err if there is no step to take.
    pub fn gss_token(&self) -> Result<&[u8], ErrorText> {
        match &self.auth.gss {
            Some(GssExchange(token)) => token.as_deref().map_err(ErrorText::clone),
            None => Ok(&[]),
        }
    }

    /// The step is taken; Err is libpq's text.
    pub fn gss_stepped(&mut self, session: &mut Session, outcome: Result<Outcome, ErrorText>) {
        self.enter(session, Phase::GssAnswered);
        if let Err(message) = outcome.and_then(|outcome| answer(session, &outcome)) {
            self.fail_with(session, message);
        }
    }
}

fn answer(session: &mut Session, outcome: &Outcome) -> Result<(), ErrorText> {
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
