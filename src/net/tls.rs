//! TLS on a connected socket: handshake, records, and what the application can ask about them.

mod certificate_sender;
mod config;
mod end_point;
mod failure;
mod key_ciphers;
mod key_log;
pub mod keys;
mod pbes1;
mod pss_key;
pub mod system;

use std::io::{self, ErrorKind, Read, Write};
use std::ops::Range;

use rustls::ClientConnection;

use super::socket::Socket;
use super::sys;
use super::transport::{EncryptionError, HandshakeProgress, check_memory, retry_interrupted};
use crate::mem::buffer::mark;
use crate::mem::error_text::ErrorText;

pub use certificate_sender::Identity;
pub use config::{Settings, Versions, check_versions};
pub use end_point::server_end_point;
pub use failure::Failure;

use certificate_sender::Asked;
use std::sync::Arc;

/// The protocol that PostgreSQL's servers speak inside TLS (ALPN).
const PROTOCOL: &[u8] = b"postgresql";
/// The room for the bytes of a wait, and once that was filled: about a record.
const LANDING: usize = 4096;
const LANDING_MOST: usize = 16 * 1024;
/// The most plain text that one call of [`Tls::send`] takes.
const MOST_AT_ONCE: usize = 64 * 1024;
/// Names of PQsslAttribute's protocols, and of ciphers where OpenSSL's differ from the standard's.
const CIPHERS: [(rustls::CipherSuite, &str); 6] = {
    use rustls::CipherSuite as Suite;
    [
        (
            Suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            "ECDHE-ECDSA-AES256-GCM-SHA384",
        ),
        (
            Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            "ECDHE-ECDSA-AES128-GCM-SHA256",
        ),
        (
            Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            "ECDHE-ECDSA-CHACHA20-POLY1305",
        ),
        (
            Suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            "ECDHE-RSA-AES256-GCM-SHA384",
        ),
        (
            Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            "ECDHE-RSA-AES128-GCM-SHA256",
        ),
        (
            Suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
            "ECDHE-RSA-CHACHA20-POLY1305",
        ),
    ]
};

/// A socket with TLS on it.
pub struct Tls {
    socket: Socket,
    session: ClientConnection,
    asked: Arc<Asked>,
    /// Plain text decrypted and not handed out.
    pending: usize,
    /// Plain text taken from the caller whose records are not all sent.
    owed: usize,
    /// Room for the bytes of a wait, and which of it hold some.
    landing: Vec<u8>,
    landing_size: usize,
    /// The server has said that no more comes: what the socket tells after that does not matter.
    ended: bool,
    landed: Option<Range<usize>>,
    /// The bounds that the hint of a version mismatch names.
    versions: Versions,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("socket", &self.socket).finish()
    }
}

impl Tls {
    /// Readies a handshake on `socket`, which comes back if that is not possible, with libpq's text.
    pub fn new(socket: Socket, settings: Settings) -> Result<Tls, (Socket, ErrorText)> {
        let versions = settings.versions.clone();
        match config::client(settings) {
            Ok((session, asked)) => Ok(Tls {
                socket,
                session,
                asked,
                pending: 0,
                owed: 0,
                landing: Vec::new(),
                landing_size: LANDING,
                ended: false,
                landed: None,
                versions,
            }),
            Err(message) => Err((socket, message)),
        }
    }

    /// Goes on with the handshake as far as that is possible without waiting.
    pub fn handshake(&mut self) -> Result<HandshakeProgress, Failure> {
        loop {
            while self.session.wants_write() {
                match self.write_records() {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        return Ok(HandshakeProgress::Write);
                    }
                    Err(error) => return Err(self.last_words(&error)),
                }
            }
            if !self.session.is_handshaking() {
                return Ok(HandshakeProgress::Done);
            }
            match self.session.read_tls(&mut Wire(&self.socket)) {
                Ok(0) => return Err(failure::of_end()),
                Ok(_) => self
                    .open_records()
                    .map_err(|error| self.explained(&error))?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(HandshakeProgress::Read);
                }
                Err(error) => return Err(failure::of_socket(&error)),
            }
        }
    }

    /// Why a write failed: the server may have told in an alert before it closed.
    fn last_words(&mut self, error: &io::Error) -> Failure {
        let mut wire = Wire(&self.socket);
        while let Ok(1..) = self.session.read_tls(&mut wire) {
            if let Err(alert) = self.session.process_new_packets() {
                return self.explained(&alert);
            }
        }
        failure::of_socket(error)
    }

    fn explained(&self, error: &rustls::Error) -> Failure {
        failure::of_handshake(error, &self.versions)
    }

    fn write_records(&mut self) -> io::Result<()> {
        self.session.write_tls(&mut Wire(&self.socket)).map(drop)
    }

    /// Decrypts what was read.
    fn open_records(&mut self) -> Result<(), rustls::Error> {
        match self.session.process_new_packets() {
            Ok(state) => {
                self.pending = state.plaintext_bytes_to_read();
                self.ended = state.peer_has_closed();
                Ok(())
            }
            Err(error) => {
                // The alert is a courtesy to the server.
                let _ = self.write_records();
                Err(error)
            }
        }
    }

    /// The room for bytes that the caller waits for; then [`Tls::landed`]. None when there is no memory for it.
    pub fn landing(&mut self) -> Option<&mut [u8]> {
        let missing = self.landing_size.saturating_sub(self.landing.len());
        self.landing.try_reserve_exact(missing).ok()?;
        self.landing.resize(self.landing.len() + missing, 0);
        mark(&mut self.landing);
        Some(&mut self.landing)
    }

    /// Whether [`Tls::recv`] answers without anything new from the socket.
    pub fn is_ready(&self) -> bool {
        self.ended || self.pending() > 0
    }

    /// The room as it was given out last.
    pub fn last_landing(&self) -> &[u8] {
        &self.landing
    }

    /// So many bytes came, 0 at the end of the stream: the next [`Tls::recv`] takes them first.
    pub fn landed(&mut self, count: usize) {
        if count == self.landing.len() {
            self.landing_size = LANDING_MOST;
        }
        self.landed = Some(0..count);
    }

    /// Gives rustls what came; answers how much, and whether there may be more.
    fn take_records(&mut self) -> io::Result<(usize, bool)> {
        let Some(range) = self.landed.take() else {
            let mut wire = Wire(&self.socket);
            return Ok((self.session.read_tls(&mut wire)?, true));
        };
        let mut rest = self.landing.get(range.clone()).unwrap_or_default();
        let read = self.session.read_tls(&mut rest)?;
        if !rest.is_empty() {
            self.landed = Some(range.end - rest.len()..range.end);
            return Ok((read, true));
        }
        // A wait that did not fill the room has left nothing behind.
        Ok((read, range.end == self.landing.len()))
    }

    /// As [`super::stream::Stream::recv`].
    pub fn recv(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        check_memory()?;
        while self.pending == 0 {
            let (read, more) = self.take_records()?;
            let opened = self.open_records();
            opened.map_err(|error| EncryptionError::io(failure::of_session(&error), false))?;
            if self.pending == 0 && read == 0 {
                return Err(self.end_of_stream());
            }
            if self.session.wants_write() {
                // An answer to a key update; if it cannot go now, it goes with the next output.
                let _ = self.write_records();
            }
            if self.pending == 0 && !more && !self.ended {
                return Err(ErrorKind::WouldBlock.into());
            }
        }
        let count = self.session.reader().read(buf)?;
        self.pending -= count.min(self.pending);
        Ok(count)
    }

    /// Why nothing more comes.
    fn end_of_stream(&mut self) -> io::Error {
        let text = match self.session.reader().read(&mut [0]) {
            Ok(_) => failure::CLOSED,
            Err(_) => failure::END_OF_FILE,
        };
        EncryptionError::io(text.into(), true)
    }

    /// As [`super::stream::Stream::send`]. After `WouldBlock`, the next call must begin with the same bytes.
    pub fn send(&mut self, buf: &[u8]) -> io::Result<usize> {
        check_memory()?;
        if self.owed == 0 {
            let taken = buf.len().min(MOST_AT_ONCE);
            self.owed = self
                .session
                .writer()
                .write(buf.get(..taken).unwrap_or(buf))?;
        }
        while self.session.wants_write() {
            self.write_records()?;
        }
        Ok(std::mem::take(&mut self.owed))
    }

    /// Bytes decrypted but not handed out, or received and not decrypted yet.
    pub fn pending(&self) -> usize {
        self.pending + self.landed.as_ref().map_or(0, Range::len)
    }

    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Leaves TLS and keeps the socket.
    pub fn into_socket(self) -> Socket {
        self.socket
    }

    /// Tells the server that no more comes, if the system takes that at once.
    pub fn say_goodbye(&mut self) {
        self.session.send_close_notify();
        let _ = self.write_records();
    }

    /// The server asked for a certificate of the client.
    pub fn certificate_requested(&self) -> bool {
        self.asked.requested()
    }

    /// The server asked for a certificate and there was one to send.
    pub fn certificate_sent(&self) -> bool {
        self.asked.sent()
    }

    /// The server's certificate; None before it came.
    pub fn server_certificate(&self) -> Option<&[u8]> {
        let chain = self.session.peer_certificates()?;
        chain.first().map(|certificate| certificate.as_ref())
    }

    /// The application protocol that both agreed on.
    pub fn protocol(&self) -> Option<&[u8]> {
        self.session.alpn_protocol()
    }

    /// Whether the protocol agreed on is PostgreSQL's.
    pub fn speaks_postgresql(&self) -> bool {
        self.protocol() == Some(PROTOCOL)
    }

    /// The TLS version, as OpenSSL calls it.
    pub fn version(&self) -> Option<&'static str> {
        Some(match self.session.protocol_version()? {
            rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3",
            rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2",
            _ => "unknown",
        })
    }

    /// The cipher, as OpenSSL calls it.
    pub fn cipher(&self) -> Option<&'static str> {
        let suite = self.session.negotiated_cipher_suite()?.suite();
        let known = CIPHERS.iter().find(|(known, _)| *known == suite);
        known.map(|(_, name)| *name).or(match suite {
            rustls::CipherSuite::TLS13_AES_256_GCM_SHA384 => Some("TLS_AES_256_GCM_SHA384"),
            rustls::CipherSuite::TLS13_AES_128_GCM_SHA256 => Some("TLS_AES_128_GCM_SHA256"),
            _ => suite.as_str(),
        })
    }

    /// The size of the cipher's key.
    pub fn key_bits(&self) -> Option<u16> {
        Some(if self.cipher()?.contains("128") {
            128
        } else {
            256
        })
    }
}

/// The socket as rustls reads and writes it, with flags for reading.
struct Wire<'a>(&'a Socket);

impl Read for Wire<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        retry_interrupted(|| sys::send(self.0.fd(), buf, flags))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
