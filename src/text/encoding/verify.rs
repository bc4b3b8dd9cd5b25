//! Checks which bytes are valid characters, so that an incomplete character cannot include a quote.

use super::{Family, SS2, SS3};

#[cfg(test)]
/// The length of the character at the start of `s` if it is complete and valid, otherwise None.
pub fn verify_char(encoding: i32, s: &[u8]) -> Option<usize> {
    verify(Family::of(encoding), s)
}

/// How many bytes at the start of `s`, which has no NUL, are valid characters; `s.len()` if all are.
pub fn valid_prefix(encoding: i32, s: &[u8]) -> usize {
    match Family::of(encoding) {
        Family::SingleByte => s.len(),
        // The same rules as PostgreSQL's: shortest form, no surrogates, up to U+10FFFF.
        // `compat` stops at the first invalid byte, so that callers who continue after each one stay fast.
        Family::Utf8 => match simdutf8::compat::from_utf8(s) {
            Ok(_) => s.len(),
            Err(error) => error.valid_up_to(),
        },
        family => multibyte_prefix(family, s),
    }
}

fn multibyte_prefix(family: Family, s: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = s.get(at..).filter(|rest| !rest.is_empty()) {
        match ascii_run(rest) {
            0 => match verify(family, rest) {
                Some(length) => at += length,
                None => return at,
            },
            run => at += run,
        }
    }
    at
}

/// The number of bytes below 0x80 at the start of `s`.
pub(in crate::text) fn ascii_run(s: &[u8]) -> usize {
    const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);
    let (words, rest) = s.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let high = u64::from_le_bytes(*word) & HIGH_BITS;
        if high != 0 {
            return at * 8 + high.trailing_zeros() as usize / 8;
        }
    }
    words.len() * 8 + rest.iter().take_while(|byte| byte.is_ascii()).count()
}

fn verify(family: Family, s: &[u8]) -> Option<usize> {
    let (&first, rest) = s.split_first()?;
    if family == Family::Utf8 {
        return verify_utf8(first, rest);
    }
    if first.is_ascii() || family == Family::SingleByte {
        return Some(1);
    }
    let length = family.length(first, rest.first().copied());
    let tail = rest.get(..length - 1)?;
    is_character(family, first, tail).then_some(length)
}

/// Whether the byte `first`, above 0x7F, and the following bytes of its implied length are a valid character.
fn is_character(family: Family, first: u8, tail: &[u8]) -> bool {
    match (family, first) {
        (Family::EucJp, SS2) => matches!(tail, [0xA1..=0xDF]),
        (Family::EucJp, SS3) | (Family::Johab, _) => euc(tail),
        (Family::EucTw, SS2) => matches!(tail, [0xA1..=0xA7, more @ ..] if euc(more)),
        (Family::EucTw, SS3) => false,
        // libpq: the first byte of EUC_TW's plane 1 is not checked.
        (Family::EucTw, _) => euc(tail),
        (Family::EucJp | Family::EucKr | Family::EucCn, _) => euc(&[first]) && euc(tail),
        (Family::ShiftJis, _) => shift_jis(first, tail),
        (Family::DoubleByte, _) => double_byte(first, tail),
        (Family::Gb18030, _) => gb18030(first, tail),
        (Family::SingleByte | Family::Utf8, _) => true,
    }
}

fn euc(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, 0xA1..=0xFE))
}

fn shift_jis(first: u8, tail: &[u8]) -> bool {
    match tail {
        [] => true,
        [second] => {
            matches!(first, 0x81..=0x9F | 0xE0..=0xFC)
                && matches!(second, 0x40..=0x7E | 0x80..=0xFC)
        }
        _ => false,
    }
}

/// libpq: BIG5, GBK and UHC accept any second byte except NUL. The only invalid pair is the one that escaping writes for
/// invalid bytes.
fn double_byte(first: u8, tail: &[u8]) -> bool {
    tail != [0] && !(first == 0x8D && tail == b" ")
}

fn gb18030(first: u8, tail: &[u8]) -> bool {
    let lead = |byte: u8| matches!(byte, 0x81..=0xFE);
    match *tail {
        [second] => lead(first) && matches!(second, 0x40..=0x7E | 0x80..=0xFE),
        [b'0'..=b'9', third, b'0'..=b'9'] => lead(first) && lead(third),
        _ => false,
    }
}

fn verify_utf8(first: u8, rest: &[u8]) -> Option<usize> {
    if first == 0 {
        return None;
    }
    let next = |at: usize| matches!(rest.get(at), Some(0x80..=0xBF));
    let second = rest.first().copied().unwrap_or(0);
    let length = match (first, second) {
        (0x01..=0x7F, _) => return Some(1),
        (0xC2..=0xDF, _) => 2,
        (0xE0, 0xA0..) | (0xED, ..=0x9F) | (0xE1..=0xEC | 0xEE..=0xEF, _) => 3,
        (0xF0, 0x90..) | (0xF4, ..=0x8F) | (0xF1..=0xF3, _) => 4,
        _ => return None,
    };
    (0..length - 1).all(next).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::super::super::vectors::Random;
    use super::super::*;

    #[test]
    fn utf8_is_what_std_says() {
        for lead in 1..=255u8 {
            for second in 0..=255u8 {
                for tail in [b"\x80\x80", b"\xBF\xBF", b"\x7F\x80", b"\x80\xC0", b"\0\0"] {
                    let text = [lead, second, tail[0], tail[1]];
                    let expected = (1..=4).find(|&n| std::str::from_utf8(&text[..n]).is_ok());
                    assert_eq!(verify_char(UTF8, &text), expected, "{text:X?}");
                }
            }
        }
    }

    #[test]
    fn a_nul_inside_a_character_is_never_valid() {
        for encoding in 0..42 {
            for lead in 0x80..=0xFFu8 {
                for text in [
                    [lead, 0, 0xA1, 0xA1],
                    [lead, 0xA1, 0, 0xA1],
                    [lead, b'0', 0xA1, 0],
                ] {
                    let valid = verify_char(encoding, &text);
                    assert!(valid.is_none_or(|length| !text[..length].contains(&0)));
                }
            }
        }
    }

    #[test]
    fn the_replacement_for_invalid_bytes_is_never_valid() {
        for encoding in 0..42 {
            let pair: &[u8] = if encoding == UTF8 { b"\xC0 " } else { b"\x8D " };
            if mblen(encoding, pair) == 2 {
                for follower in ["", "'", "0", "\u{80}\u{80}"] {
                    let text = [pair, follower.as_bytes()].concat();
                    assert_eq!(verify_char(encoding, &text), None, "{encoding}");
                }
            }
        }
    }

    #[test]
    fn a_valid_prefix_consists_of_valid_characters() {
        let mut random = Random::new(7);
        for encoding in 0..42 {
            for _ in 0..300 {
                let text = random.text(80);
                let mut at = 0;
                while let Some(length) = verify_char(encoding, &text[at..]) {
                    assert_eq!(length, mblen(encoding, &text[at..]), "{encoding} {text:X?}");
                    at += length;
                }
                assert_eq!(valid_prefix(encoding, &text), at, "{encoding} {text:X?}");
            }
        }
    }

    #[test]
    fn the_edges_of_the_eastern_ranges() {
        for (encoding, good, bad) in [
            (EUC_JP, &b"\x8E\xDF"[..], &b"\x8E\xE0"[..]),
            (EUC_JP, b"\xFE\xFE", b"\xFF\xA1"),
            (EUC_KR, b"\xA1\xA1", b"\xA0\xA1"),
            (EUC_TW, b"\x80\xA1", b"\x80\xA0"),
            (EUC_TW, b"\x8E\xA7\xA1\xFE", b"\x8E\xA8\xA1\xA1"),
            (SJIS, b"\x9F\x40", b"\xA0\x40"),
            (SJIS, b"\xFC\x7E", b"\xFD\x7E"),
            (SJIS, b"\x81\x80", b"\x81\x7F"),
            (BIG5, b"\x8D!", b"\x8D "),
            (UHC, b"\xFF'", b"\xFF\0"),
            (GB18030, b"\xFE\x7E", b"\xFE\x7F"),
            (GB18030, b"\x81\x30\xFE\x39", b"\x81\x30\xFE\x3A"),
            (GB18030, b"\x81\x80", b"\x80\x80"),
            (JOHAB, b"\x80\xA1", b"\x8A\x5C"),
        ] {
            assert_eq!(verify_char(encoding, good), Some(good.len()), "{good:X?}");
            assert_eq!(verify_char(encoding, bad), None, "{bad:X?}");
        }
    }
}
