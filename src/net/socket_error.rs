//! libpq's texts for failed reads and writes.

use std::io::{Error, ErrorKind};

use super::sys;
use super::transport::EncryptionError;
use crate::mem::error_text::ErrorText;

pub const SERVER_CLOSED: &str = "server closed the connection unexpectedly\n\
     \tThis probably means the server terminated abnormally\n\
     \tbefore or while processing the request.";

pub fn of_receive(error: &Error) -> ErrorText {
    text(error, b"could not receive data from server: ")
}

pub fn of_send(error: &Error) -> ErrorText {
    text(error, b"could not send data to server: ")
}

/// Whether this is the error of a connection that the server closed. libpq has a text of its own for it.
pub fn is_closed(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
    )
}

fn text(error: &Error, prefix: &[u8]) -> ErrorText {
    match EncryptionError::inside(error) {
        Some(error) => error.text.clone(),
        None if is_closed(error) => SERVER_CLOSED.into(),
        None => ErrorText::concat(&[prefix, &sys::error_text(error)]),
    }
}
