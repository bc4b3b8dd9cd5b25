//! OAuth: the client's side of OAUTHBEARER (RFC 7628), and the documents and requests of a provider's
//! device authorization grant (RFC 8628). Bytes only; who sends them is elsewhere.

mod fields;
mod json;

pub mod documents;
pub mod form;
pub mod issuer;

use fields::{Field, Kind, Rules};
use zeroize::Zeroizing;

/// The client's answer to the server's error, which ends the exchange.
pub const ERROR_RECEIVED: &[u8] = b"\x01";

/// The first message of the exchange. Without a token it asks the server what it wants, and fails.
pub fn first_message(token: Option<&[u8]>) -> Zeroizing<Vec<u8>> {
    let (scheme, token) = match token {
        Some(token) => (&b"Bearer "[..], token),
        None => (&b""[..], &b""[..]),
    };
    let parts = [b"n,,\x01auth=", scheme, token, b"\x01\x01"];
    // All of it at once: growing would leave copies of the token behind.
    Zeroizing::new(parts.concat())
}

/// Why the server refused the token, and where it says one is to be had.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ServerError {
    pub status: Option<String>,
    pub scope: Option<String>,
    pub discovery_uri: Option<String>,
}

const SERVER_ERROR: Rules<'static> = Rules {
    fields: &[
        optional("status", 0),
        optional("scope", 1),
        optional("openid-configuration", 2),
    ],
    // libpq: no extension is defined, so one level is what it should have.
    most_nested: 8,
    duplicates_at_value: true,
};

const fn optional(name: &'static str, slot: usize) -> Field {
    Field {
        name,
        kind: Kind::String,
        slot,
        required: false,
    }
}

/// Reads the server's error message; the error is libpq's text.
pub fn server_error(message: &[u8]) -> Result<ServerError, String> {
    if message.contains(&0) {
        let text = "server's error message contained an embedded NULL, and was discarded";
        return Err(text.to_owned());
    }
    let Ok(text) = std::str::from_utf8(message) else {
        return Err("server's error response is not valid UTF-8".to_owned());
    };
    let mut values = fields::read(text, &SERVER_ERROR)
        .map_err(|detail| format!("failed to parse server's error response: {detail}"))?;
    Ok(ServerError {
        status: values.take(0),
        scope: values.take(1),
        discovery_uri: values.take(2),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_carries_the_token_or_asks() {
        assert_eq!(
            first_message(Some(b"abc")).as_slice(),
            b"n,,\x01auth=Bearer abc\x01\x01"
        );
        assert_eq!(first_message(None).as_slice(), b"n,,\x01auth=\x01\x01");
    }

    #[test]
    fn the_servers_error_is_read() {
        let message =
            br#"{"status":"invalid_token","scope":"a b","openid-configuration":"https://x","y":1}"#;
        let error = server_error(message).unwrap();
        assert_eq!(error.status.as_deref(), Some("invalid_token"));
        assert_eq!(error.scope.as_deref(), Some("a b"));
        assert_eq!(error.discovery_uri.as_deref(), Some("https://x"));
        assert_eq!(server_error(b"{}"), Ok(ServerError::default()));
    }

    #[test]
    fn a_servers_error_that_is_none_is_refused() {
        let cases: [(&[u8], &str); 6] = [
            (
                b"{\0}",
                "server's error message contained an embedded NULL, and was discarded",
            ),
            (
                b"\"\xc0\x80\"",
                "server's error response is not valid UTF-8",
            ),
            (
                b"",
                "failed to parse server's error response: The input string ended unexpectedly.",
            ),
            (
                b"[]",
                "failed to parse server's error response: top-level element must be an object",
            ),
            (
                br#"{"scope":"a","scope":"a"}"#,
                "failed to parse server's error response: field \"scope\" is duplicated",
            ),
            (
                br#"{"a":[[[[[[[[]]]]]]]]}"#,
                "failed to parse server's error response: JSON is too deeply nested",
            ),
        ];
        for (message, expected) in cases {
            assert_eq!(server_error(message).unwrap_err(), expected);
        }
    }
}
