//! Unix sockets: who is let in.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::{Proxy, ask, program};
use crate::support::paths::{Lib, checkout};
use crate::support::postgres::Postgres;
use crate::support::process::{self, End, Output, TIMEOUT};
use crate::support::program::Program;

fn directory() -> TempDir {
    TempDir::with_prefix("pq-").expect("a temporary directory")
}

fn server() -> String {
    format!("127.0.0.1:{}", Postgres::shared().port())
}

/// A proxy that cannot begin; what it says.
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
fn a_socket_is_its_own_users_unless_that_is_meant() {
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

/// The server would take each client for the user that runs the proxy.
#[test]
fn clients_become_the_proxys_user_only_if_that_is_meant() {
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

/// Whoever copies them lets nobody in.
#[test]
fn the_examples_are_safe() {
    for name in ["docs/goaway-proxy.1", "docs/goaway-proxy.service"] {
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
