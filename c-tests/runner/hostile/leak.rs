//! Data from one server must not be used with the next (CVE-2018-10915).

use super::ours;
use crate::support::message::{
    auth, auth_ok, backend_key, fatal, notification, parameter_status, ready,
};
use crate::support::paths::Lib;
use crate::support::program::{Headers, Program};
use crate::support::script::{Connection, Script};

/// Asks for a password, sends every kind of data, and ends with 57P03 or just closes.
fn misleads(c: &mut Connection) {
    c.expect_startup();
    c.send(&auth(3, b""));
    c.expect(b'p');
    c.send(&[auth_ok(), lies()].concat());
}

fn lies() -> Vec<u8> {
    [
        parameter_status("client_encoding", "SJIS"),
        parameter_status("standard_conforming_strings", "off"),
        parameter_status("server_version", "9.0.1"),
        parameter_status("in_hot_standby", "on"),
        parameter_status("scram_iterations", "1"),
        parameter_status("session_authorization", "mallory"),
        parameter_status("disconnect_requested", "on"),
        notification(1, "channel", "lie"),
        backend_key(666, &[6, 6, 6, 6]),
    ]
    .concat()
}

fn standby(c: &mut Connection) {
    misleads(c);
    let on = parameter_status("default_transaction_read_only", "on");
    c.send(&[on, ready(b'I')].concat());
    c.expect_terminate();
}

/// Accepts the client without a password and sends almost nothing.
fn terse(c: &mut Connection) {
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

const LOOK: [&str; 9] = [
    "server",
    "goaway",
    "notifications",
    "escape a\\b'c",
    "parameter server_version",
    "parameter client_encoding",
    "parameter standard_conforming_strings",
    "parameter session_authorization",
    "parameter disconnect_requested",
];

/// The output of [`LOOK`] for a connection to [`terse`].
const NOTHING: &str = "version=0 password=0 encoding=0 protocol=30000 pid=0
goaway: 0
a\\b'c: \" E'a\\x5c\\x5cb''c'\"
server_version: NULL
client_encoding: NULL
standard_conforming_strings: NULL
session_authorization: NULL
disconnect_requested: NULL
";

#[test]
fn from_one_host_to_the_next() {
    let (first, second) = (
        Script::new().connection(standby).start(),
        Script::new().connection(terse).start(),
    );
    let conninfo = format!(
        "host=127.0.0.1,127.0.0.1 port={},{} user=u password=p sslmode=disable target_session_attrs=primary",
        first.port(),
        second.port()
    );
    let program = Program::with_headers("steps", Headers::Ours);
    let calls = [&[conninfo.as_str(), "connect"], &LOOK[..]].concat();
    let output = program.run(Lib::Ours, &calls, &[]).success().stdout;
    assert!(output.ends_with(NOTHING), "{output}");
    first.finish();
    second.finish();
}

#[test]
fn from_one_connection_to_the_next() {
    let script = Script::new()
        .connection(|c| {
            misleads(c);
            c.send(&ready(b'I'));
            c.expect_terminate();
        })
        .connection(terse);
    let calls = [&["connect", "server", "reset"], &LOOK[..]].concat();
    let output = ours(script, "password=p", &calls);
    assert!(
        output.contains("version=90001 password=1 encoding=35"),
        "{output}"
    );
    assert!(output.ends_with(NOTHING), "{output}");
}

#[test]
fn from_the_first_attempt_to_the_second_without_the_key() {
    let script = Script::new()
        .connection(|c| {
            misleads(c);
            c.send(&fatal("22023", "no _pq_ here"));
            c.drain();
        })
        .connection(terse);
    let output = ours(script, "password=p", &[&["connect"], &LOOK[..]].concat());
    assert!(output.ends_with(NOTHING), "{output}");
}
