//! The pools in `examples/`, for all drivers: connected through goaway-proxy to a real server, and directly to a
//! server that has pg_goaway. Each must leave when asked, and no query may fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::documents::compiled;
use crate::extension;
use crate::proxy::Proxy;
use crate::support::paths::{self, Lib};
use crate::support::postgres::Postgres;
use crate::support::process::{self, End, TIMEOUT};
use crate::support::program::on_lib;
use crate::support::session::{Session, wait_until};

/// When a pool notices that it should close an idle connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Idle {
    /// At once, because it watches idle connections.
    Watched,
    /// When the connection is next used.
    AtCheckIn,
}

/// What sends GoAway.
enum Source {
    Proxy(Proxy),
    /// PostgreSQL with pg_goaway.
    Server,
}

/// A running example; it runs each line of its input as a query.
struct Pool {
    session: Session,
    server: &'static Postgres,
    database: String,
    source: Source,
}

impl Pool {
    /// Starts the example with a goaway-proxy that has these options.
    fn behind_proxy(command: Command, options: &[&str]) -> Pool {
        let server = Postgres::shared();
        let proxy = Proxy::start(server, &[&["--spread", "0"], options].concat());
        Pool::start(command, server, Source::Proxy(proxy))
    }

    fn on_extension(command: Command, server: &'static Postgres) -> Pool {
        Pool::start(command, server, Source::Server)
    }

    fn start(mut command: Command, server: &'static Postgres, source: Source) -> Pool {
        let database = server.fresh_database();
        let port = match &source {
            Source::Proxy(proxy) => proxy.port,
            Source::Server => server.port(),
        };
        command.envs([
            ("PGHOST", "127.0.0.1"),
            ("PGPORT", &port.to_string()),
            ("PGUSER", "postgres"),
            ("PGDATABASE", &database),
            ("PGSSLMODE", "disable"),
            ("PSYCOPG_IMPL", "python"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
        ]);
        Pool {
            session: Session::start(&mut command),
            server,
            database,
            source,
        }
    }

    /// Sends GoAway to all connections.
    fn goaway(&self) {
        match &self.source {
            Source::Proxy(proxy) => {
                proxy.ctl(&["goaway"]).success();
            }
            Source::Server => {
                self.sessions("pg_goaway_backend(pid)");
            }
        }
    }

    /// Runs a query that returns `word`; returns the process id of the backend that ran it.
    fn ask(&mut self, word: &str) -> String {
        self.session.send(&format!("SELECT '{word}'\n"));
        self.answer(word)
    }

    fn answer(&mut self, word: &str) -> String {
        let start = format!("{word} (server process ");
        loop {
            let line = self.session.until("\n");
            if let Some(rest) = line.strip_prefix(&start) {
                return rest.trim_end_matches(")\n").to_owned();
            }
            // The pool's log is not part of the example's output.
            eprint!("{line}");
        }
    }

    /// The process ids of the backends that serve this pool.
    fn sessions(&self, condition: &str) -> Vec<String> {
        let sql = format!(
            "SELECT pid FROM pg_stat_activity WHERE datname = '{}' AND {condition}",
            self.database
        );
        let pids = self.server.psql("postgres", &sql);
        pids.lines().map(str::to_owned).collect()
    }

    fn any_connected(&self, told: &[String]) -> bool {
        self.sessions("true").iter().any(|pid| told.contains(pid))
    }

    /// Waits until the pool has closed all sessions in `told`. Runs queries if the pool does not notice otherwise.
    fn wait_for_disconnects(&mut self, told: &[String], idle: Idle) {
        let deadline = Instant::now() + TIMEOUT;
        while self.any_connected(told) {
            assert!(Instant::now() < deadline, "still connected: {told:?}");
            if idle == Idle::AtCheckIn {
                self.ask("again");
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Sends GoAway to the pool while a query runs and while it is idle, through goaway-proxy and then on PostgreSQL 15
/// and 18 with pg_goaway.
fn disconnects_after_goaway(mut command: impl FnMut() -> Command, idle: Idle) {
    disconnects(Pool::behind_proxy(command(), &[]), idle);
    for server in extension::servers() {
        disconnects(Pool::on_extension(command(), server), idle);
    }
}

/// As [`disconnects_after_goaway`], for a driver without libpq, which does not send the key.
fn disconnects_after_parameter(mut command: impl FnMut() -> Command, idle: Idle) {
    disconnects(Pool::behind_proxy(command(), &["--parameter-status"]), idle);
    for server in extension::servers() {
        disconnects(Pool::on_extension(command(), server), idle);
    }
}

fn disconnects(mut pool: Pool, idle: Idle) {
    pool.ask("first");

    pool.session.send("SELECT 'busy' FROM pg_sleep(1)\n");
    wait_until("1", || pool.sessions("state = 'active'").len().to_string());
    let told = pool.sessions("true");
    pool.goaway();
    let busy = pool.answer("busy");
    assert!(
        told.contains(&busy),
        "{busy} was not a session of the pool: {told:?}"
    );
    pool.wait_for_disconnects(&told, idle);
    let next = pool.ask("next");
    assert!(!told.contains(&next), "{next} should have been closed");

    let told = pool.sessions("true");
    assert!(
        told.contains(&next),
        "{next} was not a session of the pool: {told:?}"
    );
    pool.goaway();
    pool.wait_for_disconnects(&told, idle);
    let last = pool.ask("last");
    assert!(!told.contains(&last), "{last} should have been closed");

    let Pool { session, .. } = pool;
    let (rest, end) = session.finish();
    assert_eq!(end, End::Exit(0), "{rest}");
}

fn example(name: &str) -> PathBuf {
    paths::checkout().join("examples").join(name)
}

/// An example in a scripting language, with our library.
fn script(interpreter: impl AsRef<Path>, name: &str) -> Command {
    let mut command = on_lib(interpreter, Lib::Ours);
    command.arg(example(name));
    command
}

fn venv() -> PathBuf {
    paths::cache().join("python/bin/python")
}

#[test]
fn c() {
    let directory = TempDir::new().expect("a temporary directory");
    let program = compiled(&directory, &example("pool.c"));
    disconnects_after_goaway(|| on_lib(&program, Lib::Ours), Idle::Watched);
}

#[test]
fn libpqxx() {
    let directory = TempDir::new().expect("a temporary directory");
    let program = directory.path().join("program");
    let mut cc = Command::new("g++");
    cc.args(["-std=c++17", "-Wall", "-Wextra", "-o"])
        .arg(&program)
        .arg(example("pool_libpqxx.cpp"))
        .arg("-lpqxx");
    process::run(&mut cc, b"", TIMEOUT).success();
    // The pool sees only notices, and the parameter raises none.
    let command = || {
        let mut command = on_lib(&program, Lib::Ours);
        command.env("PGOPTIONS", "-c pg_goaway.message=on");
        command
    };
    disconnects_after_goaway(command, Idle::AtCheckIn);
}

#[test]
fn psycopg() {
    disconnects_after_goaway(|| script(venv(), "pool_psycopg.py"), Idle::Watched);
}

/// C libpq does not send the key, but it passes on the parameter.
#[test]
fn psycopg_on_c_libpq() {
    let command = || {
        let mut command = on_lib(venv(), Lib::Oracle);
        command.arg(example("pool_psycopg.py"));
        command
    };
    disconnects_after_parameter(command, Idle::Watched);
}

#[test]
fn asyncpg() {
    disconnects_after_parameter(|| script(venv(), "pool_asyncpg.py"), Idle::Watched);
}

#[test]
fn node_postgres() {
    let command = || {
        let mut command = script("/usr/bin/node", "pool_pg.js");
        command.env("NODE_PATH", paths::cache().join("node/node_modules"));
        command
    };
    disconnects_after_parameter(command, Idle::Watched);
}

/// The example is a package of its own.
#[test]
fn tokio_postgres() {
    let target = paths::target().join("c-tests/tokio_postgres");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--quiet", "--manifest-path"]);
    cargo.arg(example("pool_tokio_postgres").join("Cargo.toml"));
    cargo.env("CARGO_TARGET_DIR", &target);
    process::run(&mut cargo, b"", Duration::from_secs(600)).success();
    let program = target.join("debug/pool_tokio_postgres");
    disconnects_after_parameter(|| Command::new(&program), Idle::Watched);
}

#[test]
fn psycopg2() {
    disconnects_after_goaway(
        || script("/usr/bin/python3", "pool_psycopg2.py"),
        Idle::AtCheckIn,
    );
}

#[test]
fn sqlalchemy() {
    disconnects_after_goaway(|| script(venv(), "pool_sqlalchemy.py"), Idle::AtCheckIn);
}

#[test]
fn django() {
    disconnects_after_goaway(|| script(venv(), "pool_django.py"), Idle::AtCheckIn);
}

#[test]
fn connection_pool() {
    disconnects_after_goaway(
        || script("/usr/bin/ruby", "pool_connection_pool.rb"),
        Idle::AtCheckIn,
    );
}

#[test]
fn activerecord() {
    disconnects_after_goaway(
        || script("/usr/bin/ruby", "pool_activerecord.rb"),
        Idle::AtCheckIn,
    );
}

/// C libpq reports the parameter to Ruby's driver.
#[test]
fn ruby_on_c_libpq() {
    for name in ["pool_connection_pool.rb", "pool_activerecord.rb"] {
        let command = || {
            let mut command = on_lib("/usr/bin/ruby", Lib::Oracle);
            command.arg(example(name));
            command
        };
        disconnects_after_parameter(command, Idle::AtCheckIn);
    }
}

/// What docs/pools.md says about psycopg's `check`: the pool takes the connection back and offers it again.
#[test]
fn a_check_that_raises_does_not_close_connections() {
    let mut command = on_lib(venv(), Lib::Ours);
    command.arg(paths::checkout().join("c-tests/ffi/psycopg_check.py"));
    command.arg(paths::checkout().join("examples"));
    let mut pool = Pool::behind_proxy(command, &[]);
    pool.session.send("SELECT 'first'\n");
    assert_eq!(pool.session.until("\n"), "first\n");
    let told = pool.sessions("true");
    assert_eq!(told.len(), 2);
    pool.goaway();
    if let Source::Proxy(proxy) = &pool.source {
        proxy.has_told(2);
    }
    pool.session.send("SELECT 'never'\n");
    let answer = pool.session.until("\n");
    assert!(
        answer.starts_with("couldn't get a connection after "),
        "{answer}"
    );
    assert!(pool.any_connected(&told));
    let Pool { session, .. } = pool;
    assert_eq!(session.finish().1, End::Exit(0));
}

/// Every example is tested, here or with the build systems.
#[test]
fn every_example_has_a_test() {
    let tests = [
        include_str!("pools.rs"),
        include_str!("builds/build_systems.rs"),
    ]
    .concat();
    for entry in fs::read_dir(paths::checkout().join("examples")).expect("the examples") {
        let name = entry.expect("an example").file_name();
        let name = name.to_str().expect("a plain name");
        if name != "__pycache__" {
            assert!(
                tests.contains(&format!("\"{name}\""))
                    || tests.contains(&format!("examples/{name}")),
                "{name} is not tested"
            );
        }
    }
}
