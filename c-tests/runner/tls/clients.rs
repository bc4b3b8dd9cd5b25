//! psql and drivers with `sslmode=verify-full`.

use std::path::PathBuf;
use std::process::Command;

use super::server::TlsServer;
use crate::support::paths::{self, Lib};
use crate::support::postgres::Version;
use crate::support::process::{self, End, TIMEOUT};
use crate::support::program::on_lib;

const SQL: &str = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/// Each command prints the result of a query; its last argument will be the connection string.
fn clients(lib: Lib) -> [Command; 3] {
    let psycopg = format!(
        "import psycopg, sys; print(psycopg.connect(sys.argv[1]).execute(\"{SQL}\").fetchone()[0])"
    );
    let ruby_pg = format!("require 'pg'; puts PG.connect(ARGV[0]).exec(\"{SQL}\").getvalue(0, 0)");
    let client = |program: PathBuf, arguments: &[&str]| {
        let mut command = on_lib(program, lib);
        command.env("PSYCOPG_IMPL", "python").args(arguments);
        command
    };
    [
        client(
            Version::Oracle18.bin().join("psql"),
            &["-X", "-A", "-t", "-c", SQL, "-d"],
        ),
        client(paths::cache().join("python/bin/python"), &["-c", &psycopg]),
        client("/usr/bin/ruby".into(), &["-e", &ruby_pg]),
    ]
}

#[test]
fn drivers_verify_the_server() {
    let server = TlsServer::with("good", "good");
    let root = server.files.file("root.crt");
    let conninfo = |host: &str| {
        server.conninfo(&format!(
            "host={host} dbname=only_ssl sslmode=verify-full sslrootcert={root}"
        ))
    };
    for lib in [Lib::Oracle, Lib::Ours] {
        for mut command in clients(lib) {
            let output = process::run(command.arg(conninfo("good.test")), b"", TIMEOUT).success();
            let answer = output.stdout.trim();
            assert!(["t", "True"].contains(&answer), "{output}");
        }
        for mut command in clients(lib) {
            let output = process::run(command.arg(conninfo("other.test")), b"", TIMEOUT);
            assert_ne!(output.end, End::Exit(0), "{output}");
            let text = "does not match host name \"other.test\"";
            assert!(output.stderr.contains(text), "{output}");
        }
    }
}
