//! What the client sends before anything is encrypted: the server's name (SNI) and the protocol (ALPN).

use crate::support::paths::Lib;
use crate::support::program::Program;
use crate::support::script::Script;

const SERVER_NAME: u16 = 0;
const GROUPS: u16 = 10;
const ALPN: u16 = 16;
const KEY_SHARES: u16 = 51;

/// The extensions in a record with a ClientHello (RFC 8446, 4.1.2).
fn extensions(hello: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut rest = &hello[4 + 2 + 32..];
    let mut take = |width: usize| {
        let (length, after) = rest.split_at(width);
        let length = length
            .iter()
            .fold(0, |all, byte| all << 8 | usize::from(*byte));
        let (contents, after) = after.split_at(length);
        rest = after;
        contents
    };
    let (_session, _ciphers, _compression) = (take(1), take(2), take(1));
    let mut all = take(2);
    let mut found = Vec::new();
    while let [a, b, high, low, after @ ..] = all {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (contents, after) = after.split_at(length);
        found.push((u16::from_be_bytes([*a, *b]), contents.to_vec()));
        all = after;
    }
    found
}

/// The ClientHello that `lib` sends for `options`.
fn hello(lib: Lib, options: &str) -> Vec<(u16, Vec<u8>)> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let server = Script::new().connection(move |c| {
        let header = c.read(5);
        assert_eq!(header[0], 22, "a handshake");
        let record = c.read(usize::from(u16::from_be_bytes([header[3], header[4]])));
        sender.send(record).expect("the test receives");
        c.shutdown();
        c.drain();
    });
    let server = server.start();
    let line = format!(
        "{options} hostaddr=127.0.0.1 port={} user=u dbname=d sslmode=require sslnegotiation=direct gssencmode=disable\n",
        server.port()
    );
    Program::new("tls").run_with_input(lib, &[], &[], line.as_bytes());
    server.finish();
    extensions(&receiver.recv().expect("a hello"))
}

fn value(extensions: &[(u16, Vec<u8>)], kind: u16) -> Option<&[u8]> {
    let found = extensions.iter().find(|(known, _)| *known == kind);
    found.map(|(_, contents)| contents.as_slice())
}

#[test]
fn names_and_protocol() {
    for (options, named) in [
        ("host=good.test", true),
        ("host=GOOD.test", true),
        ("host=good.test sslsni=1", true),
        ("host=good.test sslsni=0", false),
        ("host=a_b.test", true),
        ("host=127.0.0.1", false),
        ("host=1.2", false),
        ("host=::1", false),
        ("", false),
    ] {
        let [expected, ours] = [Lib::Oracle, Lib::Ours].map(|lib| hello(lib, options));
        for kind in [SERVER_NAME, ALPN] {
            assert_eq!(
                value(&ours, kind),
                value(&expected, kind),
                "{options} {kind}"
            );
        }
        assert_eq!(value(&ours, SERVER_NAME).is_some(), named, "{options}");
        assert_eq!(
            value(&ours, ALPN),
            Some(&b"\0\x0b\x0apostgresql"[..]),
            "{options}"
        );
    }
}

/// rustls accepts only valid host names, and removes a dot at the end. Listed in docs/tls.md.
#[test]
fn names_that_are_not_host_names() {
    let name = |lib, host: &str| {
        let extensions = hello(lib, &format!("host={host}"));
        // A list with one entry: the list's length, a type, the name's length, the name.
        value(&extensions, SERVER_NAME).map(|list| String::from_utf8_lossy(&list[5..]).into_owned())
    };
    for (host, ours) in [
        ("db.1234", None),
        ("-lead.test", None),
        ("trail-.test", None),
        ("a..b", None),
        ("good.test.", Some("good.test")),
        ("a_b.test", Some("a_b.test")),
        ("under_score", Some("under_score")),
    ] {
        assert_eq!(name(Lib::Oracle, host).as_deref(), Some(host));
        assert_eq!(name(Lib::Ours, host).as_deref(), ours, "{host}");
    }
}

fn numbers(bytes: &[u8]) -> Vec<u16> {
    let pairs = bytes.chunks_exact(2);
    pairs
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
        .collect()
}

/// The groups that both libraries support are in the same order. secp521r1 is among them, without a key share.
#[test]
fn key_exchange_groups() {
    const X25519: u16 = 29;
    const SECP521R1: u16 = 25;
    const X25519_MLKEM768: u16 = 4588;
    let [expected, ours] = [Lib::Oracle, Lib::Ours].map(|lib| hello(lib, "host=good.test"));
    let groups = |extensions| numbers(&value(extensions, GROUPS).expect("groups")[2..]);
    let (expected, known) = (groups(&expected), groups(&ours));
    let common: Vec<u16> = known
        .iter()
        .copied()
        .filter(|group| expected.contains(group))
        .collect();
    let theirs: Vec<u16> = expected
        .into_iter()
        .filter(|group| known.contains(group))
        .collect();
    assert_eq!(common, theirs);
    assert!(common.contains(&SECP521R1), "{common:?}");
    let mut rest = &value(&ours, KEY_SHARES).expect("key shares")[2..];
    let mut shares = Vec::new();
    while let [a, b, high, low, after @ ..] = rest {
        shares.push(u16::from_be_bytes([*a, *b]));
        rest = &after[usize::from(u16::from_be_bytes([*high, *low]))..];
    }
    assert_eq!(shares, [X25519_MLKEM768, X25519]);
}
