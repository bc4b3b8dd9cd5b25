//! `--grace` ends idle clients: those for which the server has answered everything.

use crate::support::postgres::Postgres;
use crate::support::process::End;
use crate::support::session::wait_until;

use super::Proxy;
use super::raw::{Raw, session};

/// A message of this type.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
}

/// Prepares and executes `sql`, and sends Sync.
fn execute(client: &mut Raw, sql: &str) {
    let parse = message(b'P', format!("\0{sql}\0\0\0").as_bytes());
    let bind = message(b'B', &[0; 8]);
    let execute = message(b'E', &[0; 5]);
    client.send(&[parse, bind, execute, message(b'S', b"")].concat());
}

/// The types of the messages up to the error that ends the session.
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

/// A client is ended only after it has had a chance to disconnect.
#[test]
fn all_clients_are_told_before_any_is_ended() {
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

/// libpq sends a Sync after the Execute of a COPY, which the server ignores, and another after the data.
#[test]
fn a_copy_is_finished_before_its_client_is_ended() {
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

/// Reads and discards messages up to one of this type.
#[track_caller]
fn read_to(client: &mut Raw, kind: u8) {
    while client.read_message().0 != kind {}
}

/// After an error in the extended protocol the server skips all messages up to a Sync, including queries.
#[test]
fn messages_that_the_server_skips_are_not_waited_for() {
    for server in [Postgres::shared(), Postgres::shared_debian15()] {
        let proxy = Proxy::start(server, &["--spread", "0", "--grace", "0.1"]);
        let mut query = session(&proxy, &[]);
        query.send(&message(b'P', b"\0SELECT 1/\0\0\0"));
        read_to(&mut query, b'E');
        query.query("SELECT 2");
        query.send(&message(b'S', b""));
        read_to(&mut query, b'Z');
        // The same, sent in one write.
        let mut at_once = session(&proxy, &[]);
        let failing = message(b'P', b"\0SELECT 1/\0\0\0");
        let skipped = message(b'Q', b"SELECT 2\0");
        let sync = message(b'S', b"");
        at_once.send(&[&failing[..], &skipped, &skipped, &sync, &skipped].concat());
        read_to(&mut at_once, b'Z');
        read_to(&mut at_once, b'Z');
        // A session that still skips messages is not idle.
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

/// Pseudorandom numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }
}

/// A FunctionCall of int4pl, or of a function that does not exist.
fn call(function: u32) -> Vec<u8> {
    let mut body = function.to_be_bytes().to_vec();
    body.extend(b"\0\x01\0\x01\0\x02\0\0\0\x04\0\0\0\x02\0\0\0\x04\0\0\0\x03\0\x01");
    message(b'F', &body)
}

/// Complete sequences of messages that a client may send.
fn sequences() -> Vec<Vec<u8>> {
    let parse = |sql: &str| message(b'P', format!("\0{sql}\0\0\0").as_bytes());
    let (bind, execute) = (message(b'B', &[0; 8]), message(b'E', &[0; 5]));
    let run = |sql: &str| [parse(sql), bind.clone(), execute.clone()].concat();
    let query = |sql: &str| message(b'Q', format!("{sql}\0").as_bytes());
    let (sync, data) = (message(b'S', b""), message(b'd', b"1\n"));
    let (bad, done) = (message(b'd', b"no number\n"), message(b'c', b""));
    let (fail, flush) = (message(b'f', b"why\0"), message(b'H', b""));
    let copy = "COPY t FROM STDIN";
    let describe = |what: &[u8]| message(b'D', what);
    vec![
        sync.clone(),
        sync.clone(),
        sync.clone(),
        flush,
        query("SELECT 1"),
        query(""),
        query("SELECT 1; SELECT 2"),
        query("SELECT 1/0"),
        query("SELECT generate_series(1, 50)"),
        run("SELECT 1"),
        run(""),
        run("SELECT 1/0"),
        parse("SELECT 1/"),
        [run("SELECT generate_series(1, 9)"), describe(b"P\0")].concat(),
        [parse("SELECT 1"), describe(b"S\0")].concat(),
        message(b'C', b"P\0"),
        [
            parse("SELECT generate_series(1, 9)"),
            bind.clone(),
            message(b'E', b"\0\0\0\0\x02"),
        ]
        .concat(),
        call(177),
        call(1),
        query("COPY (SELECT 1) TO STDOUT"),
        run("COPY (SELECT 1) TO STDOUT"),
        [query(copy), data.clone(), data.clone(), done.clone()].concat(),
        [query(copy), bad.clone(), data.clone(), done.clone()].concat(),
        [query(copy), data.clone(), fail.clone()].concat(),
        [run(copy), data.clone(), done.clone()].concat(),
        [
            run(copy),
            sync.clone(),
            data.clone(),
            done.clone(),
            sync.clone(),
        ]
        .concat(),
        [
            run(copy),
            sync.clone(),
            bad.clone(),
            done.clone(),
            sync.clone(),
        ]
        .concat(),
        [run(copy), sync.clone(), fail.clone(), sync.clone()].concat(),
        [data, done, fail].concat(),
    ]
}

/// The proxy must see that the server has answered everything, in whatever order the messages come, and whether the
/// client waits for replies or not.
#[test]
fn no_order_of_messages_leaves_a_session_busy() {
    const ROUNDS: usize = 150;
    let proxy = Proxy::start(Postgres::shared(), &[]);
    let sequences = sequences();
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut client = session(&proxy, &[]);
    client.query("CREATE TEMP TABLE t (a int)");
    read_to(&mut client, b'Z');
    for _ in 0..ROUNDS {
        let mut chosen = Vec::new();
        let mut sent = Vec::new();
        for _ in 0..1 + random.below(12) {
            let number = random.below(sequences.len());
            chosen.push(number);
            sent.extend_from_slice(&sequences[number]);
        }
        // A Sync ends all skipping, so this query is the last to be answered. The query before it may fail:
        // PostgreSQL 18 confuses its state once after a query between an Execute and its Sync.
        sent.extend(message(b'S', b""));
        sent.extend(message(b'Q', b"SELECT 1\0"));
        sent.extend(message(b'Q', b"SELECT 'the end'\0"));
        let pieces = 1 + random.below(4);
        for piece in sent.chunks(sent.len().div_ceil(pieces)) {
            client.send(piece);
        }
        loop {
            let (kind, body) = client.read_message();
            if kind == b'D' && body.ends_with(b"the end") {
                break;
            }
        }
        read_to(&mut client, b'Z');
        wait_until("idle", || {
            let state = proxy.clients()[0]["state"].clone();
            assert!(state == "idle" || state == "active", "{state} {chosen:?}");
            let state = state.as_str().unwrap_or_default().to_owned();
            if state == "idle" {
                state
            } else {
                format!("{state} {chosen:?}")
            }
        });
    }
}
