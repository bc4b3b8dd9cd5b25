//! Encrypting a connection before anything is said on it: the request, its one-byte answer, the handshake.

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
    /// The socket is connected, or its encryption stands: asks for what is missing, else begins the conversation.
    pub(super) fn secure_or_begin(&mut self, session: &mut Session) -> Option<Want> {
        match self.encryption.current() {
            Some(Method::Plain) | None => self.open_conversation(session),
            Some(method) if method == self.in_use => self.open_conversation(session),
            Some(method) => self.request_encryption(session, method),
        }
    }

    fn request_encryption(&mut self, session: &mut Session, method: Method) -> Option<Want> {
        if method == Method::Tls && self.is_direct() {
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

    /// TLS begins without a request.
    fn is_direct(&self) -> bool {
        self.params.sslnegotiation == SslNegotiation::Direct
    }

    /// The server's answer to the request for `method`.
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
            self.go_on_without(session, texts.required);
        } else {
            self.enter(session, Phase::Handshake(method));
        }
        None
    }

    /// The server complained. Its words are not shown: anybody could have sent them.
    fn request_refused(&mut self, session: &mut Session, method: Method) -> Option<Want> {
        session.add_error(texts(method).refused);
        match method {
            // libpq: servers too old for GSSAPI encryption answer so.
            Method::Gss => self.fall_back(),
            _ => self.fail(),
        }
        None
    }

    /// The server declined, and the connection is still good: what else is allowed goes on with it.
    fn go_on_without(&mut self, session: &mut Session, required: &str) {
        if !self.encryption.fall_back() {
            self.fail_with(session, required);
        } else if self.encryption.current() == Some(Method::Tls) && self.is_direct() {
            // The server expects a request now, not a handshake.
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

    /// libpq: what came behind the answer, unencrypted, is looked at only now; it must not be taken for what came
    /// encrypted. A handshake that failed because of it may be followed by other methods.
    fn established(&mut self, session: &mut Session, method: Method) {
        if !session.input().unread().is_empty() {
            return self.fail_with(session, texts(method).unencrypted);
        }
        self.in_use = method;
        self.enter(session, Phase::Connected);
    }

    /// A TLS handshake is about to fail for a reason that C libpq may not have. Should the session be opened in plain
    /// text, the application is told.
    pub fn tls_not_usable(&mut self, reason: &[u8]) {
        let first_line = reason.split(|byte| *byte == b'\n').next();
        self.not_usable = first_line.map(<[u8]>::to_vec);
    }

    /// The notice for the application that a session is not encrypted although the server offered TLS.
    pub(super) fn unencrypted_notice(&mut self, session: &mut Session) -> Option<PgResultBox> {
        let reason = self.not_usable.take()?;
        if self.in_use != Method::Plain || self.purpose != Purpose::Session {
            return None;
        }
        let parts = [
            b"server offered TLS, but this library could not use it: ",
            &reason[..],
            b"; the session is not encrypted",
        ];
        session.internal_notice(&parts.concat());
        session.take_notice()
    }

    /// A handshake failed, or could not even begin, with libpq's text for it.
    /// An empty text adds nothing.
    pub fn handshake_failed(&mut self, session: &mut Session, message: impl AsRef<[u8]>) {
        if !message.as_ref().is_empty() {
            session.add_error(message);
        }
        self.fall_back();
    }
}

/// What a request's answers mean and how libpq words them.
struct Texts {
    accepted: u8,
    traced: &'static str,
    /// Followed by the answer.
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
