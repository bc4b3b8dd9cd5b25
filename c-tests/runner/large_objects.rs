//! Large objects and the function-call protocol.

use tempfile::TempDir;

use crate::support::message::{
    command_complete, error, function_result, goaway, large_object_functions, message, notice,
    notification, ready,
};
use crate::support::paths::Lib;
use crate::support::postgres::Postgres;
use crate::support::process::{self, Output};
use crate::support::program::{Program, same_exchange};
use crate::support::script::Script;

/// Runs the program with its own database and directory.
fn run(lib: Lib, server: &Postgres) -> Output {
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    let database = server.fresh_database();
    let path = directory.path().to_string_lossy();
    Program::new("large_objects").run(lib, &[&server.tcp(&database), &path], &[])
}

#[test]
fn large_objects_work_as_in_libpq() {
    let server = Postgres::shared();
    let expected = run(Lib::Oracle, server).success();
    let ours = run(Lib::Ours, server);
    let difference = process::diff("oracle", &expected.to_string(), "ours", &ours.to_string());
    assert!(difference.is_empty(), "{difference}");
    // The program did its work.
    for line in [
        "over it: 1",
        "integer: 42",
        "connection: \"argument of lo_read",
    ] {
        assert!(ours.stdout.contains(line), "no {line} in\n{ours}");
    }
}

/// The reply to the query for the large-object functions, without the function `missing`.
fn functions_without(missing: &str) -> Vec<u8> {
    [large_object_functions(missing), ready(b'I')].concat()
}

/// How replies are sent. A client that closes in the middle of a reply needs it in one piece.
#[derive(Clone, Copy)]
enum Pace {
    Whole,
    Split,
}

/// A server that answers the query for the functions with `functions` and then each call with the next of `answers`.
/// After the last one it waits until the client closes.
fn server(pace: Pace, functions: Vec<u8>, answers: Vec<Vec<u8>>) -> Script {
    Script::new().connection(move |c| {
        c.login();
        if !functions.is_empty() {
            c.expect_query();
            c.send(&functions);
        }
        for answer in &answers {
            c.expect(b'F');
            match pace {
                Pace::Whole => c.send(answer),
                Pace::Split => c.send_split(answer),
            }
        }
        while c.try_read_message() {}
    })
}

#[track_caller]
fn same(pace: Pace, part: &str, functions: &[u8], answers: &[Vec<u8>]) -> Output {
    let script = || server(pace, functions.to_vec(), answers.to_vec());
    same_exchange("fast_path", script, &[part], &[]).success()
}

/// Runs our library only, for behaviour that C libpq lacks or replies that crash it.
#[track_caller]
fn ours(pace: Pace, part: &str, functions: &[u8], answers: &[Vec<u8>]) -> Output {
    let server = server(pace, functions.to_vec(), answers.to_vec()).start();
    let output = Program::new("fast_path").run(Lib::Ours, &[&server.tcp(), part], &[]);
    server.finish();
    output.success()
}

#[track_caller]
fn assert_says(output: &Output, lines: &[&str]) {
    for line in lines {
        assert!(output.stdout.contains(line), "no {line:?} in\n{output}");
    }
}

fn result(value: &[u8]) -> Vec<u8> {
    [function_result(Some(value)), ready(b'T')].concat()
}

#[test]
fn a_reply_longer_than_requested_closes_the_connection() {
    let functions = functions_without("");
    for length in [9, 30_000] {
        let output = same(
            Pace::Whole,
            "read",
            &functions,
            &[result(&vec![b'!'; length])],
        );
        assert_says(
            &output,
            &[
                "lo_read: -1\n  error: \"server returned too much data\\n\"\n  status: 1\n  socket: 0",
                "\"########\" bytes written after it: 0",
            ],
        );
    }
    let output = same(Pace::Whole, "tell", &functions, &[result(b"123456789")]);
    assert_says(&output, &["lo_tell64: -1", "too much data"]);
}

#[test]
fn replies_of_valid_length_are_accepted() {
    let functions = functions_without("lo_truncate64");
    let null = [function_result(None), ready(b'T')].concat();
    let output = same(
        Pace::Split,
        "read",
        &functions,
        &[result(b"12345678"), null],
    );
    assert_says(&output, &["lo_read: 8", "lo_read again: -1"]);
    same(
        Pace::Split,
        "read",
        &functions,
        &[result(b"123"), result(b"")],
    );
    same(Pace::Split, "tell", &functions, &[result(b"1234567")]);
    same(Pace::Split, "tell", &functions, &[result(b"12345678")]);
    let surrounded = [
        notification(9, "c", "p"),
        notice("careful"),
        function_result(Some(b"x")),
        notice("more"),
        ready(b'T'),
    ];
    let output = same(Pace::Split, "call", &[], &[surrounded.concat()]);
    assert_says(&output, &["notice: \"NOTICE:  careful\\n\"", "length: 1"]);
}

#[test]
fn errors_and_invalid_replies_have_libpqs_texts() {
    let functions = functions_without("");
    let failed = [error("22000", "no"), ready(b'E')].concat();
    same(Pace::Split, "read", &functions, &[failed.clone(), failed]);
    same(Pace::Split, "call", &[], &[ready(b'I')]);
    same(Pace::Split, "call", &[], &[message(b'D', b"\0\0")]);
    same(Pace::Split, "number", &[], &[result(&[1, 2])]);
    same(Pace::Split, "number", &[], &[result(&[0x80, 0, 0, 1])]);
    for gone in ["lo_open", "lo_close", "loread", "lowrite"] {
        let output = same(Pace::Split, "unlink", &functions_without(gone), &[]);
        assert_says(
            &output,
            &[&format!("cannot determine OID of function {gone}")],
        );
    }
    let output = same(Pace::Split, "tell", &functions_without("lo_tell64"), &[]);
    assert_says(&output, &["cannot determine OID of function lo_tell64"]);
    let no_rows = [command_complete("SET"), ready(b'I')].concat();
    let output = same(Pace::Split, "unlink", &no_rows, &[]);
    assert_says(&output, &["did not return data"]);
    same(
        Pace::Split,
        "unlink",
        &[error("42501", "no"), ready(b'I')].concat(),
        &[],
    );
}

#[test]
fn an_integer_of_another_size_is_an_error() {
    // C libpq waits until the server closes the connection.
    for value in [&b""[..], b"1", b"123", b"12345678"] {
        let output = ours(Pace::Split, "number", &[], &[result(value)]);
        let size = value.len();
        assert_says(
            &output,
            &[
                &format!("integer of size {size} not supported by pqGetInt"),
                "PGRES_FATAL_ERROR",
                "status: 0",
                "\"########\" bytes written after it: 0",
            ],
        );
    }
    let functions = functions_without("");
    let output = ours(Pace::Split, "unlink", &functions, &[result(&[0; 64])]);
    assert_says(
        &output,
        &["lo_unlink: -1", "integer of size 64", "status: 0"],
    );
}

#[test]
fn wrong_lengths_close_the_connection() {
    let bodies: [&[u8]; 5] = [
        b"\xff\xff\xff\xfe",
        b"\x80\0\0\0abc",
        b"\0\0\0\x09abc",
        b"\x7f\xff\xff\xffabc",
        b"\0\0",
    ];
    for body in bodies {
        let answer = [message(b'V', body), ready(b'I')].concat();
        let output = ours(Pace::Whole, "call", &[], &[answer]);
        assert_says(
            &output,
            &[
                "message contents do not agree with length in message type \"V\"",
                "length: 0",
                "socket: 0",
                "\"########\" bytes written after it: 0",
            ],
        );
    }
}

#[test]
fn goaway_is_seen_during_a_call() {
    let answer = |value: &[u8]| [goaway(), result(value)].concat();
    let output = ours(Pace::Split, "call", &[], &[answer(b"abc")]);
    assert_says(
        &output,
        &[
            "PGRES_COMMAND_OK",
            "length: 3\n",
            "disconnect_requested: \"on\"",
        ],
    );
    let late = [function_result(Some(b"abc")), goaway(), ready(b'I')].concat();
    let output = ours(
        Pace::Split,
        "number",
        &[],
        &[[goaway(), result(&[1, 0])].concat()],
    );
    assert_says(&output, &["disconnect_requested: \"on\""]);
    let output = ours(
        Pace::Split,
        "read",
        &functions_without(""),
        &[late, answer(b"12345678")],
    );
    assert_says(
        &output,
        &[
            "lo_read: 3\n",
            "lo_read again: 8\n",
            "disconnect_requested: \"on\"",
        ],
    );
}
