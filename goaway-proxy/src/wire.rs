//! A connection to a client or to the server, whatever carries it.

use std::future::poll_fn;
use std::io;
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

impl From<TcpStream> for Wire {
    fn from(stream: TcpStream) -> Wire {
        // A message is written whole; waiting for more would only delay it.
        let _ = stream.set_nodelay(true);
        // As PostgreSQL and libpq do: a machine that is gone is noticed one day.
        let _ = SockRef::from(&stream).set_keepalive(true);
        Wire::Tcp(stream)
    }
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

    /// Whether its first byte, which stays to be read, begins a TLS handshake. TLS is for TCP alone, as in PostgreSQL.
    pub async fn begins_with_tls(&self) -> io::Result<bool> {
        /// The type of a record of the handshake.
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

    /// Whether the other side has closed its connection altogether, as far as the system knows; it may have ended only
    /// its own sending.
    pub fn is_gone(&self) -> bool {
        let nothing = &[];
        let sent = match (self, self.tcp()) {
            (_, Some(stream)) => stream.try_write(nothing),
            (Wire::Unix(stream), None) => stream.try_write(nothing),
            (_, None) => return false,
        };
        sent.is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock)
    }

    /// Has the system ask often whether the other side still listens: [`Wire::is_gone`] tells it then.
    pub fn ask_often(&self) {
        const OFTEN: Duration = Duration::from_secs(10);
        if let Some(stream) = self.tcp() {
            let often = TcpKeepalive::new().with_time(OFTEN).with_interval(OFTEN);
            // Without it the session lasts until the server ends it.
            let _ = SockRef::from(stream).set_tcp_keepalive(&often);
        }
    }

    /// Tells the other side of TLS that this was all, if the system takes that at once.
    pub async fn say_goodbye(&mut self) {
        if let Wire::Tls(stream) = self {
            poll_fn(|cx| {
                let _ = Pin::new(&mut *stream).poll_shutdown(cx);
                Poll::Ready(())
            })
            .await;
        }
    }
}

/// Calls the same function of whatever stream it is.
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
