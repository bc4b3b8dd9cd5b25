use super::*;
use crate::conninfo::options::Opt;
use crate::conninfo::options::tests::{options, shown};

fn parsed(url: &str) -> Query {
    Query::parse(url.as_bytes()).unwrap()
}

#[test]
fn parses_urls() {
    let query = parsed("LDAP://h:1389/dc=example,dc=net?description?Sub?(cn=db)?more");
    assert_eq!(query.host, b"h");
    assert_eq!(query.port, 1389);
    assert_eq!(query.base, b"dc=example,dc=net");
    assert_eq!(query.attribute, b"description");
    assert_eq!(query.scope, Scope::Subtree);
    assert_eq!(query.filter, b"(cn=db)");
    let query = parsed("ldap:///b?a?base?f");
    assert_eq!((query.host.as_slice(), query.port), (DEFAULT_HOST, 389));
    assert_eq!(query.scope, Scope::Base);
    let query = parsed("ldap://h/b?a?one?f");
    assert_eq!((query.host.as_slice(), query.port), (&b"h"[..], 389));
    assert_eq!(query.scope, Scope::One);
}

#[test]
fn rejects_invalid_urls() {
    let one = "must have exactly one attribute";
    let scope = "must have search scope (base/one/sub)";
    let cases = [
        ("ldaps://h/b?a?base?f", "scheme must be ldap://"),
        ("ldap", "scheme must be ldap://"),
        ("ldap://", "missing distinguished name"),
        ("ldap://h", "missing distinguished name"),
        ("ldap://h/", "missing distinguished name"),
        ("ldap://h/?a?base?f", "missing distinguished name"),
        ("ldap://h/b", one),
        ("ldap://h/b?", one),
        ("ldap://h/b??base?f", one),
        ("ldap://h/b?a,b?base?f", one),
        ("ldap://h/b?a", scope),
        ("ldap://h/b?a??f", scope),
        ("ldap://h/b?a?all?f", scope),
        ("ldap://h/b?a?base", "no filter"),
        ("ldap://h/b?a?base?", "no filter"),
        ("ldap://h:/b?a?base?f", "invalid port number"),
        ("ldap://h:65536/b?a?base?f", "invalid port number"),
        ("ldap://h:-1/b?a?base?f", "invalid port number"),
        ("ldap://[::1]:389/b?a?base?f", "invalid port number"),
    ];
    for (url, why) in cases {
        let complaint = format!("invalid LDAP URL \"{url}\": {why}");
        assert_eq!(Query::parse(url.as_bytes()), Err(complaint.into()));
    }
}

fn applied(values: &[&str], given: &[(Opt, &str)]) -> Result<String, String> {
    let mut options = options(given);
    let values: Vec<Vec<u8>> = values.iter().map(|value| value.as_bytes().into()).collect();
    let outcome = apply(&values, &mut options);
    outcome
        .map(|()| shown(&options))
        .map_err(|message| message.to_string())
}

#[test]
fn parses_values() {
    let cases: [(&[&str], &str); 8] = [
        (&["host=h port=1"], "host=h port=1"),
        (&["host=h", "port=1"], "host=h port=1"),
        (&["host = \t'a b'\r\nport=1"], "host=a b port=1"),
        (&["host='a\\'b\\\\c'"], "host=a'b\\c"),
        (&["host=a\\b"], "host=a\\b"),
        (&["host=", "port=1"], "host= port=1"),
        (&["host=a host=b"], "host=a"),
        (&["host=a\0port=1"], "host=a"),
    ];
    for (values, said) in cases {
        assert_eq!(applied(values, &[]).as_deref(), Ok(said), "{values:?}");
    }
    assert_eq!(applied(&[], &[]).as_deref(), Ok(""));
    let explicit = applied(&["host=h port=1"], &[(Opt::Host, "given")]);
    assert_eq!(explicit.as_deref(), Ok("host=given port=1"));
}

#[test]
fn rejects_invalid_values() {
    let cases: [(&[&str], &str); 5] = [
        (
            &["host", "port=1"],
            "missing \"=\" after \"host\nport=1\n\" in connection info string",
        ),
        (
            &["host x=1"],
            "missing \"=\" after \"host\" in connection info string",
        ),
        (&["nonsense=1"], "invalid connection option \"nonsense\""),
        (
            &["host='a"],
            "unterminated quoted string in connection info string",
        ),
        (
            &["host='a\\"],
            "unterminated quoted string in connection info string",
        ),
    ];
    for (values, complaint) in cases {
        assert_eq!(
            applied(values, &[]),
            Err(complaint.to_owned()),
            "{values:?}"
        );
    }
}
