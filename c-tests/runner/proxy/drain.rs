//! A drain: who leaves, who is ended and in what order, what the last log line and the exit status say.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::raw::{Raw, session};
use super::{NOTICE, Proxy, ask};
use crate::support::paths::Lib;
use crate::support::postgres::{Postgres, free_port};
use crate::support::process::End;
use crate::support::session::wait_until;

const TERMINATED: &str = "terminating connection due to administrator command";

#[test]
fn clients_that_leave_by_themselves_end_it_well() {
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0"]);
    let mut psql = proxy.psql(Lib::Ours);
    proxy.signal("TERM");
    proxy.has_told(1);
    assert_eq!(proxy.status()["state"], "draining");
    let told = ask(&mut psql, "SELECT 1", "1");
    assert!(told.contains(NOTICE), "{told}");
    assert_eq!(psql.finish().1, End::Exit(0));
    let (log, end) = proxy.end();
    assert!(log.contains(" s: 1 left by themselves, 0 ended"), "{log}");
    assert_eq!(end, End::Exit(0));
}

#[test]
fn the_deadline_ends_the_idle_and_then_the_busy() {
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0", "--deadline", "0.5"]);
    let mut idle = proxy.psql(Lib::Oracle);
    let mut busy = proxy.psql(Lib::Oracle);
    ask(&mut busy, "BEGIN; SELECT 7", "7");
    let clients = proxy.clients();
    let pid_of = |in_transaction: bool| {
        let mut clients = clients.iter();
        let client = clients.find(|client| client["in_transaction"] == in_transaction);
        client.expect("such a client")["pid"].to_string()
    };
    let (idle_pid, busy_pid) = (pid_of(false), pid_of(true));
    proxy.signal("TERM");
    let (log, end) = proxy.end();
    assert!(log.contains(" s: 0 left by themselves, 2 ended"), "{log}");
    assert_eq!(end, End::Exit(3));
    let place = |pid: &str| {
        log.find(&format!("pid={pid} "))
            .unwrap_or_else(|| panic!("{pid}: {log}"))
    };
    assert!(place(&idle_pid) < place(&busy_pid), "{log}");
    for psql in [&mut idle, &mut busy] {
        psql.send("SELECT 1;\n");
        psql.until(TERMINATED);
    }
}

#[test]
fn grace_ends_the_idle_and_leaves_transactions_alone() {
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0", "--grace", "0.2"]);
    let mut idle = session(&proxy, &[]);
    let mut busy = session(&proxy, &[]);
    busy.query("BEGIN");
    assert_eq!(busy.read_message().0, b'C');
    assert_eq!(busy.read_message(), (b'Z', b"T".to_vec()));
    proxy.signal("TERM");
    let (kind, body) = idle.read_message();
    assert_eq!(kind, b'E');
    let text = String::from_utf8_lossy(&body).into_owned();
    assert!(
        text.contains("57P01") && text.contains(TERMINATED),
        "{text}"
    );
    assert_eq!(idle.read_to_end(), 0);
    // Committing makes it idle, and its end comes.
    busy.query("COMMIT");
    assert_eq!(busy.read_message().0, b'C');
    assert_eq!(busy.read_message().0, b'Z');
    assert_eq!(busy.read_message().0, b'E');
    assert_eq!(proxy.end().1, End::Exit(3));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut proxy = Proxy::start(Postgres::shared(), &["--spread", "0"]);
    let mut client = session(&proxy, &[]);
    client.query("SELECT pg_sleep(600)");
    proxy.signal("TERM");
    proxy.session.until("draining");
    proxy.signal("TERM");
    let (log, end) = proxy.end();
    assert!(log.contains("0 left by themselves, 1 ended"), "{log}");
    assert_eq!(end, End::Exit(3));
}

#[test]
fn new_clients_are_refused_in_one_of_two_ways() {
    for refuse in [false, true] {
        let options: &[&str] = if refuse { &["--refuse"] } else { &[] };
        let mut proxy = Proxy::start(Postgres::shared(), &[&["--spread", "0"], options].concat());
        let client = session(&proxy, &[]);
        proxy.ctl(&["drain"]).success();
        proxy.session.until("draining");
        wait_until("\"draining\"", || proxy.status()["state"].to_string());
        if refuse {
            proxy.refuses_as_if_shutting_down();
        } else {
            let port = proxy.port;
            wait_until("refused", || {
                let connected = std::net::TcpStream::connect(("127.0.0.1", port));
                if connected.is_err() {
                    "refused"
                } else {
                    "taken"
                }
                .to_owned()
            });
        }
        drop(client);
        assert_eq!(proxy.end().1, End::Exit(0));
    }
}

#[test]
fn a_rolling_restart_loses_no_connect() {
    let server = Postgres::shared();
    let port = free_port();
    let start = || {
        Proxy::listening(
            &format!("127.0.0.1:{port}"),
            &format!("127.0.0.1:{}", server.port()),
            &["--reuse-port", "--spread", "0"],
        )
    };
    let mut proxy = start();
    let (over, connects) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let mut client = Raw::session(port, &[]);
                    client.send(b"X\0\0\0\x04");
                    connects.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..3 {
            let before = connects.load(Ordering::Relaxed);
            let next = start();
            proxy.signal("TERM");
            let (log, end) = std::mem::replace(&mut proxy, next).end();
            assert_eq!(end, End::Exit(0), "{log}");
            wait_until("more", || {
                let more = connects.load(Ordering::Relaxed) > before + 20;
                if more { "more" } else { "none" }.to_owned()
            });
        }
        over.store(true, Ordering::Relaxed);
    });
    // A client that was lost has failed its thread.
}

#[test]
fn a_client_that_has_connected_gets_its_session() {
    for declined in [false, true] {
        let mut proxy = Proxy::start(Postgres::shared(), &["--spread", "0"]);
        let mut client = Raw::connect(proxy.port);
        if declined {
            client.send(&[0, 0, 0, 8, 4, 210, 22, 47]);
            let mut answer = [0; 1];
            client.read_exact(&mut answer);
        }
        proxy.signal("TERM");
        proxy.session.until("asking clients");
        client.startup(&[
            ("user", "postgres"),
            ("database", "postgres"),
            ("_pq_.goaway", ""),
        ]);
        while client.read_message().0 != b'Z' {}
        assert_eq!(client.read_message().0, b'g');
        drop(client);
        let (log, end) = proxy.end();
        assert!(log.contains(": 1 left by themselves, 0 ended"), "{log}");
        assert_eq!(end, End::Exit(0));
    }
}
