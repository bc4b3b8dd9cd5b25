//! Connecting to the server: addresses that do not answer, clients that do not wait, servers that do not reply.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use super::raw::{Raw, startup};
use super::{Proxy, ask, program};
use crate::support::message::{auth, auth_ok};
use crate::support::paths::{self, Lib};
use crate::support::postgres::{Postgres, free_port};
use crate::support::process::{self, End, TIMEOUT};
use crate::support::program::Program;
use crate::support::script::Script;
use crate::support::session::wait_until;

/// An address that neither accepts nor refuses connections, because its queue is full.
struct UnresponsiveAddress {
    _listener: Socket,
    _waiting: Vec<Socket>,
}

impl UnresponsiveAddress {
    fn at(host: [u8; 4], port: u16) -> UnresponsiveAddress {
        let address = SockAddr::from(std::net::SocketAddr::from((host, port)));
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        listener
            .set_reuse_address(true)
            .expect("set a socket option");
        listener.bind(&address).expect("a free address");
        listener.listen(0).expect("listen on the socket");
        let wait = |_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            socket.set_nonblocking(true).expect("set a socket option");
            // The first is in the queue, the others wait for it.
            let _ = socket.connect(&address);
            socket
        };
        UnresponsiveAddress {
            _listener: listener,
            _waiting: (0..3).map(wait).collect(),
        }
    }
}

/// A command for which the name two.test resolves to these addresses.
fn with_names(addresses: &str) -> Command {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| {
        let directory = paths::target().join("c-tests");
        std::fs::create_dir_all(&directory).expect("create the directory");
        let path = directory.join("names.so");
        let source = paths::checkout().join("c-tests/interpose/names.c");
        let mut command = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
        command.args(["-std=gnu99", "-O1", "-Wall", "-Wextra", "-Werror"]);
        command
            .args(["-fPIC", "-shared", "-o"])
            .arg(&path)
            .arg(source);
        process::run(&mut command, b"", TIMEOUT).success();
        path
    });
    let mut command = program();
    command
        .env("LD_PRELOAD", library)
        .env("TWO_TEST", addresses);
    command
}

#[test]
fn an_unreachable_address_is_skipped_and_tried_last_next_time() {
    let server = Postgres::shared();
    let port = server.port();
    let _unresponsive = UnresponsiveAddress::at([127, 0, 0, 2], port);
    let mut proxy = Proxy::begin(
        with_names("127.0.0.2,127.0.0.1"),
        "127.0.0.1:0",
        &format!("two.test:{port}"),
        &["--no-watch", "--connect-timeout", "2"],
    );
    let begin = Instant::now();
    ask(&mut proxy.psql(Lib::Ours), "SELECT 6 * 7", "42");
    assert!(begin.elapsed() >= Duration::from_secs(2));
    assert_eq!(
        proxy.status()["server_address"],
        format!("127.0.0.1:{port}")
    );
    // Later connections do not wait for the address: all of them together take less time than one wait each.
    let begin = Instant::now();
    for lib in [Lib::Ours, Lib::Oracle] {
        let output = Program::new("query").run(lib, &[&proxy.conninfo(), "SELECT 6 * 7"], &[]);
        assert!(output.success().stdout.contains("42"));
    }
    // Cancel requests go to the address that has the session.
    let output = Program::new("cancel_signal").run(Lib::Ours, &[&proxy.conninfo()], &[]);
    output.success();
    for _ in 0..8 {
        Raw::session(proxy.port, &[]);
    }
    assert!(begin.elapsed() < Duration::from_secs(16));
    // The client's address is in the log.
    proxy.session.until("a client has connected");
    let line = proxy.session.until("\n");
    assert!(line.contains("client=127.0.0.1:"), "{line}");
}

#[test]
fn when_no_address_answers_the_client_gets_the_reason() {
    let port = free_port();
    let _unresponsive = UnresponsiveAddress::at([127, 0, 0, 2], port);
    let mut proxy = Proxy::begin(
        with_names("127.0.0.2,127.0.0.3"),
        "127.0.0.1:0",
        &format!("two.test:{port}"),
        &["--no-watch", "--connect-timeout", "1"],
    );
    let text =
        "could not connect to the server behind the proxy: timeout expired; Connection refused";
    for lib in [Lib::Ours, Lib::Oracle] {
        let output = Program::new("query").run(lib, &[&proxy.conninfo(), "SELECT 1"], &[]);
        assert_eq!(output.end, End::Exit(1));
        assert!(output.stdout.contains(text), "{output}");
    }
    let log = proxy.session.until("Connection refused");
    let detail = format!(
        "connection to server at \"two.test\" (127.0.0.2), port {port} failed: timeout expired"
    );
    assert!(log.contains(&detail), "{log}");
    // With several hosts, the client tries the next one.
    let conninfo = format!(
        "host=127.0.0.1,127.0.0.1 port={},{} user=postgres dbname=postgres",
        proxy.port,
        Postgres::shared().port()
    );
    for lib in [Lib::Ours, Lib::Oracle] {
        let output = Program::new("query").run(lib, &[&conninfo, "SELECT 6 * 7"], &[]);
        assert!(output.success().stdout.contains("42"));
    }
}

#[test]
fn clients_that_leave_while_connecting_are_removed_at_once() {
    const CLIENTS: usize = 50;
    let port = free_port();
    let _unresponsive = UnresponsiveAddress::at([127, 0, 0, 1], port);
    let options = ["--no-watch", "--connect-timeout", "60"];
    let proxy = Proxy::to(&format!("127.0.0.1:{port}"), &options);
    let before = proxy.descriptors();
    let clients: Vec<Raw> = (0..CLIENTS)
        .map(|_| {
            let mut client = Raw::connect(proxy.port);
            client.startup(&[("user", "u")]);
            client
        })
        .collect();
    let all = (before + 2 * CLIENTS).to_string();
    wait_until(&all, || proxy.descriptors().to_string());
    assert_eq!(proxy.status()["connecting"], CLIENTS);
    let begin = Instant::now();
    drop(clients);
    proxy.forgets_all(before);
    assert!(begin.elapsed() < Duration::from_secs(20));
}

/// A cancel request for a process that does not exist.
fn cancel_request(port: u16) -> Raw {
    let mut client = Raw::connect(port);
    client.send(b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\x09\x09\x09\x09");
    client
}

#[test]
fn cancel_requests_hold_few_descriptors_and_not_for_long() {
    const REQUESTS: usize = 1500;
    const ACCEPTED: usize = 1064;
    let limit = rlimit::increase_nofile_limit(u64::MAX).expect("a limit");
    assert!(limit >= 2 * REQUESTS as u64, "ulimit -Hn is {limit}");
    let port = free_port();
    let _unresponsive = UnresponsiveAddress::at([127, 0, 0, 1], port);
    let options = ["--no-watch", "--connect-timeout", "600"];
    let proxy = Proxy::to(&format!("127.0.0.1:{port}"), &options);
    let before = proxy.descriptors();
    let requests: Vec<Raw> = (0..REQUESTS).map(|_| cancel_request(proxy.port)).collect();
    // The proxy handles 64 at a time and queues 1,000. It closes the others when it has read them.
    let count = |what: &str| proxy.status()[what].as_u64().expect("a number");
    let others = (REQUESTS - ACCEPTED) as u64;
    wait_until("true", || (count("cancels_refused") >= others).to_string());
    let held = proxy.descriptors() - before;
    assert!(held <= ACCEPTED + 64 + 8, "{held}");
    // A request that gets no reply within ten seconds is closed.
    proxy.forgets_all(before);
    let all = count("cancels_refused") + count("cancels_failed");
    assert_eq!(all, REQUESTS as u64);
    drop(requests);
}

/// What a client receives through a proxy if the server replies to the startup packet with `answer` and then sends
/// nothing more.
fn reply_of_silent_server(answer: Vec<u8>) -> String {
    let server = Script::new()
        .connection(move |c| {
            c.expect_startup();
            c.send(&answer);
            c.drain();
        })
        .start();
    let options = ["--no-watch", "--startup-timeout", "1"];
    let mut proxy = Proxy::to(&format!("127.0.0.1:{}", server.port()), &options);
    let before = proxy.descriptors();
    let mut client = Raw::connect(proxy.port);
    client.startup(&[("user", "u")]);
    let reply = client.read_rest();
    proxy.session.until("end=\"timeout\"");
    proxy.forgets_all(before);
    drop(proxy);
    server.finish();
    reply.escape_ascii().to_string()
}

#[test]
fn a_silent_server_does_not_block_a_client_for_long() {
    let reply = reply_of_silent_server(Vec::new());
    assert!(reply.contains("C57P03"), "{reply}");
    assert!(reply.contains("the server does not answer"), "{reply}");
    // A server that asks for a password and then gets none or sends no more.
    let reply = reply_of_silent_server(auth(3, b""));
    assert!(reply.contains("C57014"), "{reply}");
    // A server that accepts the client and then sends no more.
    let reply = reply_of_silent_server(auth_ok());
    assert!(reply.contains("C57014"), "{reply}");
}

#[test]
fn a_server_that_does_not_answer_the_tls_request_times_out() {
    let server = Script::new().connection(|c| c.drain()).start();
    let options = ["--no-watch", "--server-tls", "require"];
    let options = [&options[..], &["--connect-timeout", "1"]].concat();
    let proxy = Proxy::to(&format!("127.0.0.1:{}", server.port()), &options);
    let mut client = Raw::connect(proxy.port);
    client.startup(&[("user", "u")]);
    let reply = client.read_rest().escape_ascii().to_string();
    assert!(reply.contains("proxy: timeout expired"), "{reply}");
    drop(proxy);
    server.finish();
}

/// Data that a client sends before the server is connected is not lost, nor is its end of file.
#[test]
fn a_client_may_send_before_the_server_is_connected() {
    let port = Postgres::shared().port();
    let _unresponsive = UnresponsiveAddress::at([127, 0, 0, 4], port);
    let packet = startup(&[("user", "postgres"), ("database", "postgres")]);
    for ends in [false, true] {
        let proxy = Proxy::begin(
            with_names("127.0.0.4,127.0.0.1"),
            "127.0.0.1:0",
            &format!("two.test:{port}"),
            &["--no-watch", "--connect-timeout", "1"],
        );
        let mut client = Raw::connect(proxy.port);
        client.send(&[&packet[..], b"Q\0\0\0\x0dSELECT 1\0"].concat());
        if ends {
            client.shutdown();
        }
        client.read_until_ready();
        let kinds = client.read_until_ready().into_iter().map(|(kind, _)| kind);
        assert_eq!(kinds.collect::<Vec<u8>>(), b"TDCZ");
        if ends {
            assert_eq!(client.read_to_end(), 0);
        }
    }
}
