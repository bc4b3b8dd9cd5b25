//! Cancel requests with `PQcancelCreate` and `PQcancelBlocking`.

use crate::goaway::tls_config;
use crate::support::paths::Lib;
use crate::support::postgres::Postgres;
use crate::support::process::Output;
use crate::support::program::{Headers, Program, assert_same, same_exchange, same_output};
use crate::support::script::{Connection, First, Script};

#[test]
fn queries_are_cancelled() {
    let server = Postgres::shared();
    for conninfo in [server.tcp("postgres"), server.unix("postgres")] {
        let output = same_output("cancel_connection", &[&conninfo], &[]).success();
        let cancelled = output.stdout.matches("57014").count();
        assert_eq!(cancelled, 3, "{output}");
    }
}

/// A session that stays open until the client ends it, and two cancel requests, which `answer` handles.
fn script(answer: fn(&mut Connection)) -> impl Fn() -> Script {
    move || {
        let request = move |c: &mut Connection| {
            assert_eq!(c.expect_first(), First::Cancel(1234, vec![1, 2, 3, 4]));
            answer(c);
        };
        let session = Script::new().connection(|c| drop(c.login()));
        session.connection(request).connection(request)
    }
}

#[track_caller]
fn same_requests(answer: fn(&mut Connection), timeout: &str) -> Output {
    let arguments = ["request", timeout];
    same_exchange("cancel_connection", script(answer), &arguments, &[]).success()
}

#[test]
fn a_close_without_a_reply_is_success() {
    let output = same_requests(|_| {}, "0");
    assert!(
        output.stdout.contains("blocking: 1\ndone: status=0"),
        "{output}"
    );
    assert!(output.stdout.contains("poll: 3 status=0"), "{output}");
}

#[test]
fn any_reply_byte_is_an_error() {
    let output = same_requests(|c| c.send(b"E"), "0");
    let text = "unexpected response from server";
    assert_eq!(output.stdout.matches(text).count(), 2, "{output}");
}

#[test]
fn a_reset_is_an_error() {
    let output = same_requests(|c| c.reset(), "0");
    assert!(output.stdout.contains("blocking: 0\n"), "{output}");
}

/// Listed in docs/differences.md.
#[test]
fn a_reset_before_the_request_was_sent_is_an_error() {
    let script = Script::new()
        .connection(|c| drop(c.login()))
        .connection(|c| {
            c.read(1);
            c.reset();
        });
    let server = script.start();
    let program = Program::with_headers("steps", Headers::Ours);
    let calls = [&server.tcp(), "connect", "cancel-late", "finish"];
    let output = program.run(Lib::Ours, &calls, &[("PGGOAWAY", "disable")]);
    server.finish();
    let stdout = output.success().stdout;
    assert!(stdout.contains("PQcancelPoll -> 0\n"), "{stdout}");
    assert!(
        stdout.contains("server closed the connection unexpectedly"),
        "{stdout}"
    );
}

/// As OpenSSL, because the end may come from anyone in the network.
#[test]
fn with_tls_an_end_without_close_notify_is_an_error() {
    let run = |lib, answer: fn(&mut Connection)| {
        let server = script(answer)().start_tls(tls_config());
        let arguments = [&server.tcp(), "request", "0"];
        let mut output =
            Program::new("cancel_connection").run(lib, &arguments, &[("PGGOAWAY", "disable")]);
        output.stdout = output.stdout.replace(&server.port().to_string(), "PORT");
        server.finish();
        output.success()
    };
    for (answer, expected) in [
        ((|_| {}) as fn(&mut Connection), "blocking: 1\n"),
        (
            |c| c.cut_off(),
            "failed: SSL error: unexpected eof while reading\\n\"",
        ),
    ] {
        let oracle = run(Lib::Oracle, answer);
        let ours = run(Lib::Ours, answer);
        assert!(oracle.stdout.contains(expected), "{oracle}");
        assert_same("cancel_connection", &[expected], &oracle, &ours);
    }
}

#[test]
fn connect_timeout_applies_to_a_silent_server() {
    // Only the blocking call applies connect_timeout; the second request waits for the server.
    let silent = || {
        Script::new()
            .connection(|c| drop(c.login()))
            .connection(|c| {
                c.expect_first();
                c.expect_eof();
            })
            .connection(|c| drop(c.expect_first()))
    };
    let arguments = ["request", "1"];
    let output = same_exchange("cancel_connection", silent, &arguments, &[]).success();
    assert!(output.stdout.contains("timeout expired"), "{output}");
    assert!(output.stdout.contains("poll: 3 status=0"), "{output}");
}
