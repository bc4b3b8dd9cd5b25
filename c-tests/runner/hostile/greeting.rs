//! Inconsistent first replies, compared with C libpq unless C libpq never returns.

use super::{ours, same, with_length};
use crate::support::message::{
    auth, auth_ok, backend_key, error, message, negotiate_version, ready,
};
use crate::support::paths::Lib;
use crate::support::program::Program;
use crate::support::script::{Script, welcome};

/// Sends `reply` to the first packet, then ends the connection.
fn greeting(reply: Vec<u8>) -> Script {
    Script::new().connection(move |c| {
        c.expect_startup();
        c.try_send(&reply);
        c.shutdown();
        c.drain();
    })
}

#[track_caller]
pub fn same_greeting(reply: &[u8], options: &str) -> String {
    let closing = || greeting(reply.to_vec());
    same(closing, options, &["connect", "state", "server"])
}

#[test]
fn lengths_of_the_first_reply() {
    for length in [-1, 0, 3, 4, 7, 2001, 30_000, i32::MAX] {
        same_greeting(&with_length(auth_ok(), length), "");
        same_greeting(&with_length(negotiate_version(3, 0, &["x"]), length), "");
    }
    for length in [-1, 0, 3, 4, 7, 30_001, i32::MAX] {
        same_greeting(
            &[&with_length(error("1", "x"), length), &b"text\0"[..]].concat(),
            "",
        );
    }
    for first in [&b"H"[..], b"\xff", b"Z\0\0\0\x05I"] {
        same_greeting(first, "");
    }
}

#[test]
fn negotiation() {
    let body = |version: u32, count: i32, names: &[u8]| {
        let parts = [&version.to_be_bytes()[..], &count.to_be_bytes(), names];
        message(b'v', &parts.concat())
    };
    const V3_0: u32 = 3 << 16;
    let cases = [
        body(V3_0, i32::MAX, b"_pq_.x\0"),
        body(V3_0, i32::MAX, b""),
        body(V3_0, -1, b""),
        body(V3_0, i32::MIN, b""),
        body(V3_0, 0, b""),
        body(V3_0 + 1, 0, b""),
        body(V3_0 + 2, 0, b""),
        body(V3_0 - 1, 0, b""),
        body(0, 0, b""),
        body(u32::MAX, 0, b""),
        body(i32::MAX as u32, 1, b"_pq_.x\0"),
        body(V3_0, 1, b"x\0"),
        body(V3_0, 1, b"\0"),
        body(V3_0, 1, b"_pq_.x"),
        body(V3_0, 1, b"_pq_.\0"),
        message(b'v', &[0, 3, 0, 0]),
    ];
    for case in &cases {
        same_greeting(case, "");
        same_greeting(case, "max_protocol_version=3.2");
        same_greeting(case, "min_protocol_version=3.2");
    }
    // Twice, and after authentication.
    let downgrade = negotiate_version(3, 0, &[]);
    let options = "max_protocol_version=3.2";
    same_greeting(&[downgrade.clone(), downgrade.clone()].concat(), options);
    same_greeting(&[auth_ok(), downgrade.clone()].concat(), options);
    let late = [&welcome(), &downgrade[..]].concat();
    same(
        || greeting(late.clone()),
        options,
        &["connect", "wait", "state"],
    );
}

#[test]
fn a_list_of_names_of_maximum_length() {
    let mut body = [&[0, 3, 0, 0][..], &i32::MAX.to_be_bytes()].concat();
    while body.len() < 1980 {
        body.extend(b"_pq_.goaway\0");
    }
    let output = ours(greeting(message(b'v', &body)), "", &["connect"]);
    assert!(output.contains("message too short"), "{output}");
}

#[test]
fn cancel_keys() {
    for length in [0, 1, 3, 4, 5, 256, 257, 29_000] {
        let key = vec![7; length];
        let tail = [&backend_key(5, &key)[..], &ready(b'I')].concat();
        let reply = [auth_ok(), tail].concat();
        let calls = ["connect", "server", "state"];
        for options in ["", "max_protocol_version=3.2"] {
            same(|| greeting(reply.clone()), options, &calls);
        }
    }
}

#[test]
fn authentication_requests() {
    let sasl = |rest: &[u8]| auth(10, rest);
    let cases = [
        auth(1, b""),
        auth(2, b""),
        auth(4, b"ab"),
        auth(6, b""),
        auth(11, b"r=x"),
        auth(12, b"v=x"),
        auth(13, b""),
        auth(u32::MAX, b""),
        sasl(b"\0"),
        sasl(b"NONE\0\0"),
        sasl(b"SCRAM-SHA-256-PLUS\0\0"),
        [sasl(b"SCRAM-SHA-256\0\0"), sasl(b"SCRAM-SHA-256\0\0")].concat(),
        [auth(3, b""), auth_ok(), auth_ok()].concat(),
        [auth_ok(), error("28000", "after all"), ready(b'I')].concat(),
    ];
    for case in &cases {
        same_greeting(case, "password=p");
        same_greeting(case, "");
    }
    // The list of mechanisms and the salt are too short: this is an error, and the client must not wait for more.
    for case in [
        sasl(b""),
        sasl(b"SCRAM-SHA-256"),
        sasl(b"SCRAM-SHA-256\0"),
        auth(5, b"abc"),
    ] {
        let output = ours(greeting(case), "password=p", &["connect"]);
        assert!(output.contains("status=1"), "{output}");
    }
}

/// C libpq reads these bytes as the next message. It fails too, unless they are one.
#[test]
fn bytes_after_an_authentication_request() {
    let with = |request: u32, body: &[u8], hidden: &[u8]| {
        let extended = auth(request, &[body, hidden].concat());
        [extended, auth_ok(), backend_key(7, &[0; 4]), ready(b'I')].concat()
    };
    for (request, body) in [
        (0, &b""[..]),
        (3, b""),
        (5, b"salt"),
        (7, b""),
        (9, b""),
        (10, b"SCRAM-SHA-256\0\0"),
    ] {
        for hidden in [&b"x"[..], &[0; 4], &auth_ok(), &ready(b'I')] {
            let reply = with(request, body, hidden);
            let output = ours(greeting(reply), "password=p", &["connect", "state"]);
            let text = "failed: received invalid authentication request\\n";
            assert!(output.contains(text), "{request} {hidden:?}: {output}");
        }
        let reply = with(request, body, b"x");
        let server = greeting(reply).start();
        let program = Program::new("steps");
        let conninfo = format!("{} password=p", server.tcp());
        let output = program.run(Lib::Oracle, &[&conninfo, "connect"], &[]);
        server.finish();
        assert!(output.stdout.contains("status=1"), "{output}");
    }
}

#[test]
fn bytes_after_a_negotiation_message() {
    for hidden in [&b"x"[..], b"_pq_.x\0", &auth_ok()] {
        let mut reply = negotiate_version(3, 0, &[]);
        reply.extend_from_slice(hidden);
        let length = i32::try_from(reply.len() - 1).expect("a short message");
        let reply = [
            with_length(reply, length),
            auth_ok(),
            backend_key(7, &[0; 4]),
            ready(b'I'),
        ]
        .concat();
        let options = "max_protocol_version=3.2";
        let output = ours(greeting(reply), options, &["connect", "state"]);
        let text = "failed: received invalid protocol negotiation message: message too long\\n";
        assert!(output.contains(text), "{hidden:?}: {output}");
    }
}

/// C libpq answers without any limit.
#[test]
fn endless_authentication_requests() {
    for request in [auth(3, b""), auth(5, b"salt")] {
        let script = Script::new().connection(move |c| {
            c.expect_startup();
            for asked in 0.. {
                assert!(asked <= 100, "asked {asked} times");
                c.try_send(&request);
                if !c.try_read_message() {
                    break;
                }
            }
        });
        let output = ours(script, "password=p", &["connect", "state"]);
        let text = "failed: server sent too many authentication requests\\n";
        assert!(output.contains(text), "{output}");
    }
    // The maximum number that the client answers.
    let script = Script::new().connection(|c| {
        c.expect_startup();
        for _ in 0..100 {
            c.send(&auth(5, b"salt"));
            c.expect(b'p');
        }
        c.send(&welcome());
        c.expect_terminate();
    });
    let output = ours(script, "password=p", &["connect"]);
    assert!(output.contains("status=0"), "{output}");
}

#[test]
fn scram_messages() {
    let first = |text: &str| {
        let text = text.to_owned();
        move || {
            let text = text.clone();
            Script::new().connection(move |c| {
                c.expect_startup();
                c.send(&auth(10, b"SCRAM-SHA-256\0\0"));
                let body = c.expect(b'p');
                let nonce = body.split(|b| *b == b',').next_back().expect("a nonce");
                let nonce = String::from_utf8_lossy(&nonce[2..]);
                let reply = text.replace("NONCE", &nonce);
                c.send(&auth(11, reply.as_bytes()));
                c.try_send(&auth(12, b"v=AAAA"));
                c.drain();
            })
        }
    };
    let cases = [
        "",
        "x",
        "r=",
        "r=other,s=c2FsdA==,i=4096",
        "r=NONCE,s=c2FsdA==,i=4096",
        "r=NONCEserver",
        "r=NONCEserver,s=",
        "r=NONCEserver,s=!!!!,i=4096",
        "r=NONCEserver,s=c2FsdA==,i=",
        "r=NONCEserver,s=c2FsdA==,i=0",
        "r=NONCEserver,s=c2FsdA==,i=-1",
        "r=NONCEserver,s=c2FsdA==,i=1x",
        "r=NONCEserver,i=4096,s=c2FsdA==",
        "e=other-error",
        "r=NONCEserver,s=c2FsdA==,i=1",
        "r=NONCE\u{1f}server,s=c2FsdA==,i=1",
    ];
    for case in cases {
        let output = same(first(case), "password=p", &["connect", "server"]);
        assert!(output.contains("status=1"), "{case}\n{output}");
    }
    // C libpq iterates for many minutes with a part of this number.
    let script = first("r=NONCEserver,s=c2FsdA==,i=99999999999")();
    let output = ours(script, "password=p", &["connect"]);
    assert!(output.contains("invalid iteration count"), "{output}");
}
