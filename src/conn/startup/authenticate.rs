//! Answers to the server's authentication requests (libpq: pg_fe_sendauth).

use zeroize::Zeroizing;

use super::Startup;
use super::auth_state::answer_request;
use super::encryption::Method;
use crate::auth::md5;
use crate::auth::scram::Client;
use crate::conn::session::Session;
use crate::conn::status::Phase;
use crate::conninfo::options::Opt;
use crate::conninfo::params::{ChannelBinding, SslCertMode, auth_bit};
use crate::mem::error_text::ErrorText;
use crate::protocol::backend::{Body, HEADER};
use crate::protocol::codes::auth;
use crate::protocol::frontend;
use crate::protocol::trace::AuthResponse;

/// The limit on requests per physical connection. A normal exchange has fewer than ten.
const MAX_REQUESTS: u32 = 100;
pub(super) const INVALID_REQUEST: &str = "received invalid authentication request";
pub(super) const NO_PASSWORD: &str = "fe_sendauth: no password supplied";

impl Startup {
    /// Answers the request in `frame`, a complete AuthenticationRequest message.
    pub(super) fn authentication_request(&mut self, session: &mut Session, frame: &[u8]) {
        session.server_mut().auth_requested = true;
        let mut body = Body(&frame[HEADER..]);
        let request = body.u32().unwrap_or(u32::MAX);
        let outcome = self
            .check_count(request)
            .and_then(|()| self.check_expected(session, request))
            .and_then(|()| check_length(request, &body))
            .and_then(|()| self.answer(session, request, body, frame));
        match outcome {
            Err(message) => self.fail_with(session, message),
            Ok(()) if request == auth::OK => {
                self.auth.completed = true;
                if session.server().password_needed {
                    session.wipe_output();
                }
                session.await_startup_messages();
                self.enter(session, Phase::AuthOk);
            }
            Ok(()) => {}
        }
    }

    /// Whether authentication on the current physical connection is complete.
    pub fn is_authenticated(&self) -> bool {
        self.auth.completed
    }

    /// Limits the number of requests: a hostile server could send them without end.
    fn check_count(&mut self, request: u32) -> Result<(), ErrorText> {
        self.auth.requests += 1;
        if self.auth.requests > MAX_REQUESTS && request != auth::OK {
            return Err(b"server sent too many authentication requests".into());
        }
        Ok(())
    }

    /// Refuses what `require_auth`, `sslcertmode` or `channel_binding` forbid, before anything is sent.
    fn check_expected(&self, session: &Session, request: u32) -> Result<(), ErrorText> {
        if self.params.sslcertmode == SslCertMode::Require && request == auth::OK {
            self.check_certificate()?;
        }
        if let Some(required) = &self.params.require_auth {
            let allowed = match request {
                auth::OK => {
                    !required.required || session.server().client_finished_auth || {
                        // libpq: GSSAPI encryption has authenticated both sides.
                        self.in_use == Method::Gss && required.allowed & auth_bit::GSS != 0
                    }
                }
                _ => method_bit(request).is_some_and(|bit| required.allowed & bit != 0),
            };
            if !allowed {
                return Err(self.require_auth_error(method_description(request)));
            }
        }
        if self.params.channel_binding == ChannelBinding::Require {
            self.check_binding(request)?;
        }
        Ok(())
    }

    /// libpq: `sslcertmode=require` checks that the server requested a certificate, not that it verified one.
    fn check_certificate(&self) -> Result<(), ErrorText> {
        let text = match &self.tls {
            Some(facts) if !facts.certificate_requested => {
                "server did not request an SSL certificate"
            }
            Some(facts) if facts.certificate_sent => return Ok(()),
            Some(_) => "server accepted connection without a valid SSL certificate",
            None => "server did not request an SSL certificate",
        };
        Err(text.into())
    }

    pub(super) fn require_auth_error(&self, reason: impl AsRef<[u8]>) -> ErrorText {
        let required = self.params.require_auth.as_ref();
        let text = required.map(|r| r.text.as_slice()).unwrap_or_default();
        let parts = [
            b"authentication method requirement \"",
            text,
            b"\" failed: ",
            reason.as_ref(),
        ];
        ErrorText::concat(&parts)
    }

    fn check_binding(&self, request: u32) -> Result<(), ErrorText> {
        let bound = self.auth.scram.as_ref().is_some_and(Client::channel_bound);
        let problem = match request {
            auth::SASL | auth::SASL_CONTINUE | auth::SASL_FINAL => return Ok(()),
            auth::OK if bound => return Ok(()),
            auth::OK => {
                "channel binding required, but server authenticated client without channel binding"
            }
            _ => "channel binding required but not supported by server's authentication request",
        };
        Err(problem.into())
    }

    fn answer(
        &mut self,
        session: &mut Session,
        request: u32,
        body: Body<'_>,
        frame: &[u8],
    ) -> Result<(), ErrorText> {
        match request {
            auth::OK => Ok(()),
            auth::PASSWORD | auth::MD5 => self.send_password(session, request, body, frame),
            auth::SASL => self.begin_sasl(session, body, frame),
            auth::SASL_CONTINUE => self.continue_sasl(session, body, frame, false),
            auth::SASL_FINAL => self.continue_sasl(session, body, frame, true),
            auth::KERBEROS4 => Err(b"Kerberos 4 authentication not supported".into()),
            auth::KERBEROS5 => Err(b"Kerberos 5 authentication not supported".into()),
            auth::CRYPT => Err(b"Crypt authentication not supported".into()),
            auth::GSS | auth::GSS_CONTINUE if !cfg!(feature = "gss") => {
                Err(b"GSSAPI authentication not supported".into())
            }
            auth::SSPI if !cfg!(feature = "gss") => {
                Err(b"SSPI authentication not supported".into())
            }
            // libpq: the GSSAPI library also implements SSPI.
            auth::GSS | auth::SSPI => {
                self.begin_gss(session, frame);
                Ok(())
            }
            auth::GSS_CONTINUE => {
                self.continue_gss(session, body, frame);
                Ok(())
            }
            _ => Err(format!("authentication method {request} not supported").into()),
        }
    }

    /// The password for the current host.
    pub fn password(&self) -> Option<&[u8]> {
        let own = self.host().password.as_ref().map(|own| own.as_slice());
        own.or_else(|| self.options.get(Opt::Password))
            .filter(|password| !password.is_empty())
    }

    fn send_password(
        &mut self,
        session: &mut Session,
        request: u32,
        mut body: Body<'_>,
        frame: &[u8],
    ) -> Result<(), ErrorText> {
        session.server_mut().password_needed = true;
        let password = self.password().ok_or(NO_PASSWORD)?;
        let salt = match request {
            auth::MD5 => Some(
                body.u32()
                    .ok_or("fe_sendauth: error sending password authentication")?,
            ),
            _ => None,
        };
        session.trace_received(frame, frame.len() - HEADER);
        let user = self.options.get(Opt::User).unwrap_or_default();
        let text = Zeroizing::new(match salt {
            Some(salt) => md5::md5_password(user, password, salt.to_be_bytes()),
            None => password.to_vec(),
        });
        answer_request(session, AuthResponse::Password, |out| {
            frontend::password(out, &text)
        })?;
        session.server_mut().client_finished_auth = true;
        Ok(())
    }
}

/// Refuses requests with bytes that do not belong to them. libpq: reads these bytes as the next message.
fn check_length(request: u32, body: &Body<'_>) -> Result<(), ErrorText> {
    let longest = match request {
        auth::OK | auth::PASSWORD | auth::GSS | auth::SSPI => 0,
        auth::MD5 => 4,
        _ => return Ok(()),
    };
    if body.0.len() > longest {
        return Err(INVALID_REQUEST.into());
    }
    Ok(())
}

/// The `require_auth` bits that permit a request. `None` if no list can permit it.
fn method_bit(request: u32) -> Option<u16> {
    match request {
        auth::PASSWORD => Some(auth_bit::PASSWORD),
        auth::MD5 => Some(auth_bit::MD5),
        auth::GSS | auth::GSS_CONTINUE => Some(auth_bit::GSS),
        auth::SSPI => Some(auth_bit::SSPI),
        auth::SASL | auth::SASL_CONTINUE | auth::SASL_FINAL => {
            Some(auth_bit::SCRAM | auth_bit::OAUTH)
        }
        _ => None,
    }
}

fn method_description(request: u32) -> &'static str {
    match request {
        auth::OK => "server did not complete authentication",
        auth::PASSWORD => "server requested a cleartext password",
        auth::MD5 => "server requested a hashed password",
        auth::GSS | auth::GSS_CONTINUE => "server requested GSSAPI authentication",
        auth::SSPI => "server requested SSPI authentication",
        auth::SASL | auth::SASL_CONTINUE | auth::SASL_FINAL => {
            "server requested SASL authentication"
        }
        _ => "server requested an unknown authentication type",
    }
}
