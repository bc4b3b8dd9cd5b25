//! PQcancel in a signal handler, alone and with a library that ends the program if the handler calls a function that
//! is not async-signal-safe.

use std::sync::OnceLock;

use crate::support::interpose;
use crate::support::paths::Lib;
use crate::support::postgres::Postgres;
use crate::support::process::{End, Output};
use crate::support::program::{Program, same_output};

/// The path of the compiled watcher library.
fn watcher() -> &'static str {
    static WATCHER: OnceLock<String> = OnceLock::new();
    WATCHER.get_or_init(|| interpose::library("signal_safe"))
}

fn watched(lib: Lib, args: &[&str]) -> Output {
    let program = Program::new("cancel_signal");
    let output = program.run(lib, args, &[("LD_PRELOAD", watcher())]);
    assert!(output.stderr.contains("watched: 1"), "{output}");
    output
}

#[test]
fn cancel_in_a_handler() {
    let server = Postgres::shared();
    same_output("cancel_signal", &[&server.tcp("postgres")], &[]);
    same_output("cancel_signal", &[&server.unix("postgres")], &[]);
}

#[test]
fn cancel_in_a_handler_calls_nothing_unsafe() {
    let server = Postgres::shared();
    for conninfo in [server.tcp("postgres"), server.unix("postgres")] {
        let expected = watched(Lib::Oracle, &[&conninfo]).success();
        let ours = watched(Lib::Ours, &[&conninfo]).success();
        assert_eq!(expected.stdout, ours.stdout);
        assert!(ours.stdout.contains("ended early: 1"), "{ours}");
    }
}

#[test]
fn the_watcher_reports_unsafe_calls() {
    let conninfo = Postgres::shared().unix("postgres");
    let faults = [
        ("malloc", "malloc"),
        ("free", "free"),
        ("lock", "pthread_mutex_lock"),
        ("getenv", "getenv"),
        ("stream", "fputs"),
    ];
    for (fault, function) in faults {
        let output = watched(Lib::Ours, &[&conninfo, fault]);
        assert_eq!(output.end, End::Signal(6), "{output}");
        let complaint = format!("called in the handler: {function}\n");
        assert!(output.stderr.contains(&complaint), "{output}");
    }
}
