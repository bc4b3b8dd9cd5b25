//! Encrypting a connection with TLS: the settings, the handshake, the server's name.

use zeroize::Zeroizing;

use super::connect::Polling;
use super::tls_files::{self, Unready};
use super::{Connection, Hook};
use crate::conn::auth_state::TlsFacts;
use crate::conn::startup::{Startup, Want};
use crate::conninfo::options::Opt;
use crate::conninfo::params::{SslMode, SslNegotiation};
use crate::mem;
use crate::net::stream::Stream;
use crate::net::tls::{self, Failure, Progress, Settings, Tls, Versions};

/// A handshake that cannot have this much memory is not begun. It needs a part of it.
const HANDSHAKE: usize = 1 << 20;

/// What the application answered when it was asked for the password of the client key.
#[derive(Default)]
pub(super) enum KeyPassword {
    #[default]
    NotAsked,
    /// None: it has none.
    Answered(Option<Zeroizing<Vec<u8>>>),
}

/// What a step of the handshake came to.
pub(super) enum Secured {
    Tls(TlsFacts),
    Gss,
    Failed(Failure),
    Wait(Polling),
    Ask(Hook),
}

impl Connection {
    /// Goes on with the handshake that is wanted, or begins it, as far as that is possible without waiting.
    pub(super) fn secure(&mut self, startup: &Startup, want: &Want) -> Secured {
        match want {
            Want::Gss => self.secure_with_gss(startup),
            _ => self.secure_with_tls(startup),
        }
    }

    fn secure_with_tls(&mut self, startup: &Startup) -> Secured {
        if let Some(Stream::Plain(_)) = self.stream
            && let Err(unready) = self.begin_tls(startup)
        {
            return match unready {
                Unready::Failed(failure) => Secured::Failed(failure),
                Unready::Ask(hook) => Secured::Ask(hook),
            };
        }
        let Some(Stream::Tls(tls)) = &mut self.stream else {
            return Secured::Failed(Failure::shared("invalid socket"));
        };
        let outcome = match tls.handshake() {
            Ok(Progress::Read) => return Secured::Wait(Polling::Reading),
            Ok(Progress::Write) => return Secured::Wait(Polling::Writing),
            Ok(Progress::Done) => established(tls, startup).map_err(Failure::from),
            Err(failure) => Err(failure),
        };
        match outcome {
            Ok(facts) => Secured::Tls(facts),
            Err(failure) => {
                self.end_tls();
                Secured::Failed(failure)
            }
        }
    }

    /// libpq: nothing is encrypted, and nothing is known of TLS, once a handshake failed.
    fn end_tls(&mut self) {
        self.stream = match self.stream.take() {
            Some(Stream::Tls(mut tls)) => {
                tls.say_goodbye();
                Some(Stream::Plain(tls.into_socket()))
            }
            other => other,
        };
    }

    fn begin_tls(&mut self, startup: &Startup) -> Result<(), Unready> {
        if !mem::is_there_for(HANDSHAKE) {
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

    /// The answer to [`Hook::KeyPassword`].
    pub fn answer_key_password(&mut self, password: Option<&[u8]>) {
        let password = password.map(|password| Zeroizing::new(password.to_vec()));
        self.key_password = KeyPassword::Answered(password);
    }

    /// TLS, if the connection uses it.
    pub fn tls(&self) -> Option<&Tls> {
        self.stream.as_ref()?.tls()
    }
}

/// What the options ask for, files read; in libpq's order, so that of several errors it is libpq's.
fn settings(startup: &Startup, password: &mut KeyPassword) -> Result<Settings, Unready> {
    let options = startup.options();
    let text = |opt| options.non_empty(opt).map(<[u8]>::to_vec);
    let versions = Versions {
        min: text(Opt::SslMinProtocolVersion),
        max: text(Opt::SslMaxProtocolVersion),
    };
    // Versions that OpenSSL may still have.
    tls::check_versions(&versions).map_err(Failure::own)?;
    let verifier = tls_files::verifier(options, startup.params.sslmode)?;
    let identity = tls_files::identity(options, startup.params.sslcertmode, password)?;
    Ok(Settings {
        versions,
        verifier,
        identity,
        server_name: server_name(startup),
        key_log: text(Opt::SslKeyLogFile),
    })
}

/// The name to send, if it is to be sent. libpq: what consists of digits and dots, or has a colon, is an address.
fn server_name(startup: &Startup) -> Option<Vec<u8>> {
    let asked = startup.options().get(Opt::SslSni)?.first() == Some(&b'1');
    let host = startup.host().host.as_deref().filter(|_| asked)?;
    let address = host
        .iter()
        .all(|byte| byte.is_ascii_digit() || *byte == b'.');
    (!address && !host.contains(&b':')).then(|| host.to_vec())
}

/// What libpq checks after the handshake.
fn established(tls: &Tls, startup: &Startup) -> Result<TlsFacts, Vec<u8>> {
    if startup.params.sslnegotiation == SslNegotiation::Direct {
        check_protocol(tls)?;
    }
    let Some(certificate) = tls.server_certificate() else {
        return Err(b"certificate could not be obtained: no SSL error reported".to_vec());
    };
    if startup.params.sslmode == SslMode::VerifyFull {
        let host = startup.host().host.as_deref().unwrap_or_default();
        tls::names::check(certificate, host)?;
    }
    Ok(TlsFacts {
        certificate_requested: tls.certificate_requested(),
        certificate_sent: tls.certificate_sent(),
        server_end_point: tls::server_end_point(certificate),
    })
}

fn check_protocol(tls: &Tls) -> Result<(), Vec<u8>> {
    let text: &[u8] = match tls.protocol() {
        None => {
            b"direct SSL connection was established without ALPN protocol negotiation extension"
        }
        Some(_) if tls.speaks_postgresql() => return Ok(()),
        Some(_) => b"SSL connection was established with unexpected ALPN protocol",
    };
    Err(text.to_vec())
}
