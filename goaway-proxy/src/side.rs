//! One side of a session: a connection, and the bytes that wait to be written to it.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::wire::Wire;

pub struct Side {
    pub wire: Wire,
    pub pending: Vec<u8>,
    written: usize,
    flushed: bool,
    /// The peer has closed its sending direction.
    pub at_eof: bool,
    /// The proxy has closed its own sending direction.
    is_shut: bool,
    /// Writes fail: bytes for the peer are discarded.
    is_broken: bool,
}

impl Side {
    pub fn new(wire: Wire) -> Side {
        Side {
            wire,
            pending: Vec::new(),
            written: 0,
            flushed: true,
            at_eof: false,
            is_shut: false,
            is_broken: false,
        }
    }

    /// Reads available bytes; Ready(Ok(0)) means end of file.
    pub fn read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        match Pin::new(&mut self.wire).poll_read(cx, &mut buffer) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => Poll::Ready(Ok(buffer.filled().len())),
            // TLS without close_notify.
            Poll::Ready(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                Poll::Ready(Ok(0))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        }
    }

    /// Writes as much as the socket accepts at once, and queues the rest.
    pub fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> io::Result<()> {
        if self.is_broken {
            return Ok(());
        }
        let mut taken = 0;
        if self.pending.is_empty() {
            self.flushed = false;
            if let Poll::Ready(count) = Pin::new(&mut self.wire).poll_write(cx, bytes) {
                taken = count?;
            }
        }
        self.pending.extend_from_slice(&bytes[taken..]);
        Ok(())
    }

    /// Writes the queued bytes; Ready when the queue is empty.
    pub fn drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.pending.get(self.written..).filter(|r| !r.is_empty()) {
            self.flushed = false;
            match Pin::new(&mut self.wire).poll_write(cx, rest) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => self.written += count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
        self.pending = Vec::new();
        self.written = 0;
        if !self.flushed {
            match Pin::new(&mut self.wire).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.flushed = true,
                other => return other,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Discards the queue and all later writes.
    pub fn discard_writes(&mut self) {
        self.is_broken = true;
        self.is_shut = true;
        self.pending = Vec::new();
        self.written = 0;
        self.flushed = true;
    }

    /// Closes the sending direction. Ready once, when that is done.
    pub fn shut(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_shut {
            return Poll::Pending;
        }
        // An error does not matter: the connection is broken then.
        let done = Pin::new(&mut self.wire).poll_shutdown(cx);
        self.is_shut = done.is_ready();
        done.map(|_| ())
    }
}
