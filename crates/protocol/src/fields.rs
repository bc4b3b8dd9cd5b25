//! The fields of ErrorResponse and NoticeResponse.

use std::ffi::CStr;

pub const SEVERITY: u8 = b'S';
pub const SEVERITY_NONLOCALIZED: u8 = b'V';
pub const SQLSTATE: u8 = b'C';
pub const MESSAGE_PRIMARY: u8 = b'M';
pub const MESSAGE_DETAIL: u8 = b'D';
pub const MESSAGE_HINT: u8 = b'H';
pub const STATEMENT_POSITION: u8 = b'P';
pub const INTERNAL_POSITION: u8 = b'p';
pub const INTERNAL_QUERY: u8 = b'q';
pub const CONTEXT: u8 = b'W';
pub const SCHEMA_NAME: u8 = b's';
pub const TABLE_NAME: u8 = b't';
pub const COLUMN_NAME: u8 = b'c';
pub const DATATYPE_NAME: u8 = b'd';
pub const CONSTRAINT_NAME: u8 = b'n';
pub const SOURCE_FILE: u8 = b'F';
pub const SOURCE_LINE: u8 = b'L';
pub const SOURCE_FUNCTION: u8 = b'R';

/// The fields of one message, in wire format: each is a code and a NUL-terminated text.
pub struct ErrorFields {
    /// Each field's code, text and NUL, without the message's terminator.
    raw: Vec<u8>,
}

impl ErrorFields {
    /// Parses a message body; None if it is malformed or memory is exhausted.
    pub fn parse(body: &[u8]) -> Option<ErrorFields> {
        let (end, fields) = body.split_last()?;
        let mut rest = fields;
        while let Some((&code, text)) = rest.split_first() {
            let length = memchr::memchr(0, text)?;
            if code == 0 {
                return None;
            }
            rest = &text[length + 1..];
        }
        (*end == 0).then(|| copy(fields)).flatten()
    }

    /// The fields of a notice from the library itself. The texts are cut at a NUL.
    pub fn notice(severity: &[u8], message: &[u8]) -> ErrorFields {
        let mut raw = Vec::new();
        append(&mut raw, SEVERITY, severity);
        append(&mut raw, SEVERITY_NONLOCALIZED, severity);
        append(&mut raw, MESSAGE_PRIMARY, message);
        ErrorFields { raw }
    }

    /// The text of a field.
    pub fn get(&self, code: u8) -> Option<&[u8]> {
        // libpq: if a code occurs more than once, the last field counts.
        let mut matching = self.iter().filter(|field| field.0 == code);
        let first = matching.next()?;
        Some(matching.last().unwrap_or(first).1)
    }

    /// The text of a field, as a C string.
    pub fn get_c(&self, code: u8) -> Option<&CStr> {
        let text = self.get(code)?;
        let start = text.as_ptr().addr() - self.raw.as_ptr().addr();
        CStr::from_bytes_with_nul(self.raw.get(start..=start + text.len())?).ok()
    }

    /// All fields in message order.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let mut rest = &self.raw[..];
        std::iter::from_fn(move || {
            let (&code, text) = rest.split_first()?;
            let length = memchr::memchr(0, text)?;
            rest = &text[length + 1..];
            Some((code, &text[..length]))
        })
    }

    /// A copy; None if memory is exhausted.
    pub fn try_clone(&self) -> Option<ErrorFields> {
        copy(&self.raw)
    }

    /// The allocated size in bytes.
    pub fn memory_size(&self) -> usize {
        self.raw.capacity()
    }
}

fn copy(fields: &[u8]) -> Option<ErrorFields> {
    let mut raw = Vec::new();
    raw.try_reserve_exact(fields.len()).ok()?;
    raw.extend_from_slice(fields);
    Some(ErrorFields { raw })
}

fn append(raw: &mut Vec<u8>, code: u8, text: &[u8]) {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    raw.push(code);
    raw.extend_from_slice(&text[..end]);
    raw.push(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"SERROR\0VERROR\0C42601\0Mtext\0H\0\0";

    #[test]
    fn fields_by_code_and_in_order() {
        let fields = ErrorFields::parse(BODY).unwrap();
        assert_eq!(fields.get(SQLSTATE), Some(&b"42601"[..]));
        assert_eq!(fields.get(MESSAGE_HINT), Some(&b""[..]));
        assert_eq!(fields.get_c(MESSAGE_HINT), Some(c""));
        assert_eq!(fields.get_c(MESSAGE_PRIMARY), Some(c"text"));
        assert_eq!(fields.get(MESSAGE_DETAIL), None);
        assert_eq!(fields.get(0), None);
        let codes: Vec<u8> = fields.iter().map(|field| field.0).collect();
        assert_eq!(codes, b"SVCMH");
        let copy = fields.try_clone().unwrap();
        assert!(copy.iter().eq(fields.iter()));
    }

    #[test]
    fn the_last_of_two_counts() {
        let fields = ErrorFields::parse(b"Ma\0Sx\0Mb\0\0").unwrap();
        assert_eq!(fields.get(MESSAGE_PRIMARY), Some(&b"b"[..]));
        assert_eq!(fields.get_c(MESSAGE_PRIMARY), Some(c"b"));
    }

    #[test]
    fn malformed_bodies_are_refused() {
        for end in 0..BODY.len() {
            let cut: Box<[u8]> = BODY[..end].into();
            assert!(ErrorFields::parse(&cut).is_none(), "{end}");
        }
        assert!(ErrorFields::parse(b"Ma\0\0x").is_none());
        assert!(ErrorFields::parse(b"Ma\0\0\0").is_none());
        assert!(ErrorFields::parse(b"\0").is_some());
    }

    #[test]
    fn a_notice_has_three_fields() {
        let notice = ErrorFields::notice(b"NOTICE", b"text\0cut");
        let fields: Vec<_> = notice.iter().collect();
        assert_eq!(
            fields,
            [
                (b'S', &b"NOTICE"[..]),
                (b'V', &b"NOTICE"[..]),
                (b'M', &b"text"[..])
            ]
        );
    }
}
