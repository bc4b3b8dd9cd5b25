//! Half-closed connections: one side closes its sending direction and continues to read.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

use super::Proxy;
use super::raw::{Raw, session, startup};
use super::tls::{SSL_REQUEST, front};
use crate::support::message::{auth_ok, fatal, message, ready};
use crate::support::postgres::{Postgres, free_port};
use crate::support::script::Script;
use crate::support::session::wait_until;
use crate::tls::certificates::Certificates;
use crate::tls::server::TlsServer;

fn query(sql: &str) -> Vec<u8> {
    message(b'Q', &[sql.as_bytes(), b"\0"].concat())
}

/// What a client in an open session receives if it sends `bytes` and then closes its sending direction.
#[track_caller]
fn answers(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut client = Raw::session(port, &[]);
    client.send(bytes);
    client.shutdown();
    client.read_rest()
}

#[test]
fn a_half_closed_client_gets_the_same_reply_as_from_the_server() {
    let server = Postgres::shared();
    let proxy = Proxy::start(server, &[]);
    let extended = [
        message(b'P', b"\0SELECT 6 * 7\0\0\0"),
        message(b'B', &[0; 8]),
        message(b'E', &[0; 5]),
        message(b'S', b""),
    ]
    .concat();
    let sessions = [
        query("SELECT generate_series(1, 300000)"),
        [
            query("SELECT 1"),
            query("SELECT pg_sleep(0.5)"),
            query("SELECT 2"),
        ]
        .concat(),
        [extended.clone(), extended.clone()].concat(),
        [query("SELECT 1"), message(b'X', b"")].concat(),
        query("COPY (SELECT generate_series(1, 100000)) TO STDOUT"),
        query("SELECT 1/0"),
        // The second query is incomplete.
        [&query("SELECT 1")[..], b"Q\0\0"].concat(),
        // A COPY whose data does not end.
        [
            query("CREATE TEMP TABLE t (a text); COPY t FROM STDIN"),
            message(b'd', b"x\n"),
        ]
        .concat(),
        extended[..extended.len() - 5].to_vec(),
        Vec::new(),
    ];
    for bytes in sessions {
        let expected = answers(server.port(), &bytes);
        let found = answers(proxy.port, &bytes);
        let text = bytes.escape_ascii();
        assert!(
            found == expected,
            "{text}: {} of {}",
            found.len(),
            expected.len()
        );
    }
}

#[test]
fn a_client_may_send_everything_before_the_first_reply() {
    let server = Postgres::shared();
    let proxy = Proxy::start(server, &[]);
    let packet = startup(&[("user", "postgres"), ("database", "postgres")]);
    for port in [server.port(), proxy.port] {
        let mut client = Raw::connect(port);
        client.send(&[&packet[..], &query("SELECT 'here'")].concat());
        client.shutdown();
        client.read_until_ready();
        let kinds = client.read_until_ready().into_iter().map(|(kind, _)| kind);
        assert_eq!(kinds.collect::<Vec<u8>>(), b"TDCZ");
        assert_eq!(client.read_to_end(), 0);
    }
}

#[test]
fn a_half_closed_client_is_told_between_two_messages() {
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0"]);
    let mut client = session(&proxy, &[("_pq_.goaway", "")]);
    client.query("SELECT repeat('x', 5000) FROM generate_series(1, 20000)");
    client.shutdown();
    assert_eq!(client.read_message().0, b'T');
    proxy.ctl(&["goaway"]).success();
    let messages = client.read_until_ready();
    let of = |kind: u8| messages.iter().filter(|message| message.0 == kind).count();
    assert_eq!((of(b'D'), of(b'g')), (20_000, 1));
    assert!(
        messages
            .iter()
            .all(|(kind, body)| *kind != b'D' || body.len() == 5006)
    );
    assert_eq!(client.read_to_end(), 0);
}

#[test]
fn the_server_sees_the_end_before_it_answers() {
    let server = Script::new()
        .connection(|c| {
            c.expect_startup();
            c.send(&[auth_ok(), ready(b'I')].concat());
            c.expect_query();
            c.expect_eof();
            c.send(&[message(b'D', b"late"), ready(b'I')].concat());
            c.drain();
        })
        .start();
    let proxy = Proxy::to(&format!("127.0.0.1:{}", server.port()), &["--no-watch"]);
    let received = answers(proxy.port, &query("?"));
    assert_eq!(received, [message(b'D', b"late"), ready(b'I')].concat());
    drop(proxy);
    server.finish();
}

/// A server for one connection. Returns what it reads after it has closed its sending direction.
fn ending_server() -> (u16, thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener
        .local_addr()
        .expect("the listener's address")
        .port();
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the proxy");
        let timeout = Some(Duration::from_secs(20));
        stream.set_read_timeout(timeout).expect("a timeout");
        let mut packet = [0; 1000];
        assert!(stream.read(&mut packet).expect("a startup packet") > 0);
        let last = fatal("57P01", "good bye");
        let words = [auth_ok(), ready(b'I'), last].concat();
        stream.write_all(&words).expect("the proxy reads");
        stream.shutdown(Shutdown::Write).expect("an open socket");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("the end");
        rest
    });
    (port, thread)
}

#[test]
fn a_half_closed_server_can_still_read() {
    let (port, server) = ending_server();
    let proxy = Proxy::to(&format!("127.0.0.1:{port}"), &["--no-watch"]);
    let before = proxy.descriptors();
    let mut client = session(&proxy, &[]);
    assert_eq!(client.read_message().0, b'E');
    assert_eq!(client.read_to_end(), 0);
    client.send(&query("late"));
    drop(client);
    assert_eq!(
        server.join().expect("the thread does not panic"),
        query("late")
    );
    proxy.forgets_all(before);
}

#[test]
fn a_client_is_closed_when_its_server_has_closed() {
    let (port, server) = ending_server();
    let proxy = Proxy::to(&format!("127.0.0.1:{port}"), &["--no-watch"]);
    let before = proxy.descriptors();
    let mut client = session(&proxy, &[]);
    proxy.forgets_all(before);
    assert_eq!(server.join().expect("the thread does not panic"), b"");
    assert_eq!(client.read_message().0, b'E');
    assert_eq!(client.read_to_end(), 0);
}

#[test]
fn a_client_that_closes_is_removed_while_its_query_runs() {
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    let (path, port) = (directory.path(), free_port());
    let options = ["--port", &port.to_string()];
    let server = format!("127.0.0.1:{}", Postgres::shared().port());
    let proxy = Proxy::listening(&path.to_string_lossy(), &server, &options);
    let before = proxy.descriptors();
    let socket = path.join(format!(".s.PGSQL.{port}"));
    let mut client = UnixStream::connect(socket).expect("the proxy listens");
    let packet = startup(&[("user", "postgres"), ("database", "postgres")]);
    client.write_all(&packet).expect("the proxy reads");
    client
        .write_all(&query("SELECT pg_sleep(30)"))
        .expect("the proxy reads");
    let begin = Instant::now();
    while proxy
        .clients()
        .first()
        .is_none_or(|client| client["state"] != "active")
    {
        assert!(begin.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(20));
    }
    drop(client);
    proxy.forgets_all(before);
    assert!(begin.elapsed() < Duration::from_secs(25));
}

#[test]
fn a_half_closed_client_that_resets_is_removed() {
    let proxy = Proxy::start(Postgres::shared(), &[]);
    let before = proxy.descriptors();
    let mut client = session(&proxy, &[]);
    client.query("SELECT pg_sleep(40)");
    client.shutdown();
    wait_until("\"active\"", || proxy.clients()[0]["state"].to_string());
    thread::sleep(Duration::from_millis(300));
    assert_eq!(proxy.clients().len(), 1);
    let begin = Instant::now();
    client.reset();
    proxy.forgets_all(before);
    assert!(begin.elapsed() < Duration::from_secs(25));
}

/// A TLS session with the host name of the certificate `good`.
fn encrypted(port: u16) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_file(Certificates::shared().path("root.crt"));
    roots.add(root.expect("a certificate")).expect("a root");
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the proxy listens");
    let timeout = Some(Duration::from_secs(60));
    stream.set_read_timeout(timeout).expect("a timeout");
    stream.write_all(&SSL_REQUEST).expect("the proxy reads");
    let mut answer = [0; 1];
    stream.read_exact(&mut answer).expect("the proxy answers");
    assert_eq!(answer, *b"S");
    let name = ServerName::try_from("good.test").expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    StreamOwned::new(client, stream)
}

#[test]
fn tls_directions_close_separately() {
    const ROWS: usize = 100_000;
    let server = TlsServer::with("good", "good");
    let files = front("good");
    let mut options: Vec<&str> = files.iter().map(String::as_str).collect();
    options.extend(["--server-tls", "require"]);
    let proxy = Proxy::to(&format!("127.0.0.1:{}", server.port()), &options);
    let before = proxy.descriptors();
    let mut client = encrypted(proxy.port);
    let packet = startup(&[("user", "postgres"), ("database", "postgres")]);
    let sql = format!("SELECT generate_series(1, {ROWS})");
    client
        .write_all(&[packet, query(&sql)].concat())
        .expect("the proxy reads");
    client.conn.send_close_notify();
    client.flush().expect("the proxy reads");
    client
        .sock
        .shutdown(Shutdown::Write)
        .expect("an open socket");
    let mut received = Vec::new();
    // The connection ends with close_notify.
    client
        .read_to_end(&mut received)
        .expect("rows and close_notify");
    let rows = format!("SELECT {ROWS}\0");
    let end = [message(b'C', rows.as_bytes()), ready(b'I')].concat();
    assert!(received.ends_with(&end), "{}", received.len());
    proxy.forgets_all(before);
}
