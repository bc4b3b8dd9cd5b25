//! What no honest server sends around a TLS handshake.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::server::TlsServer;
use crate::support::paths::Lib;
use crate::support::process::Output;
use crate::support::program::Program;
use crate::support::script::{First, Script};

const MODES: [&str; 3] = ["prefer", "require", "verify-full"];

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
fn an_error_before_tls_is_not_shown() {
    const ERROR: &[u8] = b"E\0\0\0\x26SFATAL\0C28000\0Msend me your password\0\0";
    for mode in ["require", "verify-full", "prefer"] {
        let roots = if mode == "verify-full" {
            "verify-full sslrootcert=system"
        } else {
            mode
        };
        let output = same(answering(ERROR, false), roots);
        assert!(!output.stdout.contains("password\\n"), "{output}");
        assert!(!output.stdout.contains("send me"), "{output}");
        assert!(
            output
                .stdout
                .contains("server sent an error response during SSL exchange"),
            "{output}"
        );
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

/// Passes a connection on to the server, with `more` behind its answer to the request for TLS.
fn meddler(port: u16, more: &'static [u8]) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let own = listener.local_addr().expect("its address").port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(("127.0.0.1", port)).expect("the server");
            thread::spawn(move || meddle(client, server, more));
        }
    });
    own
}

fn meddle(mut client: TcpStream, mut server: TcpStream, more: &[u8]) {
    let mut request = [0; 8];
    let mut answer = [0; 1];
    let begun = client
        .read_exact(&mut request)
        .and_then(|()| server.write_all(&request))
        .and_then(|()| server.read_exact(&mut answer))
        .and_then(|()| client.write_all(&[&answer[..], more].concat()));
    if begun.is_err() {
        return;
    }
    let (mut from, mut to) = (
        client.try_clone().expect("a socket"),
        server.try_clone().expect("a socket"),
    );
    let there = thread::spawn(move || drop(std::io::copy(&mut from, &mut to)));
    let _ = std::io::copy(&mut server, &mut client);
    let _ = client.shutdown(std::net::Shutdown::Both);
    let _ = there.join();
}

#[test]
fn plain_text_behind_the_answer_is_no_part_of_the_session() {
    let server = TlsServer::with("good", "good");
    let port = meddler(server.port(), b"R\0\0\0\x08\0\0\0\0");
    let root = server.files.file("root.crt");
    for mode in MODES {
        let conninfo = format!(
            "host=good.test hostaddr=127.0.0.1 port={port} user=tls_user dbname=postgres sslmode={mode} sslrootcert={root}\n"
        );
        let run = |lib| Program::new("tls").run_with_input(lib, &[], &[], conninfo.as_bytes());
        let (expected, ours) = (run(Lib::Oracle), run(Lib::Ours));
        assert_eq!(ours, expected, "\n{ours}\nthe oracle says\n{expected}");
        let text = "received unencrypted data after SSL response";
        assert!(ours.stdout.contains(text), "{ours}");
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
