//! OAuth: the client's side of OAUTHBEARER (RFC 7628), and the documents and requests of a provider's
//! device authorization grant (RFC 8628). This module only builds and parses bytes; it does not send them.

mod fields;
mod json;

#[cfg(feature = "oauth")]
pub mod documents;
#[cfg(feature = "oauth")]
pub mod form;
pub mod issuer;

use fields::{Field, Kind, Rules};
use zeroize::Zeroizing;

/// The client's response to the server's error. It ends the exchange.
pub const ERROR_RECEIVED: &[u8] = b"\x01";

/// The first message of the exchange. Without a token it asks the server for its requirements, and the exchange fails.
pub fn first_message(token: Option<&[u8]>) -> Zeroizing<Vec<u8>> {
    let (scheme, token) = match token {
        Some(token) => (&b"Bearer "[..], token),
        None => (&b""[..], &b""[..]),
    };
    let parts = [b"n,,\x01auth=", scheme, token, b"\x01\x01"];
    // Allocated once: a growing vector would leave copies of the token in freed memory.
    Zeroizing::new(parts.concat())
}

/// Why the server rejected the token, and where it says that one is available.
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
    // libpq: no extension is defined, so only one level of nesting is allowed.
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

/// Parses the server's error message. The error is libpq's text.
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
    fn the_first_message_has_the_token_or_asks_for_requirements() {
        assert_eq!(
            first_message(Some(b"abc")).as_slice(),
            b"n,,\x01auth=Bearer abc\x01\x01"
        );
        assert_eq!(first_message(None).as_slice(), b"n,,\x01auth=\x01\x01");
    }

    #[test]
    fn parses_the_servers_error() {
        let message =
            br#"{"status":"invalid_token","scope":"a b","openid-configuration":"https://x","y":1}"#;
        let error = server_error(message).unwrap();
        assert_eq!(error.status.as_deref(), Some("invalid_token"));
        assert_eq!(error.scope.as_deref(), Some("a b"));
        assert_eq!(error.discovery_uri.as_deref(), Some("https://x"));
        assert_eq!(server_error(b"{}"), Ok(ServerError::default()));
    }

    #[test]
    fn rejects_a_malformed_server_error() {
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
