//! Programs that read results directly in memory instead of calling `PQgetvalue`, as psycopg's C extension does.

mod psycopg;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::paths::Lib;
use crate::support::postgres::Postgres;
use crate::support::process::{self, Output, TIMEOUT};
use crate::support::program::{Program, assert_same, same_output};

const LIBPQ: (&str, &str) = ("LIBPQ_OXIDE_RESULTS", "libpq");
const COMPACT: (&str, &str) = ("LIBPQ_OXIDE_RESULTS", "");

#[test]
fn results_begin_with_libpqs_fields() {
    let server = Postgres::shared();
    let database = server.fresh_database();
    same_output(
        "result_memory",
        &["heads", &server.tcp(&database)],
        &[COMPACT],
    );
}

#[test]
fn the_environment_variable_selects_libpqs_layout() {
    let server = Postgres::shared();
    let database = server.fresh_database();
    let args = ["values", &server.tcp(&database)];
    let output = same_output("result_memory", &args, &[LIBPQ]);
    assert!(output.stdout.contains("== later\nkept: "), "{output}");
}

/// Loads a shared object of that name between two connections.
fn load(lib: Lib, name: &str, env: &[(&str, &str)]) -> Output {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let object = directory.path().join(name);
    compile_nothing(&object);
    let object = object.to_str().expect("a plain path");
    let conninfo = Postgres::shared().tcp("postgres");
    let program = Program::new("result_memory");
    program.run(lib, &[object, &conninfo], env)
}

#[track_caller]
fn compile_nothing(object: &Path) {
    let folder = object.parent().expect("a folder");
    fs::create_dir_all(folder).expect("create the directory");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-x", "c", "/dev/null", "-o"]);
    process::run(compiler.arg(object), b"", TIMEOUT).success();
}

#[test]
fn psycopgs_module_selects_libpqs_layout() {
    for module in [
        "psycopg_c/_psycopg.so",
        "psycopg_binary/_psycopg.cpython-311.so",
    ] {
        let ours = load(Lib::Ours, module, &[COMPACT]).success();
        let expected = "no connection: 0\nbefore: 0 0 0 0 0\n\
            no connection: 1\nconnected before: 0 0 0 0 0\n\
            connected after: 1 1 1 1 1\nconnected again: 1 1 1 1 1\n";
        assert_eq!(ours.stdout, expected, "{module}");
    }
}

#[test]
fn values_stay_compact_with_other_modules() {
    for module in ["psycopg2/_psycopg.so", "psycopg_c/pq.so"] {
        let ours = load(Lib::Ours, module, &[COMPACT]).success();
        assert!(!ours.stdout.contains('1'), "{module}: {ours}");
    }
}

#[test]
fn the_environment_is_read_at_the_first_connection() {
    let expected = load(Lib::Oracle, "other.so", &[]).success();
    let ours = load(Lib::Ours, "other.so", &[LIBPQ]);
    assert_same("result_memory", &["FILE"], &expected, &ours);
}
