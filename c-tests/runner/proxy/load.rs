//! Many clients and long messages: the memory they use, and whether the proxy frees it.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::raw::{Raw, session};
use super::{Proxy, program};
use crate::goaway::pgbouncer::PgBouncer;
use crate::support::message::copy_done;
use crate::support::postgres::Postgres;
use crate::support::session::wait_until;

impl Proxy {
    pub fn descriptors(&self) -> usize {
        let directory = format!("/proc/{}/fd", self.session.id());
        fs::read_dir(directory).expect("a running process").count()
    }

    /// Resident memory in kB: current or peak.
    pub fn memory(&self, what: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.session.id()));
        let status = status.expect("a running process");
        let line = status.lines().find_map(|line| line.strip_prefix(what));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number
            .and_then(|number| number.parse().ok())
            .expect("a number of kilobytes")
    }

    /// Waits until the proxy has removed all clients: it must have as many `descriptors` as before, or fewer, because
    /// it may have been connected to the server for its watch then.
    #[track_caller]
    pub fn forgets_all(&self, descriptors: usize) {
        wait_until(&descriptors.to_string(), || {
            self.descriptors().max(descriptors).to_string()
        });
        assert_eq!(self.clients().len(), 0);
    }
}

#[test]
fn a_gigabyte_from_the_server_uses_little_memory() {
    const SIZE: usize = 1_000_000_000;
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0"]);
    let mut client = session(&proxy, &[("_pq_.goaway", "")]);
    client.query(&format!("SELECT repeat('x', {SIZE})"));
    assert_eq!(client.read_message().0, b'T');
    proxy.ctl(&["goaway"]).success();
    let (mut kind, mut body) = client.read_message();
    if kind == b'g' {
        (kind, body) = client.read_message();
    }
    assert_eq!((kind, body.len()), (b'D', SIZE + 6));
    drop(body);
    let rest = [client.read_message().0, client.read_message().0];
    assert!(rest.contains(&b'C'), "{rest:?}");
    let peak = proxy.memory("VmHWM");
    assert!(peak < 60_000, "{peak} kB");
}

#[test]
fn a_gigabyte_from_the_client_uses_little_memory() {
    const LINE: usize = 1_000_000;
    const LINES: usize = 1000;
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0"]);
    let mut client = session(&proxy, &[("_pq_.goaway", "")]);
    client.query("CREATE TEMP TABLE t (a text); CREATE TEMP SEQUENCE lines");
    client.read_until_ready();
    // Counts complete lines without storing them.
    client.query(&format!(
        "COPY t FROM STDIN WHERE length(a) = {} AND nextval('lines') < 0",
        LINE - 1
    ));
    assert_eq!(client.read_message().0, b'G');
    let header = ((LINE * LINES) as u32 + 4).to_be_bytes();
    client.send(&[&b"d"[..], &header].concat());
    let line = [&b"x".repeat(LINE - 1)[..], b"\n"].concat();
    for number in 0..LINES {
        client.send(&line);
        if number == LINES / 2 {
            proxy.ctl(&["goaway"]).success();
        }
    }
    client.send(&copy_done());
    assert_eq!(client.read_message(), (b'g', Vec::new()));
    let messages = client.read_until_ready();
    assert_eq!(messages[0], (b'C', b"COPY 0\0".to_vec()));
    client.query("SELECT currval('lines')");
    let row = &client.read_until_ready()[1].1;
    assert_eq!(&row[6..], LINES.to_string().as_bytes());
    let peak = proxy.memory("VmHWM");
    assert!(peak < 60_000, "{peak} kB");
}

#[test]
fn ten_thousand_connections_leak_nothing() {
    const CONNECTS: usize = 10_000;
    let proxy = Proxy::start(Postgres::shared(), &["--no-watch"]);
    let (before, port) = (proxy.descriptors(), proxy.port);
    let connect = |count: usize| {
        let left = AtomicUsize::new(count);
        let one_more =
            || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while one_more().is_ok() {
                        Raw::session(port, &[("_pq_.goaway", "")]).send(b"X\0\0\0\x04");
                    }
                });
            }
        });
    };
    connect(CONNECTS / 10);
    proxy.forgets_all(before);
    let memory = proxy.memory("VmRSS");
    connect(CONNECTS - CONNECTS / 10);
    proxy.forgets_all(before);
    assert_eq!(proxy.status()["left"], CONNECTS);
    let grown = proxy.memory("VmRSS").saturating_sub(memory);
    assert!(
        grown < 4000,
        "{grown} kB more than after the first thousand"
    );
}

#[test]
fn two_thousand_idle_clients_use_little_memory() {
    const CLIENTS: usize = 2000;
    // PgBouncer accepts many clients without a backend for each. Each client needs one descriptor here, one in
    // PgBouncer, and two in the proxy.
    let limit = rlimit::increase_nofile_limit(u64::MAX).expect("a limit");
    assert!(limit >= 2 * CLIENTS as u64 + 64, "ulimit -Hn is {limit}");
    let more = format!("max_client_conn = {}\n", CLIENTS + 100);
    let bouncer = PgBouncer::start(Postgres::shared(), &more);
    // The default limit of a shell or a service.
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "ulimit -Sn 1024; exec \"$0\" \"$@\""]);
    command.arg(program().get_program());
    let server = format!("127.0.0.1:{}", bouncer.port);
    let proxy = Proxy::begin(command, "127.0.0.1:0", &server, &["--spread", "0"]);
    let before = proxy.descriptors();
    let mut clients: Vec<Raw> = (0..CLIENTS)
        .map(|_| session(&proxy, &[("_pq_.goaway", "")]))
        .collect();
    assert_eq!(proxy.clients().len(), CLIENTS);
    proxy.ctl(&["goaway"]).success();
    for client in &mut clients {
        assert_eq!(client.read_message(), (b'g', Vec::new()));
    }
    let peak = proxy.memory("VmHWM");
    assert!(peak < 100_000, "{peak} kB");
    drop(clients);
    proxy.forgets_all(before);
}
