//! Layer 1: connection options, connection strings, URIs, service and password files. The environment and the contents of
//! files are arguments.

pub mod directory;
pub mod hosts;
pub mod integer;
pub mod keyvalue;
pub mod options;
pub mod params;
pub mod passfile;
pub mod require_auth;
pub mod service;
pub mod uri;
pub mod validate;

/// C's `isspace` in the locales that libpq is used with.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// `bytes` without leading and trailing white space.
fn trim(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|&b| !is_space(b));
    let end = bytes.iter().rposition(|&b| !is_space(b));
    match (start, end) {
        (Some(start), Some(end)) => &bytes[start..=end],
        _ => &[],
    }
}

#[cfg(test)]
mod tests;
