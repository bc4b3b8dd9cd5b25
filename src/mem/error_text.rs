//! Error texts. Building one never aborts for lack of memory.

use super::{OutOfMemory, concat};
use std::fmt;
use std::ops::Deref;

/// A text for `PQerrorMessage`: bytes in the client's encoding, without the newline that ends it there.
#[derive(Clone, Default)]
pub struct ErrorText(Vec<u8>);

impl ErrorText {
    /// The concatenated parts, or libpq's text for lack of memory if they are too large.
    pub fn concat(parts: &[&[u8]]) -> ErrorText {
        concat(parts).map_or_else(ErrorText::from, ErrorText)
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl Deref for ErrorText {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for ErrorText {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<T: AsRef<[u8]> + ?Sized> PartialEq<T> for ErrorText {
    fn eq(&self, other: &T) -> bool {
        self.0 == other.as_ref()
    }
}

impl Eq for ErrorText {}

/// libpq's text.
impl From<OutOfMemory> for ErrorText {
    fn from(_: OutOfMemory) -> ErrorText {
        ErrorText::from("out of memory")
    }
}

impl From<&str> for ErrorText {
    fn from(text: &str) -> ErrorText {
        ErrorText(text.into())
    }
}

impl From<&[u8]> for ErrorText {
    fn from(text: &[u8]) -> ErrorText {
        ErrorText(text.into())
    }
}

impl<const N: usize> From<&[u8; N]> for ErrorText {
    fn from(text: &[u8; N]) -> ErrorText {
        ErrorText(text.into())
    }
}

impl From<String> for ErrorText {
    fn from(text: String) -> ErrorText {
        ErrorText(text.into_bytes())
    }
}

impl From<Vec<u8>> for ErrorText {
    fn from(text: Vec<u8>) -> ErrorText {
        ErrorText(text)
    }
}

impl From<fmt::Arguments<'_>> for ErrorText {
    fn from(text: fmt::Arguments<'_>) -> ErrorText {
        ErrorText(text.to_string().into_bytes())
    }
}

impl fmt::Display for ErrorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for ErrorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.0), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_bytes_that_are_not_utf8() {
        let text = ErrorText::concat(&[b"invalid value: \"", b"\xff", b"\""]);
        assert_eq!(&text[..], b"invalid value: \"\xff\"");
        assert_eq!(text.to_string(), "invalid value: \"\u{fffd}\"");
    }

    #[test]
    fn lack_of_memory_has_the_text_of_libpq() {
        assert_eq!(&ErrorText::from(OutOfMemory)[..], b"out of memory");
    }
}
