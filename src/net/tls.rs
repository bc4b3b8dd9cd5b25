//! TLS on a connected socket: handshake, records, and attributes for the application.

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
use super::transport::{
    EncryptionError, HandshakeProgress, check_memory, retry_interrupted, send_all,
};
use crate::mem::buffer::mark;
use crate::mem::error_text::ErrorText;

pub use certificate_sender::Identity;
pub use config::{Settings, Versions, check_versions};
pub use end_point::server_end_point;
pub use failure::Failure;

use certificate_sender::Asked;
use std::sync::Arc;

/// The ALPN protocol of PostgreSQL.
const PROTOCOL: &[u8] = b"postgresql";
/// The size of the buffer for a wait, and its size once it was filled: about one record.
const WAIT_BUFFER: usize = 4096;
const LARGEST_WAIT_BUFFER: usize = 16 * 1024;
/// The most plain text that is encrypted at once.
const MOST_AT_ONCE: usize = 64 * 1024;
/// Cipher names for PQsslAttribute where OpenSSL's differ from the standard's.
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

/// A socket with TLS.
pub struct Tls {
    socket: Socket,
    session: ClientConnection,
    asked: Arc<Asked>,
    /// Bytes of decrypted plain text that were not returned yet.
    pending: usize,
    /// Bytes of plain text whose records are not completely sent.
    owed: usize,
    /// The buffer for the bytes of a wait.
    wait_buffer: Vec<u8>,
    wait_buffer_size: usize,
    /// The server sent close_notify: later errors of the socket do not matter.
    ended: bool,
    /// Why nothing more can be decrypted. What was decrypted before is returned first.
    failed: Option<rustls::Error>,
    received: Option<Range<usize>>,
    /// The version bounds, for the hint in an error text.
    versions: Versions,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("socket", &self.socket).finish()
    }
}

impl Tls {
    /// Prepares a handshake on `socket`. On failure returns the socket and libpq's text.
    pub fn new(socket: Socket, settings: Settings) -> Result<Tls, (Socket, ErrorText)> {
        let versions = settings.versions.clone();
        match config::client(settings) {
            Ok((session, asked)) => Ok(Tls {
                socket,
                session,
                asked,
                pending: 0,
                owed: 0,
                wait_buffer: Vec::new(),
                wait_buffer_size: WAIT_BUFFER,
                ended: false,
                failed: None,
                received: None,
                versions,
            }),
            Err(message) => Err((socket, message)),
        }
    }

    /// Continues the handshake as far as possible without waiting.
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
            match self.take_records() {
                Ok((0, _)) => return Err(failure::of_end()),
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

    /// The reason of a failed write: the server may have sent an alert before it closed the connection.
    fn last_words(&mut self, error: &io::Error) -> Failure {
        let mut wire = Wire(&self.socket);
        loop {
            match self.session.read_tls(&mut wire) {
                Ok(0) => return failure::of_end(),
                Ok(_) => {
                    if let Err(alert) = self.session.process_new_packets() {
                        return self.explained(&alert);
                    }
                }
                Err(_) => return failure::of_socket(error),
            }
        }
    }

    fn explained(&self, error: &rustls::Error) -> Failure {
        failure::of_handshake(error, &self.versions)
    }

    fn write_records(&mut self) -> io::Result<()> {
        self.session.write_tls(&mut Wire(&self.socket)).map(drop)
    }

    /// Decrypts the records that were read.
    fn open_records(&mut self) -> Result<(), rustls::Error> {
        match self.session.process_new_packets() {
            Ok(state) => {
                self.pending = state.plaintext_bytes_to_read();
                if state.peer_has_closed() && !self.ended {
                    self.ended = true;
                    self.stop_receiving();
                }
                Ok(())
            }
            Err(error) => {
                // Sends the alert. It does not matter if this fails.
                let _ = self.write_records();
                Err(error)
            }
        }
    }

    /// The buffer for bytes that the caller waits for; then call [`Tls::note_received`]. None without memory for it.
    pub fn wait_buffer(&mut self) -> Option<&mut [u8]> {
        let missing = self.wait_buffer_size.saturating_sub(self.wait_buffer.len());
        self.wait_buffer.try_reserve_exact(missing).ok()?;
        self.wait_buffer.resize(self.wait_buffer.len() + missing, 0);
        mark(&mut self.wait_buffer);
        Some(&mut self.wait_buffer)
    }

    /// Whether [`Tls::recv`] returns at once.
    pub fn is_ready(&self) -> bool {
        self.ended || self.failed.is_some() || self.pending() > 0
    }

    /// The buffer that was last returned.
    pub fn last_wait_buffer(&self) -> &[u8] {
        &self.wait_buffer
    }

    /// The caller received this many bytes, 0 at the end of the stream. The next [`Tls::recv`] uses them first.
    pub fn note_received(&mut self, count: usize) {
        if count == self.wait_buffer.len() {
            self.wait_buffer_size = LARGEST_WAIT_BUFFER;
        }
        self.received = Some(0..count);
    }

    /// Passes received bytes to rustls. Returns how many, and whether there may be more.
    fn take_records(&mut self) -> io::Result<(usize, bool)> {
        let Some(range) = self.received.take() else {
            let mut wire = Wire(&self.socket);
            return Ok((self.session.read_tls(&mut wire)?, true));
        };
        let mut rest = self.wait_buffer.get(range.clone()).unwrap_or_default();
        let read = self.session.read_tls(&mut rest)?;
        if !rest.is_empty() {
            self.received = Some(range.end - rest.len()..range.end);
            return Ok((read, true));
        }
        // The wait did not fill the buffer, so the socket is empty.
        Ok((read, range.end == self.wait_buffer.len()))
    }

    /// See [`super::stream::Stream::recv`].
    pub fn recv(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        check_memory()?;
        while self.pending == 0 && self.failed.is_none() {
            let (read, more) = self.take_records()?;
            if let Err(error) = self.open_records() {
                self.fail(error);
                break;
            }
            if self.pending == 0 && read == 0 {
                return Err(self.end_of_stream());
            }
            if self.session.wants_write() {
                // The reply to a key update. If it cannot be sent now, it is sent with the next output.
                let _ = self.write_records();
            }
            if self.pending == 0 && !more && !self.ended {
                return Err(ErrorKind::WouldBlock.into());
            }
        }
        match self.session.reader().read(buf) {
            Err(_) | Ok(0) if self.failed.is_some() => self.check_session().map(|()| 0),
            received => {
                let count = received?;
                self.pending -= count.min(self.pending);
                Ok(count)
            }
        }
    }

    /// Fails after a failure.
    fn check_session(&self) -> io::Result<()> {
        match &self.failed {
            None => Ok(()),
            Some(error) => Err(EncryptionError::io(failure::of_session(error), false)),
        }
    }

    /// Remembers the failure.
    #[cold]
    fn fail(&mut self, error: rustls::Error) {
        self.failed = Some(error);
        self.stop_receiving();
    }

    /// Nothing more comes. The application, which waits for the socket, must come back to find out why.
    #[cold]
    fn stop_receiving(&mut self) {
        self.received = None;
        self.socket.stop_receiving();
    }

    /// The error for the end of the stream.
    fn end_of_stream(&mut self) -> io::Error {
        let text = match self.session.reader().read(&mut [0]) {
            Ok(_) => failure::CLOSED,
            Err(_) => failure::END_OF_FILE,
        };
        EncryptionError::io(text.into(), true)
    }

    /// See [`super::stream::Stream::send`].
    pub fn send(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.check_session()?;
        send_all(buf, |rest| self.send_records(rest))
    }

    /// Sends the first bytes, or none of them. After `WouldBlock`, the next call must begin with the same bytes.
    fn send_records(&mut self, buf: &[u8]) -> io::Result<usize> {
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

    /// Whether the server sent close_notify.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Bytes decrypted but not returned, or received but not decrypted.
    pub fn pending(&self) -> usize {
        self.pending + self.received.as_ref().map_or(0, Range::len)
    }

    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Leaves TLS and keeps the socket.
    pub fn into_socket(self) -> Socket {
        self.socket
    }

    /// Sends close_notify, if the system takes it at once.
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

    /// The server's certificate; None before it arrived.
    pub fn server_certificate(&self) -> Option<&[u8]> {
        let chain = self.session.peer_certificates()?;
        chain.first().map(|certificate| certificate.as_ref())
    }

    /// The negotiated ALPN protocol.
    pub fn protocol(&self) -> Option<&[u8]> {
        self.session.alpn_protocol()
    }

    /// Whether the negotiated ALPN protocol is PostgreSQL's.
    pub fn speaks_postgresql(&self) -> bool {
        self.protocol() == Some(PROTOCOL)
    }

    /// The TLS version, by OpenSSL's name.
    pub fn version(&self) -> Option<&'static str> {
        Some(match self.session.protocol_version()? {
            rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3",
            rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2",
            _ => "unknown",
        })
    }

    /// The cipher, by OpenSSL's name.
    pub fn cipher(&self) -> Option<&'static str> {
        let suite = self.session.negotiated_cipher_suite()?.suite();
        let known = CIPHERS.iter().find(|(known, _)| *known == suite);
        known.map(|(_, name)| *name).or(match suite {
            rustls::CipherSuite::TLS13_AES_256_GCM_SHA384 => Some("TLS_AES_256_GCM_SHA384"),
            rustls::CipherSuite::TLS13_AES_128_GCM_SHA256 => Some("TLS_AES_128_GCM_SHA256"),
            _ => suite.as_str(),
        })
    }

    /// The size of the cipher's key in bits.
    pub fn key_bits(&self) -> Option<u16> {
        Some(if self.cipher()?.contains("128") {
            128
        } else {
            256
        })
    }
}

/// The socket as rustls reads and writes it, without blocking.
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

#[cfg(test)]
pub mod tests;
