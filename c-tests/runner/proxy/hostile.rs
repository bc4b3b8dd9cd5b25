//! Clients and servers that misbehave. The proxy must free everything that belongs to them.

use std::thread;
use std::time::Duration;

use super::raw::{Raw, session, startup};
use super::tls::{SSL_REQUEST, front};
use super::{Proxy, ask};
use crate::support::message::{auth_ok, goaway, message, ready};
use crate::support::paths::Lib;
use crate::support::postgres::{Postgres, Version};
use crate::support::script::Script;
use crate::support::session::wait_until;

#[test]
fn an_invalid_startup_closes_only_its_connection() {
    let proxy = Proxy::start(Postgres::shared(), &[]);
    let before = proxy.descriptors();
    let whole = startup(&[("user", "postgres")]);
    let mut unterminated = whole.clone();
    *unterminated.last_mut().expect("a byte") = b'x';
    let packets: [&[u8]; 8] = [
        b"\0\0\0\0\0\x03\0\0",
        b"\0\0\0\x07\0\x03\0\0",
        b"\xff\xff\xff\xff\0\x03\0\0",
        b"\0\0\x27\x11\0\x03\0\0",
        b"\0\0\0\x08\0\x02\0\0",
        b"\0\0\0\x09\x04\xd2\x16\x2fx",
        b"GET / HTTP/1.1\r\n\r\n",
        &unterminated,
    ];
    for packet in packets {
        let mut client = Raw::connect(proxy.port);
        client.send(packet);
        assert_eq!(client.read_message().0, b'E', "{}", packet.escape_ascii());
        assert_eq!(client.read_to_end(), 0);
    }
    for cut in 0..whole.len() {
        let mut client = Raw::connect(proxy.port);
        client.send(&whole[..cut]);
        client.shutdown();
        assert_eq!(client.read_to_end(), 0);
    }
    // Each request for encryption is declined once.
    let mut client = Raw::connect(proxy.port);
    client.send(b"\0\0\0\x08\x04\xd2\x16\x2f\0\0\0\x08\x04\xd2\x16\x2f");
    let mut answer = [0; 2];
    client.read_exact(&mut answer);
    assert_eq!(answer, *b"NE");
    drop(client);
    proxy.forgets_all(before);
}

#[test]
fn split_messages_are_reassembled() {
    let proxy = Proxy::start(Postgres::shared(), &[]);
    let mut client = Raw::connect(proxy.port);
    for byte in startup(&[("user", "postgres"), ("database", "postgres")]) {
        client.send(&[byte]);
    }
    while client.read_message().0 != b'Z' {}
    for byte in b"Q\0\0\0\x0dSELECT 1\0" {
        client.send(&[*byte]);
        thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(client.read_message().0, b'T');
}

#[test]
fn split_server_messages_do_not_delay_goaway() {
    let script = Script::new().connection(|c| {
        c.expect_startup();
        c.send_split(&[auth_ok(), ready(b'I')].concat());
        c.expect_query();
        c.send_split(&[message(b'D', &[7; 300]), ready(b'I')].concat());
        c.drain();
    });
    let server = script.start();
    let options = ["--no-watch", "--spread", "0"];
    let proxy = Proxy::to(&format!("127.0.0.1:{}", server.port()), &options);
    let mut client = session(&proxy, &[("_pq_.goaway", "")]);
    client.query("?");
    proxy.ctl(&["goaway"]).success();
    let mut messages = vec![
        client.read_message(),
        client.read_message(),
        client.read_message(),
    ];
    let at = messages.iter().position(|(kind, _)| *kind == b'g');
    messages.remove(at.expect("a GoAway message"));
    assert_eq!(messages, [(b'D', vec![7; 300]), (b'Z', b"I".to_vec())]);
    drop(client);
    drop(proxy);
    server.finish();
}

#[test]
fn a_client_that_sends_no_startup_packet_is_closed() {
    let options = [
        &front("good")[..],
        &["--startup-timeout".to_owned(), "1".to_owned()],
    ]
    .concat();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let proxy = Proxy::start(Postgres::shared(), &options);
    let before = proxy.descriptors();
    let whole = startup(&[("user", "postgres"), ("database", "postgres")]);
    let begins: [&[u8]; 5] = [
        b"",
        &whole[..3],
        &whole[..whole.len() - 1],
        &SSL_REQUEST,
        // The header of a TLS record.
        b"\x16\x03\x01\x02\0",
    ];
    let mut idle = session(&proxy, &[]);
    let mut clients: Vec<Raw> = begins
        .iter()
        .map(|bytes| {
            let mut client = Raw::connect(proxy.port);
            client.send(bytes);
            client
        })
        .collect();
    for (client, begin) in clients.iter_mut().zip(begins) {
        let answer: &[u8] = if begin == SSL_REQUEST { b"S" } else { b"" };
        assert_eq!(client.read_rest(), answer, "{}", begin.escape_ascii());
    }
    // Waiting does not end a session.
    assert_eq!(proxy.clients().len(), 1);
    idle.query("SELECT 1");
    assert_eq!(idle.read_until_ready().len(), 4);
    drop(idle);
    proxy.forgets_all(before);
}

/// What a client receives if the server itself sends GoAway during a reply, and the proxy's GoAway before or after
/// it.
#[track_caller]
fn goaways_received(asks: bool, told_before: bool) -> Vec<u8> {
    let script = Script::new().connection(|c| {
        c.expect_startup();
        c.send(&[auth_ok(), ready(b'I')].concat());
        c.expect_query();
        let row = message(b'D', &[7; 300]);
        let rows = [&row, &goaway()[..], &row, &goaway(), &ready(b'I')].concat();
        c.send(&rows);
        c.expect_query();
        // With a payload, and split.
        c.send_split(&[&goaway(), &message(b'g', b"why")[..], &row, &ready(b'I')].concat());
        c.drain();
    });
    let server = script.start();
    let options = ["--no-watch", "--spread", "0"];
    let proxy = Proxy::to(&format!("127.0.0.1:{}", server.port()), &options);
    let key: &[(&str, &str)] = if asks { &[("_pq_.goaway", "")] } else { &[] };
    let mut client = session(&proxy, key);
    let tell = || {
        proxy.ctl(&["goaway"]).success();
        proxy.has_told(usize::from(asks));
    };
    if told_before {
        tell();
    }
    client.query("?");
    let mut messages = client.read_until_ready();
    tell();
    client.query("?");
    messages.extend(client.read_until_ready());
    drop(client);
    drop(proxy);
    server.finish();
    for (kind, body) in &messages {
        let expected = match kind {
            b'D' => vec![7; 300],
            b'Z' => b"I".to_vec(),
            _ => Vec::new(),
        };
        assert_eq!(*body, expected, "{}", char::from(*kind));
    }
    messages.into_iter().map(|(kind, _)| kind).collect()
}

#[test]
fn goaway_from_the_server_reaches_each_asking_client_once() {
    assert_eq!(goaways_received(true, true), b"gDDZDZ");
    assert_eq!(goaways_received(true, false), b"DgDZDZ");
    assert_eq!(goaways_received(false, false), b"DDZDZ");
}

/// What a client receives from a server that sends `first`, and `then` as the reply to a query.
#[track_caller]
fn received_from(first: Vec<u8>, then: Option<&'static [u8]>) -> Vec<u8> {
    let script = Script::new().connection(move |c| {
        c.expect_startup();
        c.send(&first);
        if let Some(answer) = then {
            c.expect_query();
            c.send(answer);
        }
        c.drain();
    });
    let server = script.start();
    let address = format!("127.0.0.1:{}", server.port());
    let mut proxy = Proxy::to(&address, &["--no-watch"]);
    let before = proxy.descriptors();
    let mut client = Raw::connect(proxy.port);
    client.startup(&[("user", "u")]);
    if then.is_some() {
        client.read_until_ready();
        client.query("?");
    }
    let received = client.read_rest();
    proxy
        .session
        .until("the server sent a message with an invalid length");
    proxy.forgets_all(before);
    drop(proxy);
    server.finish();
    received
}

#[test]
fn servers_that_break_the_protocol_are_disconnected() {
    let openings: [&[u8]; 3] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"R\0\0\0\x03",
        b"S\x7f\xff\xff\xffa",
    ];
    for lie in openings {
        assert_eq!(received_from(lie.to_vec(), None), b"");
    }
    let opening = [auth_ok(), ready(b'I')].concat();
    let answers: [&[u8]; 2] = [b"D\xff\xff\xff\xff", b"C\0\0\0\x03"];
    for lie in answers {
        assert_eq!(received_from(opening.clone(), Some(lie)), b"");
        // The client may receive the valid part, and nothing after it.
        let received = received_from([&opening, lie].concat(), None);
        let text = received.escape_ascii();
        assert!(received.is_empty() || received == opening, "{text}");
    }
}

#[test]
fn a_client_that_never_reads_uses_little_memory_and_can_be_ended() {
    let options = ["--spread", "0", "--deadline", "0.2"];
    let proxy = Proxy::start(Postgres::shared(), &options);
    let mut clients: Vec<Raw> = (0..20)
        .map(|_| session(&proxy, &[("_pq_.goaway", "")]))
        .collect();
    for client in &mut clients {
        client.query("SELECT repeat('x', 1000000) FROM generate_series(1, 100)");
    }
    wait_until("20", || {
        let active = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'ClientWrite' AND query LIKE '%repeat(_x_, 1000000)%'";
        let writing: usize = Postgres::shared()
            .psql("postgres", active)
            .trim()
            .parse()
            .unwrap_or(0);
        writing.min(20).to_string()
    });
    let peak = proxy.memory("VmHWM");
    assert!(peak < 60_000, "{peak} kB");
    proxy.signal("TERM");
    let (log, _) = proxy.end();
    assert!(log.contains("0 left by themselves, 20 ended"), "{log}");
}

#[test]
fn a_server_crash_ends_sessions_but_not_the_proxy() {
    let server = Postgres::start(Version::Oracle18, "");
    let proxy = Proxy::start(&server, &["--watch-interval", "0.1"]);
    let before = proxy.descriptors();
    let mut clients: Vec<Raw> = (0..10).map(|_| session(&proxy, &[])).collect();
    server.stop_at_once();
    for client in &mut clients {
        client.read_to_end();
    }
    proxy.forgets_all(before);
    proxy.refuses_as_if_shutting_down();
    server.control(&["start"]).success();
    ask(&mut proxy.psql(Lib::Ours), "SELECT 1", "1");
}
