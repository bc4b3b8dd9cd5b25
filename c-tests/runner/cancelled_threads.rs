//! Threads that are cancelled with pthread_cancel or exit in a callback.

use std::sync::OnceLock;

use crate::support::interpose;
use crate::support::paths::Lib;
use crate::support::postgres::Postgres;
use crate::support::process::Output;
use crate::support::program::{Program, same_output};
use crate::support::valgrind;
use crate::tls::server::TlsServer;

/// Under valgrind a thread needs more time until it waits.
fn valgrind_options() -> &'static [(&'static str, &'static str)] {
    if valgrind::is_wanted() {
        &[("SLOW", "1")]
    } else {
        &[]
    }
}

/// Starts a server with TLS and returns it with a connection string.
fn over_tls() -> (TlsServer, String) {
    let server = TlsServer::with("good", "good");
    let conninfo = server.conninfo("dbname=only_ssl sslmode=require");
    (server, conninfo)
}

#[test]
fn each_wait_can_be_cancelled() {
    let server = Postgres::shared();
    same_output(
        "cancel_thread",
        &[&server.tcp("postgres")],
        valgrind_options(),
    );
    same_output(
        "cancel_thread",
        &[&server.unix("postgres")],
        valgrind_options(),
    );
}

#[test]
fn each_wait_can_be_cancelled_over_tls() {
    let (_server, conninfo) = over_tls();
    same_output("cancel_thread", &[&conninfo], valgrind_options());
}

/// C libpq sometimes loses a reply here and then waits forever.
#[test]
fn a_cancelled_thread_loses_no_received_data() {
    const ROUNDS: &str = "60";
    let shared = Postgres::shared();
    let (_server, tls) = over_tls();
    for conninfo in [shared.tcp("postgres"), shared.unix("postgres"), tls] {
        let program = Program::new("cancel_loop");
        let output = program.run(Lib::Ours, &[&conninfo, ROUNDS], &[]);
        assert_eq!(
            output.success().stdout.trim(),
            format!("good rounds: {ROUNDS}")
        );
    }
}

/// C libpq's PQfinish blocks on such a server.
#[test]
fn a_connection_whose_socket_is_full_can_be_finished_and_reset() {
    let shared = Postgres::shared();
    let (_server, tls) = over_tls();
    for conninfo in [shared.tcp("postgres"), shared.unix("postgres"), tls] {
        let program = Program::new("cancel_thread");
        let output = program.run(Lib::Ours, &[&conninfo, "full"], valgrind_options());
        let output = output.success().stdout;
        assert_eq!(
            output.matches("cancelled 1 cleaned 1").count(),
            9,
            "{output}"
        );
    }
}

/// C libpq sends such a command a second time, into the middle of the first.
#[test]
fn a_loop_that_waits_for_input_gets_the_result_of_a_command_that_was_cut() {
    let shared = Postgres::shared();
    let (_server, tls) = over_tls();
    for conninfo in [shared.tcp("postgres"), shared.unix("postgres"), tls] {
        let program = Program::new("cancel_cut");
        let output = program.run(Lib::Ours, &[&conninfo], valgrind_options());
        let output = output.success().stdout;
        assert_eq!(output.matches("cancelled: 1").count(), 2, "{output}");
        assert!(!output.contains("input: 0"), "{output}");
        assert!(output.contains("row 0: \"29999983\""), "{output}");
        assert!(output.contains("result: PGRES_COMMAND_OK"), "{output}");
        assert_eq!(output.matches("row 0: \"next\"").count(), 2, "{output}");
    }
}

/// The path of a compiled library that cancels a thread at its nth cancellation point.
fn interposer() -> &'static str {
    static INTERPOSER: OnceLock<String> = OnceLock::new();
    INTERPOSER.get_or_init(|| interpose::library("cancel_points"))
}

fn run_with_points(program: &str, conninfo: &str) -> Output {
    let program = Program::new(program);
    let env = [("LD_PRELOAD", interposer())];
    program.run(Lib::Ours, &[conninfo], &env).success()
}

/// For each system call of the library that is a cancellation point, the thread is cancelled there or later.
#[test]
fn no_cancellation_point_ends_the_process() {
    if valgrind::is_wanted() {
        return;
    }
    let shared = Postgres::shared();
    let (_server, tls) = over_tls();
    for conninfo in [shared.tcp("postgres"), shared.unix("postgres"), tls] {
        let output = run_with_points("cancel_points", &conninfo);
        let lines = output.stdout.lines();
        let ended = lines.filter(|line| line.ends_with("the last one ended"));
        assert_eq!(ended.count(), 8, "{output}");
        for work in ["connecting", "queries", "without_waiting", "others"] {
            let some = format!("{work}: some cancelled 1");
            assert!(output.stdout.contains(&some), "{output}");
        }
    }
}

/// C libpq sends commands twice here.
#[test]
fn what_was_sent_or_received_before_the_cancellation_is_known() {
    if valgrind::is_wanted() {
        return;
    }
    let shared = Postgres::shared();
    let (_server, tls) = over_tls();
    let tls = format!("{tls} user=postgres");
    for conninfo in [shared.tcp("postgres"), shared.unix("postgres"), tls] {
        let output = run_with_points("cancel_late", &conninfo);
        let count = |line| output.stdout.matches(line).count();
        assert_eq!(count("in step 1"), 18, "{output}");
        assert_eq!(count("wrong values: 0"), 2, "{output}");
        assert_eq!(count("stored: t, twice: 0"), 2, "{output}");
    }
}
