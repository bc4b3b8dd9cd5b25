//! GSSAPI encryption and authentication.

use std::ffi::c_void;

use super::polling::{EncryptionProgress, Polling};
use super::{Connection, Hook};
use crate::conn::startup::Startup;
use crate::conn::startup::gss_auth::GssStepResult;
use crate::conninfo::options::Opt;
use crate::mem::error_text::ErrorText;
use crate::net::gss::{Authentication, Gss, Peer};
use crate::net::stream::Stream;
use crate::net::tls::Failure;
use crate::net::transport::HandshakeProgress;

/// The state of GSSAPI authentication.
#[derive(Default)]
pub(super) struct GssState {
    authentication: Option<Authentication>,
    /// The application's lock is held.
    locked: bool,
}

impl Connection {
    /// Starts or continues the GSSAPI handshake as far as possible without waiting.
    pub(super) fn secure_with_gss(&mut self, startup: &Startup) -> EncryptionProgress {
        if let Some(Stream::Plain(_)) = self.stream
            && let Err(message) = self.begin_gss(startup)
        {
            return EncryptionProgress::Failed(message.into());
        }
        let Some(Stream::Gss(gss)) = &mut self.stream else {
            return EncryptionProgress::Failed(Failure::shared("invalid socket"));
        };
        match gss.handshake() {
            Ok(HandshakeProgress::Read) => EncryptionProgress::Wait(Polling::Reading),
            Ok(HandshakeProgress::Write) => EncryptionProgress::Wait(Polling::Writing),
            Ok(HandshakeProgress::Done) => EncryptionProgress::Gss,
            Err(message) => EncryptionProgress::Failed(message.into()),
        }
    }

    fn begin_gss(&mut self, startup: &Startup) -> Result<(), ErrorText> {
        let Some(Stream::Plain(socket)) = self.stream.take() else {
            return Err(b"invalid socket".into());
        };
        let (stream, outcome) = match Gss::new(socket, &peer(startup)) {
            Ok(gss) => (Stream::Gss(Box::new(gss)), Ok(())),
            Err((socket, message)) => (Stream::Plain(socket), Err(message)),
        };
        self.stream = Some(stream);
        outcome
    }

    /// One step of authentication, under the application's lock. Returns the hook to call before or after it.
    pub(super) fn step_gss(&mut self, startup: &mut Startup) -> Hook {
        if !std::mem::replace(&mut self.gss.locked, true) {
            return Hook::ThreadLock;
        }
        let outcome = self.authenticate_with_gss(startup);
        startup.gss_stepped(&mut self.session, outcome);
        self.gss.locked = false;
        Hook::ThreadUnlock
    }

    fn authenticate_with_gss(&mut self, startup: &Startup) -> Result<GssStepResult, ErrorText> {
        let token = startup.gss_token()?;
        let authentication = match self.gss.authentication.take() {
            Some(begun) => begun,
            None => Authentication::new(&peer(startup))?,
        };
        let authentication = self.gss.authentication.insert(authentication);
        let (token, complete) = authentication.step(token)?;
        Ok(GssStepResult { token, complete })
    }

    /// Whether the connection is encrypted with GSSAPI.
    pub fn gss_encrypted(&self) -> bool {
        matches!(&self.stream, Some(Stream::Gss(gss)) if gss.is_established())
    }

    /// The `gss_ctx_id_t`, which the connection owns; NULL without one.
    pub fn gss_context(&self) -> *mut c_void {
        let authentication = self.gss.authentication.as_ref();
        match &self.stream {
            Some(Stream::Gss(gss)) => gss.handle(),
            Some(_) => authentication.map_or(std::ptr::null_mut(), Authentication::handle),
            None => std::ptr::null_mut(),
        }
    }
}

/// The server that the options name.
fn peer(startup: &Startup) -> Peer {
    let options = startup.options();
    let host = startup.host();
    let given = |text: &Option<Vec<u8>>| text.clone().filter(|text| !text.is_empty());
    Peer {
        service: options.get(Opt::KrbSrvName).unwrap_or_default().to_vec(),
        host: given(&host.host)
            .or_else(|| given(&host.hostaddr))
            .unwrap_or_default(),
        delegate: options.get(Opt::GssDelegation).and_then(<[u8]>::first) == Some(&b'1'),
    }
}
