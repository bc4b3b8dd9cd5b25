//! PostgreSQL's own client programs, unmodified, with a libpq that the test selects.

use std::process::Command;

use super::paths::Lib;
use super::postgres::{Postgres, Version};
use super::process::{self, Output, TIMEOUT};
use super::program::on_lib;

/// The version of the programs, and the library, server and database they use. The programs get the server and the
/// database from their environment.
#[derive(Clone, Copy)]
pub struct Clients<'a> {
    pub version: Version,
    pub lib: Lib,
    pub server: &'a Postgres,
    pub database: &'a str,
}

impl Clients<'_> {
    /// The program `name`, connecting to 127.0.0.1.
    pub fn command(&self, name: &str) -> Command {
        let mut command = on_lib(self.version.bin().join(name), self.lib);
        command.envs([
            ("PGHOST", "127.0.0.1"),
            ("PGPORT", &self.server.port().to_string()),
            ("PGUSER", "postgres"),
            ("PGDATABASE", self.database),
            ("PGSSLMODE", "disable"),
        ]);
        command
    }

    pub fn run(&self, name: &str, args: &[&str]) -> Output {
        process::run(self.command(name).args(args), b"", TIMEOUT)
    }

    /// Runs psql with `script` as stdin; psql echoes what it reads.
    pub fn psql(&self, script: &str) -> Output {
        self.psql_with(&["-a"], script)
    }

    pub fn psql_with(&self, args: &[&str], script: &str) -> Output {
        let mut command = self.command("psql");
        process::run(command.arg("-X").args(args), script.as_bytes(), TIMEOUT)
    }

    /// Returns the result of a query, unaligned and without a heading.
    #[track_caller]
    pub fn ask(&self, sql: &str) -> String {
        self.psql_with(&["-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"], sql)
            .success()
            .stdout
    }
}

/// The library that the programs of `version` are built with.
pub fn own_library(version: Version) -> Lib {
    match version {
        Version::Debian15 => Lib::Debian15,
        Version::Oracle18 | Version::Given => Lib::Oracle,
    }
}

/// Runs `act` with the programs' own library and with ours, each time in a new database of `server`. Panics if the
/// returned texts differ in anything but the database's name; returns the text.
#[track_caller]
pub fn same(version: Version, server: &Postgres, act: impl Fn(&Clients<'_>) -> String) -> String {
    let run = |lib| {
        let database = &server.fresh_database();
        let clients = Clients {
            version,
            lib,
            server,
            database,
        };
        act(&clients).replace(database, "DATABASE")
    };
    let own = own_library(version);
    let (expected, ours) = (run(own), run(Lib::Ours));
    let difference = process::diff(&format!("{own:?}"), &expected, "ours", &ours);
    assert!(difference.is_empty(), "{difference}");
    ours
}

/// As [`same`], with a psql script that must succeed.
#[track_caller]
pub fn same_psql(version: Version, server: &Postgres, script: &str) -> String {
    same(version, server, |clients| {
        clients.psql(script).success().to_string()
    })
}
