//! Quotes text for SQL, so that no byte of it, valid in the client encoding or not, can end the quotes.

use std::collections::TryReserveError;

mod bytea;

use super::doubling::Doubling;
use super::encoding::{UTF8, ascii_run, mblen, valid_prefix};
pub use super::sink::{Room, Sink};
pub use bytea::{ByteaRules, unescaped_limit, write_unescaped};

/// The parameters that escaping depends on: the connection's, or the last ones that any connection reported.
#[derive(Clone, Copy, Debug)]
pub struct EscapeRules {
    /// The client encoding, by libpq's number.
    pub encoding: i32,
    /// Whether a backslash in a literal is an ordinary character (`standard_conforming_strings`).
    pub std_strings: bool,
}

/// Why text could not be escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EscapeError {
    /// The text ends within a character.
    Incomplete,
    /// Bytes that are not a valid character.
    Invalid,
    /// The escaped text would not fit the address space.
    TooLong,
    /// Like [`EscapeError::TooLong`], for a bytea.
    ByteaTooLong,
    /// No memory for the escaped text.
    OutOfMemory,
}

impl EscapeError {
    /// libpq's text.
    pub fn message(self) -> &'static str {
        match self {
            EscapeError::Incomplete => "incomplete multibyte character",
            EscapeError::Invalid => "invalid multibyte character",
            EscapeError::TooLong => {
                "escaped string size exceeds the maximum allowed (18446744073709551615)"
            }
            EscapeError::ByteaTooLong => {
                "escaped bytea size exceeds the maximum allowed (18446744073709551615)"
            }
            EscapeError::OutOfMemory => "out of memory",
        }
    }
}

impl From<TryReserveError> for EscapeError {
    fn from(_: TryReserveError) -> EscapeError {
        EscapeError::OutOfMemory
    }
}

/// Appends `from`, which has no NUL, to `to` as the inside of a string literal: at most twice its length.
///
/// Returns the first error, but writes the text anyway. Each byte that does not begin a valid character becomes a pair of
/// bytes that is invalid in the encoding, so that the server rejects the text even if the caller ignores the error.
pub fn escape_string(rules: EscapeRules, from: &[u8], to: &mut impl Sink) -> Option<EscapeError> {
    let special = if rules.std_strings { *b"''" } else { *b"'\\" };
    let doubling = Doubling::new(rules.encoding, special);
    let mut error = None;
    let mut rest = from;
    loop {
        let (valid, doubtful) = rest.split_at(valid_prefix(rules.encoding, rest));
        doubling.put(valid, to);
        let Some((_, behind)) = doubtful.split_first() else {
            return error;
        };
        error = error.or(Some(fault(rules.encoding, doubtful)));
        to.put(undecodable(rules.encoding));
        rest = behind;
    }
}

/// The error in the character at the start of `s`.
fn fault(encoding: i32, s: &[u8]) -> EscapeError {
    if mblen(encoding, s) > s.len() {
        EscapeError::Incomplete
    } else {
        EscapeError::Invalid
    }
}

/// Two bytes that have the length of one character, and are invalid.
fn undecodable(encoding: i32) -> &'static [u8] {
    if encoding == UTF8 { b"\xC0 " } else { b"\x8D " }
}

/// The kind of quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quote {
    /// Single quotes, with an E before them if the text has backslashes.
    Literal,
    /// Double quotes.
    Identifier,
}

impl Quote {
    fn mark(self) -> &'static [u8] {
        match self {
            Quote::Literal => b"'",
            Quote::Identifier => b"\"",
        }
    }

    /// The bytes to double inside: the quote, and in literals the backslash.
    fn special(self) -> [u8; 2] {
        match self {
            Quote::Literal => *b"'\\",
            Quote::Identifier => *b"\"\"",
        }
    }
}

/// Valid text, and how to quote it.
pub struct Quoted<'a> {
    from: &'a [u8],
    quote: Quote,
    doubling: Doubling,
    backslashes: bool,
    size: usize,
}

impl<'a> Quoted<'a> {
    /// Checks `from`, which has no NUL.
    pub fn new(encoding: i32, from: &'a [u8], quote: Quote) -> Result<Quoted<'a>, EscapeError> {
        validate(encoding, from)?;
        let doubling = Doubling::new(encoding, quote.special());
        let [marks, backslashes] = doubling.count(from);
        // Two quotes, the NUL that C appends, and " E" at the start.
        let around = if backslashes > 0 { 5 } else { 3 };
        let mut parts = [marks, backslashes, around].into_iter();
        let size = parts.try_fold(from.len(), usize::checked_add);
        Ok(Quoted {
            from,
            quote,
            doubling,
            backslashes: backslashes > 0,
            size: size.ok_or(EscapeError::TooLong)? - 1,
        })
    }

    /// How many bytes [`Quoted::write`] writes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Writes the text with its quotes.
    pub fn write(&self, to: &mut impl Sink) {
        if self.backslashes {
            // libpq: the space separates the E from an identifier before the literal.
            to.put(b" E");
        }
        to.put(self.quote.mark());
        self.doubling.put(self.from, to);
        to.put(self.quote.mark());
    }
}

#[cfg(test)]
/// `from`, which has no NUL, in the quotes of a literal or an identifier.
pub fn escape_quoted(encoding: i32, from: &[u8], quote: Quote) -> Result<Vec<u8>, EscapeError> {
    let quoted = Quoted::new(encoding, from, quote)?;
    let mut to = reserved(quoted.size())?;
    quoted.write(&mut to);
    Ok(to)
}

/// libpq: only the first character above ASCII is reported as incomplete; everything after it is checked at once.
fn validate(encoding: i32, from: &[u8]) -> Result<(), EscapeError> {
    let rest = &from[ascii_run(from)..];
    if mblen(encoding, rest) > rest.len().max(1) {
        return Err(EscapeError::Incomplete);
    }
    if valid_prefix(encoding, rest) < rest.len() {
        return Err(EscapeError::Invalid);
    }
    Ok(())
}

/// An empty vector with capacity for `size` bytes.
#[cfg(test)]
fn reserved(size: usize) -> Result<Vec<u8>, EscapeError> {
    let mut to = Vec::new();
    to.try_reserve_exact(size)?;
    Ok(to)
}

#[cfg(test)]
mod tests;
