//! Connection parameters in an LDAP directory: the URL in a service file, and the text that the directory returns.

use super::options::{Options, invalid_option};
use crate::mem::error_text::ErrorText;

/// The query of an LDAP URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub host: Vec<u8>,
    pub port: u16,
    /// The distinguished name at which the search begins.
    pub base: Vec<u8>,
    pub scope: Scope,
    pub filter: Vec<u8>,
    pub attribute: Vec<u8>,
}

/// The scope of a search. The numbers are LDAP's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Base = 0,
    One = 1,
    Subtree = 2,
}

const DEFAULT_HOST: &[u8] = b"localhost";
const DEFAULT_PORT: u16 = 389;
const SCHEME: &[u8] = b"ldap://";

impl Query {
    /// Parses `ldap://host:port/base?attribute?scope?filter`. Nothing is percent-decoded.
    pub fn parse(url: &[u8]) -> Result<Query, ErrorText> {
        let invalid =
            |why: &str| ErrorText::concat(&[b"invalid LDAP URL \"", url, b"\": ", why.as_bytes()]);
        let (one_attribute, scope_needed) = (
            "must have exactly one attribute",
            "must have search scope (base/one/sub)",
        );
        let scheme = url.get(..SCHEME.len());
        if !scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME)) {
            return Err(invalid("scheme must be ldap://"));
        }
        let rest = &url[SCHEME.len()..];
        let (host, rest) =
            split(rest, b'/').ok_or_else(|| invalid("missing distinguished name"))?;
        let (base, rest) = split(rest, b'?').ok_or_else(|| invalid(one_attribute))?;
        let (attribute, rest) = split(rest, b'?').ok_or_else(|| invalid(scope_needed))?;
        let (scope, rest) = split(rest, b'?').ok_or_else(|| invalid("no filter"))?;
        let filter = rest.split(|&byte| byte == b'?').next().unwrap_or_default();
        let (host, port) = host_and_port(host).ok_or_else(|| invalid("invalid port number"))?;
        if attribute.contains(&b',') {
            return Err(invalid(one_attribute));
        }
        Ok(Query {
            host: host.to_vec(),
            port,
            base: base.to_vec(),
            scope: scope_named(scope).ok_or_else(|| invalid(scope_needed))?,
            filter: filter.to_vec(),
            attribute: attribute.to_vec(),
        })
    }
}

/// The parts before and after the first `separator`; None if nothing, or another "?", follows it.
fn split(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&byte| byte == separator)?;
    let rest = &text[at + 1..];
    (!matches!(rest, [] | [b'?', ..])).then_some((&text[..at], rest))
}

/// None for a port that is not a number from 0 to 65535.
fn host_and_port(text: &[u8]) -> Option<(&[u8], u16)> {
    if text.is_empty() {
        return Some((DEFAULT_HOST, DEFAULT_PORT));
    }
    let Some(colon) = text.iter().position(|&byte| byte == b':') else {
        return Some((text, DEFAULT_PORT));
    };
    let port = std::str::from_utf8(&text[colon + 1..]).ok()?;
    Some((&text[..colon], port.parse().ok()?))
}

fn scope_named(name: &[u8]) -> Option<Scope> {
    let names: [(&[u8], Scope); 3] = [
        (b"base", Scope::Base),
        (b"one", Scope::One),
        (b"sub", Scope::Subtree),
    ];
    let found = names
        .iter()
        .find(|known| known.0.eq_ignore_ascii_case(name));
    found.map(|known| known.1)
}

/// Sets options that have no value from the attribute's values. These are pairs as in connection strings, but each on its
/// own line, and a backslash has no meaning in values without quotes.
pub fn apply(values: &[Vec<u8>], options: &mut Options) -> Result<(), ErrorText> {
    let mut text = values.join(&b'\n');
    text.push(b'\n');
    // libpq: the text ends at a NUL
    let end = text.iter().position(|&byte| byte == 0);
    let mut rest = &text[..end.unwrap_or(text.len())];
    loop {
        rest = skip(rest, |byte| is_blank(byte) || is_newline(byte));
        if rest.is_empty() {
            return Ok(());
        }
        let (keyword, after) = keyword(rest)?;
        let (value, after) = value(after)?;
        let opt = Options::find(keyword).ok_or_else(|| invalid_option(keyword))?;
        options.set_default(opt, &value);
        rest = after;
    }
}

/// The keyword at the start of `text`, and what follows its "=".
fn keyword(text: &[u8]) -> Result<(&[u8], &[u8]), ErrorText> {
    let end = |byte| is_blank(byte) || is_newline(byte) || byte == b'=';
    let after = skip(text, |byte| !end(byte));
    let keyword = &text[..text.len() - after.len()];
    // libpq: shows the whole text if the line ends here
    let shown = match after.first() {
        Some(&byte) if is_newline(byte) => text,
        _ => keyword,
    };
    match skip(after, is_blank) {
        [b'=', rest @ ..] => Ok((keyword, rest)),
        _ => Err(ErrorText::concat(&[
            b"missing \"=\" after \"",
            shown,
            b"\" in connection info string",
        ])),
    }
}

/// The value at the start of `text`, and what follows it.
fn value(text: &[u8]) -> Result<(Vec<u8>, &[u8]), ErrorText> {
    match skip(text, is_blank) {
        [b'\'', rest @ ..] => quoted_value(rest),
        text => {
            let after = skip(text, |byte| !is_blank(byte) && !is_newline(byte));
            Ok((text[..text.len() - after.len()].to_vec(), after))
        }
    }
}

fn quoted_value(text: &[u8]) -> Result<(Vec<u8>, &[u8]), ErrorText> {
    let mut value = Vec::new();
    let mut bytes = text.iter().copied().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\'' => return Ok((value, &text[at + 1..])),
            b'\\' => value.extend(bytes.next().map(|(_, byte)| byte)),
            byte => value.push(byte),
        }
    }
    Err(b"unterminated quoted string in connection info string".into())
}

fn skip(text: &[u8], unwanted: impl Fn(u8) -> bool) -> &[u8] {
    let start = text.iter().position(|&byte| !unwanted(byte));
    &text[start.unwrap_or(text.len())..]
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_newline(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

#[cfg(test)]
mod tests;
