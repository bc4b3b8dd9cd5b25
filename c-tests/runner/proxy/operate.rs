//! Operation: errors at startup, an unreachable server, SIGHUP.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::raw::session;
use super::tls::{conninfo, fails_with, query};
use super::{Proxy, ask, program};
use crate::support::paths::{Lib, checkout};
use crate::support::postgres::{Postgres, Version, free_port};
use crate::support::process::{self, End, TIMEOUT};
use crate::support::session::wait_until;
use crate::tls::certificates::Certificates;

/// Runs a proxy that cannot start, and returns its error text.
#[track_caller]
fn startup_error(options: &[&str]) -> String {
    let output = process::run(program().args(options), b"", TIMEOUT);
    assert_eq!(output.end, End::Exit(2), "{output}");
    output.stderr
}

#[test]
fn a_proxy_that_connects_to_itself_is_refused() {
    let port = free_port();
    let at = |host: &str| format!("{host}:{port}");
    for (listen, server) in [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "localhost"),
        ("localhost", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("0.0.0.0", "localhost"),
        ("127.0.0.1", "0.0.0.0"),
    ] {
        let text = startup_error(&["--listen", &at(listen), "--server", &at(server)]);
        assert!(text.contains("would connect to itself"), "{text}");
    }
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    let path = directory.path().join("real");
    fs::create_dir(&path).expect("create the directory");
    symlink(&path, directory.path().join("other")).expect("a link");
    let real = path.display().to_string();
    let other = format!("{}:5432", directory.path().join("other").display());
    let text = startup_error(&["--listen", &real, "--server", &other, "--trust-local"]);
    assert!(text.contains("would connect to itself"), "{text}");
}

#[test]
fn errors_name_the_address_and_the_reason() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = taken
        .local_addr()
        .expect("the listener's address")
        .to_string();
    let server = format!("127.0.0.1:{}", free_port());
    assert_eq!(
        startup_error(&["--listen", &address, "--server", &server]),
        format!("goaway-proxy: could not listen at {address}: Address already in use\n")
    );
    let text = startup_error(&["--listen", "nosuch.invalid:5", "--server", &server]);
    let expected = "goaway-proxy: could not listen at nosuch.invalid:5: \
                    could not translate host name \"nosuch.invalid\" to address: ";
    assert!(text.starts_with(expected), "{text}");
    let text = startup_error(&["--listen", "/nonexistent", "--server", &server]);
    assert!(text.contains("at /nonexistent/.s.PGSQL.5432: "), "{text}");
    assert!(text.contains("No such file or directory\n"), "{text}");
    let control = ["--control", "/nonexistent/control"];
    let options = ["--listen", "127.0.0.1:0", "--server", &server];
    assert_eq!(
        startup_error(&[&options[..], &control].concat()),
        "goaway-proxy: could not create the control socket /nonexistent/control: \
         No such file or directory\n"
    );
}

#[test]
fn the_log_says_when_the_server_becomes_unreachable_and_reachable() {
    let server = Postgres::start(Version::Oracle18, "");
    server.stop_at_once();
    let address = format!("127.0.0.1:{}", server.port());
    let mut proxy = Proxy::to(&address, &["--watch-interval", "0.1"]);
    let health = |proxy: &Proxy| proxy.status()["server_health"].to_string();
    wait_until("\"unreachable\"", || health(&proxy));
    let status = proxy.status();
    assert_eq!(status["state"], "server not available");
    let error = format!(
        "connection to server at \"127.0.0.1\", port {} failed: Connection refused",
        server.port()
    );
    assert_eq!(status["server_error"], error);
    server.control(&["start"]).success();
    wait_until("\"up\"", || health(&proxy));
    assert_eq!(proxy.status()["state"], "serving");
    let log = [proxy.log.clone(), proxy.session.until("the server is up")].concat();
    let away = format!("the server cannot be reached: {error}");
    assert_eq!(log.matches(&away).count(), 1, "{log}");
    server.stop_at_once();
    proxy.session.until("the server cannot be reached");
}

#[test]
fn without_a_watch_client_connections_show_the_servers_health() {
    let port = free_port();
    let mut proxy = Proxy::to(&format!("127.0.0.1:{port}"), &["--no-watch"]);
    assert_eq!(proxy.status()["server_health"], "unknown");
    assert_eq!(proxy.status()["state"], "serving");
    proxy.refuses_as_if_shutting_down();
    proxy.session.until("the server cannot be reached");
    assert_eq!(proxy.status()["state"], "server not available");
    let mut lost = Proxy::to("nosuch.invalid:5432", &["--no-watch"]);
    let text = "could not translate host name \"nosuch.invalid\" to address";
    assert!(lost.log.contains(text), "{}", lost.log);
    lost.refuses_as_if_shutting_down();
    lost.session.until("could not connect to the server");
}

#[test]
fn sighup_ends_nothing() {
    let mut proxy = Proxy::start(Postgres::shared(), &[]);
    let mut psql = proxy.psql(Lib::Ours);
    proxy.signal("HUP");
    proxy.session.until("no TLS certificates are configured");
    ask(&mut psql, "SELECT 6 * 7", "42");
    ask(&mut proxy.psql(Lib::Oracle), "SELECT 6 * 7", "42");
}

#[test]
fn sighup_reloads_certificates() {
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    let file = |name: &str| directory.path().join(name).display().to_string();
    let (certificate, key) = (file("certificate"), file("key"));
    let show = |name: &str| {
        let files = Certificates::shared();
        fs::copy(files.path(&format!("{name}.crt")), &certificate).expect("copy the file");
        fs::copy(files.path(&format!("{name}.key")), &key).expect("copy the file");
    };
    show("good");
    let options = ["--tls-cert", &certificate, "--tls-key", &key];
    let mut proxy = Proxy::start(Postgres::shared(), &options);
    let verified = conninfo(&proxy, "sslmode=verify-full");
    query(Lib::Ours, &verified).success();
    let mut open = session(&proxy, &[]);
    // An unreadable certificate changes nothing.
    fs::write(&certificate, "nonsense").expect("write the file");
    proxy.signal("HUP");
    proxy.session.until("could not reload TLS certificates");
    query(Lib::Ours, &verified).success();
    // Now a certificate for another host.
    show("ip");
    proxy.signal("HUP");
    proxy.session.until("reloaded TLS certificates and keys");
    for lib in [Lib::Ours, Lib::Oracle] {
        fails_with(lib, &verified, "good.test");
        let unverified = conninfo(&proxy, "sslmode=verify-ca");
        query(lib, &unverified).success();
    }
    open.query("SELECT 1");
    assert_eq!(open.read_until_ready().len(), 4);
}

#[test]
fn the_systemd_unit_starts_after_the_server_and_names_the_installed_program() {
    let unit = fs::read_to_string(checkout().join("docs/goaway-proxy.service"));
    let unit = unit.expect("the unit");
    let after = unit.lines().find(|line| line.starts_with("After="));
    assert!(after.is_some_and(|line| line.contains("postgresql.service")));
    let programs: Vec<&str> = unit
        .lines()
        .filter_map(|line| line.strip_prefix("Exec"))
        .collect();
    assert_eq!(programs.len(), 2);
    for line in programs {
        assert!(line.contains("=@bindir@/goaway-proxy "), "{line}");
    }
}
