//! Encryption before the startup packet: the request, its one-byte answer and the handshake.

use super::auth_state::TlsFacts;
use super::encryption::Method;
use super::{Next, Purpose, Startup, Want};
use crate::conn::session::Session;
use crate::conn::session::errors::OUT_OF_MEMORY;
use crate::conn::status::Phase;
use crate::conninfo::params::SslNegotiation;
use crate::protocol::codes::{answer, server};
use crate::protocol::frontend;
use crate::result::store::PgResultBox;

impl Startup {
    /// Requests the encryption that is missing, or sends the startup packet.
    pub(super) fn secure_or_begin(&mut self, session: &mut Session) -> Option<Want> {
        match self.encryption.current() {
            Some(Method::Plain) | None => self.send_startup_packet(session),
            Some(method) if method == self.in_use => self.send_startup_packet(session),
            Some(method) => self.request_encryption(session, method),
        }
    }

    fn request_encryption(&mut self, session: &mut Session, method: Method) -> Option<Want> {
        if method == Method::Tls && self.starts_tls_directly() {
            self.enter(session, Phase::Handshake(method));
            return None;
        }
        let from = session.output().len();
        let written = match method {
            Method::Gss => frontend::gss_request(session.output_mut()),
            _ => frontend::tls_request(session.output_mut()),
        };
        if written.is_err() {
            self.fail_with(session, OUT_OF_MEMORY);
            return None;
        }
        session.trace_startup(from);
        self.enter(session, Phase::EncryptionRequested(method));
        Some(Want::Write)
    }

    /// Whether TLS starts without a request.
    fn starts_tls_directly(&self) -> bool {
        self.params.sslnegotiation == SslNegotiation::Direct
    }

    /// Reads the server's answer to the request for `method`.
    pub(super) fn encryption_answer(
        &mut self,
        session: &mut Session,
        method: Method,
    ) -> Option<Want> {
        let Some(&reply) = session.input().unread().first() else {
            return Some(Want::Read);
        };
        let texts = texts(method);
        match reply {
            server::ERROR_RESPONSE => return self.request_refused(session, method),
            answer::NO => {}
            _ if reply == texts.accepted => {}
            _ => {
                let text = [texts.invalid.as_bytes(), &[reply]].concat();
                self.fail_with(session, text);
                return None;
            }
        }
        session.input_mut().consume(1);
        if let Some(tracer) = session.tracer_mut() {
            tracer.answered(texts.traced, reply);
        }
        if reply == answer::NO {
            self.encryption_declined(session, texts.required);
        } else {
            self.enter(session, Phase::Handshake(method));
        }
        None
    }

    /// The server sent an error. Its text is not shown because it is not authenticated.
    fn request_refused(&mut self, session: &mut Session, method: Method) -> Option<Want> {
        session.add_error(texts(method).refused);
        match method {
            // libpq: servers without GSSAPI encryption answer with an error.
            Method::Gss => self.fall_back(),
            _ => self.fail(),
        }
        None
    }

    /// The server declined. The connection is usable for the next permitted method.
    fn encryption_declined(&mut self, session: &mut Session, required: &str) {
        if !self.encryption.fall_back() {
            self.fail_with(session, required);
        } else if self.encryption.current() == Some(Method::Tls) && self.starts_tls_directly() {
            // The server now expects a request, not a handshake.
            self.advance_to(Next::Same);
        } else {
            self.enter(session, Phase::Connected);
        }
    }

    /// The TLS handshake succeeded.
    pub fn tls_established(&mut self, session: &mut Session, facts: TlsFacts) {
        self.tls = Some(facts);
        self.established(session, Method::Tls);
    }

    /// The GSSAPI handshake succeeded.
    pub fn gss_established(&mut self, session: &mut Session) {
        self.established(session, Method::Gss);
        session.server_mut().gssapi_used |= self.in_use == Method::Gss;
    }

    /// Ends a handshake. libpq checks only now for unencrypted data after the server's answer, which must not be read as
    /// encrypted data. If the handshake fails because of such data, other methods are tried.
    fn established(&mut self, session: &mut Session, method: Method) {
        if !session.input().unread().is_empty() {
            return self.fail_with(session, texts(method).unencrypted);
        }
        self.in_use = method;
        self.enter(session, Phase::Connected);
    }

    /// A TLS handshake will fail for a reason that C libpq may not have. The application gets a notice if the session then
    /// opens without encryption.
    pub fn tls_not_usable(&mut self, reason: &[u8]) {
        let first_line = reason.split(|byte| *byte == b'\n').next();
        self.tls_unusable_reason = first_line.map(<[u8]>::to_vec);
    }

    /// The notice that a session is not encrypted although the server offered TLS.
    pub(super) fn unencrypted_notice(&mut self, session: &mut Session) -> Option<PgResultBox> {
        let reason = self.tls_unusable_reason.take()?;
        if self.in_use != Method::Plain || self.purpose != Purpose::Session {
            return None;
        }
        let parts = [
            b"server offered TLS, but this library could not use it: ",
            &reason[..],
            b"; the session is not encrypted",
        ];
        session.new_notice(&parts.concat())
    }

    /// A handshake failed or could not start. `message` is libpq's error text; an empty text adds nothing.
    pub fn handshake_failed(&mut self, session: &mut Session, message: impl AsRef<[u8]>) {
        if !message.as_ref().is_empty() {
            session.add_error(message);
        }
        self.fall_back();
    }
}

/// The answers to a request and libpq's error texts.
struct Texts {
    accepted: u8,
    traced: &'static str,
    /// The answer byte follows.
    invalid: &'static str,
    refused: &'static str,
    required: &'static str,
    unencrypted: &'static str,
}

const TLS: Texts = Texts {
    accepted: answer::TLS,
    traced: "SSLResponse",
    invalid: "received invalid response to SSL negotiation: ",
    refused: "server sent an error response during SSL exchange",
    required: "server does not support SSL, but SSL was required",
    unencrypted: "received unencrypted data after SSL response",
};

const GSS: Texts = Texts {
    accepted: answer::GSS,
    traced: "GSSENCResponse",
    invalid: "received invalid response to GSSAPI negotiation: ",
    refused: "server sent an error response during GSS encryption exchange",
    required: "server doesn't support GSSAPI encryption, but it was required",
    unencrypted: "received unencrypted data after GSSAPI encryption response",
};

fn texts(method: Method) -> &'static Texts {
    match method {
        Method::Gss => &GSS,
        _ => &TLS,
    }
}

#[cfg(test)]
mod tests;
