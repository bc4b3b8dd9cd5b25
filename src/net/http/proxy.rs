//! The HTTP proxy from the environment, by libcurl's rules.

use super::{HttpError, kind};
use crate::net::http::url::Url;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use std::net::IpAddr;
use zeroize::Zeroizing;

/// Reads a variable of the environment.
pub type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// An HTTP proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    pub host: String,
    pub port: u16,
    /// `user:password`.
    credentials: Option<Zeroizing<String>>,
}

impl Proxy {
    /// The proxy to use for `url`, if any.
    pub(super) fn for_url(url: &Url, variable: Variable<'_>) -> Result<Option<Proxy>, HttpError> {
        let set = |names: &[&str]| {
            let values = names.iter().filter_map(|name| variable(name));
            values.into_iter().find(|value| !value.is_empty())
        };
        // libcurl: ignores HTTP_PROXY, because a web server's client can set it.
        let own: &[&str] = match url.https {
            true => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
            false => &["http_proxy", "all_proxy", "ALL_PROXY"],
        };
        let Some(text) = set(own) else {
            return Ok(None);
        };
        let exceptions = set(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
        if is_exception(&url.host, &exceptions) {
            return Ok(None);
        }
        parse(&text).map(Some)
    }

    /// The CONNECT request for the server of `url`.
    pub(super) fn tunnel_request(&self, url: &Url) -> Zeroizing<Vec<u8>> {
        let server = url.host_and_port();
        let start = format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n");
        let authorization = self.authorization_header();
        Zeroizing::new([start.as_bytes(), authorization.as_bytes(), b"\r\n"].concat())
    }

    /// The header with the credentials; empty if there are none.
    pub(super) fn authorization_header(&self) -> Zeroizing<String> {
        Zeroizing::new(match &self.credentials {
            None => String::new(),
            Some(pair) => {
                let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
                format!("Proxy-Authorization: Basic {}\r\n", encoded.as_str())
            }
        })
    }
}

fn parse(text: &str) -> Result<Proxy, HttpError> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    if !scheme.eq_ignore_ascii_case("http") {
        // libcurl's text.
        let detail = format!("Unsupported proxy scheme for '{scheme}'");
        return Err(HttpError::new(kind::CONNECT, detail));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (credentials, address) = match authority.rsplit_once('@') {
        Some((credentials, address)) => (Some(credentials), address),
        None => (None, authority),
    };
    let (host, port) = match address.rsplit_once(':') {
        // libcurl's default port.
        None => (address, Some(1080)),
        Some((host, _)) if host.starts_with('[') && !host.ends_with(']') => (address, Some(1080)),
        Some((host, port)) => (host, port.parse().ok().filter(|port| *port > 0)),
    };
    let host = host.trim_matches(['[', ']']);
    let (false, Some(port)) = (host.is_empty(), port) else {
        return Err(HttpError::new(kind::RESOLVE_PROXY, "bad address"));
    };
    let credentials = credentials.map(|text| {
        // A user name alone has an empty password.
        let pair = if text.contains(':') { "" } else { ":" };
        let text = Zeroizing::new([text, pair].concat());
        Zeroizing::new(percent_decode_str(&text).decode_utf8_lossy().into_owned())
    });
    Ok(Proxy {
        host: host.to_owned(),
        port,
        credentials,
    })
}

/// Whether to connect to `host` directly: `list` has domains, addresses and networks.
fn is_exception(host: &str, list: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    list.split([',', ' ']).any(|entry| {
        let entry = entry.trim_matches(['.', '[', ']']).to_ascii_lowercase();
        match address {
            _ if entry == "*" => true,
            _ if entry.is_empty() => false,
            Some(address) => is_in_network(address, &entry),
            None => {
                let rest = host.strip_suffix(&entry);
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
        }
    })
}

fn is_in_network(address: IpAddr, network: &str) -> bool {
    let (base, bits) = match network.split_once('/') {
        Some((base, bits)) => (base, bits.parse().ok()),
        None => (network, Some(u32::MAX)),
    };
    let (Ok(base), Some(bits)) = (base.parse::<IpAddr>(), bits) else {
        return false;
    };
    match (address, base) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let differing = u32::from(a) ^ u32::from(b);
            differing.leading_zeros() >= bits.min(32)
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let differing = u128::from(a) ^ u128::from(b);
            differing.leading_zeros() >= bits.min(128)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(url: &str, variables: &[(&str, &str)]) -> Result<Option<Proxy>, HttpError> {
        let url = Url::parse(url.as_bytes(), true).expect("an address");
        let value = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Proxy::for_url(&url, &value)
    }

    fn host(url: &str, variables: &[(&str, &str)]) -> Option<String> {
        chosen(url, variables)
            .expect("no failure")
            .map(|proxy| format!("{}:{}", proxy.host, proxy.port))
    }

    #[test]
    fn the_proxy_comes_from_the_environment() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(host("https://x", &[]), None);
        assert_eq!(host("https://x", &[("https_proxy", "")]), None);
        assert_eq!(host("https://x", &[("HTTPS_PROXY", "p:1")]), some("p:1"));
        let both = [("https_proxy", "http://p/"), ("HTTPS_PROXY", "q")];
        assert_eq!(host("https://x", &both), some("p:1080"));
        assert_eq!(host("http://x", &[("HTTP_PROXY", "p:1")]), None);
        assert_eq!(host("http://x", &[("ALL_PROXY", "[::1]:3")]), some("::1:3"));
        assert_eq!(
            host("http://x", &[("all_proxy", "[::1]")]),
            some("::1:1080")
        );
    }

    #[test]
    fn hosts_in_no_proxy_are_connected_directly() {
        let direct = |url: &str, list: &str| {
            host(url, &[("https_proxy", "p"), ("no_proxy", list)]).is_none()
        };
        for list in ["*", "x.y", ".y", "Y", "a, x.y", "a x.y."] {
            assert!(direct("https://X.y/", list), "{list}");
        }
        for list in ["", ",", "a", ".x.y.z", ".y.x", "1.2.3.4", "10.0.0.0/8"] {
            assert!(!direct("https://x.y/", list), "{list}");
        }
        assert!(!direct("https://xy/", "y"));
        for list in ["10.1.2.3", "10.0.0.0/8", "10.1.2.2/31", "0.0.0.0/0"] {
            assert!(direct("https://10.1.2.3/", list), "{list}");
        }
        for list in ["3", "10.1.2.2/32", "10.1.2.4/31", "::/0", "10.0.0.0/x"] {
            assert!(!direct("https://10.1.2.3/", list), "{list}");
        }
        assert!(direct("https://[fe80::1]/", "[fe80::1]"));
        assert!(direct("https://[fe80::1]/", "fe80::/10"));
    }

    #[test]
    fn other_kinds_of_proxies_are_rejected() {
        let error = chosen("https://x", &[("https_proxy", "socks5://p")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Couldn't connect to server (Unsupported proxy scheme for 'socks5')"
        );
        for bad in ["http://", "p:0", "p:x", "p:65536"] {
            let error = chosen("https://x", &[("https_proxy", bad)]).unwrap_err();
            assert_eq!(error.kind, kind::RESOLVE_PROXY, "{bad}");
        }
    }

    #[test]
    fn a_tunnel_is_requested_with_credentials() {
        let url = Url::parse(b"https://x/", false).unwrap();
        let text = |proxy: &str| {
            let proxy = parse(proxy).unwrap();
            String::from_utf8(proxy.tunnel_request(&url).to_vec()).unwrap()
        };
        let start = "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n";
        assert_eq!(text("p"), format!("{start}\r\n"));
        let header = "Proxy-Authorization: Basic dTpwQA==\r\n";
        assert_eq!(text("u:p%40@p"), format!("{start}{header}\r\n"));
    }
}
