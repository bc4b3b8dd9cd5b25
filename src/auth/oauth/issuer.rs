//! Issuer identifiers and the URLs of their discovery documents (RFC 8414, OpenID Connect Discovery).

const WELL_KNOWN: &str = "/.well-known/";
const SUFFIXES: [&str; 2] = ["openid-configuration", "oauth-authorization-server"];

/// Whether the text is the URL of a discovery document and not an issuer identifier.
pub fn is_discovery_uri(text: &str) -> bool {
    text.contains(WELL_KNOWN)
}

/// Whether a URL begins with https, in upper or lower case.
#[cfg(feature = "oauth")]
pub fn uses_https(uri: &str) -> bool {
    after_scheme(uri, "https://").is_some()
}

fn after_scheme<'a>(uri: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = uri.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// The issuer that a discovery document's URL belongs to. The error is libpq's text.
///
/// `allow_http` is for tests only.
pub fn of_discovery_uri(uri: &str, allow_http: bool) -> Result<String, String> {
    let complain = |what: &str| Err(format!("OAuth discovery URI \"{uri}\" {what}"));
    let http = || after_scheme(uri, "http://").filter(|_| allow_http);
    let Some(authority) = after_scheme(uri, "https://").or_else(http) else {
        return complain("must use HTTPS");
    };
    // Checked first, so that the checks below do not match inside them.
    if authority.contains(['?', '#']) {
        return complain("must not contain query or fragment components");
    }
    let Some(at) = authority.find(WELL_KNOWN) else {
        return complain("is not a .well-known URI");
    };
    let (before, rest) = authority.split_at(at);
    let rest = &rest[WELL_KNOWN.len()..];
    let after = SUFFIXES.iter().find_map(|suffix| rest.strip_prefix(suffix));
    let Some(after) = after.filter(|after| after.is_empty() || after.starts_with('/')) else {
        return complain("uses an unsupported .well-known suffix");
    };
    // Before or after the issuer's path, but not in the middle of it.
    if !after.is_empty() && before.contains('/') {
        return complain("uses an invalid format");
    }
    let scheme = &uri[..uri.len() - authority.len()];
    Ok([scheme, before, after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extracts_the_issuer_from_both_forms() {
        let cases = [
            ("https://x/.well-known/openid-configuration", "https://x"),
            (
                "HTTPS://x/a/.well-known/openid-configuration",
                "HTTPS://x/a",
            ),
            (
                "https://x/.well-known/oauth-authorization-server/a/b",
                "https://x/a/b",
            ),
            ("https://x/.well-known/openid-configuration/", "https://x/"),
        ];
        for (uri, issuer) in cases {
            assert!(is_discovery_uri(uri));
            assert_eq!(of_discovery_uri(uri, false).as_deref(), Ok(issuer));
        }
        let http = "http://x/.well-known/openid-configuration";
        assert_eq!(of_discovery_uri(http, true).as_deref(), Ok("http://x"));
    }

    #[test]
    fn rejects_other_urls() {
        let cases = [
            (
                "http://x/.well-known/openid-configuration",
                "must use HTTPS",
            ),
            ("https:/x", "must use HTTPS"),
            ("é", "must use HTTPS"),
            ("https://x", "is not a .well-known URI"),
            (
                "https://x/?/.well-known/openid-configuration",
                "must not contain query or fragment components",
            ),
            (
                "https://x/#/.well-known/openid-configuration",
                "must not contain query or fragment components",
            ),
            (
                "https://x/.well-known/other",
                "uses an unsupported .well-known suffix",
            ),
            (
                "https://x/.well-known/openid-configuration-bad",
                "uses an unsupported .well-known suffix",
            ),
            (
                "https://x/a/.well-known/openid-configuration/b",
                "uses an invalid format",
            ),
        ];
        for (uri, what) in cases {
            let expected = format!("OAuth discovery URI \"{uri}\" {what}");
            assert_eq!(of_discovery_uri(uri, false), Err(expected));
        }
    }
}
