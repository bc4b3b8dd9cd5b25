use super::*;
use crate::conninfo::options::tests::shown;

fn read(uri: &str) -> Result<String, String> {
    let text = |message: ErrorText| message.to_string();
    parse(uri.as_bytes())
        .map(|options| shown(&options))
        .map_err(text)
}

#[test]
fn parses_uris() {
    let cases = [
        ("postgresql://", ""),
        ("postgres://", ""),
        ("postgres:///", ""),
        ("postgresql://h", "host=h"),
        ("postgresql://h/", "host=h"),
        ("postgresql://h?", "host=h"),
        ("postgresql://h/?", "host=h"),
        ("postgresql://h/d", "dbname=d host=h"),
        ("postgresql://h:99", "host=h port=99"),
        ("postgresql://h:99/", "host=h port=99"),
        ("postgresql://h:99/d", "dbname=d host=h port=99"),
        ("postgresql://u@", "user=u"),
        ("postgresql://u@h/", "user=u host=h"),
        ("postgresql://u@h:99/", "user=u host=h port=99"),
        ("postgresql://u@h:99/d", "user=u dbname=d host=h port=99"),
        (
            "postgresql://u:p@h:99/d",
            "user=u password=p dbname=d host=h port=99",
        ),
        ("postgres://:p@h", "password=p host=h"),
        ("postgres://u:@h", "user=u host=h"),
        ("postgres://u:a:b@h", "user=u password=a:b host=h"),
        ("postgres://u:p@x@h", "user=u password=p host=x@h"),
        ("postgres://@h", "host=h"),
        ("postgres://h:/", "host=h"),
        ("postgres://:99/", "port=99"),
        ("postgres:///d", "dbname=d"),
        ("postgres:///a/b", "dbname=a/b"),
        ("postgres://u@/d", "user=u dbname=d"),
        ("postgres://h:1:2/", "host=h port=1:2"),
        // a "?" does not end the search for credentials, a "/" does
        ("postgres://h?user=a@b", "user=h?user=a host=b"),
        ("postgres://h/a@b", "dbname=a@b host=h"),
    ];
    for (uri, said) in cases {
        assert_eq!(read(uri).as_deref(), Ok(said), "{uri}");
    }
}

#[test]
fn parses_addresses_in_brackets_and_host_lists() {
    let cases = [
        ("postgresql://[::1]", "host=::1"),
        ("postgresql://[::1]/d", "dbname=d host=::1"),
        ("postgresql://[::1]:99/d", "dbname=d host=::1 port=99"),
        ("postgresql://[::1]?user=u", "user=u host=::1"),
        ("postgresql://[2001:db8::1234]/", "host=2001:db8::1234"),
        ("postgresql://[200z:db8::1234]/", "host=200z:db8::1234"),
        ("postgresql://a,b", "host=a,b port=,"),
        ("postgresql://a:1,b:2/d", "dbname=d host=a,b port=1,2"),
        ("postgresql://a,[::1]:2,c?port=5", "host=a,::1,c port=5"),
        ("postgresql://u@a,,c/", "user=u host=a,,c port=,,"),
        ("postgresql://,", "host=, port=,"),
    ];
    for (uri, said) in cases {
        assert_eq!(read(uri).as_deref(), Ok(said), "{uri}");
    }
}

#[test]
fn decodes_parameters() {
    let cases = [
        ("postgresql://%68/", "host=h"),
        ("postgres://%2Fvar%2flib/d", "dbname=d host=/var/lib"),
        ("postgres://a%3ab:%40%2F@h", "user=a:b password=@/ host=h"),
        ("postgresql://h/%20", "dbname=  host=h"),
        ("postgresql://h?user=u", "user=u host=h"),
        ("postgresql://h:99?user=u", "user=u host=h port=99"),
        (
            "postgresql://h/d?user=u&port=99",
            "user=u dbname=d host=h port=99",
        ),
        (
            "postgresql://h/d?u%73er=u&port=99&",
            "user=u dbname=d host=h port=99",
        ),
        ("postgresql://h?user=", "user= host=h"),
        ("postgresql://?hostaddr=127.0.0.1", "hostaddr=127.0.0.1"),
        ("postgresql://h?hostaddr=1.2.3.4", "host=h hostaddr=1.2.3.4"),
        ("postgres://?host=/a/b", "host=/a/b"),
        ("postgres://u@?host=/a", "user=u host=/a"),
        ("postgres://u@/?host=/a", "user=u host=/a"),
        ("postgres://u@:99?host=/a", "user=u host=/a port=99"),
        (
            "postgres://u@:99/d?host=/a",
            "user=u dbname=d host=/a port=99",
        ),
        ("postgres://:99?host=/a", "host=/a port=99"),
        ("postgresql://h?dbname=a/b?c", "dbname=a/b?c host=h"),
        ("postgresql://h?options=-c%20a%3Db", "host=h options=-c a=b"),
        ("postgresql://h?ssl=true", "host=h sslmode=require"),
        ("postgresql://h?requiressl=1", "host=h sslmode=require"),
        ("postgresql://h?requiressl=0", "host=h sslmode=prefer"),
        (
            "postgresql://h?  user = u & port  = 99 ",
            "user=u host=h port=99",
        ),
        ("postgresql://  u  @  h  /  d  ", "user=u dbname=d host=h"),
    ];
    for (uri, said) in cases {
        assert_eq!(read(uri).as_deref(), Ok(said), "{uri}");
    }
}

#[test]
fn rejects_invalid_uris() {
    let cases = [
        (
            "postgresql://h?uzer=",
            "invalid URI query parameter: \"uzer\"",
        ),
        (
            "postgresql://h/d?u%7aer=x&port=1",
            "invalid URI query parameter: \"uzer\"",
        ),
        (
            "postgresql://h?ssl=false",
            "invalid URI query parameter: \"ssl\"",
        ),
        ("postgresql://h?=x", "invalid URI query parameter: \"\""),
        (
            "postgres://[::1",
            "end of string reached when looking for matching \"]\" in IPv6 host address in URI: \"postgres://[::1\"",
        ),
        (
            "postgres://[]",
            "IPv6 host address may not be empty in URI: \"postgres://[]\"",
        ),
        (
            "postgres://[::1]z",
            "unexpected character \"z\" at position 17 in URI (expected \":\" or \"/\"): \"postgres://[::1]z\"",
        ),
        (
            "postgres://a,[::1]zy/d",
            "unexpected character \"z\" at position 19 in URI (expected \":\" or \"/\"): \"postgres://a,[::1]zy/d\"",
        ),
        (
            "postgresql://h?z",
            "missing key/value separator \"=\" in URI query parameter: \"z\"",
        ),
        (
            "postgresql://h?v&w",
            "missing key/value separator \"=\" in URI query parameter: \"v\"",
        ),
        (
            "postgresql://h?&",
            "missing key/value separator \"=\" in URI query parameter: \"\"",
        ),
        (
            "postgresql://h?k=k=v",
            "extra key/value separator \"=\" in URI query parameter: \"k\"",
        ),
        (
            "postgres://h?dbname=%XXf",
            "invalid percent-encoded token: \"%XXf\"",
        ),
        ("postgresql://%zz", "invalid percent-encoded token: \"%zz\""),
        (
            "postgresql://a,b%1",
            "invalid percent-encoded token: \"a,b%1\"",
        ),
        ("postgresql://%", "invalid percent-encoded token: \"%\""),
        (
            "postgresql://u%4:p@h",
            "invalid percent-encoded token: \"u%4\"",
        ),
        (
            "postgresql://a%00b",
            "forbidden value %00 in percent-encoded value: \"a%00b\"",
        ),
        (
            "postgresql://h?  user user  =  u  & port = 1 ",
            "unexpected spaces found in \"  user user  \", use percent-encoded spaces (%20) instead",
        ),
        (
            "postgresql://h?  user  =  u  & port = 12 3 ",
            "unexpected spaces found in \" 12 3 \", use percent-encoded spaces (%20) instead",
        ),
    ];
    for (uri, complaint) in cases {
        assert_eq!(read(uri).err().as_deref(), Some(complaint), "{uri}");
    }
}

#[test]
fn recognizes_schemes() {
    for text in [
        "postgre://",
        "postgresql:/",
        "Postgresql://",
        " postgresql://",
        "",
    ] {
        assert_eq!(prefix_length(text.as_bytes()), 0, "{text}");
    }
    assert_eq!(prefix_length(b"postgresql://x"), 13);
    assert_eq!(prefix_length(b"postgres://x"), 11);
}
