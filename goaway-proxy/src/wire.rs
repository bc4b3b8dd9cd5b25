//! A connection to a client or to the server: TCP, a Unix socket or TLS.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsStream;

#[derive(Debug)]
pub enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Sets the options of every TCP connection, before anything is sent.
pub fn set_options(stream: &TcpStream) {
    // Messages are written whole: Nagle's algorithm would only delay them.
    let _ = stream.set_nodelay(true);
    // As in PostgreSQL and libpq: this detects hosts that have disappeared.
    let _ = SockRef::from(stream).set_keepalive(true);
}

/// Connects to an address.
pub async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    set_options(&stream);
    Ok(stream)
}

impl From<UnixStream> for Wire {
    fn from(stream: UnixStream) -> Wire {
        Wire::Unix(stream)
    }
}

impl Wire {
    /// Whether TLS protects it.
    pub fn is_encrypted(&self) -> bool {
        matches!(self, Wire::Tls(_))
    }

    /// Whether its first byte starts a TLS handshake. The byte stays in the socket. As in PostgreSQL, only TCP has TLS.
    pub async fn begins_with_tls(&self) -> io::Result<bool> {
        /// The type of a TLS handshake record.
        const HANDSHAKE: u8 = 0x16;
        let Wire::Tcp(stream) = self else {
            return Ok(false);
        };
        let mut first = [0; 1];
        let count = stream.peek(&mut first).await?;
        Ok(count == 1 && first == [HANDSHAKE])
    }

    fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Wire::Tcp(stream) => Some(stream),
            Wire::Tls(stream) => Some(stream.get_ref().0),
            Wire::Unix(_) => None,
        }
    }

    /// Whether the kernel knows that the peer has closed both directions. After an end of file, the peer may still read.
    pub fn is_gone(&self) -> bool {
        let empty = &[];
        let sent = match (self, self.tcp()) {
            (_, Some(stream)) => stream.try_write(empty),
            (Wire::Unix(stream), None) => stream.try_write(empty),
            (_, None) => return false,
        };
        sent.is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock)
    }

    /// Makes the kernel send keepalive probes every ten seconds, so that [`Wire::is_gone`] detects a lost peer.
    pub fn shorten_keepalive(&self) {
        const INTERVAL: Duration = Duration::from_secs(10);
        if let Some(stream) = self.tcp() {
            let keepalive = TcpKeepalive::new()
                .with_time(INTERVAL)
                .with_interval(INTERVAL);
            // If this fails, the session lasts until the server ends it.
            let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
        }
    }

    /// Sends TLS close_notify if the socket accepts it without waiting.
    pub async fn send_close_notify(&mut self) {
        if let Wire::Tls(stream) = self {
            poll_fn(|cx| {
                let _ = Pin::new(&mut *stream).poll_shutdown(cx);
                Poll::Ready(())
            })
            .await;
        }
    }
}

/// Calls a function of the stream inside.
macro_rules! either {
    ($wire:expr, $function:ident($($argument:expr),*)) => {
        match $wire.get_mut() {
            Wire::Tcp(stream) => Pin::new(stream).$function($($argument),*),
            Wire::Unix(stream) => Pin::new(stream).$function($($argument),*),
            Wire::Tls(stream) => Pin::new(stream).$function($($argument),*),
        }
    };
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, poll_read(cx, buffer))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self, poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn connections_send_at_once_and_notice_hosts_that_disappear() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(stream.nodelay().unwrap());
        assert!(SockRef::from(&stream).keepalive().unwrap());
    }
}
