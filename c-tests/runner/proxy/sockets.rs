//! Unix sockets: when an existing socket is replaced, and who can connect.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::raw::Raw;
use super::{Proxy, ask, program};
use crate::support::paths::{Lib, checkout};
use crate::support::postgres::{Postgres, Version, as_service_user, service_user};
use crate::support::process::{self, End, Output, TIMEOUT};
use crate::support::program::Program;
use crate::support::session::Session;

fn directory() -> TempDir {
    TempDir::with_prefix("pq-").expect("a temporary directory")
}

fn server() -> String {
    format!("127.0.0.1:{}", Postgres::shared().port())
}

/// Runs a proxy that cannot start, and returns its error text.
#[track_caller]
fn refused(listen: &Path, server: &str, options: &[&str]) -> Output {
    let mut command = program();
    command.arg("--listen").arg(listen);
    command.args(["--server", server]).args(options);
    let output = process::run(&mut command, b"", TIMEOUT);
    assert_eq!(output.end, End::Exit(2), "{output}");
    output
}

fn listening(directory: &Path, options: &[&str]) -> Proxy {
    Proxy::listening(&directory.to_string_lossy(), &server(), options)
}

#[track_caller]
fn serves(directory: &Path) {
    let conninfo = format!(
        "host={} port=5432 user=postgres dbname=postgres",
        directory.display()
    );
    let output = Program::new("query").run(Lib::Ours, &[&conninfo, "SELECT 6 * 7"], &[]);
    assert!(output.success().stdout.contains("42"));
}

#[test]
fn a_file_that_is_not_a_socket_is_not_removed() {
    let directory = directory();
    let path = directory.path().join(".s.PGSQL.5432");
    fs::write(&path, "precious").expect("write the file");
    let output = refused(directory.path(), &server(), &[]);
    let text = format!(
        "could not listen at {}: the file exists and is not a socket",
        path.display()
    );
    assert!(output.stderr.contains(&text), "{output}");
    let control = path.to_string_lossy().into_owned();
    let tcp = Path::new("127.0.0.1:0");
    let output = refused(tcp, &server(), &["--control", &control]);
    assert!(output.stderr.contains("not a socket"), "{output}");
    assert_eq!(fs::read_to_string(&path).expect("the file"), "precious");
    // The proxy leaves no other file there.
    assert_eq!(
        fs::read_dir(directory.path())
            .expect("read the directory")
            .count(),
        1
    );
}

#[test]
fn a_running_proxys_socket_is_not_taken_over() {
    let directory = directory();
    let first = listening(directory.path(), &[]);
    let output = refused(directory.path(), &server(), &[]);
    let lock = directory.path().join(".s.PGSQL.5432.lock");
    let pid = fs::read_to_string(lock).expect("a lock file");
    let pid = pid.lines().next().expect("a process").to_owned();
    let text = "could not listen at ";
    assert!(output.stderr.contains(text), "{output}");
    assert!(
        output
            .stderr
            .contains("another process is listening on this socket"),
        "{output}"
    );
    let control = first.control_path().to_string_lossy().into_owned();
    let tcp = Path::new("127.0.0.1:0");
    let output = refused(tcp, &server(), &["--control", &control]);
    assert!(
        output
            .stderr
            .contains("another process is listening on this socket"),
        "{output}"
    );
    serves(directory.path());
    assert_eq!(first.status()["state"], "serving");
    // A proxy that starts to listen has the lock already.
    fs::remove_file(directory.path().join(".s.PGSQL.5432")).expect("a socket");
    let output = refused(directory.path(), &server(), &[]);
    let text = format!("already exists: process {pid} is using the socket");
    assert!(output.stderr.contains(&text), "{output}");
    first.signal("TERM");
    assert_eq!(first.end().1, End::Exit(0));
    assert_eq!(
        fs::read_dir(directory.path())
            .expect("read the directory")
            .count(),
        0
    );
}

#[test]
fn a_socket_in_use_by_another_program_is_not_taken_over() {
    let directory = directory();
    let path = directory.path().join(".s.PGSQL.5432");
    let other = UnixListener::bind(&path).expect("a socket");
    let output = refused(directory.path(), &server(), &["--reuse-port"]);
    assert!(
        output
            .stderr
            .contains("another process is listening on this socket"),
        "{output}"
    );
    drop(other);
    // The lock file of a process that was killed.
    fs::write(path.with_extension("5432.lock"), "999999999\nx\n").expect("a lock file");
    let proxy = listening(directory.path(), &[]);
    serves(directory.path());
    drop(proxy);
}

/// A copy of the program that the servers' user can start, in a directory of that user.
fn program_of_the_service_user(directory: &Path) -> PathBuf {
    let copy = directory.join("goaway-proxy");
    fs::copy(program().get_program(), &copy).expect("the program");
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("set the file mode");
    if let Some((uid, gid)) = service_user() {
        chown(directory, Some(uid), Some(gid)).expect("set the owner");
    }
    copy
}

#[test]
fn proxies_and_servers_do_not_take_over_each_others_sockets() {
    let server = Postgres::start(Version::Oracle18, "");
    let at = server.socket_directory();
    let port = server.port().to_string();
    let elsewhere = Postgres::shared();
    let target = format!("127.0.0.1:{}", elsewhere.port());
    let output = refused(at, &target, &["--port", &port]);
    assert!(
        output
            .stderr
            .contains("another process is listening on this socket"),
        "{output}"
    );
    assert!(server.psql("postgres", "SELECT 6 * 7").contains("42"));

    server.control(&["stop", "-m", "fast"]).success();
    let copies = directory();
    let mut command = Command::new(program_of_the_service_user(copies.path()));
    as_service_user(&mut command);
    command.args(["--listen", &at.to_string_lossy(), "--server", &target]);
    command.args(["--port", &port]);
    let mut proxy = Session::start(&mut command);
    proxy.until("listening at ");
    let output = server.control(&["start"]);
    assert_ne!(output.end, End::Exit(0), "{output}");
    assert!(server.log().contains("already exists"), "{}", server.log());
    proxy.signal("TERM");
    assert_eq!(proxy.finish().1, End::Exit(0));
    server.control(&["start"]).success();
}

#[test]
fn a_socket_is_handed_over_on_request() {
    let directory = directory();
    let mut proxy = listening(directory.path(), &["--reuse-port", "--spread", "0"]);
    for _ in 0..2 {
        let next = listening(directory.path(), &["--reuse-port", "--spread", "0"]);
        serves(directory.path());
        proxy.signal("TERM");
        let (log, end) = std::mem::replace(&mut proxy, next).end();
        assert_eq!(end, End::Exit(0), "{log}");
        serves(directory.path());
    }
    // The running proxy has the lock by now.
    refused(directory.path(), &server(), &[]);

    // The same for a control socket.
    let control = proxy.control_path();
    let mut command = program();
    command.args(["--listen", "127.0.0.1:0", "--server", &server()]);
    command.args(["--reuse-port", "--control"]).arg(&control);
    let mut next = Session::start(&mut command);
    next.until("listening at ");
    let address = next.until(" ").trim().to_owned();
    assert_eq!(proxy.status()["listen"][0], address);
    next.signal("TERM");
    assert_eq!(next.finish().1, End::Exit(0));
    // A socket that belongs to another program is not replaced.
    let _other = UnixListener::bind(&control).expect("a free place");
    let options = ["--reuse-port", "--control", &control.to_string_lossy()];
    refused(Path::new("127.0.0.1:0"), &server(), &options);
}

#[test]
fn only_the_proxys_user_can_open_the_socket_by_default() {
    for (options, expected) in [
        (&[][..], 0o700),
        (&["--socket-mode", "0770"], 0o770),
        (&["--socket-mode", "777"], 0o777),
    ] {
        let directory = directory();
        let proxy = listening(directory.path(), options);
        let socket = directory.path().join(".s.PGSQL.5432");
        let mode = fs::metadata(socket).expect("a socket").permissions();
        assert_eq!(mode.mode() & 0o777, expected);
        serves(directory.path());
        drop(proxy);
    }
}

/// Otherwise the server would give each client the identity of the user that runs the proxy.
#[test]
fn clients_get_the_proxys_identity_only_with_trust_local() {
    let server = Postgres::shared();
    let unix = format!("{}:{}", server.socket_directory().display(), server.port());
    let directory = directory();
    for listen in [Path::new("127.0.0.1:0"), directory.path()] {
        let output = refused(listen, &unix, &[]);
        assert!(output.stderr.contains("--trust-local"), "{output}");
    }
    let listen = directory.path().to_string_lossy().into_owned();
    let options = ["--trust-local"];
    let proxy = Proxy::listening(&listen, &unix, &options);
    serves(directory.path());
    drop(proxy);
    let proxy = Proxy::to(&unix, &options);
    ask(&mut proxy.psql(Lib::Ours), "SELECT 1", "1");
}

#[test]
fn the_log_says_who_is_trusted() {
    let server = server();
    let mut open = Proxy::listening("0.0.0.0:0", &server, &["--watch-user", "postgres"]);
    let text = "its pg_hba.conf must not trust that address";
    assert!(open.log.contains(text), "{}", open.log);
    // The tests' server trusts local users.
    open.session
        .until("lets user \"postgres\" in without a password");
    let local = Proxy::to(&server, &["--no-watch"]);
    assert!(!local.log.contains(text), "{}", local.log);
    let mut asks = Proxy::to(&server, &["--watch-user", "scram_user"]);
    asks.session.until("the server is up");
    Raw::session(asks.port, &[]);
    asks.signal("TERM");
    let (log, _) = asks.end();
    assert!(!log.contains("without a password"), "{log}");
}

/// A user who copies the examples gives no access by mistake.
#[test]
fn the_examples_are_safe() {
    for name in [
        "docs/goaway-proxy.1",
        "docs/goaway-proxy.service",
        "packaging/debian/goaway-proxy.default",
    ] {
        let text = fs::read_to_string(checkout().join(name)).expect("a document");
        let text = text.replace('\\', "");
        let examples: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("--listen ") && line.contains("--server "))
            .collect();
        assert!(!examples.is_empty(), "{name}");
        for example in examples {
            let open = ["0.0.0.0", "[::]", "*:"]
                .iter()
                .any(|any| example.contains(any));
            let local = example.contains("--server 127.") || example.contains("--server /");
            assert!(!(open && local), "{name}: {example}");
        }
    }
}
