//! The server's messages: splits the stream into frames, and reads message bodies.

use bytes::Buf;

use super::codes::server;

/// The size of a message header: the type and the length word.
pub const HEADER: usize = 5;
/// The largest valid length word, except for the types in [`may_be_long`].
const SHORT_LIMIT: i32 = 30_000;

/// The number of 8-byte words to search before calling memchr.
const SHORT_WORDS: usize = 2;

/// The first message of a byte stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// More bytes are needed: `total` in all, as far as the header says.
    Incomplete { total: usize },
    /// The length word is invalid: synchronization is lost.
    Lost { kind: u8, length: i32 },
    /// A complete message of `HEADER + body.len()` bytes.
    Message { kind: u8, body: &'a [u8] },
}

/// Splits the first message off `bytes` without consuming it.
pub fn frame(bytes: &[u8]) -> Frame<'_> {
    let Some((&[kind, a, b, c, d], rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Frame::Incomplete { total: HEADER };
    };
    let length = i32::from_be_bytes([a, b, c, d]);
    if length < 4 || (length > SHORT_LIMIT && !may_be_long(kind)) {
        return Frame::Lost { kind, length };
    }
    let size = length as usize - 4;
    match rest.get(..size) {
        Some(body) => Frame::Message { kind, body },
        None => Frame::Incomplete {
            total: HEADER + size,
        },
    }
}

/// The data of the CopyData message at the start of `bytes`, if it is complete and not empty. Faster than [`frame`].
#[inline]
pub fn copy_data(bytes: &[u8]) -> Option<&[u8]> {
    let (&[server::COPY_DATA, a, b, c, d], rest) = bytes.split_first_chunk::<HEADER>()? else {
        return None;
    };
    let length = i32::from_be_bytes([a, b, c, d]);
    if length <= 4 {
        return None;
    }
    rest.get(..length as usize - 4)
}

/// Message types that may exceed 30000 bytes.
fn may_be_long(kind: u8) -> bool {
    matches!(
        kind,
        server::COPY_DATA
            | server::DATA_ROW
            | server::ERROR_RESPONSE
            | server::FUNCTION_CALL_RESPONSE
            | server::NOTICE_RESPONSE
            | server::NOTIFICATION_RESPONSE
            | server::ROW_DESCRIPTION
            | server::PARAMETER_DESCRIPTION
    )
}

/// Reads a message body from the front. Each read returns None when too few bytes are left.
#[derive(Debug, Clone, Copy)]
pub struct Body<'a>(pub &'a [u8]);

impl<'a> Body<'a> {
    pub fn u8(&mut self) -> Option<u8> {
        self.0.try_get_u8().ok()
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.0.try_get_u16().ok()
    }

    pub fn i32(&mut self) -> Option<i32> {
        self.0.try_get_i32().ok()
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.0.try_get_u32().ok()
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    /// The next NUL-terminated string, without its NUL.
    pub fn string(&mut self) -> Option<&'a [u8]> {
        let end = first_nul(self.0)?;
        let text = self.take(end)?;
        self.take(1)?;
        Some(text)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The index of the first NUL. Names and command tags are short: searching the first words here is faster than calling memchr,
/// which is fast for long texts.
fn first_nul(bytes: &[u8]) -> Option<usize> {
    let (words, _) = bytes.as_chunks::<8>();
    let mut searched = 0;
    for word in words.iter().take(SHORT_WORDS) {
        if let Some(index) = nul_in(*word) {
            return Some(searched + index);
        }
        searched += word.len();
    }
    let rest = bytes.get(searched..).unwrap_or_default();
    let found = if rest.len() < 8 {
        rest.iter().position(|byte| *byte == 0)
    } else {
        memchr::memchr(0, rest)
    };
    Some(searched + found?)
}

/// The index of the first NUL in a word. It tests all bytes at once.
#[inline]
fn nul_in(word: [u8; 8]) -> Option<usize> {
    const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let word = u64::from_le_bytes(word);
    // The lowest bit set belongs to the first NUL; higher bits may be false positives.
    let nuls = word.wrapping_sub(LOW) & !word & HIGH;
    (nuls != 0).then(|| nuls.trailing_zeros() as usize / 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_split_at_their_length() {
        let stream = b"Z\0\0\0\x05Ig\0\0\0\x04";
        assert_eq!(
            frame(stream),
            Frame::Message {
                kind: b'Z',
                body: b"I"
            }
        );
        assert_eq!(
            frame(&stream[6..]),
            Frame::Message {
                kind: b'g',
                body: b""
            }
        );
        for cut in 0..6 {
            assert!(matches!(frame(&stream[..cut]), Frame::Incomplete { .. }));
        }
    }

    #[test]
    fn copy_data_agrees_with_frame() {
        let row = b"d\0\0\0\x06abZ";
        assert_eq!(copy_data(row), Some(&b"ab"[..]));
        for cut in 0..7 {
            assert_eq!(copy_data(&row[..cut]), None);
        }
        for other in [
            &b"d\0\0\0\x04"[..],
            b"d\0\0\0\x03",
            b"d\xff\xff\xff\xffab",
            b"D\0\0\0\x06ab",
        ] {
            assert_eq!(copy_data(other), None);
        }
    }

    #[test]
    fn impossible_lengths_are_lost_synchronization() {
        assert!(matches!(
            frame(b"Z\0\0\0\x03"),
            Frame::Lost { length: 3, .. }
        ));
        assert!(matches!(
            frame(b"Z\xff\xff\xff\xff"),
            Frame::Lost { length: -1, .. }
        ));
        assert!(matches!(frame(b"g\0\0\x75\x31"), Frame::Lost { .. }));
        assert!(matches!(frame(b"D\0\0\x75\x31"), Frame::Incomplete { .. }));
    }

    #[test]
    fn strings_end_at_their_first_nul_however_long_they_are() {
        for length in 0..40 {
            let mut bytes = vec![b'x'; length];
            assert_eq!(Body(&bytes).string(), None);
            bytes.extend(b"\0y\0");
            assert_eq!(Body(&bytes).string(), Some(&bytes[..length]));
        }
    }

    #[test]
    fn reads_stop_at_the_end() {
        let mut body = Body(b"ab\0\0\0");
        assert_eq!(body.string(), Some(&b"ab"[..]));
        assert_eq!(body.i32(), None);
        assert_eq!(body.u16(), Some(0));
        assert!(body.is_empty());
        assert_eq!(body.string(), None);
    }
}
