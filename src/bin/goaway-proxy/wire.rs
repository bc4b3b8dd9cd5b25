//! A connection to a client or to the server, whatever carries it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

#[derive(Debug)]
pub enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl From<TcpStream> for Wire {
    fn from(stream: TcpStream) -> Wire {
        // A message is written whole; waiting for more would only delay it.
        let _ = stream.set_nodelay(true);
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
        false
    }
}

/// Calls the same function of whatever stream it is.
macro_rules! either {
    ($wire:expr, $function:ident($($argument:expr),*)) => {
        match $wire.get_mut() {
            Wire::Tcp(stream) => Pin::new(stream).$function($($argument),*),
            Wire::Unix(stream) => Pin::new(stream).$function($($argument),*),
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
