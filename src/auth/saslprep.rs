//! SASLprep (RFC 4013) for passwords, with PostgreSQL's deviations.

use stringprep::tables;
use zeroize::Zeroizing;

/// The normalized password. A password that SASLprep rejects is used unchanged.
pub fn prepare(password: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(normalized(password).unwrap_or_else(|| password.to_vec()))
}

/// None when the password is not UTF-8 or not permitted.
fn normalized(password: &[u8]) -> Option<Vec<u8>> {
    // libpq: ASCII, control characters included, is not checked.
    if password.is_ascii() {
        return Some(password.to_vec());
    }
    let text = std::str::from_utf8(password).ok()?;
    let mapped = Zeroizing::new(text.chars().filter_map(map).collect::<String>());
    if mapped.is_empty() || mapped.chars().any(prohibited) || breaks_bidi_rules(&mapped) {
        return None;
    }
    nfkc(&mapped)
}

/// Normalizes text that passed the checks. For such text X.520's preparation does the same, except that it rejects a
/// combining character at the beginning. A space in front, which does not combine with it, avoids that.
fn nfkc(text: &str) -> Option<Vec<u8>> {
    let shielded = Zeroizing::new(format!(" {text}"));
    let prepared = Zeroizing::new(stringprep::x520prep(&shielded, false).ok()?.into_owned());
    prepared
        .strip_prefix(' ')
        .map(|text| text.as_bytes().to_vec())
}

fn map(c: char) -> Option<char> {
    if tables::non_ascii_space_character(c) {
        Some(' ')
    } else if tables::commonly_mapped_to_nothing(c) {
        None
    } else {
        Some(c)
    }
}

/// libpq: unlike RFC 4013, this checks the characters before normalization, so U+0340 is rejected although it becomes
/// U+0300, which is permitted. Server and client must agree on this.
fn prohibited(c: char) -> bool {
    tables::ascii_control_character(c)
        || tables::non_ascii_control_character(c)
        || tables::private_use(c)
        || tables::non_character_code_point(c)
        || tables::inappropriate_for_plain_text(c)
        || tables::inappropriate_for_canonical_representation(c)
        || tables::change_display_properties_or_deprecated(c)
        || tables::tagging_character(c)
        || tables::unassigned_code_point(c)
}

/// Text with right-to-left characters must begin and end with one, and must not have left-to-right characters.
fn breaks_bidi_rules(text: &str) -> bool {
    let ends_right = text.starts_with(tables::bidi_r_or_al) && text.ends_with(tables::bidi_r_or_al);
    text.contains(tables::bidi_r_or_al) && (!ends_right || text.contains(tables::bidi_l))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(password: &str) -> String {
        String::from_utf8(prepare(password.as_bytes()).to_vec()).unwrap()
    }

    #[test]
    fn the_examples_of_rfc_4013() {
        assert_eq!(prepared("I\u{ad}X"), "IX");
        assert_eq!(prepared("user"), "user");
        assert_eq!(prepared("\u{aa}"), "a");
        assert_eq!(prepared("\u{2168}"), "IX");
        // SASLprep rejects these, so they are used unchanged.
        assert_eq!(prepared("\u{7}"), "\u{7}");
        assert_eq!(prepared("\u{627}1"), "\u{627}1");
    }

    #[test]
    fn other_spaces_become_the_ascii_space() {
        assert_eq!(prepared("a\u{a0}b\u{3000}c\u{200b}"), "a b c ");
    }

    #[test]
    fn what_is_not_utf8_stays() {
        assert_eq!(prepare(b"\xff\xaa").as_slice(), b"\xff\xaa");
        assert_eq!(prepare(b"\xed\xa0\x80").as_slice(), b"\xed\xa0\x80");
    }

    #[test]
    fn prohibited_passwords_are_unchanged() {
        // A control character among others, private use, a tag, unassigned in Unicode 3.2.
        for text in [
            "\u{aa}\u{7}",
            "\u{aa}\u{e000}",
            "\u{aa}\u{e0041}",
            "\u{aa}\u{221}",
        ] {
            assert_eq!(prepared(text), text);
        }
        assert_eq!(prepared("\u{aa}\u{340}"), "\u{aa}\u{340}");
    }

    #[test]
    fn a_password_that_maps_to_nothing_is_unchanged() {
        assert_eq!(prepared("\u{ad}"), "\u{ad}");
    }

    #[test]
    fn characters_that_normalization_produces_are_not_checked() {
        assert_eq!(prepared("\u{5d0}\u{2100}\u{5d0}"), "\u{5d0}a/c\u{5d0}");
    }

    #[test]
    fn a_combining_character_may_be_first() {
        assert_eq!(prepared("\u{301}\u{aa}"), "\u{301}a");
    }

    #[test]
    fn every_permitted_character_is_normalized() {
        for c in (0x80..=0x10ffff).filter_map(char::from_u32).filter_map(map) {
            if !prohibited(c) {
                let text = c.to_string();
                let normal = nfkc(&text).unwrap_or_else(|| panic!("refused {c:?}"));
                if let Ok(expected) = stringprep::saslprep(&text) {
                    assert_eq!(normal, expected.as_bytes(), "{c:?}");
                }
            }
        }
    }

    #[test]
    fn right_to_left_text_must_not_be_mixed() {
        assert_eq!(prepared("\u{627}\u{fe8d}"), "\u{627}\u{627}");
        for text in ["\u{5d0}a\u{fb20}", "1\u{fb20}", "\u{fb20}1"] {
            assert_eq!(prepared(text), text);
        }
    }
}
