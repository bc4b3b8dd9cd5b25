//! PostgreSQL's own programs, unmodified, with our library. They must print and write the same as with C libpq.

mod drivers;
mod dump;
mod maintenance;
mod pgbench;
mod psql;
mod psql_files;
mod psql_session;

use crate::support::paths::Lib;
use crate::support::postgres::{Postgres, Version};
use crate::support::process::{self, TIMEOUT};
use crate::support::program::on_lib;

const VERSIONS: [Version; 2] = [Version::Debian15, Version::Oracle18];

/// The shared server of a version.
fn server_of(version: Version) -> &'static Postgres {
    match version {
        Version::Debian15 => Postgres::shared_debian15(),
        Version::Oracle18 | Version::Given => Postgres::shared(),
    }
}

#[test]
fn the_programs_load_our_library() {
    let directory = Lib::Ours
        .directory()
        .canonicalize()
        .expect("the library's directory");
    let expected = format!("libpq.so.5 => {}/libpq.so.5 ", directory.display());
    for version in VERSIONS {
        for name in ["psql", "pg_dump", "pgbench", "vacuumdb", "pg_isready"] {
            let mut command = on_lib("/usr/bin/ldd", Lib::Ours);
            command.env("LD_LIBRARY_PATH", &directory);
            command.arg(version.bin().join(name));
            let output = process::run(&mut command, b"", TIMEOUT).success();
            assert!(output.stdout.contains(&expected), "{name}: {output}");
        }
    }
}
