//! `pg_goaway`, compiled for each PostgreSQL version we test and loaded into its server.

mod asking;
mod deadline;
mod not_reading;
mod peers;
mod regress;
mod shutdown;
mod soak;
mod telling;
mod upgrade;
mod worker;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

use tempfile::TempDir;

use crate::proxy::raw::Raw;
use crate::support::paths;
use crate::support::postgres::{Postgres, Version, given};
use crate::support::process::{self, TIMEOUT};
use crate::support::session::wait_until;

/// Runs make for the module without changing the module's folder.
fn make(version: Version) -> Command {
    let source = paths::checkout().join("pg_goaway");
    let build = paths::target().join(format!("c-tests/pg_goaway-{version:?}"));
    fs::create_dir_all(&build).expect("create the directory");
    let mut command = Command::new("make");
    command.env_clear();
    command.env("PATH", env::var_os("PATH").unwrap_or_default());
    command
        .arg("-s")
        .arg("-C")
        .arg(build)
        .arg("-f")
        .arg(source.join("Makefile"));
    let assign = |name: &str, value: &Path| format!("{name}={}", value.display());
    command.arg(assign("VPATH", &source));
    command.arg(assign("PG_CONFIG", &version.bin().join("pg_config")));
    // Warnings are errors.
    let options = match version {
        Version::Debian15 | Version::Given => "COPT=-Werror",
        Version::Oracle18 => "COPT=-Werror -DUSE_ASSERT_CHECKING",
    };
    command.args(["with_llvm=no", options]);
    command
}

/// The path of the server's program; PostgreSQL 18 is built with assertions.
fn program(version: Version) -> PathBuf {
    let program = match version {
        Version::Debian15 | Version::Given => version.bin().join("postgres"),
        Version::Oracle18 => paths::cache().join("assertions/postgres"),
    };
    let missing = "c-tests/oracle/assertions.sh builds it";
    assert!(program.exists(), "no {}: {missing}", program.display());
    program
}

/// Compiles the module once for each version.
fn build(version: Version) {
    static BUILT: [OnceLock<()>; 3] = [const { OnceLock::new() }; 3];
    BUILT[version as usize].get_or_init(|| {
        process::run(make(version).arg("all"), b"", TIMEOUT).success();
    });
}

/// The compiled module.
pub fn built(version: Version) -> PathBuf {
    build(version);
    paths::target().join(format!("c-tests/pg_goaway-{version:?}/pg_goaway.so"))
}

/// Installs the module next to a copy of the server in `directory`, where that server looks for its files, so the
/// system's installation does not change. Returns the path of the copy.
fn install(version: Version, directory: &Path) -> PathBuf {
    build(version);
    let root = directory.join("root");
    let mut install = make(version);
    install.arg(format!("DESTDIR={}", root.display()));
    process::run(install.arg("install"), b"", TIMEOUT).success();
    let script = "set -e
        for kind in --pkglibdir --sharedir; do
            files=$(\"$1/pg_config\" $kind)
            cp -rsn \"$files/.\" \"$2$files/\"
        done
        mkdir -p \"$2$1\"
        cp \"$3\" \"$2$1/postgres\"";
    let mut copy = Command::new("sh");
    copy.args(["-c", script, "sh"])
        .arg(version.bin())
        .arg(&root)
        .arg(program(version));
    process::run(&mut copy, b"", TIMEOUT).success();
    let bin = version.bin().join("postgres");
    root.join(bin.strip_prefix("/").expect("an absolute path"))
}

/// A temporary directory that the server's user may enter.
fn open_directory() -> TempDir {
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    let enter = fs::Permissions::from_mode(0o755);
    fs::set_permissions(directory.path(), enter).expect("set the file mode");
    directory
}

/// Starts a server that has loaded the module.
fn start(version: Version, config: &str) -> Postgres {
    let config = format!("shared_preload_libraries = 'pg_goaway'\n{config}");
    let server = Postgres::start_installed(version, &config, |directory| {
        Some(install(version, directory))
    });
    server.psql("postgres", "CREATE EXTENSION pg_goaway");
    server
}

/// One server of each version, shared by tests that ask only their own clients to disconnect.
pub fn servers() -> impl Iterator<Item = &'static Postgres> {
    static SERVERS: [OnceLock<Postgres>; 3] = [const { OnceLock::new() }; 3];
    let config = "max_connections = 150\nmax_prepared_transactions = 5\n";
    versions()
        .into_iter()
        .map(move |version| SERVERS[version as usize].get_or_init(|| start(version, config)))
}

/// The versions of the servers that are available.
fn versions() -> Vec<Version> {
    match given() {
        Some(_) => vec![Version::Given],
        None => vec![Version::Debian15, Version::Oracle18],
    }
}

/// A client that sends only what the test tells it to.
#[track_caller]
fn session(server: &Postgres, parameters: &[(&str, &str)]) -> Raw {
    Raw::session(server.port(), parameters)
}

/// Calls pg_goaway_backend for a process and returns the result.
#[track_caller]
fn ask(server: &Postgres, pid: u64) -> String {
    let sql = format!("SELECT pg_goaway_backend({pid})");
    server.psql("postgres", &sql).trim().to_owned()
}

/// Waits until `condition` is true for the process.
#[track_caller]
fn wait_for(server: &Postgres, pid: u64, condition: &str) {
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid} AND ({condition})");
    wait_until("1\n", || server.psql("postgres", &sql));
}

/// The ParameterStatus message that asks the client to disconnect.
fn disconnect_request() -> (u8, Vec<u8>) {
    (b'S', b"disconnect_requested\0on\0".to_vec())
}

/// Returns the types of messages. A ParameterStatus (`S`) must be the one that asks to disconnect.
#[track_caller]
fn kinds(messages: &[(u8, Vec<u8>)]) -> String {
    for message in messages.iter().filter(|(kind, _)| *kind == b'S') {
        assert_eq!(*message, disconnect_request());
    }
    messages.iter().map(|(kind, _)| char::from(*kind)).collect()
}

/// Sends a query and returns the types of the messages in the reply.
#[track_caller]
fn answer(client: &mut Raw, sql: &str) -> String {
    client.query(sql);
    kinds(&client.read_until_ready())
}
