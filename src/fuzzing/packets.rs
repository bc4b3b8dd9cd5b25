//! Packets of GSSAPI encryption.

use std::io::{ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use crate::net::gss::packet::{HEADER, Incoming, MAX_DATA, MAX_TOKEN, Received};
use crate::net::socket::Socket;

/// More than the largest packet, and less than a socket's buffer.
const MOST: usize = 100_000;

/// Receives `data` as packets. The first byte says whether they belong to the handshake, and in how large pieces they arrive.
pub fn packets(data: &[u8]) {
    let Some((how, data)) = data.split_first() else {
        return;
    };
    let (handshake, size) = (how & 1 != 0, usize::from(how >> 1) * 64 + 1);
    let Ok((ours, mut theirs)) = UnixStream::pair() else {
        return;
    };
    let socket = Socket::from(socket2::Socket::from(OwnedFd::from(ours)));
    let data = data.get(..MOST).unwrap_or(data);
    let mut incoming = Incoming::default();
    let mut received = 0;
    for piece in data.chunks(size) {
        theirs.write_all(piece).expect("room in the socket");
        loop {
            match next(&mut incoming, &socket, handshake) {
                Ok(Received::Token(token)) => received += HEADER + token.len(),
                Ok(Received::Error(text)) => {
                    assert!(handshake && text.starts_with(b"E"));
                    return;
                }
                Ok(Received::End) => {
                    // An empty packet counts as the end.
                    let header = data.get(received..received + HEADER);
                    assert_eq!(header, Some(&[0; HEADER][..]), "an end before the end");
                    return;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return,
            }
        }
    }
    drop(theirs);
    let last = next(&mut incoming, &socket, handshake);
    assert!(matches!(last, Ok(Received::End) | Err(_)), "{last:?}");
    assert!(received <= data.len());
}

fn next(incoming: &mut Incoming, socket: &Socket, handshake: bool) -> std::io::Result<Received> {
    let (received, limit) = match handshake {
        true => (incoming.token(socket), MAX_TOKEN),
        false => (incoming.data(socket), MAX_DATA),
    };
    if let Ok(Received::Token(token)) = &received {
        assert!(HEADER + token.len() <= limit);
    }
    received
}
