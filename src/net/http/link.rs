//! The connection to an HTTP server, encrypted or not. Nothing here waits.

use super::{HttpError, kind, tls};
use crate::net::socket::Socket;
use crate::net::sys;
use rustls::ClientConnection;
use std::io::{self, ErrorKind, Read, Write};
use zeroize::Zeroizing;

/// The largest single read.
const PIECE: usize = 16 * 1024;

/// A connected socket and its optional encryption.
pub(super) struct Link {
    pub(super) socket: Socket,
    tls: Option<Box<ClientConnection>>,
    /// Received bytes that were not taken yet.
    piece: Zeroizing<Vec<u8>>,
}

/// The result of a read.
pub(super) enum Received<'a> {
    Bytes(&'a [u8]),
    Nothing,
    End,
}

impl Link {
    pub(super) fn new(socket: Socket) -> Link {
        Link {
            socket,
            tls: None,
            piece: Zeroizing::new(vec![0; PIECE]),
        }
    }

    pub(super) fn encrypt(&mut self, mut tls: ClientConnection) {
        // We create these bytes ourselves, and their number is bounded.
        tls.set_buffer_limit(None);
        self.tls = Some(Box::new(tls));
    }

    /// Whether output waits for the socket.
    pub(super) fn wants_write(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Whether it can send now: before the end of the handshake, rustls would keep a copy of what it gets.
    pub(super) fn can_send(&self) -> bool {
        self.tls.as_ref().is_none_or(|tls| !tls.is_handshaking())
    }

    /// Sends some of `bytes`; returns how many were taken.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<usize, HttpError> {
        let sent = match &mut self.tls {
            Some(tls) if tls.is_handshaking() => write_tls(tls, &self.socket).map(|()| 0),
            Some(tls) => {
                let count = tls.writer().write(bytes);
                count.and_then(|count| write_tls(tls, &self.socket).map(|()| count))
            }
            None => Wire(&self.socket).write(bytes),
        };
        match sent {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(broken(kind::SEND, &error)),
            Ok(count) => Ok(count),
        }
    }

    pub(super) fn receive(&mut self) -> Result<Received<'_>, HttpError> {
        let piece = &mut self.piece[..];
        let count = match &mut self.tls {
            Some(tls) => read_tls(tls, &self.socket, piece)?,
            None => match Wire(&self.socket).read(piece) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => None,
                Err(error) => return Err(broken(kind::RECEIVE, &error)),
                Ok(count) => Some(count),
            },
        };
        Ok(match count {
            None => Received::Nothing,
            Some(0) => Received::End,
            Some(count) => Received::Bytes(self.piece.get(..count).unwrap_or_default()),
        })
    }
}

/// Sends pending records as far as the socket takes them.
fn write_tls(tls: &mut ClientConnection, socket: &Socket) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(&mut Wire(socket)) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
    Ok(())
}

/// Reads decrypted bytes; None if more input is needed, 0 at the end.
fn read_tls(
    tls: &mut ClientConnection,
    socket: &Socket,
    piece: &mut [u8],
) -> Result<Option<usize>, HttpError> {
    loop {
        match tls.reader().read(piece) {
            Ok(count) => return Ok(Some(count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(broken(kind::RECEIVE, &error)),
        }
        match tls.read_tls(&mut Wire(socket)) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(broken(kind::RECEIVE, &error)),
            Ok(0) if tls.is_handshaking() => {
                let detail = "the server closed the connection";
                return Err(HttpError::new(kind::TLS, detail));
            }
            Ok(_) => {}
        }
        let judged = tls.process_new_packets().map(drop);
        // The last alert tells the server the reason.
        let written = write_tls(tls, socket);
        judged.map_err(|error| tls::failure(&error))?;
        written.map_err(|error| broken(kind::SEND, &error))?;
    }
}

fn broken(kind: &'static str, error: &io::Error) -> HttpError {
    let text = sys::error_text(error);
    HttpError::new(kind, String::from_utf8_lossy(&text))
}

/// The socket as rustls reads and writes it.
struct Wire<'a>(&'a Socket);

impl Read for Wire<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        sys::recv(self.0.fd(), bytes, libc::MSG_DONTWAIT)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        sys::send(self.0.fd(), bytes, flags)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
