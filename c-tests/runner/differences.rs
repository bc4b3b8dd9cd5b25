//! The differences from C libpq that docs/differences.md lists. Each test runs both libraries.

use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use crate::support::message::{auth_ok, one_value, parameter_status, ready};
use crate::support::paths::Lib;
use crate::support::postgres::{PASSWORD, Postgres};
use crate::support::process::{End, Output};
use crate::support::program::Program;
use crate::support::script::Script;

fn run(lib: Lib, args: &[&str]) -> Output {
    Program::new("differences").run(lib, args, &[])
}

/// Returns the output of both libraries.
#[track_caller]
fn assert_output(args: &[&str], oracle: &str, ours: &str) {
    for (lib, expected) in [(Lib::Oracle, oracle), (Lib::Ours, ours)] {
        let output = run(lib, args).success();
        assert_eq!(output.stdout, expected, "{lib:?} {args:?}");
    }
}

#[test]
fn a_forked_child_does_not_end_its_parents_session() {
    let conninfo = Postgres::shared().tcp("postgres");
    let query = "query: \"PGRES_TUPLES_OK\"\n";
    assert_output(
        &["finish_in_child", &conninfo],
        &format!("{query}the server hung up\n"),
        &format!("{query}{query}"),
    );
}

#[test]
fn the_descriptor_of_an_open_tcp_connection_is_in_blocking_mode() {
    let query = "query: \"PGRES_TUPLES_OK\"\n";
    let [blocking, nonblocking] = [0, 1].map(|mode| format!("O_NONBLOCK: {mode}\n{query}"));
    let server = Postgres::shared();
    assert_output(
        &["descriptor_mode", &server.tcp("postgres")],
        &nonblocking,
        &blocking,
    );
    assert_output(
        &["descriptor_mode", &server.unix("postgres")],
        &nonblocking,
        &nonblocking,
    );
}

#[test]
fn a_function_call_is_a_command_in_progress() {
    let program = Program::new("function_in_progress");
    let server = Postgres::shared();
    for conninfo in [server.tcp("postgres"), server.unix("postgres")] {
        let [theirs, ours] = [Lib::Oracle, Lib::Ours]
            .map(|lib| program.run(lib, &[&conninfo], &[]).success().stdout);
        let start = |connected, status| {
            format!(
                "connected after a call: {connected}\n\
                 transaction status in a notice processor: {status}\n"
            )
        };
        let rest = theirs.strip_prefix(&start(0, 0)).expect("C libpq's start");
        assert!(rest.contains("value: 6\n"), "{theirs}");
        assert_eq!(ours, start(1, 1) + rest);
        let jumped = program.run(Lib::Ours, &[&conninfo, "jump"], &[]).success();
        let refused = "result: NULL\nerror: \"connection in wrong state\\n\"\n";
        let results = rest.replace("value: 6\n", "");
        assert_eq!(jumped.stdout, start(1, 1) + refused + &results);
        // A deferred constraint fails after the function's value was sent. The call has one result.
        let late = program.run(Lib::Ours, &[&conninfo, "late"], &[]).success();
        let after = late.stdout.split(refused).nth(1).unwrap_or_default();
        assert!(after.contains("\"23505\""), "{}", late.stdout);
        let statuses = ["PGRES_FATAL_ERROR", "PGRES_COMMAND_OK", "PGRES_TUPLES_OK"];
        let counts = statuses.map(|status| after.matches(status).count());
        assert_eq!(counts, [1, 0, 1], "{}", late.stdout);
    }
}

#[test]
fn commands_in_a_notice_processor_during_a_function_call() {
    let program = Program::new("function_in_progress");
    let conninfo = Postgres::shared().unix("postgres");
    let [undisturbed, refused, exec] = ["", "refused", "exec"].map(|mode| {
        let run = program.run(Lib::Ours, &[&conninfo, mode], &[]).success();
        run.stdout
    });
    let call = "result: PGRES_COMMAND_OK ";
    let said = "query sent: 0\nerror: \"another command is already in progress\\n\"\n\
                result: NULL\npipeline mode: 0\n";
    assert_eq!(refused, undisturbed.replace(call, &format!("{said}{call}")));
    // PQexec returns its own result, and drops the call's.
    assert!(exec.contains("row 0: \"other\""), "{exec}");
    assert!(exec.contains(NO_RESULT), "{exec}");
    assert!(exec.ends_with("row 0: \"mine\"\n"), "{exec}");
}

const NO_RESULT: &str = "error after the call: \"protocol error: no function result\\n\"\n";

#[test]
fn a_command_that_a_notice_processor_begins_after_a_function_call_keeps_its_results() {
    let program = Program::new("function_in_progress");
    let conninfo = Postgres::shared().unix("postgres");
    for (mode, results) in [
        ("query", &["row 0: \"next\"", "row 0: \"last\""][..]),
        ("pipeline", &["row 0: \"next\"", "PGRES_PIPELINE_SYNC"]),
        (
            "copy",
            &["PGRES_COPY_IN", "end of the copy: 1", "\"COPY 0\""],
        ),
    ] {
        let run = program.run(Lib::Ours, &[&conninfo, mode], &[]).success();
        let (_, after) = run.stdout.split_once("value: 0\n").expect("the call");
        for result in results {
            assert_eq!(after.matches(result).count(), 1, "{result}: {run}");
        }
        assert!(after.starts_with(NO_RESULT), "{run}");
        assert!(after.ends_with("row 0: \"mine\"\n"), "{run}");
    }
}

#[test]
fn pqcancel_accepts_a_null_error_buffer() {
    let oracle = run(Lib::Oracle, &["cancel_without_buffer"]);
    assert_eq!(oracle.end, End::Signal(11), "{oracle}");
    let ours = run(Lib::Ours, &["cancel_without_buffer"]).success();
    assert_eq!(ours.stdout, "PQcancel: 0\n");
}

#[test]
fn a_large_function_call_in_nonblocking_mode_is_sent_and_answered() {
    let conninfo = Postgres::shared().unix("postgres");
    let [theirs, ours] =
        [Lib::Oracle, Lib::Ours].map(|lib| run(lib, &["nonblocking_call", &conninfo]).success());
    assert_eq!(theirs.stdout, "result: NULL\nvalue: 0\n");
    assert!(ours.stdout.contains("PGRES_COMMAND_OK"), "{ours}");
    assert!(ours.stdout.ends_with("value: 30000000\n"), "{ours}");
}

#[test]
fn printf_formats_are_those_of_the_c_library() {
    let oracle = run(Lib::Oracle, &["format"]);
    assert!(!oracle.stdout.contains("0x1p+0"), "{oracle}");
    let ours = run(Lib::Ours, &["format"]).success();
    assert_eq!(ours.stdout, "broken: 0\ntext: \"0x1p+0\"\n");
}

#[test]
fn pqconndefaults_returns_one_more_option() {
    assert_output(
        &["defaults"],
        "last option: \"sslkeylogfile\"\ngoaway: 0\n",
        "last option: \"goaway\"\ngoaway: 1\n",
    );
}

#[test]
fn a_password_file_larger_than_64_megabytes_is_ignored() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("passwords");
    let mut file = File::create(&path).expect("create the file");
    writeln!(file, "*:*:*:*:{PASSWORD}").expect("a line");
    file.set_permissions(Permissions::from_mode(0o600))
        .expect("a private file");
    let conninfo = format!(
        "{} user=scram_user passfile={}",
        Postgres::shared().tcp("postgres"),
        path.display()
    );
    let connect = |lib| run(lib, &["connect", &conninfo]).success().stdout;
    assert!(connect(Lib::Ours).contains("status: 0"));
    file.set_len((64 << 20) + 1).expect("a hole");
    assert!(connect(Lib::Oracle).contains("status: 0"));
    let ours = connect(Lib::Ours);
    assert!(ours.contains("no password supplied"), "{ours}");
}

#[test]
fn a_nul_in_a_password_file_does_not_hide_the_next_line() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("passwords");
    let connect = |lib, text: String| {
        std::fs::write(&path, text).expect("write the file");
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a private file");
        let server = Postgres::shared().tcp("postgres");
        let conninfo = format!("{server} user=scram_user passfile={}", path.display());
        run(lib, &["connect", &conninfo]).success().stdout
    };
    let before = || format!("*:*:*:nobody:x\0rest\n*:*:*:*:{PASSWORD}\n");
    let oracle = connect(Lib::Oracle, before());
    assert!(oracle.contains("no password supplied"), "{oracle}");
    assert!(connect(Lib::Ours, before()).contains("status: 0"));
    let within = || format!("*:*:*:*:{PASSWORD}\0rest\n");
    let oracle = connect(Lib::Oracle, within());
    assert!(oracle.contains("no password supplied"), "{oracle}");
    assert!(connect(Lib::Ours, within()).contains("status: 0"));
}

#[test]
fn at_most_1024_parameters_are_stored() {
    let output = |lib| {
        let server = Script::new()
            .connection(|c| {
                c.expect_startup();
                c.send(&auth_ok());
                let statuses: Vec<_> = (0..2000)
                    .map(|n| parameter_status(&format!("p{n}"), "v"))
                    .collect();
                c.send(&statuses.concat());
                c.send(&ready(b'I'));
                c.expect_query();
                c.send(&[one_value("v", "1"), ready(b'I')].concat());
                c.expect_terminate();
            })
            .start();
        let output = run(lib, &["parameters", &server.tcp()]).success();
        server.finish();
        output.stdout
    };
    let query = "query: \"PGRES_TUPLES_OK\"\n";
    let oracle = format!("first: \"v\"\nlast: \"v\"\n{query}");
    assert_eq!(output(Lib::Oracle), oracle);
    assert_eq!(
        output(Lib::Ours),
        format!("first: \"v\"\nlast: NULL\n{query}")
    );
}

/// The most bytes of a COPY that were held back, for rows of 100, 2,000 and 9,000 bytes.
fn held_back(lib: Lib) -> Vec<u32> {
    let conninfo = Postgres::shared().tcp("postgres");
    let output = Program::new("copy_held").run(lib, &[&conninfo], &[]);
    let stdout = output.success().stdout;
    assert_eq!(stdout.matches("PGRES_COMMAND_OK").count(), 3, "{stdout}");
    stdout
        .lines()
        .filter_map(|line| line.parse().ok())
        .collect()
}

#[test]
fn copy_data_is_held_back_up_to_64_kb() {
    let oracle = held_back(Lib::Oracle);
    assert!(
        matches!(oracle[..], [8000..8192, 7000..8192, 0]),
        "{oracle:?}"
    );
    let ours = held_back(Lib::Ours);
    let kept = 50_000..65_536;
    assert_eq!(ours.len(), 3);
    assert!(ours.iter().all(|most| kept.contains(most)), "{ours:?}");
}
