//! Splits JSON into tokens.

use zeroize::Zeroizing;

/// The kinds of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    String,
    Number,
    True,
    False,
    Null,
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Comma,
    Colon,
    End,
}

impl Token {
    pub(super) fn is_scalar(self) -> bool {
        use Token::{False, Null, Number, String, True};
        matches!(self, String | Number | True | False | Null)
    }
}

const INVALID_HEX: &str = "\"\\u\" must be followed by four hexadecimal digits.";
const HIGH_AFTER_HIGH: &str = "Unicode high surrogate must not follow a high surrogate.";
const LOW_ALONE: &str = "Unicode low surrogate must follow a high surrogate.";
const ZERO: &str = "\\u0000 cannot be converted to text.";

/// Splits a text into tokens, and holds the current one.
pub(super) struct Lexer<'a> {
    text: &'a str,
    /// The range of the current token in the text.
    start: usize,
    end: usize,
    pub(super) token: Token,
    /// The text of a string, without quotes and with escapes decoded.
    string: Zeroizing<String>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Result<Lexer<'a>, String> {
        let mut lexer = Lexer {
            text,
            start: 0,
            end: 0,
            token: Token::End,
            string: Zeroizing::default(),
        };
        lexer.advance()?;
        Ok(lexer)
    }

    /// The current scalar.
    pub(super) fn take_text(&mut self) -> Zeroizing<String> {
        match self.token {
            Token::String => std::mem::take(&mut self.string),
            _ => Zeroizing::new(self.shown().to_owned()),
        }
    }

    /// The error for a token that is not allowed here.
    pub(super) fn expected(&self, what: &str) -> String {
        match self.token {
            Token::End => "The input string ended unexpectedly.".to_owned(),
            _ => format!("Expected {what}, but found \"{}\".", self.shown()),
        }
    }

    /// Advances to the next token.
    pub(super) fn advance(&mut self) -> Result<(), String> {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        let rest = self.bytes(self.end);
        let blanks = rest.iter().take_while(|byte| is_blank(byte)).count();
        self.start = self.end + blanks;
        self.end = self.start;
        let Some(&first) = self.bytes(self.start).first() else {
            self.token = Token::End;
            return Ok(());
        };
        self.end += 1;
        self.token = match first {
            b'{' => Token::ObjectStart,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayStart,
            b']' => Token::ArrayEnd,
            b',' => Token::Comma,
            b':' => Token::Colon,
            b'"' => {
                self.read_string()?;
                Token::String
            }
            b'-' | b'0'..=b'9' => self.number()?,
            first if is_word(first) => self.word()?,
            _ => return Err(self.invalid()),
        };
        Ok(())
    }

    fn bytes(&self, from: usize) -> &'a [u8] {
        self.text.as_bytes().get(from..).unwrap_or_default()
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn shown(&self) -> &'a str {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    fn invalid(&self) -> String {
        format!("Token \"{}\" is invalid.", self.shown())
    }

    /// libpq: the error shows the whole word, not the first wrong letter.
    fn skip_word(&mut self) {
        self.end += self
            .bytes(self.end)
            .iter()
            .take_while(|byte| is_word(**byte))
            .count();
    }

    fn word(&mut self) -> Result<Token, String> {
        self.skip_word();
        match self.shown() {
            "true" => Ok(Token::True),
            "false" => Ok(Token::False),
            "null" => Ok(Token::Null),
            _ => Err(self.invalid()),
        }
    }

    fn number(&mut self) -> Result<Token, String> {
        if self.byte(self.start) == Some(b'-') {
            self.end = self.start + 1;
        } else {
            self.end = self.start;
        }
        let zero = self.byte(self.end) == Some(b'0');
        let mut valid = if zero {
            self.end += 1;
            true
        } else {
            self.digits()
        };
        if self.byte(self.end) == Some(b'.') {
            self.end += 1;
            valid &= self.digits();
        }
        if let Some(b'e' | b'E') = self.byte(self.end) {
            self.end += 1;
            if let Some(b'+' | b'-') = self.byte(self.end) {
                self.end += 1;
            }
            valid &= self.digits();
        }
        let number = self.end;
        self.skip_word();
        match valid && number == self.end {
            true => Ok(Token::Number),
            false => Err(self.invalid()),
        }
    }

    /// Skips digits; false if there are none.
    fn digits(&mut self) -> bool {
        let rest = self.bytes(self.end);
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.end += count;
        count > 0
    }

    fn read_string(&mut self) -> Result<(), String> {
        // Allocated at once, because growing would leave copies of secrets in freed memory.
        self.string = Zeroizing::new(String::with_capacity(self.rest_of_string()));
        let mut high = None;
        loop {
            let plain = self.plain_run();
            if !plain.is_empty() {
                no_surrogate(high)?;
                self.string.push_str(plain);
            }
            match self.byte(self.end) {
                None => return Err(self.invalid()),
                Some(b'"') => {
                    self.end += 1;
                    return no_surrogate(high);
                }
                Some(b'\\') => high = self.escape(high)?,
                Some(control) => {
                    return Err(format!(
                        "Character with value 0x{control:02x} must be escaped."
                    ));
                }
            }
        }
    }

    /// The length of the text up to the quote that ends the string, which has not more bytes without escapes.
    fn rest_of_string(&self) -> usize {
        let mut escaped = false;
        let ends = |byte: &u8| {
            let ends = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            ends
        };
        let rest = self.bytes(self.end);
        rest.iter().position(ends).unwrap_or(rest.len())
    }

    /// The text up to the next quote, backslash or control character.
    fn plain_run(&mut self) -> &'a str {
        let from = self.end;
        let is_plain = |byte: &u8| !matches!(byte, b'"' | b'\\' | 0..=31);
        self.end += self
            .bytes(from)
            .iter()
            .take_while(|byte| is_plain(byte))
            .count();
        self.text.get(from..self.end).unwrap_or_default()
    }

    /// Decodes one escape sequence. Returns a high surrogate if it must be followed by a low one.
    fn escape(&mut self, high: Option<u32>) -> Result<Option<u32>, String> {
        let at = self.end + 1;
        let Some(letter) = self.byte(at) else {
            self.end = at;
            return Err(self.invalid());
        };
        self.end = at + 1;
        if letter == b'u' {
            let unit = self.hex()?;
            return self.code_unit(unit, high);
        }
        no_surrogate(high)?;
        self.string.push(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            _ => {
                let rest = self.text.get(at..).unwrap_or_default();
                let shown = rest.chars().next().unwrap_or_default();
                return Err(format!("Escape sequence \"\\{shown}\" is invalid."));
            }
        });
        Ok(None)
    }

    fn hex(&mut self) -> Result<u32, String> {
        let mut unit = 0;
        for _ in 0..4 {
            let Some(byte) = self.byte(self.end) else {
                return Err(self.invalid());
            };
            let digit = char::from(byte).to_digit(16).ok_or(INVALID_HEX)?;
            unit = unit * 16 + digit;
            self.end += 1;
        }
        Ok(unit)
    }

    fn code_unit(&mut self, unit: u32, high: Option<u32>) -> Result<Option<u32>, String> {
        let code = match (unit, high) {
            (0xD800..=0xDBFF, None) => return Ok(Some(unit)),
            (0xD800..=0xDBFF, Some(_)) => return Err(HIGH_AFTER_HIGH.to_owned()),
            (0xDC00..=0xDFFF, Some(high)) => 0x10000 + ((high & 0x3FF) << 10) + (unit & 0x3FF),
            (0xDC00..=0xDFFF, None) | (_, Some(_)) => return Err(LOW_ALONE.to_owned()),
            (0, None) => return Err(ZERO.to_owned()),
            (code, None) => code,
        };
        self.string.extend(char::from_u32(code));
        Ok(None)
    }
}

/// libpq's text for a high surrogate without a low one.
fn no_surrogate(high: Option<u32>) -> Result<(), String> {
    match high {
        None => Ok(()),
        Some(_) => Err(LOW_ALONE.to_owned()),
    }
}

/// Whether the byte is part of a word, for error texts.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}
