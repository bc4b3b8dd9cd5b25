//! The byte stream to a server, encrypted or not.

use super::gss::Gss;
use super::socket::Socket;
use super::sys::{self, without_cancellation};
use super::tls::Tls;
use super::transport::retry_interrupted;
use std::io;
use std::os::fd::RawFd;

/// A connected socket and its encryption.
#[derive(Debug)]
pub enum Stream {
    Plain(Socket),
    Tls(Box<Tls>),
    Gss(Box<Gss>),
}

/// Where a caller that waits in `recv` puts the bytes.
#[derive(Debug, Clone, Copy)]
pub enum WaitTarget {
    /// In a buffer of the caller: they are the plain bytes that [`Stream::recv`] would return.
    Caller,
    /// In this buffer of this size; then call [`Tls::note_received`] and [`Stream::recv`].
    Buffer(*mut u8, usize),
    /// Nowhere: poll, then call [`Stream::recv`].
    PollFirst,
    /// Do not wait: [`Stream::recv`] returns at once.
    Pending,
}

impl Stream {
    /// Reads what is available, at most `buf.len()` bytes; 0 is end of file (or an empty `buf`). `WouldBlock` if there is none.
    pub fn recv(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        without_cancellation(|| match self {
            Stream::Plain(socket) => socket.recv(buf),
            Stream::Tls(tls) => tls.recv(buf),
            Stream::Gss(gss) => gss.recv(buf),
        })
    }

    /// Sends what the system takes at once, possibly less than all. After `WouldBlock`, the next call must begin with the
    /// same bytes, because they may be encrypted already. Never raises SIGPIPE.
    pub fn send(&mut self, buf: &[u8]) -> io::Result<usize> {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        without_cancellation(|| match self {
            Stream::Plain(socket) => retry_interrupted(|| sys::send(socket.fd(), buf, flags)),
            Stream::Tls(tls) => tls.send(buf),
            Stream::Gss(gss) => gss.send(buf),
        })
    }

    /// Bytes received and decrypted but not returned yet, which poll would not report.
    pub fn pending(&self) -> usize {
        match self {
            Stream::Plain(_) => 0,
            Stream::Tls(tls) => tls.pending(),
            Stream::Gss(gss) => gss.pending(),
        }
    }

    /// Where to put bytes that the caller waits for.
    pub fn wait_target(&mut self) -> WaitTarget {
        match self {
            Stream::Plain(_) => WaitTarget::Caller,
            Stream::Tls(tls) if tls.is_ready() => WaitTarget::Pending,
            Stream::Gss(gss) if gss.pending() > 0 => WaitTarget::Pending,
            Stream::Tls(tls) => match tls.wait_buffer() {
                Some(place) => WaitTarget::Buffer(place.as_mut_ptr(), place.len()),
                None => WaitTarget::PollFirst,
            },
            Stream::Gss(_) => WaitTarget::PollFirst,
        }
    }

    /// TLS, if the stream uses it.
    pub fn tls(&self) -> Option<&Tls> {
        match self {
            Stream::Tls(tls) => Some(tls),
            Stream::Plain(_) | Stream::Gss(_) => None,
        }
    }

    /// The socket below.
    pub fn socket(&self) -> &Socket {
        match self {
            Stream::Plain(socket) => socket,
            Stream::Tls(tls) => tls.socket(),
            Stream::Gss(gss) => gss.socket(),
        }
    }

    /// The socket without its encryption.
    pub fn into_socket(self) -> Socket {
        match self {
            Stream::Plain(socket) => socket,
            Stream::Tls(tls) => tls.into_socket(),
            Stream::Gss(gss) => gss.into_socket(),
        }
    }

    /// The descriptor to poll, which this object owns.
    pub fn fd(&self) -> RawFd {
        self.socket().fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Read, Write};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    /// Two connected ends. Neither is nonblocking.
    fn pair() -> (Stream, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (stream(ours), theirs)
    }

    fn stream(end: UnixStream) -> Stream {
        Stream::Plain(Socket::from(socket2::Socket::from(OwnedFd::from(end))))
    }

    #[test]
    fn bytes_go_both_ways() {
        let (mut stream, mut peer) = pair();
        assert_eq!(stream.send(b"hello").unwrap(), 5);
        let mut buf = [0; 8];
        assert_eq!(peer.read(&mut buf).unwrap(), 5);
        assert_eq!(&buf[..5], b"hello");
        peer.write_all(b"answer").unwrap();
        assert_eq!(stream.recv(&mut buf[..4]).unwrap(), 4);
        assert_eq!(stream.recv(&mut buf).unwrap(), 2);
        assert_eq!(&buf[..2], b"er");
        assert_eq!(stream.pending(), 0);
    }

    #[test]
    fn a_blocking_descriptor_does_not_block() {
        let (mut stream, _peer) = pair();
        let error = stream.recv(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn a_full_socket_never_blocks_a_send() {
        let (mut stream, _peer) = pair();
        let block = vec![b'x'; 1 << 20];
        let error = loop {
            if let Err(error) = stream.send(&block) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn a_peer_that_is_gone_is_an_error_and_end_of_file() {
        let (mut stream, peer) = pair();
        drop(peer);
        assert_eq!(stream.recv(&mut [0; 8]).unwrap(), 0);
        assert_eq!(stream.send(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}
