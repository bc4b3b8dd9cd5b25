//! Prints the exchange to stderr, for PGOAUTHDEBUG. The output contains secrets.

use std::io::Write;

/// Prints what was sent (`>`) or received (`<`), as libpq does: unprintable bytes as `<XX>`,
/// line ends in headers not at all.
pub(super) fn print(direction: char, bytes: &[u8], are_headers: bool) {
    // A failure to write does not matter.
    let _ = std::io::stderr().write_all(lines(direction, bytes, are_headers).as_bytes());
}

fn lines(direction: char, bytes: &[u8], are_headers: bool) -> String {
    let mut text = String::new();
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        text.push_str("[http] ");
        text.push(direction);
        text.push(' ');
        for &byte in line {
            match byte {
                b' '..=b'~' => text.push(char::from(byte)),
                b'\r' | b'\n' if are_headers => {}
                _ => text.push_str(&format!("<{byte:02X}>")),
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unprintable_bytes_are_shown_in_hexadecimal() {
        assert_eq!(
            lines('>', b"GET / HTTP/1.1\r\n\r\n", true),
            "[http] > GET / HTTP/1.1\n[http] > \n"
        );
        assert_eq!(
            lines('<', b"a\r\nb\xff", false),
            "[http] < a<0D><0A>\n[http] < b<FF>\n"
        );
        assert_eq!(lines('<', b"", true), "");
    }
}
