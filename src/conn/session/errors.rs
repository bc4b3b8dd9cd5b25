//! The connection's error text: what `PQerrorMessage` answers.

use std::ffi::CStr;

/// libpq's text, too.
pub const OUT_OF_MEMORY: &str = "out of memory";

/// A command was refused; its reason stands in the session's errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

/// Text collected by the current operation, kept NUL-terminated.
#[derive(Debug)]
pub struct ErrorBuffer {
    /// Always ends in exactly one NUL; none inside.
    text: Vec<u8>,
    /// How much of it results have carried to the application already.
    reported: usize,
}

impl Default for ErrorBuffer {
    fn default() -> ErrorBuffer {
        ErrorBuffer {
            text: vec![0],
            reported: 0,
        }
    }
}

impl ErrorBuffer {
    /// Empties the buffer: a new operation begins.
    pub fn clear(&mut self) {
        self.text.clear();
        self.text.push(0);
        self.reported = 0;
    }

    /// Appends a message and the newline every message ends with.
    pub fn add(&mut self, message: impl AsRef<[u8]>) {
        self.add_raw(message.as_ref());
        self.add_raw(b"\n");
    }

    /// Appends text as it is, up to its first NUL. If there is no memory for it, that is all the text there is.
    pub fn add_raw(&mut self, text: &[u8]) {
        let end = memchr::memchr(0, text).unwrap_or(text.len());
        let text = match self.text.try_reserve(end) {
            Ok(()) => &text[..end],
            Err(_) => self.out_of_memory(),
        };
        self.text.pop();
        self.text.extend_from_slice(text);
        self.text.push(0);
    }

    /// libpq: a text for which there is no memory gives way to this one.
    #[cold]
    fn out_of_memory(&mut self) -> &'static [u8] {
        const TEXT: &[u8] = b"out of memory\n";
        self.clear();
        match self.text.try_reserve(TEXT.len()) {
            Ok(()) => TEXT,
            Err(_) => b"",
        }
    }

    /// The text without its NUL.
    pub fn bytes(&self) -> &[u8] {
        &self.text[..self.text.len() - 1]
    }

    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.text).unwrap_or(c"")
    }

    /// Cuts the text back to `length` bytes.
    pub fn truncate(&mut self, length: usize) {
        if length < self.bytes().len() {
            self.text.truncate(length);
            self.text.push(0);
            self.reported = self.reported.min(length);
        }
    }

    /// What no result has carried yet.
    pub fn unreported(&self) -> &[u8] {
        // libpq: an offset that makes no sense reports everything.
        let from = if self.reported < self.bytes().len() {
            self.reported
        } else {
            0
        };
        &self.bytes()[from..]
    }

    /// Says that a result carries all text up to here.
    pub fn mark_reported(&mut self) {
        self.reported = self.bytes().len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_accumulates_and_is_reported_once() {
        let mut errors = ErrorBuffer::default();
        errors.add("one");
        assert_eq!(errors.unreported(), b"one\n");
        errors.mark_reported();
        errors.add("two\0hidden");
        assert_eq!(errors.unreported(), b"two\n");
        assert_eq!(errors.as_c_str().to_bytes(), b"one\ntwo\n");
        errors.clear();
        assert_eq!(errors.bytes(), b"");
        assert_eq!(errors.unreported(), b"");
    }
}
