//! Integer options. They are parsed only when they are needed.

use crate::mem::error_text::ErrorText;

/// Parses `text`, the value of the integer option `option` (libpq: pqParseIntParam, strtol with white space around it).
/// The error is libpq's text.
pub fn parse(text: &[u8], option: &str) -> Result<i32, ErrorText> {
    number(text).ok_or_else(|| {
        let option = option.as_bytes();
        let middle = b"\" for connection option \"";
        ErrorText::concat(&[b"invalid integer value \"", text, middle, option, b"\""])
    })
}

fn number(text: &[u8]) -> Option<i32> {
    let blank = |b: &u8| b.is_ascii_whitespace() || *b == 0x0b;
    let start = text.iter().position(|b| !blank(b))?;
    let end = text.iter().rposition(|b| !blank(b))? + 1;
    std::str::from_utf8(&text[start..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_white_space_and_signs() {
        assert_eq!(parse(b" 12 ", "port"), Ok(12));
        assert_eq!(parse(b"-1", "port"), Ok(-1));
        assert_eq!(parse(b"+7\t", "port"), Ok(7));
        for bad in [&b""[..], b" ", b"1x", b"1 2", b"99999999999", b"- 1"] {
            let text = parse(bad, "port").unwrap_err();
            assert!(text.starts_with(b"invalid integer value \""));
            assert!(text.ends_with(b"\" for connection option \"port\""));
        }
    }
}
