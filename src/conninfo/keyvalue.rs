//! Connection strings of `keyword = value` pairs, and arrays of keywords and values.

use super::is_space;
use super::options::{Opt, Options, invalid_option};
use super::uri;
use crate::mem::error_text::ErrorText;
use crate::mem::{self, OutOfMemory};
use zeroize::Zeroizing;

/// Parses a connection string or URI, without adding defaults. The error is libpq's text.
pub fn parse(conninfo: &[u8]) -> Result<Options, ErrorText> {
    if uri::prefix_length(conninfo) != 0 {
        return uri::parse(conninfo);
    }
    let mut options = Options::default();
    let mut reader = PairParser { rest: conninfo };
    while let Some(keyword) = reader.keyword()? {
        let value = reader.value()?;
        let stored = options.store(keyword, value);
        stored.ok_or_else(|| invalid_option(keyword))?;
    }
    Ok(options)
}

/// Whether `text`, given as a database name, is a connection string.
pub fn recognized_connection_string(text: &[u8]) -> bool {
    uri::prefix_length(text) != 0 || text.contains(&b'=')
}

/// Parses pairs of keyword and value, without adding defaults. Pairs without a value, or with an empty one, are ignored;
/// later pairs override earlier ones. With `expand_dbname` the first `dbname` may be a connection string.
pub fn parse_arrays(
    pairs: &[(&[u8], Option<&[u8]>)],
    expand_dbname: bool,
) -> Result<Options, ErrorText> {
    let mut expanded = match expand_dbname {
        true => expand_first_dbname(pairs)?,
        false => None,
    };
    let mut options = Options::default();
    for &(keyword, value) in pairs {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            continue; // libpq: before the keyword is checked
        };
        let opt = Options::find(keyword).ok_or_else(|| invalid_option(keyword))?;
        match expanded.take_if(|_| opt == Opt::DbName) {
            Some(expanded) => options.overlay(expanded),
            None => options.set(opt, Some(mem::copy(value)?)),
        }
    }
    Ok(options)
}

fn expand_first_dbname(pairs: &[(&[u8], Option<&[u8]>)]) -> Result<Option<Options>, ErrorText> {
    let mut values = pairs.iter().filter(|pair| pair.0 == b"dbname");
    let first = values.find_map(|pair| pair.1);
    let string = first.filter(|value| recognized_connection_string(value));
    string.map(parse).transpose()
}

/// The rest of a connection string that is being parsed.
struct PairParser<'a> {
    rest: &'a [u8],
}

impl<'a> PairParser<'a> {
    /// Consumes bytes from the front while `wanted` returns true.
    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|&byte| !wanted(byte));
        let (taken, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn next(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    /// Parses a keyword and its "="; None at the end of the string.
    fn keyword(&mut self) -> Result<Option<&'a [u8]>, ErrorText> {
        self.take_while(is_space);
        if self.rest.is_empty() {
            return Ok(None);
        }
        let keyword = self.take_while(|byte| byte != b'=' && !is_space(byte));
        self.take_while(is_space);
        match self.next() {
            Some(b'=') => Ok(Some(keyword)),
            _ => Err(missing_equals(keyword)),
        }
    }

    fn value(&mut self) -> Result<Vec<u8>, ErrorText> {
        self.take_while(is_space);
        if self.rest.first() != Some(&b'\'') {
            return Ok(self.value_before(is_space)?.0);
        }
        self.next();
        match self.value_before(|byte| byte == b'\'')? {
            (value, true) => Ok(value),
            (value, false) => {
                drop(Zeroizing::new(value));
                Err(UNTERMINATED.into())
            }
        }
    }

    /// Parses a value up to a byte that ends it, and returns whether there was one. A backslash escapes the byte after it.
    fn value_before(&mut self, ends: impl Fn(u8) -> bool) -> Result<(Vec<u8>, bool), ErrorText> {
        let mut value = Vec::new();
        // Allocated at once, because growing would leave copies of secrets in freed memory.
        let length = self.length_before(&ends);
        value.try_reserve_exact(length).map_err(|_| OutOfMemory)?;
        while let Some(byte) = self.next() {
            match byte {
                b'\\' => value.extend(self.next()),
                byte if ends(byte) => return Ok((value, true)),
                byte => value.push(byte),
            }
        }
        Ok((value, false))
    }

    /// The length of what [`PairParser::value_before`] returns.
    fn length_before(&self, ends: impl Fn(u8) -> bool) -> usize {
        let mut bytes = self.rest.iter().copied();
        let mut length = 0;
        while let Some(byte) = bytes.next().filter(|byte| !ends(*byte)) {
            // libpq: a backslash at the end is dropped.
            let escaped = byte != b'\\' || bytes.next().is_some();
            length += usize::from(escaped);
        }
        length
    }
}

const UNTERMINATED: &[u8] = b"unterminated quoted string in connection info string";

fn missing_equals(keyword: &[u8]) -> ErrorText {
    let end: &[u8] = b"\" in connection info string";
    ErrorText::concat(&[b"missing \"=\" after \"", keyword, end])
}

#[cfg(test)]
mod tests;
