//! Python and Ruby, through their foreign-function interfaces and through the usual drivers. The programs in
//! `c-tests/ffi` print facts and the path of the libpq they have loaded.

use std::path::{Path, PathBuf};

use crate::support::message::{goaway, one_value, ready};
use crate::support::paths::{self, Lib};
use crate::support::postgres::Postgres;
use crate::support::process::{self, Output, TIMEOUT, diff};
use crate::support::program::on_lib;
use crate::support::script::{Connection, Script};

/// A program of `c-tests/ffi`.
#[derive(Clone, Copy)]
enum Client {
    Ctypes,
    Psycopg,
    Fiddle,
    RubyPg,
}

impl Client {
    fn interpreter(self) -> PathBuf {
        match self {
            Client::Ctypes => "/usr/bin/python3".into(),
            Client::Psycopg => paths::cache().join("python/bin/python"),
            Client::Fiddle | Client::RubyPg => "/usr/bin/ruby".into(),
        }
    }

    fn file(self) -> &'static str {
        match self {
            Client::Ctypes => "ctypes_client.py",
            Client::Psycopg => "psycopg_client.py",
            Client::Fiddle => "fiddle_client.rb",
            Client::RubyPg => "ruby_pg_client.rb",
        }
    }

    /// Runs the program and checks that it loaded `lib` and no other libpq.
    #[track_caller]
    fn run(self, lib: Lib, args: &[&str]) -> Output {
        let interpreter = self.interpreter();
        assert!(
            interpreter.exists(),
            "no {}: run c-tests/setup.sh",
            interpreter.display()
        );
        let mut command = on_lib(interpreter, lib);
        command
            // Resolves all symbols at load time, so that a missing one fails even if the driver does not call it.
            .env("LD_BIND_NOW", "1")
            .env("PSYCOPG_IMPL", "python")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command
            .arg(paths::checkout().join("c-tests/ffi").join(self.file()))
            .args(args);
        let output = process::run(&mut command, b"", TIMEOUT).success();
        assert_runs_on(lib, &output);
        output
    }

    /// Runs one part of a program on a real server with the oracle and with ours, and compares the facts that it prints.
    /// Returns the facts.
    #[track_caller]
    fn same(self, part: &str) -> String {
        self.same_as(Lib::Oracle, part)
    }

    /// As [`Client::same`], but compares with the library `oracle`.
    #[track_caller]
    fn same_as(self, oracle: Lib, part: &str) -> String {
        let server = Postgres::shared();
        let database = server.fresh_database();
        let conninfo = server.tcp(&database);
        let expected = self.run(oracle, &[part, &conninfo]).stdout;
        let ours = self.run(Lib::Ours, &[part, &conninfo]).stdout;
        let difference = diff("oracle", &expected, "ours", &ours);
        assert!(
            difference.is_empty(),
            "{} {part}:\n{difference}",
            self.file()
        );
        ours
    }

    /// Runs one part of a program on a scripted server that sends GoAway on the first connection. Returns the facts that
    /// the program prints.
    #[track_caller]
    fn facts_with_goaway(self, part: &str) -> String {
        let server = Script::new()
            .connection(|c| {
                assert_eq!(c.login().get("_pq_.goaway"), Some(""));
                answer(c, "SELECT 1", "one");
                c.send(&goaway());
                answer(c, "SELECT 2", "two");
                c.expect_terminate();
            })
            .connection(|c| {
                assert_eq!(c.login().get("_pq_.goaway"), Some(""));
                answer(c, "SELECT 3", "three");
                c.expect_terminate();
            })
            .start();
        let output = self.run(Lib::Ours, &[part, &server.tcp()]);
        server.finish();
        output.stdout
    }
}

/// Checks the list of loaded libpqs that a program prints on stderr: it must be `lib` alone.
#[track_caller]
pub fn assert_runs_on(lib: Lib, output: &Output) {
    let directory = lib.directory().canonicalize().expect("a directory");
    let loaded = loaded(output);
    assert!(
        matches!(loaded[..], [file] if file.starts_with(directory)),
        "{lib:?} was expected, {loaded:?} is loaded: {output}"
    );
}

/// The paths of all libpqs that a program has loaded.
pub fn loaded(output: &Output) -> Vec<&Path> {
    let lines = output.stderr.lines();
    lines
        .filter_map(|line| line.strip_prefix("libpq "))
        .flat_map(str::split_whitespace)
        .map(Path::new)
        .collect()
}

#[track_caller]
fn answer(c: &mut Connection, query: &str, value: &str) {
    assert_eq!(c.expect_query(), query);
    c.send(&[one_value("v", value), ready(b'I')].concat());
}

#[track_caller]
fn assert_facts(output: &str, facts: &[&str]) {
    for fact in facts {
        assert!(
            output.lines().any(|line| line == *fact),
            "no {fact:?} in:\n{output}"
        );
    }
}

#[test]
fn python_with_ctypes() {
    let facts = [
        "server encoding: b'UTF8'",
        "every byte comes back: True",
        "division by zero: b'22012'",
        "copied in: b'3'",
        "copied out: b'3'",
        "end of data: -1",
        r"notification: ('k\xfcche', 'na\xefve \u03a9mega \u65e5\u672c \U0001f418')",
        "no other: False",
    ];
    assert_facts(&Client::Ctypes.same("real"), &facts);
}

#[test]
fn python_with_ctypes_sees_goaway() {
    let expected = "\
of NULL: 0
at first: (0, None)
query: (['v'], [[b'one']])
then: (1, b'on')
query: (['v'], [[b'two']])
still: (1, b'on')
next connection: (0, None)
query: (['v'], [[b'three']])
";
    assert_eq!(Client::Ctypes.facts_with_goaway("goaway"), expected);
}

#[test]
fn psycopg_loads_this_library() {
    let output = Client::Psycopg.run(Lib::Ours, &["library"]);
    assert_eq!(output.stdout, "implementation: 'python'\nversion: 190000\n");
}

#[test]
fn psycopg() {
    let facts = [
        "every byte comes back: True",
        "division by zero: ('22012', 'ERROR', 'division by zero')",
        "many: [(3,)]",
        "single rows: [(1, 'x'), (2, 'xx'), (3, 'xxx')]",
        "server side: 31375",
        "refused: '22P02'",
        "piped: (('first',), (100,))",
        "pipeline refused: '23505'",
        "nothing after the error: (99,)",
        "large value: True",
    ];
    assert_facts(&Client::Psycopg.same("real"), &facts);
}

#[test]
fn psycopg_with_asyncio() {
    let facts = [
        "copied in: 20000",
        r"notification: ('kitchen', 'na\xefve \u03a9mega \u65e5\u672c \U0001f418')",
        "piped: [(0,), (1,), (2,), (3,), (4,)]",
        "cancelled: '57014'",
    ];
    assert_facts(&Client::Psycopg.same("asynchronous"), &facts);
}

const PSYCOPG_GOAWAY_FACTS: &str = "\
at first: (0, None)
query: [('one',)]
then: (1, 'on')
query: [('two',)]
still: (1, 'on')
next connection: (0, None)
query: [('three',)]
";

#[test]
fn psycopg_sees_goaway() {
    assert_eq!(
        Client::Psycopg.facts_with_goaway("goaway"),
        PSYCOPG_GOAWAY_FACTS
    );
}

#[test]
fn psycopg_with_asyncio_sees_goaway() {
    assert_eq!(
        Client::Psycopg.facts_with_goaway("goaway_async"),
        PSYCOPG_GOAWAY_FACTS
    );
}

#[test]
fn ruby_with_fiddle() {
    let facts = [
        "server encoding: \"UTF8\"",
        "every byte comes back: true",
        "division by zero: \"22012\"",
        "end of data: -1",
        "notification: [\"küche\", \"naïve Ωmega 日本 🐘\"]",
        "no other: true",
    ];
    assert_facts(&Client::Fiddle.same("real"), &facts);
}

#[test]
fn ruby_with_fiddle_sees_goaway() {
    let expected = "\
of NULL: 0
at first: [0, nil]
query: [[\"v\"], [[\"one\"]]]
then: [1, \"on\"]
query: [[\"v\"], [[\"two\"]]]
still: [1, \"on\"]
next connection: [0, nil]
query: [[\"v\"], [[\"three\"]]]
";
    assert_eq!(Client::Fiddle.facts_with_goaway("goaway"), expected);
}

#[test]
fn ruby_pg_loads_this_library() {
    let output = Client::RubyPg.run(Lib::Ours, &["library"]);
    assert_eq!(output.stdout, "version: 190000\n");
}

#[test]
fn ruby_pg() {
    let facts = [
        "every byte comes back: true",
        "prepared: [[\"42\"]]",
        "refused: \"22P02\"",
        "notification: [\"küche\", true, \"naïve Ωmega 日本 🐘\"]",
        "nonblocking: true",
        "large value: [true, \"1048576\"]",
        "after reset: [[\"1\"]]",
    ];
    assert_facts(&Client::RubyPg.same("real"), &facts);
}

#[test]
fn ruby_pg_cancels() {
    // Not compared with libpq 18, because this version of ruby-pg rejects its layout of PGcancel.
    let facts = ["cancel: nil", "cancelled: \"57014\""];
    assert_facts(&Client::RubyPg.same_as(Lib::Debian15, "cancel"), &facts);
}

#[test]
fn ruby_pg_with_a_fiber_scheduler() {
    let facts = [
        "notification: [\"kitchen\", \"naïve Ωmega 日本 🐘\"]",
        "large value: true",
        "waits: true",
    ];
    assert_facts(&Client::RubyPg.same("scheduled"), &facts);
}

#[test]
fn ruby_pg_sees_goaway() {
    let expected = "\
at first: nil
query: [[\"one\"]]
then: \"on\"
query: [[\"two\"]]
still: \"on\"
next connection: nil
query: [[\"three\"]]
";
    assert_eq!(Client::RubyPg.facts_with_goaway("goaway"), expected);
}
