//! Many clients at once, and all kinds of events at once. `LIBPQ_OXIDE_SOAK=MINUTES` makes it run that long.

use std::env;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::shutdown::{assert_logged, assert_sound, new_worker, signal, wait_for_exit, worker};
use super::{disconnect_request, session, start, versions};
use crate::proxy::raw::Raw;
use crate::support::clients::own_library;
use crate::support::postgres::{Postgres, Version};
use crate::support::program::on_lib;

#[test]
fn five_hundred_clients_are_told() {
    const CLIENTS: usize = 500;
    let config = "max_connections = 510\npg_goaway.spread = 1s";
    let server = &start(Version::Oracle18, config);
    assert_eq!(server.psql("postgres", "SHOW debug_assertions"), "on\n");
    let mut clients: Vec<Raw> = (0..CLIENTS).map(|_| session(server, &[])).collect();
    server
        .control(&["stop", "-m", "smart", "--no-wait"])
        .success();
    for client in &mut clients {
        assert_eq!(client.read_message(), disconnect_request());
    }
    drop(clients);
    wait_for_exit(server);
    let counts =
        format!("clients asked to disconnect: {CLIENTS}, told: {CLIENTS}, left: {CLIENTS},");
    assert_logged(server, &counts);
    assert_sound(server);
}

/// The amount of load in one run of a server.
#[derive(Clone, Copy)]
struct Load {
    /// For each of three pgbench processes.
    clients: u32,
    seconds: u32,
}

const SHORT: Load = Load {
    clients: 4,
    seconds: 2,
};

/// Nearly 500 backends.
const LONG: Load = Load {
    clients: 160,
    seconds: 10,
};

/// Runs pgbench, with one connection for all transactions or one for each; returns its errors.
fn pgbench(server: &Postgres, load: Load, options: &[&str]) -> impl FnOnce() -> String + use<> {
    let version = server.version();
    let mut command = on_lib(version.bin().join("pgbench"), own_library(version));
    let seconds = (load.seconds + 2).to_string();
    command.args(["-n", "-f", "/dev/stdin", "-T", &seconds]);
    command.args(["-c", &load.clients.to_string()]);
    command.args(options).arg(server.unix("postgres"));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("pgbench runs");
    let mut script = child.stdin.take().expect("a pipe");
    let sql = b"BEGIN;\nSELECT count(*) FROM pg_class;\nEND;\nSELECT pg_notify('c', 'x');\n";
    std::io::Write::write_all(&mut script, sql).expect("pgbench reads");
    drop(script);
    move || {
        let output = child.wait_with_output().expect("pgbench ends");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

/// Error texts that the shutdown and the cancel requests explain.
const EXPLAINED: [&str; 11] = [
    "canceling statement due to user request",
    "terminating connection due to administrator command",
    "server closed the connection unexpectedly",
    "This probably means the server terminated",
    "before or while processing the request",
    "the database system is shutting down",
    "Run was aborted; the above results are incomplete",
    "No such file or directory",
    "Connection refused",
    "Is the server running locally",
    "could not create connection for client",
];

/// An empty line, or where in the statement an error occurred: a session that is terminated while it parses a statement says so.
fn is_position(line: &str) -> bool {
    matches!(line.trim(), "" | "^") || line.starts_with("LINE ")
}

#[track_caller]
fn assert_explained(errors: &str) {
    for line in errors.lines().filter(|line| !is_position(line)) {
        let explained = EXPLAINED.iter().any(|text| line.contains(text));
        assert!(explained || line.contains("aborted "), "{errors}");
    }
}

/// The worker's open descriptors and its resident memory in kilobytes.
fn size_of_worker(server: &Postgres) -> (usize, usize) {
    let process = format!("/proc/{}", worker(server));
    let descriptors = fs::read_dir(format!("{process}/fd")).map_or(0, Iterator::count);
    let status = fs::read_to_string(format!("{process}/status")).unwrap_or_default();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let resident = resident.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    (descriptors, resident.unwrap_or(0))
}

/// One run of a server: clients connect, disconnect, are asked and cancelled; the worker is terminated; at the end
/// the server shuts down.
fn round(server: &Postgres, load: Load) -> (usize, usize) {
    let clients = [
        pgbench(server, load, &[]),
        pgbench(server, load, &["-C"]),
        pgbench(server, load, &["-M", "prepared"]),
    ];
    let some = |function: &str, count: u32| {
        let sql = format!(
            "SELECT count({function}(pid)) FROM (SELECT pid FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY random() LIMIT {count}) s"
        );
        server.psql("postgres", &sql);
    };
    let before = new_worker(server, "");
    for second in 0..load.seconds {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(1) {
            some("pg_goaway_backend", load.clients);
        }
        some("pg_cancel_backend", 1);
        if second == 0 {
            server.psql("postgres", "SELECT pg_goaway_all()");
            signal(&before, "TERM");
        }
    }
    new_worker(server, &before);
    let size = size_of_worker(server);
    server
        .control(&["stop", "-m", "smart", "--no-wait"])
        .success();
    for errors in clients {
        assert_explained(&errors());
    }
    wait_for_exit(server);
    size
}

#[test]
fn shutdown_under_mixed_load() {
    let minutes: u64 =
        env::var("LIBPQ_OXIDE_SOAK").map_or(0, |text| text.parse().expect("minutes"));
    let limit = Duration::from_secs(minutes * 60 / versions().len() as u64);
    for version in versions() {
        let load = if minutes == 0 { SHORT } else { LONG };
        let config = "max_connections = 520\npg_goaway.spread = 200ms\npg_goaway.deadline = 1s\npg_goaway.poll = 50ms";
        let server = &start(version, config);
        let begin = Instant::now();
        let first = round(server, load);
        loop {
            server.control(&["start"]).success();
            let (descriptors, resident) = round(server, load);
            assert_eq!(descriptors, first.0);
            assert!(
                resident < first.1 * 2 + 1000,
                "{resident}, after {}",
                first.1
            );
            if begin.elapsed() >= limit {
                break;
            }
        }
        assert_sound(server);
    }
}
