//! The error text of a connection, which `PQerrorMessage` returns.

use std::ffi::CStr;

/// The same text as libpq's.
pub const OUT_OF_MEMORY: &str = "out of memory";

/// A command was refused. The session's error text says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

/// An error text that is longer is dropped before more is added: a server can send errors without end.
const MOST: usize = 1 << 20;

/// The first size of the text's memory. It grows by doubling, as in libpq: programs keep the pointer of `PQerrorMessage`
/// over calls, and `printf("%d %s", PQsendQuery(...), PQerrorMessage(...))` may evaluate the last argument first.
const INITIAL_CAPACITY: usize = 256;

/// The error text of the current operation, NUL-terminated.
#[derive(Debug)]
pub struct ErrorBuffer {
    /// Ends in exactly one NUL and has no other.
    text: Vec<u8>,
    /// The length of the text that results have carried to the application.
    reported: usize,
}

impl Default for ErrorBuffer {
    fn default() -> ErrorBuffer {
        let mut text = Vec::with_capacity(INITIAL_CAPACITY);
        text.push(0);
        ErrorBuffer { text, reported: 0 }
    }
}

impl ErrorBuffer {
    /// Empties the buffer for a new operation.
    pub fn clear(&mut self) {
        self.text.clear();
        self.text.push(0);
        self.reported = 0;
    }

    /// Appends a message and a newline.
    pub fn add(&mut self, message: impl AsRef<[u8]>) {
        self.add_line(message.as_ref());
    }

    #[cold]
    #[inline(never)]
    fn add_line(&mut self, message: &[u8]) {
        self.make_room();
        self.add_raw(message);
        self.add_raw(b"\n");
    }

    /// Drops a text that is too long for another message.
    pub fn make_room(&mut self) {
        if self.text.len() > MOST {
            self.clear();
        }
    }

    /// Appends text up to its first NUL. If there is no memory, "out of memory" replaces the whole text.
    pub fn add_raw(&mut self, text: &[u8]) {
        let end = memchr::memchr(0, text).unwrap_or(text.len());
        let text = if self.reserve(end) {
            &text[..end]
        } else {
            self.out_of_memory()
        };
        self.text.pop();
        self.text.extend_from_slice(text);
        self.text.push(0);
    }

    /// Makes room for `more` bytes. The text stays where it is while it fits.
    fn reserve(&mut self, more: usize) -> bool {
        let needed = self.text.len().saturating_add(more);
        if needed <= self.text.capacity() {
            return true;
        }
        let doubled = needed.checked_next_power_of_two().unwrap_or(needed);
        self.text
            .try_reserve_exact(doubled - self.text.len())
            .is_ok()
    }

    /// libpq: "out of memory" replaces a text that cannot be stored.
    #[cold]
    fn out_of_memory(&mut self) -> &'static [u8] {
        const TEXT: &[u8] = b"out of memory\n";
        self.clear();
        if self.reserve(TEXT.len()) { TEXT } else { b"" }
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

    /// The text that no result has carried yet.
    pub fn unreported(&self) -> &[u8] {
        // libpq: reports everything if the offset is invalid.
        let from = if self.reported < self.bytes().len() {
            self.reported
        } else {
            0
        };
        &self.bytes()[from..]
    }

    /// Marks the whole text as carried by a result.
    pub fn mark_reported(&mut self) {
        self.reported = self.bytes().len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_a_bounded_text_of_endless_errors() {
        let mut errors = ErrorBuffer::default();
        for number in 0..100_000 {
            errors.add(format!("error number {number} of the server"));
            errors.mark_reported();
        }
        errors.add("last");
        assert_eq!(errors.unreported(), b"last\n");
        assert!(errors.text.capacity() < 4 * MOST);
        // One error may be longer.
        let long = vec![b'x'; 3 * MOST];
        errors.add(&long);
        assert!(errors.bytes().len() > 3 * MOST);
        errors.add("next");
        assert_eq!(errors.bytes(), b"next\n");
    }

    #[test]
    fn the_text_stays_in_place_while_it_is_shorter_than_any_before() {
        let mut errors = ErrorBuffer::default();
        let at_first = errors.as_c_str().as_ptr();
        errors.add([b'x'; 254]);
        assert_eq!(errors.as_c_str().as_ptr(), at_first);
        errors.clear();
        errors.add([b'x'; 700]);
        let enlarged = errors.as_c_str().as_ptr();
        errors.clear();
        errors.add([b'x'; 1000]);
        assert_eq!(errors.as_c_str().as_ptr(), enlarged);
    }

    #[test]
    fn reports_accumulated_text_once() {
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
