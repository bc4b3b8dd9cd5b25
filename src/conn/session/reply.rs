//! The result of processing one message.

use crate::mem::error_text::ErrorText;
use crate::protocol::backend::Body;

/// The result of processing one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageOutcome {
    /// The message was processed.
    Done,
    /// The message stays in the buffer until the application has collected the current result.
    Wait,
    /// The body does not match the message type.
    Malformed,
}

/// `Done` if the body was read completely.
pub(super) fn fully_read(rest: Body<'_>) -> MessageOutcome {
    if rest.is_empty() {
        MessageOutcome::Done
    } else {
        MessageOutcome::Malformed
    }
}

/// libpq's error text for a body that does not match its message type.
pub(super) fn length_mismatch(kind: u8) -> ErrorText {
    let text = b"message contents do not agree with length in message type \"";
    ErrorText::concat(&[text, &[kind, b'"']])
}
