//! pg_dump, pg_restore and pg_dumpall; psql reads their output.

use std::fs;

use tempfile::TempDir;

use super::{VERSIONS, server_of};
use crate::support::clients::{Clients, own_library};
use crate::support::paths::Lib;
use crate::support::postgres::Version;
use crate::support::process;

const EVERY_TYPE: &str = include_str!("every_type.sql");
/// Without this option, each dump has a different key.
const KEY: &str = "--restrict-key=key";

/// A database with every kind of object, filled by psql with our library.
fn filled(version: Version) -> String {
    let server = server_of(version);
    let database = server.fresh_database();
    let clients = Clients {
        version,
        lib: Lib::Ours,
        server,
        database: &database,
    };
    let output = clients.psql_with(
        &["-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null"],
        EVERY_TYPE,
    );
    assert_eq!(output.success().stderr, "");
    database
}

fn clients(version: Version, lib: Lib, database: &str) -> Clients<'_> {
    Clients {
        version,
        lib,
        server: server_of(version),
        database,
    }
}

/// The whole dump as text, including large objects.
#[track_caller]
fn dump(clients: &Clients<'_>, args: &[&str]) -> String {
    let output = clients
        .run("pg_dump", &[&[KEY, "-b"], args].concat())
        .success();
    assert_eq!(output.stderr, "");
    output.stdout
}

#[track_caller]
fn assert_same_dump(expected: &str, got: &str) {
    let difference = process::diff("expected", expected, "got", got);
    assert!(difference.is_empty(), "{difference}");
}

#[test]
fn a_dump_is_the_same_on_both_libraries() {
    for version in VERSIONS {
        let database = filled(version);
        for args in [
            &[] as &[&str],
            &["--inserts", "-C"],
            &["--column-inserts", "-E", "EUC_JIS_2004", "-t", "*ml*"],
            &["-s"],
        ] {
            let expected = dump(&clients(version, own_library(version), &database), args);
            assert_same_dump(
                &expected,
                &dump(&clients(version, Lib::Ours, &database), args),
            );
            assert!(expected.len() > 2000, "{args:?} gives {expected}");
        }
        let text = dump(&clients(version, Lib::Ours, &database), &[]);
        for word in [
            "naïve — 日本語 😀",
            "lo_open('700001'",
            "ein großes Objekt",
            "\"Tabelle mit \"\"Ümläuten\"\"\"",
            "größer größer",
        ] {
            let hex: String = word.bytes().map(|byte| format!("{byte:02x}")).collect();
            assert!(text.contains(word) || text.contains(&hex), "no {word}");
        }
    }
}

#[test]
fn a_dump_read_by_psql_gives_the_same_dump() {
    for version in VERSIONS {
        let database = filled(version);
        let before = dump(&clients(version, Lib::Ours, &database), &[]);
        let copy = server_of(version).fresh_database();
        let target = clients(version, Lib::Ours, &copy);
        let output = target.psql_with(&["-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null"], &before);
        assert_eq!(output.success().stderr, "");
        assert_same_dump(&before, &dump(&target, &[]));
    }
}

#[test]
fn a_directory_written_and_read_by_parallel_jobs() {
    for version in VERSIONS {
        let database = filled(version);
        let source = clients(version, Lib::Ours, &database);
        let directory = TempDir::new().expect("a temporary directory");
        let path = directory.path().join("dump");
        let path = path.to_str().expect("a plain path");
        source.run("pg_dump", &["-j4", "-Fd", "-f", path]).success();
        let files = fs::read_dir(path).expect("read the directory").count();
        assert!(files > 8, "{files} files");
        let copy = server_of(version).fresh_database();
        let target = clients(version, Lib::Ours, &copy);
        let output = target
            .run("pg_restore", &["-j4", "-d", &copy, path])
            .success();
        assert_eq!(output.stderr, "");
        assert_same_dump(&dump(&source, &[]), &dump(&target, &[]));
    }
}

#[test]
fn an_archive_and_a_restore_that_fails() {
    for version in VERSIONS {
        let database = filled(version);
        let source = clients(version, Lib::Ours, &database);
        let directory = TempDir::new().expect("a temporary directory");
        let path = directory.path().join("dump");
        let path = path.to_str().expect("a plain path");
        source.run("pg_dump", &["-Fc", "-f", path]).success();
        let copy = server_of(version).fresh_database();
        let target = clients(version, Lib::Ours, &copy);
        target
            .run("pg_restore", &["-1", "-d", &copy, path])
            .success();
        assert_same_dump(&dump(&source, &[]), &dump(&target, &[]));
        // All objects exist already, so every statement must fail, with the same texts for both libraries.
        let run = |lib| clients(version, lib, &copy).run("pg_restore", &["-d", &copy, path]);
        let (expected, ours) = (run(own_library(version)), run(Lib::Ours));
        assert_same_dump(&expected.stderr, &ours.stderr);
        assert_eq!(ours.end, process::End::Exit(1));
        assert!(
            ours.stderr.contains("relation \"types\" already exists"),
            "{ours}"
        );
    }
}

#[test]
fn globals() {
    for version in VERSIONS {
        let run = |lib| {
            let output = clients(version, lib, "postgres")
                .run("pg_dumpall", &["-g", KEY])
                .success();
            // Other tests create and drop roles at the same time.
            let lines = output.stdout.lines().filter(|line| !line.contains("test_"));
            lines.map(|line| format!("{line}\n")).collect::<String>() + &output.stderr
        };
        let (expected, ours) = (run(own_library(version)), run(Lib::Ours));
        assert_same_dump(&expected, &ours);
        assert!(ours.contains("CREATE ROLE scram_user;\n"), "{ours}");
        assert!(ours.contains("PASSWORD 'SCRAM-SHA-256$4096:"), "{ours}");
    }
}
