use super::*;

#[test]
fn parses_lists_of_methods() {
    use auth_bit::*;
    let cases = [
        ("password", PASSWORD, true),
        ("md5,scram-sha-256", MD5 | SCRAM, true),
        ("gss,sspi,oauth", GSS | SSPI | OAUTH, true),
        ("none", NONE, false),
        ("none,password", NONE | PASSWORD, false),
        ("!password", ALL & !PASSWORD, false),
        ("!gss,!sspi", ALL & !GSS & !SSPI, false),
        ("!none", ALL & !NONE, true),
        ("!password,!none", ALL & !NONE & !PASSWORD, true),
        (
            "!none,!password,!md5,!gss,!sspi,!scram-sha-256,!oauth",
            0,
            true,
        ),
    ];
    for (text, allowed, required) in cases {
        let expected = RequireAuth {
            text: text.into(),
            allowed,
            required,
        };
        assert_eq!(parse(text.as_bytes()), Ok(expected), "{text}");
    }
}

#[test]
fn rejects_invalid_lists() {
    let negative =
        "negative require_auth method \"!md5\" cannot be mixed with non-negative methods";
    let twice = |method| format!("require_auth method \"{method}\" is specified more than once");
    let cases = [
        (
            "nonsense",
            "invalid require_auth value: \"nonsense\"".to_owned(),
        ),
        ("password,", "invalid require_auth value: \"\"".to_owned()),
        ("!", "invalid require_auth value: \"\"".to_owned()),
        ("!!md5", "invalid require_auth value: \"!md5\"".to_owned()),
        ("MD5", "invalid require_auth value: \"MD5\"".to_owned()),
        (
            "md5, md5",
            "invalid require_auth value: \" md5\"".to_owned(),
        ),
        ("password,!md5", negative.to_owned()),
        (
            "!password,md5",
            "require_auth method \"md5\" cannot be mixed with negative methods".to_owned(),
        ),
        (
            "!password,nonsense",
            "require_auth method \"nonsense\" cannot be mixed with negative methods".to_owned(),
        ),
        ("md5,md5", twice("md5")),
        ("none,md5,none", twice("none")),
        ("!none,!none", twice("!none")),
        (
            "!scram-sha-256,!md5,!scram-sha-256",
            twice("!scram-sha-256"),
        ),
        ("oauth,oauth", twice("oauth")),
    ];
    for (text, complaint) in cases {
        assert_eq!(parse(text.as_bytes()), Err(complaint.into()), "{text}");
    }
}
