//! TLS with clients and with the server.

use std::process::Command;

use tempfile::TempDir;

use super::raw::{Raw, session, startup};
use super::{NOTICE, Proxy, ask, program};
use crate::support::message::goaway;
use crate::support::paths::Lib;
use crate::support::postgres::{PASSWORD, Postgres, Version};
use crate::support::process::{self, End, Output, TIMEOUT};
use crate::support::program::{Program, on_lib};
use crate::support::session::Session;
use crate::tls::certificates::Certificates;
use crate::tls::server::TlsServer;

pub const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const BOTH: [Lib; 2] = [Lib::Ours, Lib::Oracle];

/// Options for a proxy with this certificate for clients.
pub fn front(name: &str) -> Vec<String> {
    let files = Certificates::shared();
    let (certificate, key) = (format!("{name}.crt"), format!("{name}.key"));
    ["--tls-cert", &files.file(&certificate), "--tls-key"]
        .map(str::to_owned)
        .into_iter()
        .chain([files.file(&key)])
        .collect()
}

/// Options for a proxy that uses TLS to the server; `ca` is the certificate that it trusts.
fn back(mode: &str, ca: Option<&str>) -> Vec<String> {
    let mut options = vec!["--server-tls".to_owned(), mode.to_owned()];
    if let Some(ca) = ca {
        let file = Certificates::shared().file(&format!("{ca}.crt"));
        options.extend(["--server-ca".to_owned(), file]);
    }
    options
}

fn proxy(port: u16, options: &[Vec<String>]) -> Proxy {
    let options: Vec<&str> = options.iter().flatten().map(String::as_str).collect();
    Proxy::to(&format!("127.0.0.1:{port}"), &options)
}

/// A connection string with the host name of the certificate `good`.
pub fn conninfo(proxy: &Proxy, rest: &str) -> String {
    let (port, root) = (proxy.port, Certificates::shared().file("root.crt"));
    format!(
        "host=good.test hostaddr=127.0.0.1 port={port} user=postgres dbname=postgres sslrootcert={root} gssencmode=disable {rest}"
    )
}

pub fn query(lib: Lib, conninfo: &str) -> Output {
    let sql = "SELECT 'ssl', ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    Program::new("query").run(lib, &[conninfo, sql], &[])
}

/// Connects and asks the server whether its connection from the proxy uses TLS.
#[track_caller]
fn server_has_tls(lib: Lib, conninfo: &str) -> bool {
    let output = query(lib, conninfo).success();
    assert!(output.stdout.contains("ssl\t"), "{output}");
    output.stdout.contains("ssl\tt")
}

#[track_caller]
pub fn fails_with(lib: Lib, conninfo: &str, text: &str) {
    let output = query(lib, conninfo);
    assert_eq!(output.end, End::Exit(1), "{output}");
    assert!(output.stdout.contains(text), "{output}");
}

#[test]
fn clients_connect_with_tls() {
    let proxy = proxy(Postgres::shared().port(), &[front("good")]);
    for lib in BOTH {
        for rest in [
            "sslmode=disable",
            "sslmode=require",
            "sslmode=verify-full",
            "sslmode=verify-full sslnegotiation=direct",
        ] {
            assert!(!server_has_tls(lib, &conninfo(&proxy, rest)), "{rest}");
        }
        let elsewhere = conninfo(&proxy, "sslmode=verify-full host=elsewhere.test");
        fails_with(lib, &elsewhere, "good.test");
    }
}

/// The established TCP connections to `port` of 127.0.0.1, with their timers.
fn connections_to(port: u16) -> Vec<String> {
    let mut ss = Command::new("ss");
    ss.args(["-t", "-n", "-o", "-H", "state", "established"]);
    ss.arg(format!("dst 127.0.0.1:{port}"));
    let output = process::run(&mut ss, b"", TIMEOUT).success();
    output.stdout.lines().map(str::to_owned).collect()
}

/// The peer of a host that has disappeared notices it, because the kernel asks for signs of life.
#[test]
fn connections_to_the_server_have_keepalives() {
    let server = TlsServer::with("good", "good");
    for options in [vec![], back("require", None)] {
        let proxy = proxy(server.port(), &[front("good"), options.clone()]);
        let mut psql = on_lib(Version::Oracle18.bin().join("psql"), Lib::Ours);
        psql.args(["-X", "-q", "-A", "-t", "-d"]);
        psql.arg(conninfo(&proxy, "sslmode=verify-full user=tls_user"));
        let mut psql = Session::start(&mut psql);
        ask(&mut psql, "SELECT 'open'", "open");
        let found = connections_to(server.port());
        assert!(!found.is_empty(), "{options:?}");
        for line in found {
            assert!(line.contains("timer:(keepalive,"), "{options:?}: {line}");
        }
        assert_eq!(psql.finish().1, End::Exit(0));
    }
}

#[test]
fn a_goaway_comes_through_tls() {
    let proxy = proxy(
        Postgres::shared().port(),
        &[front("good"), vec!["--spread".to_owned(), "0".to_owned()]],
    );
    let mut command = on_lib(Version::Oracle18.bin().join("psql"), Lib::Ours);
    command.env("PGGOAWAY", "notice");
    let conninfo = conninfo(&proxy, "sslmode=verify-full");
    command.args(["-X", "-q", "-A", "-t", "-d", &conninfo]);
    let mut psql = Session::start(&mut command);
    ask(&mut psql, "SELECT 'open'", "open");
    proxy.ctl(&["goaway"]).success();
    let told = ask(&mut psql, "SELECT repeat('x', 1000000)", "x");
    assert_eq!(told.matches(NOTICE).count(), 1);
    assert_eq!(psql.finish().1, End::Exit(0));
}

#[test]
fn large_transfers_over_tls_in_both_directions() {
    let server = TlsServer::with("good", "good");
    let proxy = proxy(server.port(), &[front("good"), back("require", None)]);
    let conninfo = conninfo(&proxy, "sslmode=verify-full");
    let text = "x".repeat(100_000);
    for lib in BOTH {
        let mut command = on_lib(Version::Oracle18.bin().join("psql"), lib);
        command.args(["-X", "-q", "-A", "-t", "-d", &conninfo]);
        let rows = format!("{text}\n").repeat(200);
        let input = format!(
            "CREATE TEMP TABLE t (a text);\nCOPY t FROM STDIN;\n{rows}\\.\nSELECT a FROM t;\n"
        );
        let output = process::run(&mut command, input.as_bytes(), TIMEOUT).success();
        assert!(output.stdout == rows, "{} bytes", output.stdout.len());
    }
}

#[test]
fn cancel_requests_use_tls_on_both_sides() {
    let server = TlsServer::with("good", "good");
    let proxy = proxy(
        server.port(),
        &[front("good"), back("verify-ca", Some("root"))],
    );
    assert!(
        proxy.log.contains("server's own certificate"),
        "{}",
        proxy.log
    );
    let line = conninfo(&proxy, "sslmode=verify-full") + "\n";
    for lib in BOTH {
        let program = Program::new("tls");
        let output = program.run_with_input(lib, &["cancel"], &[], line.as_bytes());
        assert!(output.success().stdout.contains("57014"));
    }
}

/// Whether a client can connect to a database that requires TLS, with these options of the proxy.
fn reaches(server: &TlsServer, options: Vec<String>) -> bool {
    let proxy = proxy(server.port(), &[options]);
    let rest = "sslmode=disable dbname=only_ssl";
    query(Lib::Ours, &conninfo(&proxy, rest)).end == End::Exit(0)
}

#[test]
fn the_server_is_verified_as_server_tls_says() {
    let server = TlsServer::with("ip", "ip");
    assert!(!reaches(&server, Vec::new()));
    assert!(!reaches(&server, back("disable", None)));
    for mode in ["prefer", "require"] {
        assert!(reaches(&server, back(mode, None)), "{mode}");
    }
    for mode in ["verify-ca", "verify-full"] {
        assert!(reaches(&server, back(mode, Some("root"))), "{mode}");
        assert!(!reaches(&server, back(mode, Some("other"))), "{mode}");
    }
    drop(server);
    // As in libpq: a certificate of version 1, one issued by it, and a self-signed one that is trusted itself.
    for (name, ca) in [("cn", "root"), ("from-v1root", "v1root"), ("self", "self")] {
        let server = TlsServer::with(name, name);
        assert!(reaches(&server, back("verify-ca", Some(ca))), "{name}");
        assert!(
            !reaches(&server, back("verify-ca", Some("other"))),
            "{name}"
        );
        assert!(!reaches(&server, back("verify-full", Some(ca))), "{name}");
    }
    let other_name = TlsServer::with("good", "good");
    assert!(reaches(&other_name, back("verify-ca", Some("root"))));
    assert!(!reaches(&other_name, back("verify-full", Some("root"))));
}

#[test]
fn a_client_gets_the_reason_why_verification_failed() {
    let server = TlsServer::with("good", "good");
    let proxy = proxy(server.port(), &[back("verify-ca", Some("other"))]);
    fails_with(
        Lib::Ours,
        &proxy.conninfo(),
        "the proxy: SSL error: certificate verify failed: unable to get local issuer certificate",
    );
}

#[test]
fn a_server_without_tls_is_accepted_only_with_prefer() {
    let port = Postgres::shared().port();
    let preferring = proxy(port, &[back("prefer", None)]);
    assert!(!server_has_tls(Lib::Ours, &preferring.conninfo()));
    let requiring = proxy(port, &[back("require", None)]);
    fails_with(
        Lib::Ours,
        &requiring.conninfo(),
        "server does not support SSL, but SSL was required",
    );
}

#[test]
fn scram_channel_binding_needs_the_servers_certificate() {
    let server = TlsServer::with("good", "good");
    let login = format!("user=scram_user password='{PASSWORD}'");
    let verified = || back("verify-ca", Some("root"));
    let plain = proxy(server.port(), &[verified()]);
    let same = proxy(server.port(), &[front("good"), verified()]);
    let other = proxy(server.port(), &[front("ip"), verified()]);
    let bound = format!("{login} sslmode=require channel_binding=require");
    for lib in BOTH {
        let unencrypted = format!("{login} sslmode=disable");
        assert!(server_has_tls(lib, &conninfo(&plain, &unencrypted)));
        assert!(server_has_tls(lib, &conninfo(&same, &bound)));
        fails_with(
            lib,
            &conninfo(&other, &bound),
            "channel binding check failed",
        );
    }
}

#[test]
fn plain_text_after_the_tls_request_is_refused() {
    let proxy = proxy(Postgres::shared().port(), &[front("good")]);
    let mut client = Raw::connect(proxy.port);
    let hasty = startup(&[("user", "postgres"), ("database", "postgres")]);
    client.send(&[&SSL_REQUEST[..], &hasty].concat());
    let mut answer = [0; 2];
    client.read_exact(&mut answer);
    // The proxy accepts TLS and then sends an alert, because the startup packet is not TLS.
    assert_eq!(answer, [b'S', 0x15]);
    assert!(client.read_to_end() < 16);
}

#[test]
fn a_server_is_watched_through_tls() {
    let server = crate::tls::server::start(Certificates::shared());
    let quick = ["--spread", "0", "--watch-interval", "0.1"].map(str::to_owned);
    let options = [back("verify-ca", Some("root")), quick.to_vec()];
    let mut proxy = proxy(server.port(), &options);
    proxy.session.until("the server is up");
    let mut client = session(&proxy, &[("_pq_.goaway", "")]);
    server.control(&["stop", "-m", "smart", "--no-wait"]);
    let mut message = [0; 5];
    client.read_exact(&mut message);
    assert_eq!(message[..], goaway());
}

/// What the openssl program reads when it begins with TLS and then sends `bytes`.
fn direct(proxy: &Proxy, options: &[&str], bytes: &[u8]) -> Output {
    let mut command = Command::new("openssl");
    let address = format!("127.0.0.1:{}", proxy.port);
    command.args(["s_client", "-quiet", "-connect", &address]);
    process::run(command.args(options), bytes, TIMEOUT)
}

#[test]
fn direct_tls_names_the_protocol_and_tls_inside_tls_is_refused() {
    let proxy = proxy(Postgres::shared().port(), &[front("good")]);
    let refused = "unsupported frontend protocol";
    let named = direct(&proxy, &["-alpn", "postgresql"], &SSL_REQUEST);
    assert!(named.stdout.contains(refused), "{named}");
    for options in [&[][..], &["-alpn", "h2"]] {
        let unnamed = direct(&proxy, options, &SSL_REQUEST);
        assert_eq!(unnamed.stdout, "", "{unnamed}");
    }
}

#[test]
fn conflicting_options_are_refused() {
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    let (good, other) = (front("good"), front("ip"));
    let missing = directory.path().join("missing").display().to_string();
    for (options, text) in [
        (vec!["--tls-cert", &good[1]], "--tls-key"),
        (
            vec!["--tls-cert", &missing, "--tls-key", &good[3]],
            "missing\": No such file or directory\n",
        ),
        (
            vec!["--tls-cert", &good[1], "--tls-key", &good[1]],
            "\": the file contains no private key\n",
        ),
        (
            vec!["--tls-cert", &good[1], "--tls-key", &other[3]],
            "\": it does not match the certificate\n",
        ),
        (vec!["--server-ca", &good[1]], "--server-tls"),
    ] {
        let mut command = program();
        command.args(["--listen", "127.0.0.1:0", "--server", "127.0.0.1:1"]);
        let output = process::run(command.args(&options), b"", TIMEOUT);
        assert_eq!(output.end, End::Exit(2), "{output}");
        assert!(output.stderr.contains(text), "{output}");
    }
}
