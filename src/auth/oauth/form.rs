//! Requests to a provider: form fields and the client's credentials.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use zeroize::Zeroizing;

/// The grant type of the device flow (RFC 8628).
pub const DEVICE_CODE_GRANT: &[u8] = b"urn:ietf:params:oauth:grant-type:device_code";

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The greatest number of bytes that [`push_encoded`] appends for a byte.
const LONGEST: usize = 3;

/// Appends a value in the encoding `application/x-www-form-urlencoded`.
fn push_encoded(text: &mut String, value: &[u8]) {
    for part in percent_encode(value, RESERVED) {
        text.push_str(if part == "%20" { "+" } else { part });
    }
}

/// The body of a request: fields encoded as `application/x-www-form-urlencoded`.
pub fn body(fields: &[(&str, &[u8])]) -> Zeroizing<Vec<u8>> {
    let sizes = fields
        .iter()
        .map(|(name, value)| name.len() + 2 + LONGEST * value.len());
    // Allocated at once, because growing would leave copies of secrets in freed memory.
    let mut text = String::with_capacity(sizes.sum());
    for (name, value) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        push_encoded(&mut text, value);
    }
    Zeroizing::new(text.into_bytes())
}

/// The value of an Authorization header for a client with a secret, which may be empty (RFC 6749, 2.3.1).
pub fn basic_credentials(client_id: &[u8], secret: &[u8]) -> Zeroizing<String> {
    let size = LONGEST * (client_id.len() + secret.len()) + 1;
    let mut pair = Zeroizing::new(String::with_capacity(size));
    push_encoded(&mut pair, client_id);
    pair.push(':');
    push_encoded(&mut pair, secret);
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    Zeroizing::new(["Basic ", &encoded].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_encoded() {
        let fields: [(&str, &[u8]); 3] = [("a", b"x y"), ("b", b""), ("c", b"%20+&=~-._\xc3\xa9")];
        assert_eq!(
            body(&fields).as_slice(),
            b"a=x+y&b=&c=%2520%2B%26%3D~-._%C3%A9"
        );
        assert_eq!(body(&[]).as_slice(), b"");
    }

    #[test]
    fn credentials_are_encoded_before_they_are_joined() {
        // a%3Ab:c+d
        let expected = "Basic YSUzQWI6Yytk";
        assert_eq!(basic_credentials(b"a:b", b"c d").as_str(), expected);
    }
}
