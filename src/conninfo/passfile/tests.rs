use super::*;

fn host(name: &str, address: &str, port: &str) -> Host {
    let text = |text: &str| Some(text.as_bytes().to_vec()).filter(|text| !text.is_empty());
    Host {
        host: text(name),
        hostaddr: text(address),
        port: text(port),
        ..Host::default()
    }
}

fn find(contents: &str, host: &Host) -> Option<String> {
    let found = password(contents.as_bytes(), host, b"db", b"me");
    found.map(|password| String::from_utf8(password).unwrap())
}

#[test]
fn the_first_matching_line_decides() {
    let host = host("h", "", "99");
    let cases = [
        ("h:99:db:me:secret", Some("secret")),
        ("*:*:*:*:secret\n", Some("secret")),
        ("h:99:db:me:secret\r\n", Some("secret")),
        ("h:99:db:me:first\nh:99:db:me:second\n", Some("first")),
        (
            "\n\nx:99:db:me:a\nh:98:db:me:b\nh:99:x:me:c\nh:99:db:you:d\n*:*:*:me:e",
            Some("e"),
        ),
        ("#h:99:db:me:a\nh:99:db:me:b", Some("b")),
        (" #h:99:db:me:a", None),
        ("h:99:db:me:", Some("")),
        ("h:99:db:me", None),
        ("h:99:db", None),
        ("**:99:db:me:a", None),
        ("h*:99:db:me:a", None),
        ("H:99:db:me:a", None),
        ("hh:99:db:me:a", None),
        ("", None),
    ];
    for (contents, password) in cases {
        assert_eq!(find(contents, &host).as_deref(), password, "{contents}");
    }
}

#[test]
fn backslashes_escape_the_next_byte() {
    let host = host("a:b\\c", "", "99");
    let cases = [
        (r"a\:b\\c:*:*:*:x", Some("x")),
        (r"a:b\\c:*:*:*:x", Some("x")),
        (r"\a\:b\\c:*:*:*:x", Some("x")),
        (r"a\:b\c:*:*:*:x", None),
        (r"a\:b\\c\:*:*:*:x", None),
        (r"*:*:*:*:x\:y\\z\w", Some(r"x:y\zw")),
        (r"*:*:*:*:x:y", Some("x")),
        (r"*:*:*:*:x\", Some(r"x\")),
        (r"\*:*:*:*:x", None),
    ];
    for (contents, password) in cases {
        assert_eq!(find(contents, &host).as_deref(), password, "{contents}");
    }
}

#[test]
fn names_of_hosts() {
    let socket_dir = std::str::from_utf8(DEFAULT_SOCKET_DIR).unwrap();
    let cases = [
        (host(socket_dir, "", ""), "localhost:5432:db:me:x"),
        (host("", "", ""), "localhost:5432:db:me:x"),
        (host("localhost", "", "5432"), "localhost:5432:db:me:x"),
        (host("/tmp", "", ""), "/tmp:5432:db:me:x"),
        (host("", "::1", ""), r"\:\:1:5432:db:me:x"),
        (host("h", "::1", ""), "h:5432:db:me:x"),
    ];
    for (host, line) in cases {
        assert_eq!(find(line, &host).as_deref(), Some("x"), "{line}");
        assert_eq!(find("other:5432:db:me:x", &host), None);
    }
}

#[test]
fn no_password_without_database_or_user() {
    let host = host("h", "", "");
    assert_eq!(password(b"*:*:*:*:x", &host, b"", b"me"), None);
    assert_eq!(password(b"*:*:*:*:x", &host, b"db", b""), None);
    assert_eq!(
        password(b"*:*:*:*:x\0y", &host, b"db", b"me"),
        Some(b"x".to_vec())
    );
}
