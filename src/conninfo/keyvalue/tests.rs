use super::*;
use crate::conninfo::options::tests::shown;

fn text(message: ErrorText) -> String {
    message.to_string()
}

fn read(conninfo: &str) -> Result<String, String> {
    parse(conninfo.as_bytes())
        .map(|options| shown(&options))
        .map_err(text)
}

#[test]
fn parses_strings() {
    let cases = [
        ("", ""),
        (" \t\n\u{b}\u{c}\r", ""),
        ("host=h", "host=h"),
        ("host=h port=1", "host=h port=1"),
        ("  host  =  h  port\n=\n1\t", "host=h port=1"),
        ("host=a host=b", "host=b"),
        ("host=a host=", "host="),
        ("host= port=1", "host=port=1"),
        ("host='' port=1", "host= port=1"),
        ("host='a b'", "host=a b"),
        ("host='a'port=1", "host=a port=1"),
        (r"host='it\'s \\'", r"host=it's \"),
        (r"host=it\'s", "host=it's"),
        (r"host=a\ b", "host=a b"),
        (r"host=\x", "host=x"),
        (r"host=a\", "host=a"),
        ("host=a'b'", "host=a'b'"),
        ("host=a=b", "host=a=b"),
        ("options='-c a=b'", "options=-c a=b"),
        ("requiressl=1", "sslmode=require"),
        ("requiressl=x", "sslmode=prefer"),
        ("sslmode=allow requiressl=1", "sslmode=require"),
        ("goaway=notice", "goaway=notice"),
        ("servicefile=/a", "servicefile=/a"),
        ("postgres://h/d", "dbname=d host=h"),
    ];
    for (conninfo, said) in cases {
        assert_eq!(read(conninfo).as_deref(), Ok(said), "{conninfo}");
    }
}

#[test]
fn rejects_invalid_strings() {
    let missing = |keyword| format!("missing \"=\" after \"{keyword}\" in connection info string");
    let cases = [
        ("host", missing("host")),
        ("host port=1", missing("host")),
        ("host=a postgres", missing("postgres")),
        ("postgre://", missing("postgre://")),
        (" postgres://h", missing("postgres://h")),
        (
            "host='a",
            "unterminated quoted string in connection info string".to_owned(),
        ),
        (
            r"host='a\'",
            "unterminated quoted string in connection info string".to_owned(),
        ),
        (
            r"host='a\",
            "unterminated quoted string in connection info string".to_owned(),
        ),
        ("uzer=a", "invalid connection option \"uzer\"".to_owned()),
        ("HOST=a", "invalid connection option \"HOST\"".to_owned()),
        ("=a", "invalid connection option \"\"".to_owned()),
        (
            "'host'=a",
            "invalid connection option \"'host'\"".to_owned(),
        ),
        (
            "uzer=a host='",
            "invalid connection option \"uzer\"".to_owned(),
        ),
        (
            "uzer= 'a",
            "unterminated quoted string in connection info string".to_owned(),
        ),
        ("tty=a", "invalid connection option \"tty\"".to_owned()),
    ];
    for (conninfo, complaint) in cases {
        assert_eq!(read(conninfo), Err(complaint), "{conninfo}");
    }
}

#[test]
fn recognizes_connection_strings() {
    for text in ["a=b", "=", "postgres://", "postgresql://h", "x y=z"] {
        assert!(recognized_connection_string(text.as_bytes()), "{text}");
    }
    for text in ["", "mydb", "postgres:/", "/a/b"] {
        assert!(!recognized_connection_string(text.as_bytes()), "{text}");
    }
}

type Pair = (&'static str, Option<&'static str>);

fn arrays(pairs: &[Pair], expand_dbname: bool) -> Result<String, String> {
    let pairs: Vec<(&[u8], Option<&[u8]>)> = pairs
        .iter()
        .map(|pair| (pair.0.as_bytes(), pair.1.map(str::as_bytes)))
        .collect();
    let read = parse_arrays(&pairs, expand_dbname);
    read.map(|options| shown(&options)).map_err(text)
}

#[test]
fn arrays_without_expansion() {
    let cases: [(&[Pair], &str); 5] = [
        (&[], ""),
        (&[("host", Some("a")), ("host", Some("b"))], "host=b"),
        (
            &[("host", Some("a")), ("host", Some("")), ("host", None)],
            "host=a",
        ),
        (
            &[
                ("nonsense", None),
                ("nonsense", Some("")),
                ("port", Some("1")),
            ],
            "port=1",
        ),
        (&[("dbname", Some("host=a"))], "dbname=host=a"),
    ];
    for (pairs, said) in cases {
        assert_eq!(arrays(pairs, false).as_deref(), Ok(said), "{pairs:?}");
    }
}

#[test]
fn arrays_with_expansion() {
    let expanded = ("dbname", Some("host=x user=x dbname=x"));
    let cases: [(&[Pair], &str); 8] = [
        (&[("dbname", Some("plain"))], "dbname=plain"),
        (&[expanded], "user=x dbname=x host=x"),
        (
            &[("dbname", Some("postgres://u@h/d"))],
            "user=u dbname=d host=h",
        ),
        (
            &[("user", Some("before")), expanded],
            "user=x dbname=x host=x",
        ),
        (
            &[expanded, ("user", Some("after"))],
            "user=after dbname=x host=x",
        ),
        (
            &[expanded, ("dbname", Some("host=y"))],
            "user=x dbname=host=y host=x",
        ),
        (&[("dbname", None), expanded], "user=x dbname=x host=x"),
        (
            &[("dbname", Some("")), ("dbname", Some("host=x"))],
            "dbname=host=x",
        ),
    ];
    for (pairs, said) in cases {
        assert_eq!(arrays(pairs, true).as_deref(), Ok(said), "{pairs:?}");
    }
}

#[test]
fn rejects_invalid_arrays() {
    let cases: [(&[Pair], &str); 4] = [
        (&[("uzer", Some("a"))], "invalid connection option \"uzer\""),
        (
            &[("requiressl", Some("1"))],
            "invalid connection option \"requiressl\"",
        ),
        (&[("", Some("1"))], "invalid connection option \"\""),
        // The string is parsed first.
        (
            &[("uzer", Some("a")), ("dbname", Some("x=1"))],
            "invalid connection option \"x\"",
        ),
    ];
    for (pairs, complaint) in cases {
        assert_eq!(
            arrays(pairs, true).err().as_deref(),
            Some(complaint),
            "{pairs:?}"
        );
    }
}
