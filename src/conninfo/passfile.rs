//! The password file: lines of `host:port:database:user:password`.

use super::hosts::{DEFAULT_PORT, DEFAULT_SOCKET_DIR};
use super::params::Host;

/// The password for `host` in `contents`, from the first line that matches.
pub fn password(contents: &[u8], host: &Host, dbname: &[u8], user: &[u8]) -> Option<Vec<u8>> {
    if dbname.is_empty() || user.is_empty() {
        return None;
    }
    let fields = [host_field(host), port_field(host), dbname, user];
    let lines = contents.split(|&byte| byte == b'\n');
    let mut lines = lines.filter(|line| !line.starts_with(b"#"));
    let matching = lines.find_map(|line| {
        let line = strip_line_end(line);
        fields
            .iter()
            .try_fold(line, |line, field| match_field(line, field))
    });
    matching.map(unescape)
}

/// The name of a host in the file.
fn host_field(host: &Host) -> &[u8] {
    let name = host.host.as_deref().filter(|name| !name.is_empty());
    let name = name.or(host.hostaddr.as_deref()).unwrap_or_default();
    match name.is_empty() || name == DEFAULT_SOCKET_DIR {
        true => b"localhost",
        false => name,
    }
}

fn port_field(host: &Host) -> &[u8] {
    let port = host.port.as_deref().filter(|port| !port.is_empty());
    port.unwrap_or(DEFAULT_PORT)
}

/// `line` up to its first NUL, without carriage returns at its end.
fn strip_line_end(line: &[u8]) -> &[u8] {
    let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
    let end = line.iter().rposition(|&byte| byte != b'\r');
    &line[..end.map_or(0, |last| last + 1)]
}

/// The rest of `line` after its first field and ":", if the field is `*` or equals `token`.
fn match_field<'a>(line: &'a [u8], token: &[u8]) -> Option<&'a [u8]> {
    if let Some(rest) = line.strip_prefix(b"*:") {
        return Some(rest);
    }
    let mut rest = line;
    for &wanted in token {
        rest = rest.strip_prefix(b"\\").unwrap_or(rest);
        rest = rest.strip_prefix(&[wanted])?;
    }
    rest.strip_prefix(b":")
}

/// The password at the start of `text`: up to the next ":". A backslash escapes the byte after it.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut password = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b':' => break,
            b'\\' => password.push(bytes.next().unwrap_or(byte)),
            _ => password.push(byte),
        }
    }
    password
}

#[cfg(test)]
mod tests;
