//! URLs of requests.

use super::{HttpError, kind};
use http::Uri;

/// An absolute http or https URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    pub https: bool,
    /// Without the brackets of an IPv6 address.
    pub host: String,
    pub port: u16,
    /// Path and query.
    pub target: String,
}

impl Url {
    /// `allow_http` is for tests only.
    pub fn parse(text: &[u8], allow_http: bool) -> Result<Url, HttpError> {
        let shown = String::from_utf8_lossy(text);
        let bad = |why: &str| HttpError::new(kind::BAD_URL, format!("\"{shown}\": {why}"));
        let uri = Uri::try_from(text).map_err(|error| bad(&error.to_string()))?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if allow_http => false,
            Some(scheme) => {
                let detail = format!("protocol \"{scheme}\" is not allowed");
                return Err(HttpError::new(kind::UNSUPPORTED, detail));
            }
            None => return Err(bad("no protocol")),
        };
        let authority = uri.authority().ok_or_else(|| bad("no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("credentials are not allowed"));
        }
        let host = authority.host().trim_matches(['[', ']']);
        if host.is_empty() {
            return Err(bad("no host"));
        }
        // The crate treats a port that is not a number as no port.
        let has_port = authority.as_str().len() > authority.host().len() + 1;
        if has_port && authority.port_u16().is_none_or(|port| port == 0) {
            return Err(bad("bad port"));
        }
        let target = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Url {
            https,
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(default_port(https)),
            target: match target.starts_with('/') {
                true => target.to_owned(),
                false => format!("/{target}"),
            },
        })
    }

    /// Host and port, without the protocol's default port.
    pub(super) fn authority(&self) -> String {
        match self.port == default_port(self.https) {
            true => self.bracketed(),
            false => self.host_and_port(),
        }
    }

    pub(super) fn host_and_port(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    fn bracketed(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        }
    }
}

fn default_port(https: bool) -> u16 {
    if https { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_parsed() {
        let cases = [
            ("https://x", true, "x", 443, "/", "x"),
            ("HTTPS://x:443/a?b=c#d", true, "x", 443, "/a?b=c", "x"),
            (
                "http://127.0.0.1:8080/a",
                false,
                "127.0.0.1",
                8080,
                "/a",
                "127.0.0.1:8080",
            ),
            ("https://[::1]:444?q", true, "::1", 444, "/?q", "[::1]:444"),
            ("https://[::1]", true, "::1", 443, "/", "[::1]"),
            ("https://x:/", true, "x", 443, "/", "x"),
        ];
        for (text, https, host, port, target, authority) in cases {
            let url = Url::parse(text.as_bytes(), true).unwrap_or_else(|e| panic!("{text}: {e}"));
            let parts = (url.https, url.host.as_str(), url.port, url.target.as_str());
            assert_eq!(parts, (https, host, port, target), "{text}");
            assert_eq!(url.authority(), authority, "{text}");
        }
    }

    #[test]
    fn invalid_urls_are_rejected() {
        let cases = [
            ("ftp://x", kind::UNSUPPORTED),
            ("http://x", kind::UNSUPPORTED),
            ("", kind::BAD_URL),
            ("x", kind::BAD_URL),
            ("/x", kind::BAD_URL),
            ("https://", kind::BAD_URL),
            ("https://x y/", kind::BAD_URL),
            ("https://x/\r\nHost: y", kind::BAD_URL),
            ("https://x/\x01", kind::BAD_URL),
            ("https://u:p@x/", kind::BAD_URL),
            ("https://x:0/", kind::BAD_URL),
            ("https://x:65536/", kind::BAD_URL),
            ("https://x:y/", kind::BAD_URL),
        ];
        for (text, expected) in cases {
            let error = Url::parse(text.as_bytes(), false).expect_err(text);
            assert_eq!(error.kind, expected, "{text}: {error}");
        }
    }
}
