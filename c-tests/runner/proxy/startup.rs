//! Addresses, encryption requests, negotiation, cancel requests.

use std::fs;
use std::net::TcpListener;

use tempfile::TempDir;

use super::raw::Raw;
use super::{Proxy, ask, program};
use crate::support::message::{negotiate_version, ready};
use crate::support::paths::Lib;
use crate::support::postgres::{Postgres, free_port};
use crate::support::process::{self, End, TIMEOUT};
use crate::support::program::Program;
use crate::support::script::{Script, welcome};
use crate::support::session::wait_until;

#[test]
fn both_libraries_work_through_it() {
    let proxy = Proxy::start(Postgres::shared(), &[]);
    for lib in [Lib::Ours, Lib::Oracle] {
        let mut psql = proxy.psql(lib);
        ask(&mut psql, "SELECT 6 * 7", "42");
        let copied = ask(
            &mut psql,
            "COPY (SELECT generate_series(1, 3)) TO STDOUT",
            "3",
        );
        assert_eq!(copied, "1\n2\n3\n-end-\n");
        assert_eq!(psql.finish().1, End::Exit(0));
    }
}

#[test]
fn cancel_requests_are_forwarded() {
    let proxy = Proxy::start(Postgres::shared(), &[]);
    for lib in [Lib::Ours, Lib::Oracle] {
        let output = Program::new("cancel_signal").run(lib, &[&proxy.conninfo()], &[]);
        output.success();
    }
    wait_until("true", || {
        let forwarded = proxy.status()["cancels"].as_u64();
        forwarded.is_some_and(|number| number >= 2).to_string()
    });
}

#[test]
fn unsupported_encryption_is_declined() {
    let proxy = Proxy::start(Postgres::shared(), &[]);
    let mut client = Raw::connect(proxy.port);
    for code in [[4, 210, 22, 48], [4, 210, 22, 47]] {
        client.send(&[&[0, 0, 0, 8][..], &code].concat());
        let mut answer = [0; 1];
        client.read_exact(&mut answer);
        assert_eq!(answer, *b"N");
    }
    client.startup(&[("user", "postgres"), ("database", "postgres")]);
    assert_eq!(client.read_message().0, b'R');
}

/// The startup packet that the server receives, and the negotiation message that the client receives.
fn negotiated(version: u32, reply: Vec<u8>) -> (Vec<u8>, (u8, Vec<u8>)) {
    let script = Script::new().connection(move |c| {
        let startup = c.expect_startup();
        assert_eq!(startup.get("_pq_.goaway"), None);
        assert_eq!(startup.get("_pq_.other"), Some("1"));
        c.send(&[&reply[..], &welcome()].concat());
        c.drain();
    });
    let server = script.start();
    let proxy = Proxy::to(&format!("127.0.0.1:{}", server.port()), &["--no-watch"]);
    let mut client = Raw::connect(proxy.port);
    let mut packet =
        super::raw::startup(&[("user", "u"), ("_pq_.goaway", ""), ("_pq_.other", "1")]);
    packet[4..8].copy_from_slice(&version.to_be_bytes());
    client.send(&packet);
    let first = client.read_message();
    drop(client);
    drop(proxy);
    (server.finish().remove(0), first)
}

#[test]
fn the_key_is_handled_here_and_other_negotiation_is_forwarded() {
    const V3: u32 = 0x0003_0000;
    const V3_2: u32 = 0x0003_0002;
    let other = negotiate_version(3, 0, &["_pq_.other"]);
    let told = |message: &[u8]| (b'v', message[5..].to_vec());
    assert_eq!(negotiated(V3, other.clone()).1, told(&other));
    let both = negotiate_version(3, 0, &["_pq_.goaway", "_pq_.other"]);
    assert_eq!(negotiated(V3, both).1, told(&other));
    let only = negotiate_version(3, 0, &["_pq_.goaway"]);
    assert_eq!(negotiated(V3, only.clone()).1.0, b'R');
    let downgrade = negotiate_version(3, 0, &[]);
    assert_eq!(negotiated(V3_2, only).1, told(&downgrade));
}

#[test]
fn a_goaway_waits_for_the_first_ready_for_query() {
    let script = Script::new().connection(|c| {
        c.expect_startup();
        let welcome = welcome();
        // All but ReadyForQuery, which is sent when the client sends something.
        c.send(&welcome[..welcome.len() - 6]);
        c.read(1);
        c.send(&ready(b'I'));
        c.drain();
    });
    let server = script.start();
    let options = ["--no-watch", "--spread", "0"];
    let proxy = Proxy::to(&format!("127.0.0.1:{}", server.port()), &options);
    let mut client = Raw::connect(proxy.port);
    client.startup(&[("user", "u"), ("_pq_.goaway", "")]);
    assert_eq!(client.read_message().0, b'R');
    proxy.ctl(&["goaway"]).success();
    client.send(b"x");
    let mut kinds = Vec::new();
    while kinds.last() != Some(&b'g') {
        kinds.push(client.read_message().0);
    }
    assert_eq!(kinds[kinds.len() - 2], b'Z', "{kinds:?}");
    drop(client);
    drop(proxy);
    server.finish();
}

#[test]
fn the_unix_socket_is_removed_at_exit() {
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    let path = directory.path().to_string_lossy().into_owned();
    let port = free_port().to_string();
    let server = format!("127.0.0.1:{}", Postgres::shared().port());
    let proxy = Proxy::listening(&path, &server, &["--port", &port]);
    let conninfo = format!("host={path} port={port} user=postgres dbname=postgres");
    let output = Program::new("query").run(Lib::Ours, &[&conninfo, "SELECT 6 * 7"], &[]);
    assert!(output.success().stdout.contains("42"));
    proxy.signal("TERM");
    assert_eq!(proxy.end().1, End::Exit(0));
    assert!(!directory.path().join(format!(".s.PGSQL.{port}")).exists());
}

#[test]
fn listen_and_server_accept_every_kind_of_address() {
    let ip6 = "[::1]:0";
    if let Err(error) = TcpListener::bind(ip6) {
        // A machine without IPv6 gets an error text that says so.
        let mut command = program();
        command.args(["--listen", ip6, "--server", "127.0.0.1:1"]);
        let output = process::run(&mut command, b"", TIMEOUT);
        assert_eq!(output.end, End::Exit(2), "{error}");
        assert!(output.stderr.contains("could not listen"), "{output}");
        return;
    }
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    let path = directory.path().to_string_lossy().into_owned();
    let server = format!("127.0.0.1:{}", Postgres::shared().port());
    let more = ["--listen", "127.0.0.1:0", "--listen", &path];
    let second = Proxy::listening(ip6, &server, &more);
    assert_eq!(second.addresses.len(), 3, "{}", second.log);
    let unix = format!("{path}:5432");
    for (server, options) in [
        (&second.addresses[0], &["--no-watch"][..]),
        (&second.addresses[1], &["--no-watch"]),
        (&unix, &["--no-watch", "--trust-local"]),
    ] {
        let proxy = Proxy::listening(ip6, server, options);
        let output = Program::new("query").run(
            Lib::Ours,
            &[&proxy.conninfo_at("::1"), "SELECT host(inet_client_addr())"],
            &[],
        );
        assert!(output.success().stdout.contains("127.0.0.1"), "{server}");
    }
    // Each client was connected through the second proxy.
    wait_until("3", || second.status()["left"].to_string());
}

#[test]
fn help_lists_the_options() {
    let output = process::run(program().arg("--help"), b"", TIMEOUT).success();
    for word in ["--listen", "--spread", "--deadline", "ctl"] {
        assert!(output.stdout.contains(word), "{output}");
    }
    let page = fs::read_to_string(crate::support::paths::checkout().join("docs/goaway-proxy.1"));
    let page = page.expect("the manual page").replace('\\', "");
    let options = output
        .stdout
        .split_whitespace()
        .filter(|word| word.starts_with("--"));
    for option in options {
        assert!(
            page.contains(option.trim_end_matches([',', '.', ')'])),
            "{option} is not in the manual page"
        );
    }
}
