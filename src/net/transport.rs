//! What plain sockets, TLS and GSSAPI share.

use std::io;

use crate::mem::error_text::ErrorText;
use crate::mem::{OutOfMemory, reserve};

/// How far a handshake got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeProgress {
    Done,
    /// Call again when the socket is readable.
    Read,
    /// Call again when the socket is writable.
    Write,
}

/// An error of TLS or GSSAPI: the inner error of the `io::Error` that `recv` and `send` return for it.
#[derive(Debug)]
pub struct EncryptionError {
    /// libpq's text.
    pub text: ErrorText,
    /// The server ended the stream.
    pub ended: bool,
}

impl EncryptionError {
    /// As an `io::Error`.
    pub fn io(text: ErrorText, ended: bool) -> io::Error {
        io::Error::other(EncryptionError { text, ended })
    }

    /// The error of the encryption inside `error`, if it is one.
    pub fn inside(error: &io::Error) -> Option<&EncryptionError> {
        error.get_ref()?.downcast_ref()
    }
}

impl std::fmt::Display for EncryptionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.text.fmt(f)
    }
}

impl std::error::Error for EncryptionError {}

/// Fails when memory is short. The encryption libraries allocate a little in each call and cannot report a failure, so this
/// is checked before each call.
pub(super) fn check_memory() -> io::Result<()> {
    if reserve::is_ready() {
        return Ok(());
    }
    Err(EncryptionError::io(OutOfMemory.into(), false))
}

/// Sends pieces from the front of `buf` with `send` until the socket takes no more. Returns the sum, or `WouldBlock` if nothing
/// was sent.
pub(super) fn send_all(
    buf: &[u8],
    mut send: impl FnMut(&[u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut sent = 0;
    while let Some(rest) = buf.get(sent..).filter(|rest| !rest.is_empty()) {
        match send(rest) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && sent > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}

/// Repeats `call` while a signal interrupts it.
pub(super) fn retry_interrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            outcome => return outcome,
        }
    }
}
