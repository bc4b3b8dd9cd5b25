//! What no honest server sends around a TLS handshake.

use super::server::TlsServer;
use crate::support::paths::Lib;
use crate::support::process::Output;
use crate::support::program::Program;
use crate::support::script::{First, Script};

/// Runs `tls` with `sslmode` against a script made anew for each library; the outputs are the same.
#[track_caller]
fn same(script: impl Fn() -> Script, mode: &str) -> Output {
    let run = |lib| {
        let server = script().start();
        let conninfo = server
            .tcp()
            .replace("sslmode=disable", &format!("sslmode={mode}"));
        let env = [("PGGOAWAY", "disable"), ("PGGSSENCMODE", "disable")];
        let input = conninfo + "\n";
        let mut output = Program::new("tls").run_with_input(lib, &[], &env, input.as_bytes());
        output.stdout = output.stdout.replace(&server.port().to_string(), "PORT");
        server.finish();
        output
    };
    let (expected, ours) = (run(Lib::Oracle), run(Lib::Ours));
    assert_eq!(ours, expected, "\n{ours}\nthe oracle says\n{expected}");
    ours
}

/// Answers the request for TLS with `answer`, then closes; a client that comes back gets a session.
fn answering(answer: &'static [u8], comes_back: bool) -> impl Fn() -> Script {
    move || {
        let script = Script::new().connection(move |c| {
            assert_eq!(c.expect_first(), First::SslRequest);
            c.try_send(answer);
            c.shutdown();
            c.drain();
        });
        match comes_back {
            true => script.connection(|c| {
                c.expect_startup();
                c.shutdown();
                c.drain();
            }),
            false => script,
        }
    }
}

#[test]
fn other_answers() {
    same(answering(b"x", false), "require");
    same(answering(b"N", false), "require");
    same(answering(b"", false), "require");
    same(answering(b"", false), "prefer");
}

#[test]
fn a_server_that_closes_in_the_handshake() {
    same(answering(b"S", false), "require");
    same(answering(b"S", true), "prefer");
}

#[test]
fn something_else_than_tls() {
    for (bytes, text) in [
        (
            &b"SHTTP/1.1 400 Bad Request\r\n\r\n"[..],
            "wrong version number",
        ),
        (
            b"S\x15\x03\x03\0\x02\x02\x28",
            "sslv3 alert handshake failure",
        ),
        (
            b"S\x15\x03\x03\0\x02\x02\x46",
            "tlsv1 alert protocol version",
        ),
        (b"S\x15\x03\x03\0\x02\x02\x78", "no application protocol"),
    ] {
        let speaking = move || {
            Script::new().connection(move |c| {
                assert_eq!(c.expect_first(), First::SslRequest);
                // Not behind the answer, where it would be looked at as unencrypted data.
                let (answer, rest) = bytes.split_at(1);
                c.try_send(answer);
                drop(c.read(5));
                c.try_send(rest);
                c.shutdown();
                c.drain();
            })
        };
        let output = same(speaking, "require");
        assert!(output.stdout.contains(text), "{output}");
    }
}

#[test]
fn a_session_is_cut_off() {
    let server = TlsServer::with("good", "good");
    let conninfo =
        "host=good.test dbname=postgres sslmode=require options='-c statement_timeout=0'";
    let line = server.conninfo(conninfo) + "\n";
    let run = |lib| {
        let program = Program::new("tls");
        program.run_with_input(lib, &["killed"], &[], line.as_bytes())
    };
    let (expected, ours) = (run(Lib::Oracle), run(Lib::Ours));
    assert_eq!(ours, expected, "\n{ours}\nthe oracle says\n{expected}");
    assert!(ours.stdout.contains("57P01"), "{ours}");
}
