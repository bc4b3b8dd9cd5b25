//! What the session makes of one message of the server.

use crate::mem::error_text::ErrorText;
use crate::protocol::backend::Body;

/// What became of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Understood.
    Done,
    /// Stays in the buffer until the application has collected what is ready.
    Wait,
    /// The body is not what its type says.
    Malformed,
}

/// Done when nothing of the body is left.
pub(super) fn whole(rest: Body<'_>) -> Outcome {
    if rest.is_empty() {
        Outcome::Done
    } else {
        Outcome::Malformed
    }
}

/// libpq's complaint about a body that is not what its type says.
pub(super) fn length_mismatch(kind: u8) -> ErrorText {
    let text = b"message contents do not agree with length in message type \"";
    ErrorText::concat(&[text, &[kind, b'"']])
}
