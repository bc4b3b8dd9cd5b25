//! Drains: which clients leave, which are ended and in what order, and the last log line and the exit status.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use tempfile::NamedTempFile;

use super::raw::{Raw, session};
use super::{NOTICE, Proxy, ask};
use crate::support::paths::Lib;
use crate::support::postgres::{Postgres, Version, free_port};
use crate::support::process::End;
use crate::support::program::on_lib;
use crate::support::session::{Session, wait_until};

const TERMINATED: &str = "terminating connection due to administrator command";

#[test]
fn the_drain_succeeds_when_all_clients_leave() {
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
fn the_deadline_ends_idle_clients_before_busy_ones() {
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0", "--deadline", "0.5"]);
    let mut idle = proxy.psql(Lib::Oracle);
    let mut busy = proxy.psql(Lib::Oracle);
    ask(&mut busy, "BEGIN; SELECT 7", "7");
    let clients = proxy.clients();
    let pid_of = |in_transaction: bool| {
        let mut clients = clients.iter();
        let client = clients.find(|client| client["in_transaction"] == in_transaction);
        client.expect("a client in this state")["pid"].to_string()
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
fn grace_ends_idle_clients_and_spares_transactions() {
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0", "--grace", "0.2"]);
    let mut idle = session(&proxy, &[("_pq_.goaway", "")]);
    let mut busy = session(&proxy, &[]);
    busy.query("BEGIN");
    assert_eq!(busy.read_message().0, b'C');
    assert_eq!(busy.read_message(), (b'Z', b"T".to_vec()));
    proxy.signal("TERM");
    // It gets GoAway first.
    assert_eq!(idle.read_message(), (b'g', Vec::new()));
    let (kind, body) = idle.read_message();
    assert_eq!(kind, b'E');
    let text = String::from_utf8_lossy(&body).into_owned();
    assert!(
        text.contains("57P01") && text.contains(TERMINATED),
        "{text}"
    );
    assert_eq!(idle.read_to_end(), 0);
    // After the commit it is idle, so the proxy ends it.
    busy.query("COMMIT");
    assert_eq!(busy.read_message().0, b'C');
    assert_eq!(busy.read_message().0, b'Z');
    assert_eq!(busy.read_message().0, b'E');
    assert_eq!(proxy.end().1, End::Exit(3));
}

#[test]
fn a_second_signal_exits_at_once() {
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
fn new_clients_are_refused_or_the_port_is_closed() {
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
fn a_rolling_restart_loses_no_new_connection() {
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
    // pgbench exits with an error if a thread lost its connection.
}

/// Starts pgbench with 8 clients that run transactions of several queries.
fn pgbench(lib: Lib, conninfo: &str, script: &NamedTempFile, options: &[&str]) -> Session {
    let mut command = on_lib(Version::Oracle18.bin().join("pgbench"), lib);
    command.env("PGGOAWAY", "notice");
    command.args(["-n", "-c", "8", "-j", "2", "-M", "prepared", "-f"]);
    command.arg(script.path()).args(options).arg(conninfo);
    Session::start(&mut command)
}

fn transactions() -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    let text = "BEGIN;\nSELECT 6 * 7;\nSELECT pg_sleep(0.001);\nCOMMIT;\n";
    file.write_all(text.as_bytes()).expect("write the file");
    file
}

/// Waits until pgbench exits, and checks that all its transactions completed. Returns its output.
#[track_caller]
fn did_all(pgbench: Session, transactions: u32) -> String {
    let (said, end) = pgbench.finish();
    assert_eq!(end, End::Exit(0), "{said}");
    for line in [
        format!("number of transactions actually processed: {transactions}/{transactions}\n"),
        "number of failed transactions: 0 (0.000%)\n".to_owned(),
    ] {
        assert!(said.contains(&line), "{said}");
    }
    said
}

#[test]
fn a_drain_during_pgbench_fails_no_transaction() {
    let script = transactions();
    for lib in [Lib::Ours, Lib::Oracle] {
        let proxy = Proxy::start(Postgres::shared(), &["--spread", "0.5"]);
        // With this rate the run takes seconds on any machine.
        let options = ["-t", "250", "-R", "500"];
        let pgbench = pgbench(lib, &proxy.conninfo(), &script, &options);
        wait_until("8", || proxy.clients().len().to_string());
        proxy.signal("TERM");
        wait_until("\"draining\"", || proxy.status()["state"].to_string());
        let told = if lib == Lib::Ours { 8 } else { 0 };
        proxy.has_told(told);
        assert_eq!(proxy.clients().len(), 8, "too late");
        let said = did_all(pgbench, 2000);
        assert_eq!(said.matches(NOTICE).count(), told, "{said}");
        let (log, end) = proxy.end();
        assert!(log.contains(": 8 left by themselves, 0 ended"), "{log}");
        assert_eq!(end, End::Exit(0));
    }
}

#[test]
fn pgbench_loses_no_connection_in_a_rolling_restart() {
    let script = transactions();
    let (server, port) = (Postgres::shared(), free_port());
    let start = || {
        Proxy::listening(
            &format!("127.0.0.1:{port}"),
            &format!("127.0.0.1:{}", server.port()),
            &["--reuse-port", "--spread", "0"],
        )
    };
    let mut proxy = start();
    // With -C, pgbench connects for each transaction.
    let options = ["-C", "-t", "100", "-R", "200"];
    let pgbench = pgbench(Lib::Ours, &proxy.conninfo(), &script, &options);
    let works = |proxy: &Proxy| {
        wait_until("many", || {
            let served = proxy.status()["left"].as_u64().expect("a number");
            if served > 20 { "many" } else { "few" }.to_owned()
        });
    };
    for _ in 0..2 {
        works(&proxy);
        let next = start();
        proxy.signal("TERM");
        let (log, end) = std::mem::replace(&mut proxy, next).end();
        assert_eq!(end, End::Exit(0), "{log}");
    }
    works(&proxy);
    did_all(pgbench, 800);
}

#[test]
fn a_client_accepted_before_the_drain_gets_its_session() {
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
