//! `--grace` ends who is idle: whom the server has answered everything.

use crate::support::postgres::Postgres;
use crate::support::process::End;

use super::Proxy;
use super::raw::{Raw, session};

/// A message of this type.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
}

/// Has `sql` executed, and sends Sync.
fn execute(client: &mut Raw, sql: &str) {
    let parse = message(b'P', format!("\0{sql}\0\0\0").as_bytes());
    let bind = message(b'B', &[0; 8]);
    let execute = message(b'E', &[0; 5]);
    client.send(&[parse, bind, execute, message(b'S', b"")].concat());
}

/// The types of the messages up to the session's end, which is an error.
#[track_caller]
fn types_until_ended(client: &mut Raw) -> String {
    let mut types = String::new();
    while !types.ends_with('E') {
        types.push(char::from(client.read_message().0));
    }
    assert_eq!(client.read_to_end(), 0);
    types
}

#[test]
fn queries_sent_at_once_are_all_answered() {
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0", "--grace", "0.1"]);
    let mut simple = session(&proxy, &[]);
    let mut extended = session(&proxy, &[]);
    for _ in 0..3 {
        simple.query("SELECT pg_sleep(0.5)");
        execute(&mut extended, "SELECT pg_sleep(0.5)");
    }
    proxy.signal("TERM");
    assert_eq!(types_until_ended(&mut simple), "TDCZTDCZTDCZE");
    assert_eq!(types_until_ended(&mut extended), "12DCZ12DCZ12DCZE");
    assert_eq!(proxy.end().1, End::Exit(3));
}

#[test]
fn half_a_query_is_waited_for() {
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0", "--grace", "0.1"]);
    let mut half = session(&proxy, &[]);
    let mut no_sync = session(&proxy, &[]);
    let mut idle = session(&proxy, &[]);
    let query = message(b'Q', b"SELECT 1\0");
    half.send(&query[..7]);
    no_sync.send(&[message(b'P', b"\0SELECT 1\0\0\0"), message(b'H', b"")].concat());
    assert_eq!(no_sync.read_message().0, b'1');
    proxy.signal("TERM");
    assert_eq!(types_until_ended(&mut idle), "E");
    half.send(&query[7..]);
    assert_eq!(types_until_ended(&mut half), "TDCZE");
    no_sync.send(&message(b'S', b""));
    assert_eq!(types_until_ended(&mut no_sync), "ZE");
    assert_eq!(proxy.end().1, End::Exit(3));
}

/// Nobody is ended who could not have left.
#[test]
fn everybody_is_told_before_anybody_is_ended() {
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "1", "--grace", "0"]);
    let mut clients: Vec<Raw> = (0..8)
        .map(|_| session(&proxy, &[("_pq_.goaway", "")]))
        .collect();
    proxy.signal("TERM");
    for client in &mut clients {
        assert_eq!(types_until_ended(client), "gE");
    }
    assert_eq!(proxy.end().1, End::Exit(3));
}

/// libpq sends Sync behind the Execute of a COPY, which the server ignores, and another behind its data.
#[test]
fn copy_is_waited_for_and_then_idle() {
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0", "--grace", "0.1"]);
    let mut copy = session(&proxy, &[]);
    copy.query("CREATE TEMPORARY TABLE t (x integer)");
    while copy.read_message().0 != b'Z' {}
    let mut failed = session(&proxy, &[]);
    failed.query("CREATE TEMPORARY TABLE t (x integer)");
    while failed.read_message().0 != b'Z' {}
    let mut idle = session(&proxy, &[]);
    for client in [&mut copy, &mut failed] {
        execute(client, "COPY t FROM STDIN");
        for kind in b"12G" {
            assert_eq!(client.read_message().0, *kind);
        }
    }
    failed.send(&message(b'd', b"no number\n"));
    assert_eq!(failed.read_message().0, b'E');
    proxy.signal("TERM");
    assert_eq!(types_until_ended(&mut idle), "E");
    copy.send(
        &[
            message(b'd', b"1\n"),
            message(b'c', b""),
            message(b'S', b""),
        ]
        .concat(),
    );
    assert_eq!(types_until_ended(&mut copy), "CZE");
    failed.send(&[message(b'c', b""), message(b'S', b"")].concat());
    assert_eq!(types_until_ended(&mut failed), "ZE");
    assert_eq!(proxy.end().1, End::Exit(3));
}

/// Reads and forgets what comes up to a message of this type.
#[track_caller]
fn read_to(client: &mut Raw, kind: u8) {
    while client.read_message().0 != kind {}
}

/// After an error in the extended protocol the server skips all up to a Sync: queries, too.
#[test]
fn what_the_server_skips_is_not_waited_for() {
    for server in [Postgres::shared(), Postgres::shared_debian15()] {
        let proxy = Proxy::start(server, &["--spread", "0", "--grace", "0.1"]);
        let mut query = session(&proxy, &[]);
        query.send(&message(b'P', b"\0SELECT 1/\0\0\0"));
        read_to(&mut query, b'E');
        query.query("SELECT 2");
        query.send(&message(b'S', b""));
        read_to(&mut query, b'Z');
        // The same, sent at once.
        let mut at_once = session(&proxy, &[]);
        let failing = message(b'P', b"\0SELECT 1/\0\0\0");
        let skipped = message(b'Q', b"SELECT 2\0");
        let sync = message(b'S', b"");
        at_once.send(&[&failing[..], &skipped, &skipped, &sync, &skipped].concat());
        read_to(&mut at_once, b'Z');
        read_to(&mut at_once, b'Z');
        // One that still skips is not idle.
        let mut skipping = session(&proxy, &[]);
        skipping.send(&failing);
        read_to(&mut skipping, b'E');
        skipping.query("SELECT 2");
        proxy.signal("TERM");
        assert_eq!(types_until_ended(&mut query), "E");
        assert_eq!(types_until_ended(&mut at_once), "E");
        skipping.send(&sync);
        assert_eq!(types_until_ended(&mut skipping), "ZE");
        assert_eq!(proxy.end().1, End::Exit(3));
    }
}
