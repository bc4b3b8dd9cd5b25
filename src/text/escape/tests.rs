use super::super::encoding::*;
use super::super::vectors::{Random, hostile};
use super::*;

fn string(encoding: i32, std_strings: bool, from: &[u8]) -> (Vec<u8>, Option<EscapeError>) {
    let rules = EscapeRules {
        encoding,
        std_strings,
    };
    let mut to = Vec::new();
    let error = escape_string(rules, from, &mut to);
    (to, error)
}

fn literal(encoding: i32, from: &[u8]) -> Result<Vec<u8>, EscapeError> {
    escape_quoted(encoding, from, Quote::Literal)
}

fn identifier(encoding: i32, from: &[u8]) -> Result<Vec<u8>, EscapeError> {
    escape_quoted(encoding, from, Quote::Identifier)
}

fn encodings() -> impl Iterator<Item = i32> {
    (0..42).filter(|&id| is_valid(id))
}

#[test]
fn doubles_quotes_and_backslashes_that_escape() {
    assert_eq!(string(UTF8, true, b"a'b\\c\"").0, b"a''b\\c\"");
    assert_eq!(string(UTF8, false, b"a'b\\c\"").0, b"a''b\\\\c\"");
    assert_eq!(string(UTF8, true, b"''").0, b"''''");
    assert_eq!(string(SQL_ASCII, true, b"\xFF'\xE3'").0, b"\xFF''\xE3''");
    assert_eq!(string(UTF8, true, b""), (Vec::new(), None));
}

#[test]
fn literals_and_identifiers() {
    for (from, as_literal, as_identifier) in [
        ("", "''", "\"\""),
        ("abc", "'abc'", "\"abc\""),
        ("a'b\"c", "'a''b\"c'", "\"a'b\"\"c\""),
        ("a\\b'c", " E'a\\\\b''c'", "\"a\\b'c\""),
        ("é\\", " E'é\\\\'", "\"é\\\""),
    ] {
        assert_eq!(
            literal(UTF8, from.as_bytes()).unwrap(),
            as_literal.as_bytes()
        );
        assert_eq!(
            identifier(UTF8, from.as_bytes()).unwrap(),
            as_identifier.as_bytes()
        );
    }
}

#[test]
fn invalid_bytes_become_an_invalid_character() {
    let escaped = string(UTF8, true, b"a\xE9'b\xC3");
    assert_eq!(
        escaped,
        (b"a\xC0 ''b\xC0 ".to_vec(), Some(EscapeError::Invalid))
    );
    let escaped = string(UTF8, true, b"\xC3");
    assert_eq!(escaped, (b"\xC0 ".to_vec(), Some(EscapeError::Incomplete)));
    let escaped = string(GB18030, true, b"\\\x81'");
    assert_eq!(escaped, (b"\\\x8D ''".to_vec(), Some(EscapeError::Invalid)));
    let escaped = string(GB18030, true, b"\x81");
    assert_eq!(escaped, (b"\x8D ".to_vec(), Some(EscapeError::Incomplete)));
    let escaped = string(SJIS, true, b"\xF0';");
    assert_eq!(escaped, (b"\x8D '';".to_vec(), Some(EscapeError::Invalid)));
}

#[test]
fn the_first_character_above_ascii_decides_what_quoting_reports() {
    assert_eq!(literal(UTF8, b"a\xE9z"), Err(EscapeError::Incomplete));
    assert_eq!(literal(UTF8, b"a\xE9zz"), Err(EscapeError::Invalid));
    assert_eq!(literal(UTF8, b"\xC3\xA9\xC3"), Err(EscapeError::Invalid));
    assert_eq!(
        identifier(GB18030, b"-----\xFE"),
        Err(EscapeError::Incomplete)
    );
    assert_eq!(
        identifier(GB18030, b"\x80\x30\x30"),
        Err(EscapeError::Incomplete)
    );
    assert_eq!(
        identifier(GB18030, b"\x80\x30\x30\x30"),
        Err(EscapeError::Invalid)
    );
    assert_eq!(literal(EUC_CN, b"\x8E\xA1"), Err(EscapeError::Incomplete));
}

#[test]
fn ascii_bytes_inside_a_character_are_not_doubled() {
    assert_eq!(string(SJIS, false, b"\x83\\\\'").0, b"\x83\\\\\\''");
    assert_eq!(literal(SJIS, b"\x83\\'").unwrap(), b"'\x83\\'''");
    assert_eq!(literal(GBK, b"\x81\\").unwrap(), b"'\x81\\'");
    assert_eq!(
        literal(GB18030, b"\x81\x30\x81\x30\\").unwrap(),
        b" E'\x81\x30\x81\x30\\\\'"
    );
    assert_eq!(identifier(BIG5, b"\x81\"\"").unwrap(), b"\"\x81\"\"\"\"");
}

#[test]
fn errors_have_libpqs_texts() {
    let too_long = EscapeError::TooLong.message();
    assert!(too_long.ends_with(&format!("exceeds the maximum allowed ({})", usize::MAX)));
    let too_long = EscapeError::ByteaTooLong.message();
    assert!(too_long.ends_with(&format!(
        "bytea size exceeds the maximum allowed ({})",
        usize::MAX
    )));
    assert_eq!(
        EscapeError::Incomplete.message(),
        "incomplete multibyte character"
    );
    assert_eq!(
        EscapeError::Invalid.message(),
        "invalid multibyte character"
    );
}

/// libpq's algorithm: one character at a time.
fn string_by_characters(encoding: i32, std_strings: bool, from: &[u8]) -> (Vec<u8>, bool) {
    let mut to = Vec::new();
    let mut bad = false;
    let mut at = 0;
    while at < from.len() {
        match verify_char(encoding, &from[at..]) {
            Some(length) => {
                let double = from[at] == b'\'' || from[at] == b'\\' && !std_strings;
                to.extend_from_slice(if double { &from[at..=at] } else { b"" });
                to.extend_from_slice(&from[at..at + length]);
                at += length;
            }
            None => {
                to.extend_from_slice(if encoding == UTF8 { b"\xC0 " } else { b"\x8D " });
                bad = true;
                at += 1;
            }
        }
    }
    (to, bad)
}

/// Whether a scanner that advances by characters of `width` sees exactly one quoted token.
fn is_one_token(text: &[u8], backslash_escapes: bool, width: impl Fn(&[u8]) -> usize) -> bool {
    let quote = text[0];
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        let pair = text.get(at + 1);
        at += match byte {
            _ if byte == quote && pair == Some(&quote) => 2,
            b'\\' if backslash_escapes => 2,
            _ if byte == quote => return at + 1 == text.len(),
            _ => width(&text[at..]),
        };
    }
    false
}

/// Checks that a quoted text is one token for a scanner that knows its encoding and, if possible, for one that looks at
/// single bytes.
fn assert_one_token(encoding: i32, text: &[u8], what: &[u8]) {
    let start = if text.starts_with(b" E") { 2 } else { 0 };
    let by_character = |rest: &[u8]| mblen(encoding, rest).min(rest.len());
    assert!(
        is_one_token(&text[start..], start > 0, by_character),
        "{encoding} {what:X?}"
    );
    if encoding <= KOI8U || encoding == JOHAB {
        assert!(
            is_one_token(&text[start..], start > 0, |_| 1),
            "{encoding} {what:X?}"
        );
    }
}

fn check(encoding: i32, from: &[u8]) {
    let valid = valid_prefix(encoding, from) == from.len();
    for std_strings in [true, false] {
        let (to, error) = string(encoding, std_strings, from);
        let expected = string_by_characters(encoding, std_strings, from);
        assert_eq!(
            (&to, error.is_some()),
            (&expected.0, expected.1),
            "{encoding} {from:X?}"
        );
        assert_eq!(error.is_none(), valid);
        assert_eq!(
            valid_prefix(encoding, &to) == to.len(),
            valid,
            "{encoding} {from:X?}"
        );
        assert!(to.len() <= 2 * from.len());
        let quoted = [b"'", &to[..], b"'"].concat();
        let start = if std_strings { &b""[..] } else { b" E" };
        assert_one_token(encoding, &[start, &quoted].concat(), from);
    }
    for quote in [Quote::Literal, Quote::Identifier] {
        let quoted = escape_quoted(encoding, from, quote);
        assert_eq!(quoted.is_ok(), valid, "{encoding} {from:X?}");
        if let Ok(text) = quoted {
            assert_one_token(encoding, &text, from);
            assert_eq!(valid_prefix(encoding, &text), text.len());
            assert_eq!(
                Quoted::new(encoding, from, quote).unwrap().size(),
                text.len()
            );
        }
    }
}

#[test]
fn hostile_texts_stay_inside_their_quotes() {
    let alike = |&id: &i32| matches!(id, LATIN2..=KOI8U);
    for encoding in encodings().filter(|id| !alike(id)) {
        hostile().for_each(|from| check(encoding, &from));
    }
}

#[test]
fn any_text_stays_inside_its_quotes() {
    let mut random = Random::new(1);
    for encoding in encodings() {
        for _ in 0..400 {
            check(encoding, &random.text(120));
        }
    }
}

#[test]
fn bytes_after_the_end_are_not_read() {
    for encoding in encodings() {
        for lead in 0x80..=0xFFu8 {
            for behind in [b"\xA1\xA1\xA1", b"000", b"\x80\x80\x80", b"'''"] {
                let memory = [b"ab", &[lead][..], behind].concat();
                for end in 3..=5 {
                    let alone = memory[..end].to_vec();
                    let part = &memory[..end];
                    assert_eq!(string(encoding, true, part), string(encoding, true, &alone));
                    assert_eq!(literal(encoding, part), literal(encoding, &alone));
                }
            }
        }
    }
}

#[test]
fn a_long_text_with_an_invalid_end() {
    let mut from = b"-".repeat(0x1FFFF);
    from.push(0xFE);
    assert_eq!(literal(GB18030, &from), Err(EscapeError::Incomplete));
    let (to, error) = string(UTF8, true, &from);
    assert_eq!(error, Some(EscapeError::Invalid));
    assert_eq!(to[0x1FFFF..], *b"\xC0 ");
}
