//! Failed allocations: a program must not be ended, hang or get wrong data, and it must be able to continue
//! afterwards.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::support::interpose;
use crate::support::paths::{self, Lib};
use crate::support::postgres::Postgres;
use crate::support::process::{self, Output, TIMEOUT};
use crate::support::program::{Program, on_lib, same_output};
use crate::tls::server::TlsServer;

/// More allocations than any operation makes.
const ALL: &str = "2000";
/// Each failing allocation needs a connection or two.
const LONG_TIMEOUT: Duration = Duration::from_secs(300);

/// Compiles a file and returns the path of the result.
fn compiled(name: &str, source: &str, more: &[&str]) -> PathBuf {
    let directory = paths::target().join("c-tests");
    std::fs::create_dir_all(&directory).expect("create the directory");
    let path = directory.join(name);
    let mut command = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    command.args(["-std=gnu99", "-O1", "-Wall", "-Wextra", "-Werror"]);
    command.args(more).arg("-o").arg(&path);
    command.arg(paths::checkout().join("c-tests").join(source));
    process::run(&mut command, b"", TIMEOUT).success();
    path
}

/// The path of the compiled library that makes allocations fail.
fn failing_malloc() -> &'static str {
    static LIBRARY: OnceLock<String> = OnceLock::new();
    LIBRARY.get_or_init(|| interpose::library("failing_malloc"))
}

fn run(lib: Lib, args: &[&str]) -> Output {
    let program = Program::new("out_of_memory").timeout(LONG_TIMEOUT);
    let output = program.run(lib, args, &[("LD_PRELOAD", failing_malloc())]);
    println!("{lib:?} {}\n{output}", args.join(" "));
    output.success()
}

/// How many attempts at one operation ended in each way.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Outcomes {
    tried: u32,
    fine: u32,
    failed: u32,
    aborted: u32,
    hung: u32,
    wrong: u32,
    stuck: u32,
}

/// Parses the lines of the table.
fn table(output: &Output) -> Vec<(String, Outcomes)> {
    let lines = output.stdout.lines();
    let rows = lines.filter(|line| line.len() > 25 && !line.starts_with("operation"));
    rows.map(|line| {
        let (name, numbers) = line.split_at(25);
        let numbers = numbers.split_whitespace();
        let numbers: Vec<u32> = numbers.map(|n| n.parse().expect("a number")).collect();
        let &[tried, fine, failed, aborted, hung, wrong, stuck] = &numbers[..] else {
            panic!("{line}");
        };
        let outcomes = Outcomes {
            tried,
            fine,
            failed,
            aborted,
            hung,
            wrong,
            stuck,
        };
        (name.trim().to_owned(), outcomes)
    })
    .collect()
}

/// Checks that every operation succeeds or reports an error at every failing allocation.
#[track_caller]
fn succeeds_or_fails(args: &[&str]) -> Vec<(String, Outcomes)> {
    let table = table(&run(Lib::Ours, args));
    for (name, outcomes) in &table {
        assert!(outcomes.tried > 0, "{name}: no allocation was tried");
        assert_eq!(
            outcomes.tried,
            outcomes.fine + outcomes.failed,
            "{name}: {outcomes:?}"
        );
    }
    table
}

#[test]
fn one_failed_allocation_does_not_end_or_hang_a_program() {
    let conninfo = Postgres::shared().tcp("postgres");
    let ours = succeeds_or_fails(&[&conninfo, "one", ALL]);
    assert!(ours.len() > 25);
    let result = |name: &str| ours.iter().find(|row| row.0 == name).expect("a row").1;
    // Operations that need little memory must succeed.
    for name in ["simple query", "prepared statement", "COPY in", "pipeline"] {
        assert_eq!(result(name).failed, 0, "{name}");
    }
    // C libpq fails in every operation that fails here.
    let oracle = table(&run(Lib::Oracle, &[&conninfo, "one", "15"]));
    assert_eq!(oracle.len(), ours.len());
    for ((name, ours), (_, oracle)) in ours.iter().zip(&oracle) {
        assert!(oracle.failed > 0 || ours.failed == 0, "{name}");
    }
}

#[test]
fn failing_from_the_nth_allocation_does_not_end_or_hang_a_program() {
    succeeds_or_fails(&[&Postgres::shared().tcp("postgres"), "all", ALL]);
}

#[test]
fn failed_allocations_do_not_end_or_hang_a_program_that_uses_tls() {
    let server = TlsServer::with("good", "good");
    let root = server.files.file("root.crt");
    let rest = format!("dbname=only_ssl sslmode=verify-ca sslrootcert={root}");
    let conninfo = server.conninfo(&rest);
    let operations = [
        "connect",
        "simple query",
        "large result",
        "prepared statement",
        "COPY in",
        "COPY out",
        "pipeline",
    ];
    for mode in ["one", "all"] {
        let args = [&[conninfo.as_str(), mode, ALL], &operations[..]].concat();
        succeeds_or_fails(&args);
    }
}

#[test]
fn a_program_recovers_after_all_allocations_failed_for_a_while() {
    let conninfo = Postgres::shared().unix("postgres");
    let output = run(Lib::Ours, &[&conninfo, "everything", ""]);
    let round = "answered: 100 of 100, connected: some, results kept: not all\n";
    assert_eq!(output.stdout, round.repeat(3));
}

#[test]
fn data_too_large_for_memory_fails_as_in_the_oracle() {
    let server = Postgres::shared();
    let output = same_output("out_of_memory_large", &[&server.tcp("postgres")], &[]);
    let text = "cannot allocate memory for output buffer";
    assert!(output.stdout.matches(text).count() > 20, "{output}");
}

#[test]
fn data_too_large_to_copy_trace_or_print_does_not_end_a_program() {
    let program = Program::new("out_of_memory_large");
    let conninfo = Postgres::shared().tcp("postgres");
    let output = program.run(Lib::Ours, &[&conninfo, "own"], &[]).success();
    assert_eq!(
        output
            .stdout
            .matches("row 0: \"the connection still works\"")
            .count(),
        3
    );
    assert!(!output.stdout.contains("closed"), "{output}");
}

#[test]
fn failed_allocations_do_not_end_a_thread_started_before_dlopen() {
    let program = compiled("loaded_later", "programs/loaded_later.c", &["-pthread"]);
    let mut command = on_lib(program, Lib::Ours);
    command.arg(Postgres::shared().unix("postgres"));
    command.env("LD_PRELOAD", failing_malloc());
    let output = process::run(&mut command, b"", LONG_TIMEOUT).success();
    assert_eq!(output.stdout, "tried some: 1\n");
}
