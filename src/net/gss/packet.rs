//! Packets of GSSAPI encryption: a big-endian length of 4 bytes, and a token.

use std::io;

use crate::mem::error_text::ErrorText;
use crate::net::socket::Socket;
use crate::net::transport::EncryptionError;
use crate::protocol::codes::server;

/// The size of the length field.
pub const HEADER: usize = 4;
/// The longest data packet, including its length field.
pub const MAX_DATA: usize = 16384;
/// The longest handshake packet, including its length field.
pub const MAX_TOKEN: usize = 65536;

/// What was received.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    Token(Vec<u8>),
    /// An ErrorResponse instead of a packet: the bytes that were available.
    Error(Vec<u8>),
    /// The server closed the connection.
    End,
}

/// A packet being received. Nothing after it is read, so that poll reports further input.
#[derive(Default)]
pub struct Incoming(Vec<u8>);

impl Incoming {
    /// Continues to receive a handshake packet; `WouldBlock` if it is incomplete.
    pub fn token(&mut self, socket: &Socket) -> io::Result<Received> {
        if !self.fill(socket, HEADER)? {
            return Ok(Received::End);
        }
        // libpq: no valid length begins with this byte.
        if self.0.first() == Some(&server::ERROR_RESPONSE) {
            return self.error(socket);
        }
        self.rest(socket, MAX_TOKEN)
    }

    /// Continues to receive a data packet; `WouldBlock` if it is incomplete.
    pub fn data(&mut self, socket: &Socket) -> io::Result<Received> {
        if !self.fill(socket, HEADER)? {
            return Ok(Received::End);
        }
        self.rest(socket, MAX_DATA)
    }

    fn rest(&mut self, socket: &Socket, limit: usize) -> io::Result<Received> {
        let header = self.0.first_chunk::<HEADER>().copied().unwrap_or_default();
        let length = u32::from_be_bytes(header) as usize;
        let most = limit - HEADER;
        if length > most {
            let text = format!("oversize GSSAPI packet sent by the server ({length} > {most})");
            return Err(EncryptionError::io(text.into(), false));
        }
        // libpq: an empty packet counts as the end of the stream.
        if length == 0 || !self.fill(socket, HEADER + length)? {
            return Ok(Received::End);
        }
        Ok(Received::Token(
            std::mem::take(&mut self.0).split_off(HEADER),
        ))
    }

    /// libpq: the text is what one more read returns.
    fn error(&mut self, socket: &Socket) -> io::Result<Received> {
        let mut more = vec![0; MAX_TOKEN - HEADER - 1];
        let count = receive(socket, &mut more)?;
        if count == 0 {
            return Ok(Received::End);
        }
        let mut packet = std::mem::take(&mut self.0);
        packet.extend_from_slice(more.get(..count).unwrap_or_default());
        Ok(Received::Error(packet))
    }

    /// Receives until there are `wanted` bytes; false at the end of the stream.
    fn fill(&mut self, socket: &Socket, wanted: usize) -> io::Result<bool> {
        while self.0.len() < wanted {
            let have = self.0.len();
            self.0.resize(wanted, 0);
            let received = receive(socket, self.0.get_mut(have..).unwrap_or_default());
            self.0
                .truncate(have + received.as_ref().copied().unwrap_or(0));
            if received? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn receive(socket: &Socket, buf: &mut [u8]) -> io::Result<usize> {
    socket.recv(buf)
}

/// A packet with one token; Err is libpq's text.
pub fn packet(token: &[u8], limit: usize) -> Result<Vec<u8>, ErrorText> {
    let most = limit - HEADER;
    match u32::try_from(token.len()) {
        Ok(length) if token.len() <= most => Ok([&length.to_be_bytes(), token].concat()),
        _ => {
            let length = token.len();
            let text = format!("client tried to send oversize GSSAPI packet ({length} > {most})");
            Err(text.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Write};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    fn pair() -> (Socket, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let ours = Socket::from(socket2::Socket::from(OwnedFd::from(ours)));
        (ours, theirs)
    }

    #[test]
    fn a_packet_is_received_in_pieces_and_nothing_after_it() {
        let (socket, mut peer) = pair();
        let mut incoming = Incoming::default();
        for piece in [&b"\0\0"[..], b"\0\x03a"] {
            peer.write_all(piece).unwrap();
            let error = incoming.data(&socket).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
        }
        peer.write_all(b"bc\0\0\0\x01d").unwrap();
        let received = incoming.data(&socket).unwrap();
        assert_eq!(received, Received::Token(b"abc".to_vec()));
        let received = incoming.token(&socket).unwrap();
        assert_eq!(received, Received::Token(b"d".to_vec()));
        drop(peer);
        assert_eq!(incoming.data(&socket).unwrap(), Received::End);
    }

    #[test]
    fn packets_to_send_have_a_size_limit() {
        assert_eq!(packet(b"ab", 6).unwrap(), b"\0\0\0\x02ab");
        let text = b"client tried to send oversize GSSAPI packet (3 > 2)";
        assert_eq!(packet(b"abc", 6).unwrap_err(), text);
    }
}
