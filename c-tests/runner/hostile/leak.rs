//! Data from one server must not be used with the next (CVE-2018-10915).

use super::{ours, same};
use crate::support::message::{
    auth, auth_ok, backend_key, fatal, notification, parameter_status, ready,
};
use crate::support::paths::Lib;
use crate::support::program::{Headers, Program};
use crate::support::script::{Connection, Script};

/// Asks for a password and then sends false data of every kind.
fn send_false_data(c: &mut Connection) {
    c.expect_startup();
    c.send(&auth(3, b""));
    c.expect(b'p');
    c.send(&[auth_ok(), false_data()].concat());
}

fn false_data() -> Vec<u8> {
    [
        parameter_status("client_encoding", "SJIS"),
        parameter_status("standard_conforming_strings", "off"),
        parameter_status("server_version", "9.0.1"),
        parameter_status("in_hot_standby", "on"),
        parameter_status("scram_iterations", "1"),
        parameter_status("session_authorization", "attacker"),
        parameter_status("disconnect_requested", "on"),
        notification(1, "channel", "false"),
        backend_key(666, &[6, 6, 6, 6]),
    ]
    .concat()
}

fn false_standby(c: &mut Connection) {
    send_false_data(c);
    let on = parameter_status("default_transaction_read_only", "on");
    c.send(&[on, ready(b'I')].concat());
    c.expect_terminate();
}

/// A server that needs no password and sends as little as possible.
fn minimal_server(c: &mut Connection) {
    c.expect_startup();
    let replies = [
        auth_ok(),
        parameter_status("default_transaction_read_only", "off"),
        parameter_status("in_hot_standby", "off"),
        ready(b'I'),
    ];
    c.send(&replies.concat());
    c.expect_terminate();
}

/// The calls that show all data of a server. The oracle lacks the function of the first.
const CALLS: [&str; 9] = [
    "goaway",
    "server",
    "notifications",
    "escape a\\b'c",
    "parameter server_version",
    "parameter client_encoding",
    "parameter standard_conforming_strings",
    "parameter session_authorization",
    "parameter disconnect_requested",
];

/// What [`CALLS`] print for a connection to [`minimal_server`].
const NO_DATA: &str = "version=0 password=0 encoding=0 protocol=30000 pid=0
a\\b'c: \" E'a\\x5c\\x5cb''c'\"
server_version: NULL
client_encoding: NULL
standard_conforming_strings: NULL
session_authorization: NULL
disconnect_requested: NULL
";

#[test]
fn cve_2018_10915_from_one_host_to_the_next() {
    let oracle = (Lib::Oracle, Headers::Oracle, &CALLS[1..]);
    for (lib, headers, calls) in [oracle, (Lib::Ours, Headers::Ours, &CALLS[..])] {
        let (first, second) = (
            Script::new().connection(false_standby).start(),
            Script::new().connection(minimal_server).start(),
        );
        let conninfo = format!(
            "host=127.0.0.1,127.0.0.1 port={},{} user=u password=p sslmode=disable target_session_attrs=primary",
            first.port(),
            second.port()
        );
        let program = Program::with_headers("steps", headers);
        let calls = [&[conninfo.as_str(), "connect"], calls].concat();
        let output = program.run(lib, &calls, &[]).success().stdout;
        assert!(output.ends_with(NO_DATA), "{lib:?}\n{output}");
        assert!(!output.contains("goaway: 1"), "{output}");
        first.finish();
        second.finish();
    }
}

#[test]
fn cve_2018_10915_from_one_connection_to_the_next() {
    let script = || {
        Script::new()
            .connection(|c| {
                send_false_data(c);
                c.send(&ready(b'I'));
                c.expect_terminate();
            })
            .connection(minimal_server)
    };
    let calls = [&["connect", "server", "reset"], &CALLS[..]].concat();
    let output = ours(script(), "password=p", &calls);
    let first = "version=90001 password=1 encoding=35";
    assert!(output.contains(first), "{output}");
    assert!(output.contains("\ngoaway: 0\n"), "{output}");
    assert!(output.ends_with(NO_DATA), "{output}");
    let calls = [&["connect", "server", "reset"], &CALLS[1..]].concat();
    let output = same(script, "password=p", &calls);
    assert!(output.ends_with(NO_DATA), "{output}");
}

#[test]
fn cve_2018_10915_from_the_first_attempt_to_the_second_without_the_key() {
    let script = Script::new()
        .connection(|c| {
            send_false_data(c);
            c.send(&fatal("22023", "no _pq_ here"));
            c.drain();
        })
        .connection(minimal_server);
    let output = ours(script, "password=p", &[&["connect"], &CALLS[..]].concat());
    assert!(output.ends_with(NO_DATA), "{output}");
}
