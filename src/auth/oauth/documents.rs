//! A provider's responses, parsed by libpq's rules. Errors are libpq's texts.

use super::fields::{self, Field, Kind, Rules, Values};
use zeroize::Zeroizing;

/// libpq: a discovery document that contains a key set has 6 levels of nesting.
const MOST_NESTED: usize = 16;

/// The URLs of the provider's endpoints.
#[derive(Debug, PartialEq, Eq)]
pub struct Provider {
    pub issuer: String,
    pub token_endpoint: String,
    pub device_authorization_endpoint: Option<String>,
}

impl Provider {
    pub fn parse(body: &[u8]) -> Result<Provider, String> {
        let mut values = read(
            body,
            &[
                required("issuer", Kind::String, 0),
                required("token_endpoint", Kind::String, 1),
                optional("device_authorization_endpoint", Kind::String, 2),
                // libpq: the field is not used, but its type is checked.
                optional("grant_types_supported", Kind::Strings, 3),
            ],
        )?;
        Ok(Provider {
            issuer: values.take(0).unwrap_or_default(),
            token_endpoint: values.take(1).unwrap_or_default(),
            device_authorization_endpoint: values.take(2),
        })
    }
}

/// The provider's response to a device authorization request: what is needed to ask for a token once the user has
/// consented.
#[derive(Debug, PartialEq, Eq)]
pub struct DeviceAuthorization {
    pub device_code: Zeroizing<String>,
    pub user_code: String,
    pub verification_uri: String,
    pub verification_uri_complete: Option<String>,
    /// Seconds until the codes expire.
    pub expires_in: i32,
    /// Seconds between two requests for the token.
    pub interval: i32,
}

impl DeviceAuthorization {
    /// `allow_zero_interval` is for tests only: it lets the client poll without a pause.
    pub fn parse(body: &[u8], allow_zero_interval: bool) -> Result<DeviceAuthorization, String> {
        let mut values = read(
            body,
            &[
                required("device_code", Kind::String, 0),
                required("user_code", Kind::String, 1),
                required("verification_uri", Kind::String, 2),
                required("expires_in", Kind::Number, 3),
                // The spelling of Google and Azure.
                required("verification_url", Kind::String, 2),
                optional("verification_uri_complete", Kind::String, 4),
                optional("interval", Kind::Number, 5),
            ],
        )?;
        let interval = match values.take(5) {
            Some(text) => interval(number(&text), allow_zero_interval),
            None => 5,
        };
        let expires_in = number(&values.take(3).unwrap_or_default());
        Ok(DeviceAuthorization {
            device_code: Zeroizing::new(values.take(0).unwrap_or_default()),
            user_code: values.take(1).unwrap_or_default(),
            verification_uri: values.take(2).unwrap_or_default(),
            verification_uri_complete: values.take(4),
            // The conversion saturates at the limits of the integer.
            expires_in: expires_in.floor() as i32,
            interval,
        })
    }
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_default()
}

/// libpq: rounded up, with a minimum that does not flood the provider.
fn interval(seconds: f64, allow_zero: bool) -> i32 {
    match seconds.ceil() as i32 {
        ..1 if allow_zero => 0,
        ..1 => 1,
        seconds => seconds,
    }
}

/// An error from the provider, or its response that the user has not consented yet.
#[derive(Debug, PartialEq, Eq)]
pub struct TokenError {
    pub error: String,
    pub description: Option<String>,
}

impl TokenError {
    pub fn parse(body: &[u8]) -> Result<TokenError, String> {
        let mut values = read(
            body,
            &[
                required("error", Kind::String, 0),
                optional("error_description", Kind::String, 1),
            ],
        )?;
        Ok(TokenError {
            error: values.take(0).unwrap_or_default(),
            description: values.take(1),
        })
    }
}

/// The access token in a provider's response.
pub fn access_token(body: &[u8]) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut values = read(
        body,
        &[
            required("access_token", Kind::String, 0),
            required("token_type", Kind::String, 1),
        ],
    )?;
    let token = values.take(0).unwrap_or_default();
    Ok(Zeroizing::new(token.into_bytes()))
}

/// Whether a Content-Type header says that the body is JSON. None means that there is no header.
pub fn check_content_type(value: Option<&[u8]>) -> Result<(), String> {
    const JSON: &[u8] = b"application/json";
    let value = value.ok_or("no content type was provided")?;
    let is_json = value
        .split_at_checked(JSON.len())
        .is_some_and(|(name, rest)| {
            let rest = rest.trim_ascii_start();
            name.eq_ignore_ascii_case(JSON) && (rest.is_empty() || rest.starts_with(b";"))
        });
    match is_json {
        true => Ok(()),
        false => Err(format!(
            "unexpected content type: \"{}\"",
            String::from_utf8_lossy(value)
        )),
    }
}

fn read(body: &[u8], fields: &[Field]) -> Result<Values, String> {
    if body.contains(&0) {
        return Err("response contains embedded NULLs".to_owned());
    }
    let text = std::str::from_utf8(body).map_err(|_| "response is not valid UTF-8")?;
    let rules = Rules {
        fields,
        most_nested: MOST_NESTED,
        duplicates_at_value: false,
    };
    fields::read(text, &rules)
}

const fn required(name: &'static str, kind: Kind, slot: usize) -> Field {
    Field {
        name,
        kind,
        slot,
        required: true,
    }
}

const fn optional(name: &'static str, kind: Kind, slot: usize) -> Field {
    Field {
        name,
        kind,
        slot,
        required: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_a_discovery_document() {
        let body = br#"{"issuer":"i","token_endpoint":"t","grant_types_supported":[],"jwks":{}}"#;
        let provider = Provider::parse(body).unwrap();
        assert_eq!(
            (provider.issuer.as_str(), provider.token_endpoint.as_str()),
            ("i", "t")
        );
        assert_eq!(provider.device_authorization_endpoint, None);
        let missing = Provider::parse(br#"{"issuer":"i"}"#).unwrap_err();
        assert_eq!(missing, "field \"token_endpoint\" is missing");
        assert_eq!(
            Provider::parse(b"{\0}").unwrap_err(),
            "response contains embedded NULLs"
        );
        assert_eq!(
            Provider::parse(b"\xff").unwrap_err(),
            "response is not valid UTF-8"
        );
    }

    fn device(rest: &str) -> Result<DeviceAuthorization, String> {
        let body = format!("{{\"device_code\":\"d\",\"user_code\":\"u\"{rest}}}");
        DeviceAuthorization::parse(body.as_bytes(), false)
    }

    #[test]
    fn parses_a_device_authorization() {
        let read = device(r#","verification_url":"v","expires_in":1.9"#).unwrap();
        assert_eq!(
            (
                read.verification_uri.as_str(),
                read.expires_in,
                read.interval
            ),
            ("v", 1, 5)
        );
        let cases = [
            ("0", 1),
            ("-3", 1),
            ("1.2", 2),
            ("1e999", i32::MAX),
            ("4294967296", i32::MAX),
        ];
        for (text, seconds) in cases {
            let rest = format!(r#","verification_uri":"v","expires_in":-1e999,"interval":{text}"#);
            let read = device(&rest).unwrap();
            assert_eq!(
                (read.interval, read.expires_in),
                (seconds, i32::MIN),
                "{text}"
            );
        }
        assert_eq!(interval(0.0, true), 0);
        let missing = device(r#","expires_in":1"#).unwrap_err();
        assert_eq!(missing, "field \"verification_uri\" is missing");
        let twice = device(r#","verification_uri":"v","verification_url":"v","expires_in":1"#);
        assert_eq!(
            twice.unwrap_err(),
            "field \"verification_url\" is duplicated"
        );
    }

    #[test]
    fn parses_tokens_and_errors() {
        let token = access_token(br#"{"access_token":"x","token_type":"bearer"}"#).unwrap();
        assert_eq!(token.as_slice(), b"x");
        let error = TokenError::parse(br#"{"error":"slow_down","error_description":"d"}"#).unwrap();
        assert_eq!(
            (error.error.as_str(), error.description.as_deref()),
            ("slow_down", Some("d"))
        );
        let missing = access_token(br#"{"access_token":"x"}"#).unwrap_err();
        assert_eq!(missing, "field \"token_type\" is missing");
    }

    #[test]
    fn only_json_content_types_are_json() {
        for fine in [
            "application/json",
            "Application/JSON;charset=utf-8",
            "application/json \t;\t x",
        ] {
            assert_eq!(check_content_type(Some(fine.as_bytes())), Ok(()));
        }
        for other in ["application/jsonx", "text/plain", "", "application/json x"] {
            let expected = format!("unexpected content type: \"{other}\"");
            assert_eq!(check_content_type(Some(other.as_bytes())), Err(expected));
        }
        assert_eq!(
            check_content_type(None).unwrap_err(),
            "no content type was provided"
        );
    }
}
