//! `examples/`: pools of nine drivers, through goaway-proxy to a real server, and without it to one that has pg_goaway.
//! Each lets go of it when it is asked to, and none of its queries fails.

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

/// When a pool notices that an idle connection was asked to go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Idle {
    /// By itself.
    Watched,
    /// When it was used once more.
    AtCheckIn,
}

/// Who asks.
enum Asks {
    Proxy(Proxy),
    /// PostgreSQL itself.
    Server,
}

/// An example at work: it runs each line of its input as a query.
struct Pool {
    session: Session,
    server: &'static Postgres,
    database: String,
    asks: Asks,
}

impl Pool {
    /// Behind goaway-proxy, started with these options.
    fn behind_proxy(command: Command, options: &[&str]) -> Pool {
        let server = Postgres::shared();
        let proxy = Proxy::start(server, &[&["--spread", "0"], options].concat());
        Pool::start(command, server, Asks::Proxy(proxy))
    }

    fn on_extension(command: Command, server: &'static Postgres) -> Pool {
        Pool::start(command, server, Asks::Server)
    }

    fn start(mut command: Command, server: &'static Postgres, asks: Asks) -> Pool {
        let database = server.fresh_database();
        let port = match &asks {
            Asks::Proxy(proxy) => proxy.port,
            Asks::Server => server.port(),
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
            asks,
        }
    }

    /// Asks all connections to go.
    fn goaway(&self) {
        match &self.asks {
            Asks::Proxy(proxy) => {
                proxy.ctl(&["goaway"]).success();
            }
            Asks::Server => {
                self.sessions("pg_goaway_backend(pid)");
            }
        }
    }

    /// Runs a query that answers `word`; returns the server's process that did.
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
            // What pools log is not what the example says.
            eprint!("{line}");
        }
    }

    /// The server's processes that work for this pool.
    fn sessions(&self, condition: &str) -> Vec<String> {
        let sql = format!(
            "SELECT pid FROM pg_stat_activity WHERE datname = '{}' AND {condition}",
            self.database
        );
        let pids = self.server.psql("postgres", &sql);
        pids.lines().map(str::to_owned).collect()
    }

    fn remain(&self, told: &[String]) -> bool {
        self.sessions("true").iter().any(|pid| told.contains(pid))
    }

    /// Waits until the pool has let go of all sessions of `told`, using it where it would not notice otherwise.
    fn wait_for_leaving(&mut self, told: &[String], idle: Idle) {
        let deadline = Instant::now() + TIMEOUT;
        while self.remain(told) {
            assert!(Instant::now() < deadline, "{told:?} remain");
            if idle == Idle::AtCheckIn {
                self.ask("again");
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Asks the pool to go while a query runs, and while it lies idle: behind goaway-proxy, then on PostgreSQL 15 and 18 with
/// pg_goaway.
fn lets_go(mut command: impl FnMut() -> Command, idle: Idle) {
    pool_lets_go(Pool::behind_proxy(command(), &[]), idle);
    for server in extension::servers() {
        pool_lets_go(Pool::on_extension(command(), server), idle);
    }
}

/// Likewise, a driver without libpq, which asks for nothing.
fn lets_go_by_parameter(mut command: impl FnMut() -> Command, idle: Idle) {
    pool_lets_go(Pool::behind_proxy(command(), &["--parameter-status"]), idle);
    for server in extension::servers() {
        pool_lets_go(Pool::on_extension(command(), server), idle);
    }
}

fn pool_lets_go(mut pool: Pool, idle: Idle) {
    pool.ask("first");

    pool.session.send("SELECT 'busy' FROM pg_sleep(1)\n");
    wait_until("1", || pool.sessions("state = 'active'").len().to_string());
    let told = pool.sessions("true");
    pool.goaway();
    let busy = pool.answer("busy");
    assert!(told.contains(&busy), "{busy} is not of {told:?}");
    pool.wait_for_leaving(&told, idle);
    let next = pool.ask("next");
    assert!(!told.contains(&next), "{next} was told to go");

    let told = pool.sessions("true");
    assert!(told.contains(&next), "{next} is not of {told:?}");
    pool.goaway();
    pool.wait_for_leaving(&told, idle);
    let last = pool.ask("last");
    assert!(!told.contains(&last), "{last} was told to go");

    let Pool { session, .. } = pool;
    let (rest, end) = session.finish();
    assert_eq!(end, End::Exit(0), "{rest}");
}

fn example(name: &str) -> PathBuf {
    paths::checkout().join("examples").join(name)
}

/// An example of a scripting language, on our library.
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
    lets_go(|| on_lib(&program, Lib::Ours), Idle::Watched);
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
    // It sees notices alone, and a parameter makes none.
    let command = || {
        let mut command = on_lib(&program, Lib::Ours);
        command.env("PGOPTIONS", "-c pg_goaway.message=on");
        command
    };
    lets_go(command, Idle::AtCheckIn);
}

#[test]
fn psycopg() {
    lets_go(|| script(venv(), "pool_psycopg.py"), Idle::Watched);
}

/// C libpq does not ask for GoAway, and passes on the parameter.
#[test]
fn psycopg_on_c_libpq() {
    let command = || {
        let mut command = on_lib(venv(), Lib::Oracle);
        command.arg(example("pool_psycopg.py"));
        command
    };
    lets_go_by_parameter(command, Idle::Watched);
}

#[test]
fn asyncpg() {
    lets_go_by_parameter(|| script(venv(), "pool_asyncpg.py"), Idle::Watched);
}

#[test]
fn node_postgres() {
    let command = || {
        let mut command = script("/usr/bin/node", "pool_pg.js");
        command.env("NODE_PATH", paths::cache().join("node/node_modules"));
        command
    };
    lets_go_by_parameter(command, Idle::Watched);
}

#[test]
fn psycopg2() {
    lets_go(
        || script("/usr/bin/python3", "pool_psycopg2.py"),
        Idle::AtCheckIn,
    );
}

#[test]
fn sqlalchemy() {
    lets_go(|| script(venv(), "pool_sqlalchemy.py"), Idle::AtCheckIn);
}

#[test]
fn django() {
    lets_go(|| script(venv(), "pool_django.py"), Idle::AtCheckIn);
}

#[test]
fn connection_pool() {
    lets_go(
        || script("/usr/bin/ruby", "pool_connection_pool.rb"),
        Idle::AtCheckIn,
    );
}

#[test]
fn activerecord() {
    lets_go(
        || script("/usr/bin/ruby", "pool_activerecord.rb"),
        Idle::AtCheckIn,
    );
}

/// What docs/goaway.md says of psycopg's `check`: the pool takes such a connection back, and offers it again.
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
    if let Asks::Proxy(proxy) = &pool.asks {
        proxy.has_told(2);
    }
    pool.session.send("SELECT 'never'\n");
    let answer = pool.session.until("\n");
    assert!(
        answer.starts_with("couldn't get a connection after "),
        "{answer}"
    );
    assert!(pool.remain(&told));
    let Pool { session, .. } = pool;
    assert_eq!(session.finish().1, End::Exit(0));
}

/// Every example is tested.
#[test]
fn every_example_has_a_test() {
    let this = include_str!("pools.rs");
    for entry in fs::read_dir(paths::checkout().join("examples")).expect("the examples") {
        let name = entry.expect("an example").file_name();
        let name = name.to_str().expect("a plain name");
        if name != "__pycache__" {
            assert!(
                this.contains(&format!("\"{name}\"")),
                "{name} is not tested"
            );
        }
    }
}
