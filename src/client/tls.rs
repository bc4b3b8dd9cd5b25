//! Encrypting a connection with TLS: the settings, the handshake, the server's name.

use zeroize::Zeroizing;

use super::Connection;
use super::polling::{EncryptionProgress, Polling};
use super::tls_files::{self, KeyPassword, TlsSetupError};
use crate::conn::startup::auth_state::TlsFacts;
use crate::conn::startup::{Startup, Want};
use crate::conninfo::options::Opt;
use crate::conninfo::params::{SslMode, SslNegotiation};
use crate::mem;
use crate::mem::error_text::ErrorText;
use crate::net::stream::Stream;
use crate::net::tls::{self, Failure, Settings, Tls, Versions};
use crate::net::transport::HandshakeProgress;
use crate::verify::names;

/// The memory that must be available to start a handshake. It needs only a part of it.
const HANDSHAKE: usize = 1 << 20;

impl Connection {
    /// Starts or continues the handshake as far as possible without waiting.
    pub(super) fn secure(&mut self, startup: &Startup, want: &Want) -> EncryptionProgress {
        match want {
            Want::Gss => self.secure_with_gss(startup),
            _ => self.secure_with_tls(startup),
        }
    }

    fn secure_with_tls(&mut self, startup: &Startup) -> EncryptionProgress {
        if let Some(Stream::Plain(_)) = self.stream
            && let Err(error) = self.begin_tls(startup)
        {
            return match error {
                TlsSetupError::Failed(failure) => EncryptionProgress::Failed(failure),
                TlsSetupError::Ask(hook) => EncryptionProgress::Ask(hook),
            };
        }
        let Some(Stream::Tls(tls)) = &mut self.stream else {
            return EncryptionProgress::Failed(Failure::shared("invalid socket"));
        };
        let outcome = match tls.handshake() {
            Ok(HandshakeProgress::Read) => return EncryptionProgress::Wait(Polling::Reading),
            Ok(HandshakeProgress::Write) => return EncryptionProgress::Wait(Polling::Writing),
            Ok(HandshakeProgress::Done) => established(tls, startup).map_err(Failure::from),
            Err(failure) => Err(failure),
        };
        match outcome {
            Ok(facts) => EncryptionProgress::Tls(facts),
            Err(failure) => {
                self.end_tls();
                EncryptionProgress::Failed(failure)
            }
        }
    }

    /// libpq: after a failed handshake nothing is encrypted, and nothing is known about TLS.
    fn end_tls(&mut self) {
        self.stream = match self.stream.take() {
            Some(Stream::Tls(mut tls)) => {
                tls.say_goodbye();
                Some(Stream::Plain(tls.into_socket()))
            }
            other => other,
        };
    }

    fn begin_tls(&mut self, startup: &Startup) -> Result<(), TlsSetupError> {
        if !mem::is_available(HANDSHAKE) {
            return Err(Failure::shared("out of memory").into());
        }
        let settings = settings(startup, &mut self.key_password)?;
        let Some(Stream::Plain(socket)) = self.stream.take() else {
            return Err(Failure::shared("invalid socket").into());
        };
        match Tls::new(socket, settings) {
            Ok(tls) => {
                self.stream = Some(Stream::Tls(Box::new(tls)));
                Ok(())
            }
            Err((socket, message)) => {
                self.stream = Some(Stream::Plain(socket));
                Err(Failure::own(message).into())
            }
        }
    }

    /// The answer to [`super::Hook::KeyPassword`].
    pub fn answer_key_password(&mut self, password: Option<&[u8]>) {
        let password = password.map(|password| Zeroizing::new(password.to_vec()));
        self.key_password = KeyPassword::Answered(password);
    }

    /// TLS, if the connection uses it.
    pub fn tls(&self) -> Option<&Tls> {
        self.stream.as_ref()?.tls()
    }
}

/// Reads the options and the files they name. Follows libpq's order, so that of several errors it reports the same one.
fn settings(startup: &Startup, password: &mut KeyPassword) -> Result<Settings, TlsSetupError> {
    let options = startup.options();
    let text = |opt| options.non_empty(opt).map(<[u8]>::to_vec);
    let versions = Versions {
        min: text(Opt::SslMinProtocolVersion),
        max: text(Opt::SslMaxProtocolVersion),
    };
    // OpenSSL may still support these versions.
    tls::check_versions(&versions).map_err(Failure::own)?;
    let verifier = tls_files::verifier(options, startup.params().sslmode)?;
    let identity = tls_files::identity(options, startup.params().sslcertmode, password)?;
    Ok(Settings {
        versions,
        verifier,
        identity,
        server_name: server_name(startup),
        key_log: text(Opt::SslKeyLogFile),
    })
}

/// The server name to send (SNI), if any. libpq: digits and dots only, or a colon, mean an address.
fn server_name(startup: &Startup) -> Option<Vec<u8>> {
    let asked = startup.options().get(Opt::SslSni)?.first() == Some(&b'1');
    let host = startup.host().host.as_deref().filter(|_| asked)?;
    let address = host
        .iter()
        .all(|byte| byte.is_ascii_digit() || *byte == b'.');
    (!address && !host.contains(&b':')).then(|| host.to_vec())
}

/// Checks what libpq checks after the handshake.
fn established(tls: &Tls, startup: &Startup) -> Result<TlsFacts, ErrorText> {
    if startup.params().sslnegotiation == SslNegotiation::Direct {
        check_protocol(tls)?;
    }
    let Some(certificate) = tls.server_certificate() else {
        return Err(b"certificate could not be obtained: no SSL error reported".into());
    };
    if startup.params().sslmode == SslMode::VerifyFull {
        let host = startup.host().host.as_deref().unwrap_or_default();
        names::check(certificate, host)?;
    }
    Ok(TlsFacts {
        certificate_requested: tls.certificate_requested(),
        certificate_sent: tls.certificate_sent(),
        server_end_point: tls::server_end_point(certificate),
    })
}

fn check_protocol(tls: &Tls) -> Result<(), ErrorText> {
    let text: &[u8] = match tls.protocol() {
        None => {
            b"direct SSL connection was established without ALPN protocol negotiation extension"
        }
        Some(_) if tls.speaks_postgresql() => return Ok(()),
        Some(_) => b"SSL connection was established with unexpected ALPN protocol",
    };
    Err(text.into())
}
