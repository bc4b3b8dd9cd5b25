//! Which clients are told, when and how.

use std::thread;
use std::time::{Duration, Instant};

use super::raw::{Raw, session};
use super::{NOTICE, Proxy, ask, backend};
use crate::support::message::goaway;
use crate::support::paths::Lib;
use crate::support::postgres::{Postgres, Version};
use crate::support::process::End;
use crate::support::session::wait_until;

#[test]
fn only_clients_that_asked_are_told_and_only_once() {
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0"]);
    let mut asking = proxy.psql(Lib::Ours);
    let mut stock = proxy.psql(Lib::Oracle);
    for _ in 0..3 {
        proxy.signal("USR1");
        proxy.has_told(1);
    }
    let told = ask(&mut asking, "SELECT 1", "1");
    assert_eq!(told.matches(NOTICE).count(), 1, "{told}");
    for psql in [&mut asking, &mut stock] {
        let output = ask(psql, "SELECT 2", "2");
        assert_eq!(output, "2\n-end-\n");
    }
    assert_eq!(stock.finish().0, "");
    assert_eq!(asking.finish().0, "");
}

#[test]
fn one_client_is_told_by_its_process_id() {
    let proxy = Proxy::start(Postgres::shared(), &[]);
    let (mut first, mut second) = (proxy.psql(Lib::Ours), proxy.psql(Lib::Ours));
    let mut stock = proxy.psql(Lib::Oracle);
    let pid = backend(&mut second);
    proxy.ctl(&["goaway", &pid]).success();
    let told = ask(&mut second, "SELECT 1", "1");
    assert!(told.contains(NOTICE), "{told}");
    assert_eq!(ask(&mut first, "SELECT 1", "1"), "1\n-end-\n");
    let refused = proxy.ctl(&["goaway", &backend(&mut stock)]);
    assert!(refused.stderr.contains("did not ask"), "{refused}");
    let unknown = proxy.ctl(&["goaway", "1"]);
    assert!(
        unknown.stderr.contains("no client has a backend"),
        "{unknown}"
    );
}

#[test]
fn a_client_is_not_told_again() {
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0"]);
    let mut client = session(&proxy, &[("_pq_.goaway", "")]);
    let pid = client.backend().to_string();
    proxy.ctl(&["goaway", &pid]).success();
    assert_eq!(client.read_message(), (b'g', Vec::new()));
    for words in [&["goaway", &pid][..], &["goaway"]] {
        proxy.ctl(words).success();
        // A GoAway would come before the reply.
        assert_eq!(client.backend().to_string(), pid);
    }
}

#[test]
fn announcements_are_spread_in_random_order() {
    const SPREAD: Duration = Duration::from_secs(2);
    const CLIENTS: u32 = 40;
    let options = ["--spread", "2", "--deadline", "30"];
    let proxy = Proxy::start(Postgres::shared(), &options);
    let mut clients: Vec<(u32, Raw)> = (0..CLIENTS)
        .map(|number| (number, session(&proxy, &[("_pq_.goaway", "")])))
        .collect();
    let begin = Instant::now();
    proxy.signal("TERM");
    let mut order = Vec::new();
    while !clients.is_empty() {
        thread::sleep(Duration::from_millis(1));
        // A client disconnects when it is told.
        for (number, mut client) in clients.extract_if(.., |(_, client)| client.is_readable()) {
            assert_eq!(client.read_message(), (b'g', Vec::new()));
            // It may be late on a busy machine, but never early.
            let due = SPREAD / CLIENTS * order.len() as u32;
            assert!(begin.elapsed() >= due, "{} of {order:?}", order.len());
            order.push(number);
        }
    }
    assert!(!order.is_sorted(), "{order:?}");
    let (log, end) = proxy.end();
    assert!(log.contains(": 40 left by themselves, 0 ended"), "{log}");
    assert_eq!(end, End::Exit(0));
}

#[test]
fn it_comes_between_two_messages_of_a_long_reply() {
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0"]);
    let mut client = session(&proxy, &[("_pq_.goaway", "")]);
    client.query("SELECT repeat('x', 5000) FROM generate_series(1, 20000)");
    // The reply does not fit into the sockets' buffers, so it is still being sent.
    let first = client.read_message();
    assert_eq!(first.0, b'T');
    proxy.ctl(&["goaway"]).success();
    let mut kinds = Vec::new();
    while kinds.last() != Some(&b'Z') {
        let (kind, body) = client.read_message();
        assert!(kind != b'D' || body.len() == 5006, "{}", body.len());
        kinds.push(kind);
    }
    assert_eq!(kinds.iter().filter(|kind| **kind == b'D').count(), 20_000);
    let at = kinds
        .iter()
        .position(|kind| *kind == b'g')
        .expect("a GoAway message");
    assert!(at < 20_000, "{at}");
    assert_eq!(kinds.iter().filter(|kind| **kind == b'g').count(), 1);
}

#[test]
fn replication_and_clients_that_did_not_ask_are_not_told() {
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0", "--parameter-status"]);
    let mut walsender = session(&proxy, &[("replication", "true"), ("_pq_.goaway", "")]);
    let mut off = session(&proxy, &[("_pq_.goaway", "off")]);
    let mut asking = session(&proxy, &[("_pq_.goaway", "")]);
    proxy.ctl(&["goaway"]).success();
    assert_eq!(asking.read_message(), (b'g', Vec::new()));
    assert_eq!(
        off.read_message(),
        (b'S', b"disconnect_requested\0on\0".to_vec())
    );
    walsender.query("IDENTIFY_SYSTEM");
    assert_eq!(walsender.read_message().0, b'T');
}

#[test]
fn replication_that_starts_during_a_drain_is_not_told() {
    let mut proxy = Proxy::start(Postgres::shared(), &["--spread", "0", "--parameter-status"]);
    let (mut walsender, mut asking) = (Raw::connect(proxy.port), Raw::connect(proxy.port));
    proxy.signal("TERM");
    proxy.session.until("asking clients");
    for (client, replication) in [(&mut walsender, "true"), (&mut asking, "off")] {
        let parameters = [("replication", replication), ("_pq_.goaway", "")];
        client.startup(
            &[
                &[("user", "postgres"), ("database", "postgres")],
                &parameters[..],
            ]
            .concat(),
        );
        client.read_until_ready();
    }
    assert_eq!(asking.read_message().0, b'g');
    walsender.query("IDENTIFY_SYSTEM");
    assert_eq!(walsender.read_message().0, b'T');
    drop((walsender, asking));
    assert_eq!(proxy.end().1, End::Exit(0));
}

#[test]
fn no_client_is_told_before_its_session_is_ready() {
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0"]);
    // The server has asked for a password, so the session is not open yet.
    let mut client = Raw::connect(proxy.port);
    client.startup(&[("user", "scram_user"), ("_pq_.goaway", "")]);
    assert_eq!(client.read_message().0, b'R');
    proxy.ctl(&["goaway"]).success();
    client.send(&[&b"p\0\0\0\x09"[..], b"nope\0"].concat());
    let (kind, body) = client.read_message();
    assert_eq!(kind, b'E', "{}", body.escape_ascii());
}

#[test]
fn a_smart_shutdown_of_the_server_tells_its_clients() {
    for version in [Version::Debian15, Version::Oracle18] {
        let server = Postgres::start(version, "");
        let options = ["--spread", "0", "--watch-interval", "0.1"];
        let mut proxy = Proxy::start(&server, &options);
        proxy.session.until("the server is up");
        let mut client = session(&proxy, &[("_pq_.goaway", "")]);
        server.control(&["stop", "-m", "smart", "--no-wait"]);
        let mut message = [0; 5];
        client.read_exact(&mut message);
        assert_eq!(message[..], goaway());
        // The session continues until its client leaves; then the server exits.
        client.query("SELECT 1");
        assert_eq!(client.read_message().0, b'T');
        drop(client);
        wait_until("false", || {
            server.data().join("postmaster.pid").exists().to_string()
        });
        proxy.refuses_as_if_shutting_down();
    }
}

#[test]
fn watching_leaves_no_errors_in_the_servers_log() {
    for user in ["scram_user", "postgres"] {
        let server = Postgres::start(Version::Oracle18, "log_connections = authentication");
        let options = ["--watch-interval", "0.05", "--watch-user", user];
        let mut proxy = Proxy::start(&server, &options);
        proxy.session.until("the server is up");
        // Long enough for several more checks.
        thread::sleep(Duration::from_millis(500));
        drop(proxy);
        let log = server.log();
        assert!(!log.contains("FATAL") && !log.contains("ERROR"), "{log}");
    }
}
