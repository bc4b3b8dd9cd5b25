//! Connection URIs: `postgresql://[user[:password]@][host[:port],...][/dbname][?keyword=value&...]`.

use super::options::{Opt, Options};
use crate::mem::error_text::ErrorText;
use crate::mem::{self, OutOfMemory};

/// The length of the URI scheme that `text` starts with, or 0.
pub fn prefix_length(text: &[u8]) -> usize {
    let schemes: [&[u8]; 2] = [b"postgresql://", b"postgres://"];
    let found = schemes.iter().find(|scheme| text.starts_with(scheme));
    found.map_or(0, |scheme| scheme.len())
}

/// Parses a URI, without adding defaults. The error is libpq's text.
pub fn parse(uri: &[u8]) -> Result<Options, ErrorText> {
    let mut options = Options::default();
    let mut rest = &uri[prefix_length(uri)..];
    if let Some((credentials, after)) = split_credentials(rest) {
        store_credentials(&mut options, credentials)?;
        rest = after;
    }
    rest = store_hosts(&mut options, uri, rest)?;
    if let Some(path) = rest.strip_prefix(b"/") {
        let (dbname, query) = split_before(path, |byte| byte == b'?');
        store(&mut options, Opt::DbName, dbname)?;
        rest = query;
    }
    if let Some(query) = rest.strip_prefix(b"?") {
        store_query(&mut options, query)?;
    }
    Ok(options)
}

/// Splits `text` before the first byte that `stop` accepts.
fn split_before(text: &[u8], stop: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|&byte| stop(byte));
    text.split_at(end.unwrap_or(text.len()))
}

/// Splits at the "@" if one comes before the first "/". libpq: a "?" does not end the search.
fn split_credentials(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (credentials, rest) = split_before(text, |byte| matches!(byte, b'@' | b'/'));
    Some((credentials, rest.strip_prefix(b"@")?))
}

fn store_credentials(options: &mut Options, credentials: &[u8]) -> Result<(), ErrorText> {
    let (user, rest) = split_before(credentials, |byte| byte == b':');
    store(options, Opt::User, user)?;
    let password = rest.strip_prefix(b":").unwrap_or_default();
    store(options, Opt::Password, password)
}

/// Stores a decoded value. An empty part of a URI is ignored.
fn store(options: &mut Options, opt: Opt, value: &[u8]) -> Result<(), ErrorText> {
    if !value.is_empty() {
        options.set(opt, Some(decode(value)?));
    }
    Ok(())
}

/// Stores the comma-separated list of hosts and ports, and returns what follows it.
fn store_hosts<'a>(
    options: &mut Options,
    uri: &[u8],
    mut rest: &'a [u8],
) -> Result<&'a [u8], ErrorText> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    loop {
        let (host, after) = split_host(uri, rest)?;
        mem::append(&mut hosts, host)?;
        rest = after;
        if let Some(after) = rest.strip_prefix(b":") {
            let (port, after) = split_before(after, |byte| matches!(byte, b'/' | b'?' | b','));
            mem::append(&mut ports, port)?;
            rest = after;
        }
        let Some(after) = rest.strip_prefix(b",") else {
            break;
        };
        rest = after;
        mem::append(&mut hosts, b",")?;
        mem::append(&mut ports, b",")?;
    }
    // libpq: the lists are decoded as a whole, and error texts show whole lists
    store(options, Opt::Host, &hosts)?;
    store(options, Opt::Port, &ports)?;
    Ok(rest)
}

fn ends_host(byte: u8) -> bool {
    matches!(byte, b':' | b'/' | b'?' | b',')
}

fn split_host<'a>(uri: &[u8], text: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), ErrorText> {
    match text.strip_prefix(b"[") {
        Some(bracketed) => split_ipv6(uri, bracketed),
        None => Ok(split_before(text, ends_host)),
    }
}

/// Splits after the "]" of an IPv6 address. `text` begins after the "[".
fn split_ipv6<'a>(uri: &[u8], text: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), ErrorText> {
    let (address, rest) = split_before(text, |byte| byte == b']');
    let Some(rest) = rest.strip_prefix(b"]") else {
        return Err(quoting(UNMATCHED_BRACKET, uri));
    };
    if address.is_empty() {
        return Err(quoting(EMPTY_IPV6, uri));
    }
    match rest.first() {
        Some(&byte) if !ends_host(byte) => Err(unexpected_character(uri, byte, rest.len())),
        _ => Ok((address, rest)),
    }
}

/// Stores the parameters after the "?".
fn store_query(options: &mut Options, mut query: &[u8]) -> Result<(), ErrorText> {
    while !query.is_empty() {
        let (parameter, rest) = split_before(query, |byte| byte == b'&');
        store_parameter(options, parameter)?;
        query = rest.strip_prefix(b"&").unwrap_or_default();
    }
    Ok(())
}

fn store_parameter(options: &mut Options, parameter: &[u8]) -> Result<(), ErrorText> {
    let (keyword, rest) = split_before(parameter, |byte| byte == b'=');
    let value = rest.strip_prefix(b"=");
    let value = value.ok_or_else(|| quoting(MISSING_SEPARATOR, keyword))?;
    if value.contains(&b'=') {
        return Err(quoting(EXTRA_SEPARATOR, keyword));
    }
    let (keyword, value) = (decode(keyword)?, decode(value)?);
    // libpq: the spelling of JDBC
    let stored = match (&keyword[..], &value[..]) {
        (b"ssl", b"true") => options.store(b"sslmode", b"require".to_vec()),
        _ => options.store(&keyword, value),
    };
    stored.ok_or_else(|| quoting(b"invalid URI query parameter", &keyword))
}

/// Decodes `%xx`. White space around the text is removed; white space within it is an error.
fn decode(text: &[u8]) -> Result<Vec<u8>, ErrorText> {
    let (_, mut rest) = split_before(text, |byte| byte != b' ');
    let mut decoded = Vec::new();
    decoded
        .try_reserve_exact(rest.len())
        .map_err(|_| OutOfMemory)?;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b' ' => break,
            b'%' => {
                let byte = hex_pair(after).ok_or_else(|| quoting(INVALID_TOKEN, text))?;
                if byte == 0 {
                    return Err(quoting(FORBIDDEN_NUL, text));
                }
                decoded.push(byte);
                rest = &after[2..];
            }
            _ => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    match rest.iter().all(|&byte| byte == b' ') {
        true => Ok(decoded),
        false => Err(ErrorText::concat(&[
            b"unexpected spaces found in \"",
            text,
            SPACES_HINT,
        ])),
    }
}

fn hex_pair(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

const UNMATCHED_BRACKET: &[u8] =
    b"end of string reached when looking for matching \"]\" in IPv6 host address in URI";
const EMPTY_IPV6: &[u8] = b"IPv6 host address may not be empty in URI";
const MISSING_SEPARATOR: &[u8] = b"missing key/value separator \"=\" in URI query parameter";
const EXTRA_SEPARATOR: &[u8] = b"extra key/value separator \"=\" in URI query parameter";
const INVALID_TOKEN: &[u8] = b"invalid percent-encoded token";
const FORBIDDEN_NUL: &[u8] = b"forbidden value %00 in percent-encoded value";
const SPACES_HINT: &[u8] = b"\", use percent-encoded spaces (%20) instead";

/// `complaint: "text"`.
fn quoting(complaint: &[u8], text: &[u8]) -> ErrorText {
    ErrorText::concat(&[complaint, b": \"", text, b"\""])
}

/// The error for `byte`, which is `left` bytes before the end of `uri`.
fn unexpected_character(uri: &[u8], byte: u8, left: usize) -> ErrorText {
    let position = uri.len() - left + 1;
    let middle = format!("\" at position {position} in URI (expected \":\" or \"/\")");
    let complaint = [b"unexpected character \"", &[byte][..], middle.as_bytes()].concat();
    quoting(&complaint, uri)
}

#[cfg(test)]
mod tests;
