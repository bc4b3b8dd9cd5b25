//! The option `require_auth`: a comma-separated list of authentication methods, either all or none with a "!".

use super::params::{RequireAuth, auth_bit};
use crate::mem::error_text::ErrorText;

/// Parses the option's value, which is not empty. The error is libpq's text.
pub fn parse(text: &[u8]) -> Result<RequireAuth, ErrorText> {
    let negated = text.starts_with(b"!");
    let mut listed = 0;
    for part in text.split(|&byte| byte == b',') {
        let bit = method(check_sign(part, negated)?)?;
        if listed & bit != 0 {
            return Err(complain(part, "is specified more than once"));
        }
        listed |= bit;
    }
    let allowed = match negated {
        true => auth_bit::ALL & !listed,
        false => listed,
    };
    Ok(RequireAuth {
        text: text.to_vec(),
        allowed,
        required: allowed & auth_bit::NONE == 0,
    })
}

/// The method's name without its "!". Fails if it has one and others do not, or the reverse.
fn check_sign(part: &[u8], negated: bool) -> Result<&[u8], ErrorText> {
    match (part.strip_prefix(b"!"), negated) {
        (Some(name), true) => Ok(name),
        (None, false) => Ok(part),
        (Some(_), false) => {
            let complaint = complain(part, "cannot be mixed with non-negative methods");
            Err(ErrorText::concat(&[b"negative ", &complaint]))
        }
        (None, true) => Err(complain(part, "cannot be mixed with negative methods")),
    }
}

fn complain(part: &[u8], complaint: &str) -> ErrorText {
    ErrorText::concat(&[
        b"require_auth method \"",
        part,
        b"\" ",
        complaint.as_bytes(),
    ])
}

fn method(name: &[u8]) -> Result<u16, ErrorText> {
    Ok(match name {
        b"none" => auth_bit::NONE,
        b"password" => auth_bit::PASSWORD,
        b"md5" => auth_bit::MD5,
        b"gss" => auth_bit::GSS,
        b"sspi" => auth_bit::SSPI,
        b"scram-sha-256" => auth_bit::SCRAM,
        b"oauth" => auth_bit::OAUTH,
        _ => return Err(super::options::invalid(b"require_auth", name)),
    })
}

#[cfg(test)]
mod tests;
