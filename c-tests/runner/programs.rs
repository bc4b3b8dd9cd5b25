//! C programs that must behave the same with our library and with C libpq 18.

use tempfile::TempDir;

use crate::support::interpose;
use crate::support::message::{error, notice, one_value, ready};
use crate::support::paths::Lib;
use crate::support::postgres::{PASSWORD, Postgres, free_port};
use crate::support::process;
use crate::support::program::{Program, same_exchange, same_output};
use crate::support::script::Script;
use crate::support::valgrind;

/// Runs a program with a connection string for a database of its own.
#[track_caller]
fn same_on_a_fresh_database(name: &str) {
    let server = Postgres::shared();
    let database = server.fresh_database();
    same_output(name, &[&server.tcp(&database)], &[]);
}

#[track_caller]
fn same_connecting(part: &str) {
    let server = Postgres::shared();
    let directory = server.socket_directory().to_string_lossy();
    let (port, closed) = (server.port().to_string(), free_port().to_string());
    let env = [("PGSSLMODE", "disable")];
    same_output(
        "connect",
        &[part, &directory, &port, &closed, PASSWORD],
        &env,
    );
}

#[test]
fn connect_with_strings() {
    same_connecting("strings");
}

#[test]
fn connect_with_passwords() {
    same_connecting("passwords");
}

#[test]
fn connect_in_other_ways() {
    same_connecting("other");
}

#[test]
fn connect_again() {
    same_connecting("again");
}

#[test]
fn exec() {
    same_on_a_fresh_database("exec");
}

#[test]
fn asynchronous_queries() {
    same_asynchronous("queries");
}

#[test]
fn asynchronous_row_modes() {
    same_asynchronous("rows");
}

#[test]
fn asynchronous_pipeline() {
    same_asynchronous("pipeline");
}

#[test]
fn asynchronous_with_much_data() {
    same_asynchronous("much");
}

#[track_caller]
fn same_asynchronous(part: &str) {
    let server = Postgres::shared();
    same_output("async", &[part, &server.tcp("postgres")], &[]);
    same_output("async", &[part, &server.unix("postgres")], &[]);
}

#[test]
fn copy() {
    same_on_a_fresh_database("copy");
}

#[test]
fn copy_with_the_old_calls() {
    let server = Postgres::shared();
    let database = server.fresh_database();
    same_output("copy", &[&server.tcp(&database), "old"], &[]);
}

#[test]
fn copy_memory() {
    let server = Postgres::shared();
    same_output("copy_memory", &[&server.unix("postgres")], &[]);
}

/// A program may free a row with any function that C libpq allows.
#[test]
fn copy_rows_freed() {
    let server = Postgres::shared();
    let output = same_output("copy_rows_freed", &[&server.unix("postgres")], &[]);
    assert!(!output.stdout.contains("damaged"), "{output}");
}

/// With a replacement of malloc that lacks malloc_usable_size.
#[test]
fn copy_rows_freed_without_sizes() {
    let malloc = interpose::library("malloc_without_sizes");
    let env = [("LD_PRELOAD", malloc.as_str())];
    let conninfo = Postgres::shared().unix("postgres");
    for program in ["copy_rows_freed", "copy_memory"] {
        let output = same_output(program, &[&conninfo], &env);
        assert!(!output.stdout.contains("damaged"), "{output}");
    }
}

#[test]
fn results() {
    same_on_a_fresh_database("results");
}

#[test]
fn escape() {
    same_on_a_fresh_database("escape");
}

#[test]
fn notify() {
    // Channels and listening sessions belong to one database.
    same_on_a_fresh_database("notify");
}

#[test]
fn cancel() {
    let server = Postgres::shared();
    same_output("cancel", &[&server.tcp("postgres")], &[]);
    same_output("cancel", &[&server.unix("postgres")], &[]);
}

#[test]
fn cancel_in_a_signal_handler() {
    let server = Postgres::shared();
    same_output("cancel_signal", &[&server.tcp("postgres")], &[]);
    same_output("cancel_signal", &[&server.unix("postgres")], &[]);
}

#[test]
fn errno_after_each_call() {
    let server = Postgres::shared();
    let closed = format!("port={}", free_port());
    let env = [("PGSSLMODE", "disable")];
    let tcp = server.tcp("postgres");
    same_output("errno", &[&tcp, &format!("{tcp} {closed}")], &env);
    let unix = server.unix("postgres");
    same_output("errno", &[&unix, &format!("{unix} {closed}")], &env);
}

#[test]
fn client_encoding() {
    same_on_a_fresh_database("client_encoding");
}

#[test]
fn encodings() {
    same_output("encoding", &[], &[]);
    same_output("encoding", &[], &[("PGCLIENTENCODING", "latin1")]);
}

#[test]
fn cve_2025_4207_escapes_in_every_encoding_read_nothing_behind_the_text() {
    let server = Postgres::shared();
    let step = if valgrind::is_wanted() { "16" } else { "1" };
    let database = server.fresh_database();
    same_output("escape_vectors", &[&server.tcp(&database), step], &[]);
}

#[test]
fn expandable_buffers() {
    same_output("pqexpbuffer", &[], &[]);
}

#[test]
fn connection_options() {
    for part in ["parse", "arrays", "defaults", "options"] {
        same_output("conninfo", &[part], &[]);
    }
}

#[test]
fn service_and_password_files() {
    let program = Program::new("conninfo");
    let run = |lib| {
        let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
        let path = directory.path().to_string_lossy();
        let output = program.run(lib, &["files", &path], &[]).success();
        output.to_string().replace(&*path, "DIRECTORY")
    };
    let (oracle, ours) = (run(Lib::Oracle), run(Lib::Ours));
    let difference = process::diff("oracle", &oracle, "ours", &ours);
    assert!(difference.is_empty(), "{difference}");
}

#[test]
fn exchange_of_a_simple_query() {
    let script = || {
        Script::new().connection(|c| {
            c.login();
            c.expect_query();
            c.send_split(&[notice("careful"), one_value("x", "1"), ready(b'I')].concat());
            c.expect_query();
            c.send(&[error("42601", "no"), ready(b'I')].concat());
            c.expect_terminate();
        })
    };
    let output = same_exchange("query", script, &["SELECT 1", "SELEC"], &[]).success();
    assert!(output.stdout.contains("SELECT 1\n1\n"), "{output}");
}
