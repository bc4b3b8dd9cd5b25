//! One side of a session: a connection, and what waits to be written to it.

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
    /// It has ended its sending.
    pub is_over: bool,
    /// It was told that nothing more comes.
    is_shut: bool,
    /// Nothing more can be written to it.
    is_broken: bool,
}

impl Side {
    pub fn new(wire: Wire) -> Side {
        Side {
            wire,
            pending: Vec::new(),
            written: 0,
            flushed: true,
            is_over: false,
            is_shut: false,
            is_broken: false,
        }
    }

    /// Reads what is there; Ready(Ok(0)) at the end.
    pub fn read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        match Pin::new(&mut self.wire).poll_read(cx, &mut buffer) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => Poll::Ready(Ok(buffer.filled().len())),
            // TLS that ends without a goodbye.
            Poll::Ready(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                Poll::Ready(Ok(0))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        }
    }

    /// Writes what can be written at once and keeps the rest.
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

    /// Writes what waits; Ready when nothing does.
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

    /// What is written from now on goes nowhere.
    pub fn forget(&mut self) {
        self.is_broken = true;
        self.is_shut = true;
        self.pending = Vec::new();
        self.written = 0;
        self.flushed = true;
    }

    /// Tells it that nothing more comes: Ready when that is done, and never again.
    pub fn shut(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_shut {
            return Poll::Pending;
        }
        // One that broke knows.
        let done = Pin::new(&mut self.wire).poll_shutdown(cx);
        self.is_shut = done.is_ready();
        done.map(|_| ())
    }
}
