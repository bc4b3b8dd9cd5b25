//! Smart shutdown asks all clients; the other kinds ask none.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::{answer, disconnect_request, session, start, versions};
use crate::proxy::raw::Raw;
use crate::support::clients::own_library;
use crate::support::postgres::Postgres;
use crate::support::process::{self, TIMEOUT};
use crate::support::session::wait_until;

/// Starts a shutdown.
#[track_caller]
pub fn stop(server: &Postgres, mode: &str) {
    server.control(&["stop", "-m", mode, "--no-wait"]).success();
}

#[track_caller]
pub fn wait_for_exit(server: &Postgres) {
    let file = server.data().join("postmaster.pid");
    wait_until("gone", || {
        if file.exists() { "there" } else { "gone" }.to_owned()
    });
}

#[track_caller]
pub fn assert_logged(server: &Postgres, text: &str) {
    let log = server.log();
    assert!(log.contains(text), "no {text:?} in\n{log}");
}

/// Waits until this many clients are asked. New sessions are refused during a shutdown, so an existing one runs the
/// query.
#[track_caller]
fn wait_until_asked(client: &mut Raw, count: usize) {
    let sql = "SELECT count(*) FROM pg_goaway_status";
    wait_until(&count.to_string(), || client.value(sql));
}

/// The log must never contain any of these.
#[track_caller]
pub fn assert_sound(server: &Postgres) {
    let log = server.log();
    for word in ["PANIC", "TRAP", "terminated by signal", "still in use"] {
        assert!(!log.contains(word), "{log}");
    }
    for line in log.lines().filter(|line| line.contains(COUNTS)) {
        let count = |name: &str| {
            let (_, rest) = line.split_once(name).expect(name);
            let digits = rest.split(',').next().expect("a number after the name");
            digits.parse::<u32>().expect("a number")
        };
        let (asked, told) = (count(COUNTS), count(", told: "));
        let gone = count(", left: ") + count(", terminated: ");
        assert!(asked == gone && told <= asked, "{line}");
    }
}

const COUNTS: &str = "clients asked to disconnect: ";

#[test]
fn all_clients_are_told_within_the_spread_in_random_order() {
    const CLIENTS: usize = 30;
    const SPREAD: Duration = Duration::from_secs(1);
    for version in versions() {
        let server = &start(version, "pg_goaway.spread = 1s");
        let mut clients: Vec<(usize, Raw)> = (0..CLIENTS)
            .map(|number| (number, session(server, &[])))
            .collect();
        stop(server, "smart");
        let mut order = Vec::new();
        let mut first = None;
        while !clients.is_empty() {
            thread::sleep(Duration::from_millis(1));
            // A client disconnects when it is told.
            clients.retain_mut(|(number, client)| {
                if !client.is_readable() {
                    return true;
                }
                assert_eq!(client.read_message(), disconnect_request());
                first.get_or_insert_with(Instant::now);
                order.push(*number);
                false
            });
        }
        let took = first.expect("at least one client").elapsed();
        assert!(took > SPREAD / 2, "{took:?}");
        assert!(!order.is_sorted(), "{order:?}");
        wait_for_exit(server);
        let counts = format!(
            "pg_goaway: clients asked to disconnect: {CLIENTS}, told: {CLIENTS}, left: {CLIENTS}, terminated: 0,"
        );
        assert_logged(server, &counts);
        assert_sound(server);
    }
}

/// Connections stay usable until their clients disconnect, and transactions can finish.
#[test]
fn queries_in_progress_do_not_fail() {
    for version in versions() {
        let server = &start(version, "pg_goaway.spread = 0");
        let mut client = session(server, &[]);
        let mut idle = session(server, &[]);
        answer(&mut client, "BEGIN");
        stop(server, "smart");
        assert_eq!(idle.read_message(), disconnect_request());
        wait_until_asked(&mut idle, 2);
        assert_eq!(answer(&mut client, "SELECT 1"), "TDCZ");
        assert_eq!(answer(&mut client, "COMMIT"), "CSZ");
        assert_eq!(answer(&mut client, "SELECT 1"), "TDCZ");
        drop((client, idle));
        wait_for_exit(server);
    }
}

/// The server accepted its connection before the shutdown, so it lets the client log in.
#[test]
fn a_client_that_logs_in_during_the_drain_is_told() {
    for version in versions() {
        let server = &start(version, "pg_goaway.spread = 0");
        let mut late = Raw::connect(server.port());
        let mut first = session(server, &[]);
        stop(server, "smart");
        assert_eq!(first.read_message(), disconnect_request());
        late.startup(&[("user", "postgres"), ("database", "postgres")]);
        late.read_until_ready();
        assert_eq!(late.read_message(), disconnect_request());
        drop((first, late));
        wait_for_exit(server);
        assert_logged(server, "clients asked to disconnect: 2, told: 2, left: 2,");
    }
}

/// A fast shutdown after a smart one takes no longer than a fast one alone.
#[test]
fn fast_and_immediate_shutdown_do_not_tell_clients() {
    for version in versions() {
        for modes in [&["fast"][..], &["immediate"], &["smart", "fast"]] {
            let config = if modes.len() > 1 { "1min" } else { "0" };
            // The worker checks as often as possible.
            let config = format!("pg_goaway.spread = {config}\npg_goaway.poll = 10ms");
            let server = &start(version, &config);
            let mut clients = [session(server, &[]), session(server, &[])];
            for mode in modes {
                stop(server, mode);
                if *mode == "smart" {
                    // One client is asked at once, the other in half a minute.
                    wait_until("1", || {
                        clients
                            .iter()
                            .filter(|c| c.is_readable())
                            .count()
                            .to_string()
                    });
                }
            }
            let began = Instant::now();
            let rest: Vec<u8> = clients.iter_mut().flat_map(|c| c.read_rest()).collect();
            let rest = String::from_utf8_lossy(&rest);
            let told = rest.matches("disconnect_requested").count();
            assert_eq!(told, modes.len() - 1, "{modes:?}: {rest}");
            wait_for_exit(server);
            assert!(began.elapsed() < Duration::from_secs(20), "{modes:?}");
            let asked = server.log().contains("asking its clients to disconnect");
            assert_eq!(asked, modes.len() > 1, "{modes:?}");
        }
    }
}

#[test]
fn the_drain_can_be_turned_off() {
    for version in versions() {
        let server = &start(version, "pg_goaway.spread = 0\npg_goaway.on_shutdown = off");
        let mut client = session(server, &[]);
        stop(server, "smart");
        thread::sleep(Duration::from_millis(800));
        assert_eq!(answer(&mut client, "SELECT 1"), "TDCZ");
        // The functions still work.
        let sql = "SELECT pg_goaway_backend(pg_backend_pid())";
        assert_eq!(answer(&mut client, sql), "TDCSZ");
        drop(client);
        wait_for_exit(server);
    }
}

#[test]
fn a_hot_standby_tells_its_clients() {
    for version in versions() {
        let primary = &start(version, "pg_goaway.spread = 0");
        let standby = &primary.standby(own_library(version), Some(own_library(version)));
        let mut client = session(standby, &[]);
        let mut idle = session(standby, &[]);
        let pid = client.backend();
        assert_eq!(super::ask(standby, pid), "t");
        assert_eq!(client.read_message(), disconnect_request());
        answer(&mut client, "SELECT 1");
        stop(standby, "smart");
        assert_eq!(idle.read_message(), disconnect_request());
        drop((client, idle));
        wait_for_exit(standby);
        // The standby's walsender is not told; the standby stops before the primary.
        assert_eq!(
            primary.psql("postgres", "SELECT count(*) FROM pg_goaway_status"),
            "0\n"
        );
    }
}

/// As without the module, standbys do not keep a primary from shutting down.
#[test]
fn a_primary_does_not_tell_its_standby() {
    for version in versions() {
        let primary = &start(version, "pg_goaway.spread = 0");
        let standby = &primary.standby(own_library(version), Some(own_library(version)));
        let streaming = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
        wait_until("1\n", || primary.psql("postgres", streaming));
        primary.psql("postgres", "CREATE TABLE t ()");
        let mut client = session(primary, &[]);
        stop(primary, "smart");
        assert_eq!(client.read_message(), disconnect_request());
        drop(client);
        wait_for_exit(primary);
        assert_logged(primary, "clients asked to disconnect: 1, told: 1, left: 1,");
        let table = "SELECT to_regclass('t')";
        wait_until("t\n", || standby.psql("postgres", table));
    }
}

/// The worker's process id; empty if it does not run.
pub fn worker(server: &Postgres) -> String {
    let postmaster = std::fs::read_to_string(server.data().join("postmaster.pid"));
    let postmaster = postmaster.unwrap_or_default();
    let mut pgrep = Command::new("pgrep");
    pgrep.args([
        "-P",
        postmaster.lines().next().unwrap_or("0"),
        "-f",
        "postgres: pg_goaway",
    ]);
    process::run(&mut pgrep, b"", TIMEOUT)
        .stdout
        .trim()
        .to_owned()
}

#[track_caller]
pub fn signal(pid: &str, name: &str) {
    let kill = format!("kill -{name} {pid}");
    process::run(Command::new("/bin/sh").args(["-c", &kill]), b"", TIMEOUT).success();
}

/// Waits for a worker with a process id other than `before`.
#[track_caller]
pub fn new_worker(server: &Postgres, before: &str) -> String {
    let mut pid = String::new();
    wait_until("another", || {
        pid = worker(server);
        let found = !pid.is_empty() && pid != before;
        if found { "another" } else { "none" }.to_owned()
    });
    pid
}

#[test]
fn a_terminated_worker_is_restarted() {
    for version in versions() {
        let server = &start(version, "pg_goaway.spread = 0");
        let first = new_worker(server, "");
        signal(&first, "TERM");
        let second = new_worker(server, &first);
        let mut clients = [session(server, &[]), session(server, &[])];
        // The same during shutdown: the next worker continues the drain.
        answer(&mut clients[1], "BEGIN");
        stop(server, "smart");
        assert_eq!(clients[0].read_message(), disconnect_request());
        wait_until_asked(&mut clients[0], 2);
        signal(&second, "TERM");
        new_worker(server, &second);
        answer(&mut clients[1], "SELECT 1 / 0");
        drop(clients);
        wait_for_exit(server);
        assert_logged(server, "clients asked to disconnect: 2, told: 2, left: 2,");
        assert_sound(server);
    }
}

/// As with any process that uses shared memory, the server restarts.
#[test]
fn a_killed_worker_restarts_the_server() {
    for version in versions() {
        let server = &start(version, "pg_goaway.spread = 0");
        let mut lost = session(server, &[]);
        let pid = lost.backend();
        assert_eq!(super::ask(server, pid), "t");
        assert_eq!(lost.read_message(), disconnect_request());
        let first = new_worker(server, "");
        signal(&first, "KILL");
        lost.read_rest();
        new_worker(server, &first);
        wait_until("ready", || {
            let ready = server.control(&["status"]).stdout;
            let log = server.log();
            let twice = log.matches("ready to accept connections").count() == 2;
            if twice { "ready".to_owned() } else { ready }
        });
        assert_eq!(
            server.psql("postgres", "SELECT count(*) FROM pg_goaway_status"),
            "0\n"
        );
        let mut client = session(server, &[]);
        stop(server, "smart");
        assert_eq!(client.read_message(), disconnect_request());
        drop(client);
        wait_for_exit(server);
        assert_logged(server, "clients asked to disconnect: 1, told: 1, left: 1,");
    }
}
