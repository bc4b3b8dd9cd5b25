//! Conversion between bytea and text, in the hex and the escape format.

use super::EscapeError;
#[cfg(test)]
use super::reserved;
use crate::text::sink::Sink;

/// The two hex digits of every byte.
static HEX: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < pairs.len() {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

const NO_DIGIT: u8 = 0xFF;

/// The value of a character as a hex digit.
fn digit(character: u8) -> u8 {
    let decimal = character.wrapping_sub(b'0');
    let letter = (character | 0x20).wrapping_sub(b'a');
    match (decimal, letter) {
        (0..10, _) => decimal,
        (_, 0..6) => letter + 10,
        _ => NO_DIGIT,
    }
}

/// How to write a bytea inside a string literal.
#[derive(Clone, Copy, Debug)]
pub struct ByteaRules {
    /// Use `\x...`, which servers accept since 9.0; otherwise octal escapes.
    pub hex: bool,
    /// Whether a backslash in a literal is an ordinary character; otherwise each is doubled.
    pub std_strings: bool,
}

impl ByteaRules {
    fn backslash(&self) -> &'static [u8] {
        if self.std_strings { b"\\" } else { b"\\\\" }
    }

    /// How many bytes [`ByteaRules::write`] writes for `from`.
    pub fn size(&self, from: &[u8]) -> Result<usize, EscapeError> {
        let size = if self.hex {
            self.hex_size(from.len())
        } else {
            let forms = &ESCAPED[usize::from(self.std_strings)];
            let size = |part: &[u8]| part.iter().map(|&byte| forms[usize::from(byte)].1).sum();
            from.chunks(4096)
                .map(size)
                .try_fold(0usize, usize::checked_add)
        };
        // The size with the NUL that C appends must not overflow either.
        let countable = size.filter(|&size| size < usize::MAX);
        countable.ok_or(EscapeError::ByteaTooLong)
    }

    fn hex_size(&self, length: usize) -> Option<usize> {
        length
            .checked_mul(2)?
            .checked_add(self.backslash().len() + 1)
    }

    /// Writes `from` to `to`.
    pub fn write(&self, from: &[u8], to: &mut impl Sink) {
        if self.hex {
            to.put(self.backslash());
            to.put(b"x");
            put_hex(from, to);
        } else {
            self.put_escaped(from, to);
        }
    }

    fn put_escaped(&self, from: &[u8], to: &mut impl Sink) {
        const PART: usize = 64;
        let forms = &ESCAPED[usize::from(self.std_strings)];
        for part in from.chunks(PART) {
            let mut text = [0; PART * LONGEST];
            let mut filled = 0;
            for &byte in part {
                let (form, length) = &forms[usize::from(byte)];
                text[filled..filled + LONGEST].copy_from_slice(form);
                filled += length;
            }
            to.put(&text[..filled]);
        }
    }
}

/// The longest form of one byte in the escape format.
const LONGEST: usize = 5;

/// The form of every byte and its length, without and with standard-conforming strings.
static ESCAPED: [[([u8; LONGEST], usize); 256]; 2] = [escaped_forms(false), escaped_forms(true)];

const fn escaped_forms(std_strings: bool) -> [([u8; LONGEST], usize); 256] {
    let mut forms = [([0; LONGEST], 0); 256];
    let mut byte = 0;
    while byte < forms.len() {
        forms[byte] = escaped(byte as u8, std_strings);
        byte += 1;
    }
    forms
}

const fn escaped(byte: u8, std_strings: bool) -> ([u8; LONGEST], usize) {
    let [high, middle, low] = [
        b'0' + (byte >> 6),
        b'0' + (byte >> 3 & 7),
        b'0' + (byte & 7),
    ];
    match (byte, std_strings) {
        (b'\'', _) => (*b"''   ", 2),
        (b'\\', true) => (*b"\\\\   ", 2),
        (b'\\', false) => (*b"\\\\\\\\ ", 4),
        (b' '..=b'~', _) => ([byte; LONGEST], 1),
        (_, true) => ([b'\\', high, middle, low, 0], 4),
        (_, false) => ([b'\\', b'\\', high, middle, low], 5),
    }
}

fn put_hex(from: &[u8], to: &mut impl Sink) {
    let mut digits = [[0; 2]; 256];
    for part in from.chunks(digits.len()) {
        for (pair, &byte) in digits.iter_mut().zip(part) {
            *pair = HEX[usize::from(byte)];
        }
        to.put(digits[..part.len()].as_flattened());
    }
}

#[cfg(test)]
/// `from` in the form for a string literal.
pub fn escape_bytea(from: &[u8], hex: bool, std_strings: bool) -> Result<Vec<u8>, EscapeError> {
    let rules = ByteaRules { hex, std_strings };
    let mut to = reserved(rules.size(from)?)?;
    rules.write(from, &mut to);
    Ok(to)
}

#[cfg(test)]
/// Decodes the server's text form of a bytea (without its NUL).
pub fn unescape_bytea(text: &[u8]) -> Result<Vec<u8>, EscapeError> {
    let mut to = reserved(unescaped_limit(text))?;
    write_unescaped(text, &mut to);
    Ok(to)
}

/// An upper limit for the number of bytes that `text` decodes to.
pub fn unescaped_limit(text: &[u8]) -> usize {
    match text.strip_prefix(b"\\x") {
        Some(digits) => digits.len() / 2,
        None => text.len(),
    }
}

/// Decodes `text`, the server's text form of a bytea, and writes the bytes.
pub fn write_unescaped(text: &[u8], to: &mut impl Sink) {
    match text.strip_prefix(b"\\x") {
        Some(digits) => put_from_hex(digits, to),
        None => put_unescaped(text, to),
    }
}

fn put_from_hex(mut digits: &[u8], to: &mut impl Sink) {
    while let Some((block, behind)) = digits.split_first_chunk::<64>() {
        let Some(bytes) = from_hex_block(block) else {
            break;
        };
        to.put(&bytes);
        digits = behind;
    }
    to.put_each(HexPairs { digits });
}

/// Decodes a block if every character of it is a hex digit.
fn from_hex_block(block: &[u8; 64]) -> Option<[u8; 32]> {
    let values = block.map(digit);
    let mut bytes = [0; 32];
    for (byte, [high, low]) in bytes.iter_mut().zip(values.as_chunks().0) {
        *byte = high << 4 | low;
    }
    let seen = values.iter().fold(0, |seen, value| seen | value);
    (seen != NO_DIGIT).then_some(bytes)
}

/// The pairs of hex digits in a text. libpq: a character that is not a digit is skipped; after a single digit, together
/// with it.
struct HexPairs<'a> {
    digits: &'a [u8],
}

impl Iterator for HexPairs<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        while let [first, second, behind @ ..] = self.digits {
            match (digit(*first), digit(*second)) {
                (NO_DIGIT, _) => self.digits = &self.digits[1..],
                (_, NO_DIGIT) => self.digits = behind,
                (high, low) => {
                    self.digits = behind;
                    return Some(high << 4 | low);
                }
            }
        }
        None
    }
}

fn put_unescaped(text: &[u8], to: &mut impl Sink) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        to.put(&rest[..at]);
        rest = &rest[at + 1..];
        match *rest {
            [b'\\', ..] => {
                to.put(b"\\");
                rest = &rest[1..];
            }
            [
                high @ b'0'..=b'3',
                middle @ b'0'..=b'7',
                low @ b'0'..=b'7',
                ..,
            ] => {
                to.put(&[(high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0')]);
                rest = &rest[3..];
            }
            // libpq: any other backslash is removed, and the byte after it is kept.
            _ => {}
        }
    }
    to.put(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::vectors::Random;

    fn escaped(from: &[u8], hex: bool, std_strings: bool) -> String {
        String::from_utf8(escape_bytea(from, hex, std_strings).unwrap()).unwrap()
    }

    #[test]
    fn hex_form() {
        assert_eq!(escaped(b"\x00\xFFaZ", true, true), "\\x00ff615a");
        assert_eq!(escaped(b"\x00\xFFaZ", true, false), "\\\\x00ff615a");
        assert_eq!(escaped(b"", true, true), "\\x");
    }

    #[test]
    fn sizes_that_overflow_are_errors() {
        let rules = ByteaRules {
            hex: true,
            std_strings: false,
        };
        assert_eq!(rules.hex_size(5), Some(13));
        assert_eq!(rules.hex_size(usize::MAX / 2 - 1), Some(usize::MAX));
        assert_eq!(rules.hex_size(usize::MAX / 2), None);
        assert_eq!(rules.hex_size(usize::MAX), None);
    }

    #[test]
    fn escape_form() {
        assert_eq!(
            escaped(b"a'\\\x00\x1F\x7E\x7F\xFF", false, true),
            "a''\\\\\\000\\037~\\177\\377"
        );
        assert_eq!(escaped(b"'\\\x01", false, false), "''\\\\\\\\\\\\001");
        assert_eq!(escaped(b"", false, true), "");
    }

    #[test]
    fn decoding_hex_skips_other_characters() {
        for (text, bytes) in [
            (&b"\\x"[..], &b""[..]),
            (b"\\x4", b""),
            (b"\\x4142", b"AB"),
            (b"\\x41 42\n43", b"ABC"),
            (b"\\x4 142", b"\x14"),
            (b"\\xaBg4Zcd", b"\xAB\xCD"),
            (b"\\X41", b"X41"),
        ] {
            assert_eq!(unescape_bytea(text).unwrap(), bytes, "{text:?}");
        }
        let long = [
            b"\\x".to_vec(),
            b"61".repeat(32),
            b" ".to_vec(),
            b"62".repeat(40),
            b"6".to_vec(),
        ]
        .concat();
        let expected = [b"a".repeat(32), b"b".repeat(40)].concat();
        assert_eq!(unescape_bytea(&long).unwrap(), expected);
    }

    #[test]
    fn decodes_escapes() {
        for (text, bytes) in [
            (&b""[..], &b""[..]),
            (b"\\", b""),
            (b"a\\", b"a"),
            (b"\\\\", b"\\"),
            (b"\\\\\\", b"\\"),
            (b"\\101\\377\\000", b"A\xFF\0"),
            (b"\\400", b"400"),
            (b"\\10", b"10"),
            (b"\\1\\\\", b"1\\"),
            (b"\\q\\'", b"q'"),
        ] {
            assert_eq!(unescape_bytea(text).unwrap(), bytes, "{text:?}");
        }
    }

    #[test]
    fn decodes_what_it_encodes() {
        let mut random = Random::new(3);
        for length in 0..400 {
            let bytes = random.bytes(length);
            for hex in [true, false] {
                let text = escape_bytea(&bytes, hex, true).unwrap();
                let rules = ByteaRules {
                    hex,
                    std_strings: true,
                };
                assert_eq!(rules.size(&bytes).unwrap(), text.len());
                // The server decodes the literal and sends the bytes back.
                let stored = String::from_utf8(text).unwrap().replace("''", "'");
                assert_eq!(unescape_bytea(stored.as_bytes()).unwrap(), bytes);
            }
        }
    }

    #[test]
    fn decoding_any_text_keeps_the_limit() {
        let mut random = Random::new(4);
        for _ in 0..2000 {
            let text = random.of(b"\\\\x0123789abF'g \xFF", 200);
            assert!(unescape_bytea(&text).unwrap().len() <= unescaped_limit(&text));
        }
    }
}
