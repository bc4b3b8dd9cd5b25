//! Client encodings by libpq's numbers, and the lengths of their characters.
//!
//! As in libpq 19, numbers outside the list (and 7, which was MULE_INTERNAL) behave like SQL_ASCII.

mod names;
mod verify;
mod width;

pub use names::{from_codeset, from_name, to_name};
pub(in crate::text) use verify::ascii_run;
pub use verify::valid_prefix;
#[cfg(test)]
pub use verify::verify_char;
pub use width::dsplen;

/// Any bytes; only those below 0x80 have a meaning.
pub const SQL_ASCII: i32 = 0;
/// Extended Unix Code, Japanese.
pub const EUC_JP: i32 = 1;
/// Extended Unix Code, simplified Chinese.
pub const EUC_CN: i32 = 2;
/// Extended Unix Code, Korean.
pub const EUC_KR: i32 = 3;
/// Extended Unix Code, traditional Chinese.
pub const EUC_TW: i32 = 4;
/// Extended Unix Code, Japanese, JIS X 0213.
pub const EUC_JIS_2004: i32 = 5;
/// Unicode, up to four bytes a character.
pub const UTF8: i32 = 6;
/// ISO 8859-1.
pub const LATIN1: i32 = 8;
/// ISO 8859-2.
pub const LATIN2: i32 = 9;
/// ISO 8859-3.
pub const LATIN3: i32 = 10;
/// ISO 8859-4.
pub const LATIN4: i32 = 11;
/// ISO 8859-9.
pub const LATIN5: i32 = 12;
/// ISO 8859-10.
pub const LATIN6: i32 = 13;
/// ISO 8859-13.
pub const LATIN7: i32 = 14;
/// ISO 8859-14.
pub const LATIN8: i32 = 15;
/// ISO 8859-15.
pub const LATIN9: i32 = 16;
/// ISO 8859-16.
pub const LATIN10: i32 = 17;
/// Windows code page 1256.
pub const WIN1256: i32 = 18;
/// Windows code page 1258.
pub const WIN1258: i32 = 19;
/// DOS code page 866, Cyrillic.
pub const WIN866: i32 = 20;
/// Windows code page 874.
pub const WIN874: i32 = 21;
/// KOI8-R, Russian.
pub const KOI8R: i32 = 22;
/// Windows code page 1251.
pub const WIN1251: i32 = 23;
/// Windows code page 1252.
pub const WIN1252: i32 = 24;
/// ISO 8859-5, Cyrillic.
pub const ISO_8859_5: i32 = 25;
/// ISO 8859-6, Arabic.
pub const ISO_8859_6: i32 = 26;
/// ISO 8859-7, Greek.
pub const ISO_8859_7: i32 = 27;
/// ISO 8859-8, Hebrew.
pub const ISO_8859_8: i32 = 28;
/// Windows code page 1250.
pub const WIN1250: i32 = 29;
/// Windows code page 1253.
pub const WIN1253: i32 = 30;
/// Windows code page 1254.
pub const WIN1254: i32 = 31;
/// Windows code page 1255.
pub const WIN1255: i32 = 32;
/// Windows code page 1257.
pub const WIN1257: i32 = 33;
/// KOI8-U, Ukrainian. The last encoding that a server can use; those after it are for clients only.
pub const KOI8U: i32 = 34;
/// Shift JIS.
pub const SJIS: i32 = 35;
/// Big Five, traditional Chinese.
pub const BIG5: i32 = 36;
/// GBK, simplified Chinese.
pub const GBK: i32 = 37;
/// Unified Hangul Code.
pub const UHC: i32 = 38;
/// GB 18030, of one, two or four bytes.
pub const GB18030: i32 = 39;
/// Johab, which PostgreSQL treats as EUC.
pub const JOHAB: i32 = 40;
/// Shift JIS, JIS X 0213.
pub const SHIFT_JIS_2004: i32 = 41;

/// The number that MULE_INTERNAL had up to libpq 18. It is not reused.
const RETIRED: i32 = 7;

/// EUC's single shifts, which begin a character of code set 2 or 3.
pub(super) const SS2: u8 = 0x8E;
pub(super) const SS3: u8 = 0x8F;

/// Groups of encodings whose characters have the same structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    SingleByte,
    Utf8,
    EucJp,
    EucCn,
    EucKr,
    EucTw,
    Johab,
    ShiftJis,
    /// BIG5, GBK, UHC: a byte above 0x7F and one more.
    DoubleByte,
    Gb18030,
}

impl Family {
    pub(super) fn of(encoding: i32) -> Family {
        match encoding {
            EUC_JP | EUC_JIS_2004 => Family::EucJp,
            EUC_CN => Family::EucCn,
            EUC_KR => Family::EucKr,
            EUC_TW => Family::EucTw,
            UTF8 => Family::Utf8,
            SJIS | SHIFT_JIS_2004 => Family::ShiftJis,
            BIG5 | GBK | UHC => Family::DoubleByte,
            GB18030 => Family::Gb18030,
            JOHAB => Family::Johab,
            _ => Family::SingleByte,
        }
    }

    /// Whether a valid character of several bytes can contain an ASCII byte.
    pub(super) fn hides_ascii(self) -> bool {
        matches!(
            self,
            Family::ShiftJis | Family::DoubleByte | Family::Gb18030
        )
    }

    /// The length that the first byte (for GB18030 the first two) implies.
    pub(super) fn length(self, first: u8, second: Option<u8>) -> usize {
        match (self, first) {
            (_, 0..=0x7F) | (Family::SingleByte, _) => 1,
            (Family::Utf8, _) => utf8_length(first),
            (Family::EucJp | Family::EucKr | Family::Johab, SS3) => 3,
            (Family::EucCn, SS2 | SS3) => 3,
            (Family::EucTw, SS2) => 4,
            (Family::EucTw, SS3) => 3,
            (Family::ShiftJis, 0xA1..=0xDF) => 1,
            (Family::Gb18030, _) if second.is_some_and(|b| b.is_ascii_digit()) => 4,
            _ => 2,
        }
    }
}

/// The length of a UTF-8 character by its first byte; 1 for a byte that cannot begin one.
pub fn utf8_length(first: u8) -> usize {
    match first {
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF7 => 4,
        _ => 1,
    }
}

/// The length in bytes of the character at the start of `s`, as its first byte implies (for GB18030 the first two). It may
/// exceed `s.len()`; it is 1 for an empty `s`.
pub fn mblen(encoding: i32, s: &[u8]) -> usize {
    match s.first() {
        Some(&first) => Family::of(encoding).length(first, s.get(1).copied()),
        None => 1,
    }
}

/// Whether `encoding` is the number of an encoding.
pub fn is_valid(encoding: i32) -> bool {
    (SQL_ASCII..=SHIFT_JIS_2004).contains(&encoding) && encoding != RETIRED
}

/// Whether a database can use `encoding`.
pub fn is_server_encoding(encoding: i32) -> bool {
    is_valid(encoding) && encoding <= KOI8U
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATIN_LIKE: [i32; 28] = [
        SQL_ASCII, LATIN1, LATIN2, LATIN3, LATIN4, LATIN5, LATIN6, LATIN7, LATIN8, LATIN9, LATIN10,
        WIN1256, WIN1258, WIN866, WIN874, KOI8R, WIN1251, WIN1252, ISO_8859_5, ISO_8859_6,
        ISO_8859_7, ISO_8859_8, WIN1250, WIN1253, WIN1254, WIN1255, WIN1257, KOI8U,
    ];

    #[test]
    fn in_single_byte_encodings_and_unknown_numbers_each_byte_is_a_character() {
        for encoding in LATIN_LIKE
            .into_iter()
            .chain([7, -1, 42, i32::MIN, i32::MAX])
        {
            for byte in 0..=255 {
                assert_eq!(mblen(encoding, &[byte, b'0', b'0', b'0']), 1, "{encoding}");
                assert_eq!(verify_char(encoding, &[byte]), Some(1), "{encoding}");
            }
        }
    }

    /// A known character of every other encoding, with its width.
    const CHARACTERS: [(i32, &[u8], i32); 27] = [
        (UTF8, "é".as_bytes(), 1),
        (UTF8, "あ".as_bytes(), 2),
        (UTF8, "😀".as_bytes(), 2),
        (UTF8, "\u{301}".as_bytes(), 0),
        (EUC_JP, b"\xA4\xA2", 2),           // HIRAGANA A
        (EUC_JP, b"\x8E\xB1", 1),           // half-width KATAKANA A
        (EUC_JP, b"\x8F\xB0\xA1", 2),       // JIS X 0212
        (EUC_JIS_2004, b"\x8F\xA1\xA1", 2), // second plane
        (EUC_CN, b"\xB0\xA1", 2),           // 啊
        (EUC_KR, b"\xB0\xA1", 2),           // 가
        (EUC_TW, b"\xA4\xA1", 2),           // plane 1
        (EUC_TW, b"\x8E\xA2\xA1\xA1", 2),   // plane 2
        (SJIS, b"\x82\xA0", 2),             // HIRAGANA A
        (SJIS, b"\x83\x5C", 2),             // KATAKANA SO, backslash as its second byte
        (SJIS, b"\xB1", 1),                 // half-width KATAKANA A
        (SHIFT_JIS_2004, b"\xFC\xFC", 2),
        (BIG5, b"\xA4\x40", 2), // 一
        (BIG5, b"\xB3\x5C", 2), // 許
        (GBK, b"\x81\x40", 2),
        (GBK, b"\xD5\x5C", 2),
        (UHC, b"\x81\x41", 2),
        (UHC, b"\xB0\xA1", 2),
        (GB18030, b"\xB0\xA1", 2),
        (GB18030, b"\x81\x5C", 2),
        (GB18030, b"\x81\x30\x81\x30", 2),
        (JOHAB, b"\xB0\xA1", 2),
        (JOHAB, b"\x8F\xA1\xA1", 2),
    ];

    #[test]
    fn known_characters_have_their_lengths_and_widths() {
        for (encoding, character, width) in CHARACTERS {
            let followed = [character, b"'x"].concat();
            assert_eq!(
                mblen(encoding, &followed),
                character.len(),
                "{character:X?}"
            );
            assert_eq!(dsplen(encoding, &followed), width, "{character:X?}");
            assert_eq!(
                verify_char(encoding, &followed),
                Some(character.len()),
                "{character:X?}"
            );
            for cut in 1..character.len() {
                assert_eq!(
                    verify_char(encoding, &character[..cut]),
                    None,
                    "{character:X?}"
                );
            }
        }
    }

    #[test]
    fn the_implied_length_may_exceed_the_text() {
        assert_eq!(mblen(UTF8, b"\xF0"), 4);
        assert_eq!(mblen(EUC_TW, b"\x8E"), 4);
        assert_eq!(mblen(GB18030, b"\x81"), 2);
        assert_eq!(mblen(GB18030, b"\x813"), 4);
        assert_eq!(mblen(UTF8, b""), 1);
    }

    #[test]
    fn euc_cn_reserves_its_single_shifts() {
        assert_eq!(mblen(EUC_CN, b"\x8E\xA1\xA1"), 3);
        assert_eq!(mblen(EUC_CN, b"\x8F\xA1\xA1"), 3);
        assert_eq!(verify_char(EUC_CN, b"\x8E\xA1\xA1"), None);
    }

    #[test]
    fn number_seven_is_unused_and_the_last_seven_are_for_clients() {
        let valid: Vec<i32> = (-2..50).filter(|&id| is_valid(id)).collect();
        assert_eq!(valid.len(), 41);
        assert!(!valid.contains(&7));
        let server: Vec<i32> = (-2..50).filter(|&id| is_server_encoding(id)).collect();
        assert_eq!(server.last(), Some(&KOI8U));
        assert_eq!(server.len(), 34);
    }
}
