//! TLS handshakes with bytes that no correct server sends.

use super::server::TlsServer;
use crate::goaway::tls_config;
use crate::support::message::{one_value, ready};
use crate::support::paths::Lib;
use crate::support::process::Output;
use crate::support::program::Program;
use crate::support::script::{Connection, First, Script};

/// Runs `tls` with `sslmode` against a new script for each library; the outputs must be the same.
#[track_caller]
fn same(script: impl Fn() -> Script, mode: &str) -> Output {
    let [expected, ours] = both(script, mode);
    assert_eq!(ours, expected, "\n{ours}\nthe oracle says\n{expected}");
    ours
}

/// The outputs of the oracle and of ours.
#[track_caller]
fn both(script: impl Fn() -> Script, mode: &str) -> [Output; 2] {
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
    [Lib::Oracle, Lib::Ours].map(run)
}

/// Handles the SSLRequest with `first`. If the client `comes_back`, it does so without TLS.
fn refusing(first: impl Fn(&mut Connection) + Send + Sync + 'static, comes_back: bool) -> Script {
    let script = Script::new().connection(move |c| {
        assert_eq!(c.expect_first(), First::SslRequest);
        first(c);
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

/// Replies to the SSLRequest with `answer` and closes.
fn answering(answer: &'static [u8], comes_back: bool) -> impl Fn() -> Script {
    move || {
        let first = move |c: &mut Connection| {
            c.try_send(answer);
            c.shutdown();
            c.drain();
        };
        refusing(first, comes_back)
    }
}

#[test]
fn other_replies_to_the_tls_request() {
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

/// A reset in the handshake, after the client's first record. "prefer" then tries without TLS.
#[test]
fn a_server_that_resets_in_the_handshake() {
    let resets = |c: &mut Connection| {
        c.try_send(b"S");
        drop(c.read(5));
        c.reset();
    };
    let output = same(|| refusing(resets, false), "require");
    let text =
        "before or while processing the request.\\nSSL SYSCALL error: Connection reset by peer";
    assert!(output.stdout.contains(text), "{output}");
    same(|| refusing(resets, true), "prefer");
}

/// Accepts TLS, then replies to the client's first record with `bytes` and closes.
fn speaking(bytes: &'static [u8]) -> Script {
    Script::new().connection(move |c| {
        assert_eq!(c.expect_first(), First::SslRequest);
        // The script reads first, because bytes directly after the reply would be taken for unencrypted data.
        c.try_send(b"S");
        drop(c.read(5));
        c.try_send(bytes);
        c.shutdown();
        c.drain();
    })
}

#[test]
fn a_server_that_sends_no_tls() {
    for (bytes, text) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            "wrong version number",
        ),
        (
            b"\x15\x03\x03\0\x02\x02\x46",
            "tlsv1 alert protocol version",
        ),
        (b"\x15\x03\x03\0\x02\x02\x78", "no application protocol"),
    ] {
        let output = same(|| speaking(bytes), "require");
        assert!(output.stdout.contains(text), "{output}");
    }
}

/// Both fail, but rustls has other error texts. Listed in docs/tls.md.
#[test]
fn malformed_messages_of_a_handshake() {
    for bytes in [
        // An empty ServerHello, and a message of another type in its place.
        &b"\x16\x03\x03\0\x04\x02\0\0\0"[..],
        b"\x16\x03\x03\0\x04\x0e\0\0\0",
    ] {
        let outputs = both(|| speaking(bytes), "require");
        for output in &outputs {
            assert!(output.stdout.contains("status: 1"), "{output}");
            assert!(output.stdout.contains("SSL error: "), "{output}");
        }
        let [expected, ours] = outputs;
        assert_ne!(expected.stdout, ours.stdout);
    }
}

/// C libpq's text, followed by a hint.
#[test]
fn a_refused_handshake_gives_a_hint() {
    let refusing = || speaking(b"\x15\x03\x03\0\x02\x02\x28");
    let [expected, ours] = both(refusing, "require");
    let text = "sslv3 alert handshake failure";
    assert!(expected.stdout.contains(text), "{expected}");
    let (start, hint) = ours
        .stdout
        .split_once("\\nThis may indicate")
        .expect("a hint");
    let (_, rest) = hint
        .split_once("ChaCha20-Poly1305.")
        .expect("the end of the hint");
    assert_eq!(format!("{start}{rest}"), expected.stdout);
}

/// A behaviour that PostgreSQL does not have: the server aborts the handshake, and then opens an unencrypted session.
#[test]
fn a_fallback_to_plain_text_after_a_cut_off_handshake_raises_a_notice() {
    let script = || {
        answering(b"S", false)().connection(|c| {
            c.login();
            c.expect_query();
        })
    };
    let [expected, ours] = both(script, "prefer");
    assert_eq!(expected.stderr, "", "{expected}");
    assert!(ours.stdout.contains("in use: 0"), "{ours}");
    let text = "server offered TLS, but this library could not use it: SSL error: unexpected eof while reading; the session is not encrypted\n";
    assert_eq!(ours.stderr, text);
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

/// A server that changes its key before it replies to a query. Each change asks the client to change its own key.
fn changing_keys(times: usize) -> Script {
    Script::new().connection(move |c| {
        c.accept_tls(tls_config());
        c.login();
        c.expect_query();
        for _ in 0..times {
            c.renew_keys();
        }
        c.try_send(&[one_value("x", "after the changes"), ready(b'I')].concat());
        c.shutdown();
        c.drain();
    })
}

/// rustls's limit. PostgreSQL's server never changes its keys. Listed in docs/tls.md.
#[test]
fn many_key_changes_without_data() {
    let output = same(|| changing_keys(32), "require");
    assert!(output.stdout.contains("after the changes"), "{output}");
    let [expected, ours] = both(|| changing_keys(33), "require");
    assert!(expected.stdout.contains("after the changes"), "{expected}");
    let text = "SSL error: peer misbehaved: TooManyKeyUpdateRequests";
    assert!(ours.stdout.contains(text), "{ours}");
}
