//! Data from one server must not be used with the next (CVE-2018-10915).

use super::{ours, same};
use crate::support::message::{
    auth, auth_ok, backend_key, error, fatal, fields, function_result, large_object_functions,
    message, notification, one_value, parameter_status, ready,
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
        parameter_status("standard_conforming_strings", "on"),
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

/// The beginning of a message, which stays in the client's buffer.
const INCOMPLETE: &[u8] = b"S\0\0\0\x40session_authorization\0attacker";

fn false_standby(c: &mut Connection) {
    send_false_data(c);
    let on = parameter_status("default_transaction_read_only", "on");
    c.send(&[&on, &ready(b'I')[..], INCOMPLETE].concat());
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
const CALLS: [&str; 11] = [
    "goaway",
    "server",
    "notifications",
    "defaults",
    "cancel",
    "escape a\\b'c",
    "parameter server_version",
    "parameter client_encoding",
    "parameter standard_conforming_strings",
    "parameter session_authorization",
    "parameter disconnect_requested",
];

/// What [`CALLS`] print for a connection to [`minimal_server`].
const NO_DATA: &str = "version=0 password=0 encoding=0 protocol=30000 pid=0
backslash: \"\\x5c\\x5c\"
secret: \"SCRAM-SHA-256$4096\"
cancel -> 0
error: \"PQcancel() -- no cancellation key received\"
seconds: few
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
                c.send(&[&ready(b'I')[..], INCOMPLETE].concat());
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
            c.send(&[&fatal("22023", "no _pq_.goaway here")[..], INCOMPLETE].concat());
            c.drain();
        })
        .connection(minimal_server);
    let output = ours(script, "password=p", &[&["connect"], &CALLS[..]].concat());
    assert!(output.contains("\ngoaway: 0\n"), "{output}");
    assert!(output.ends_with(NO_DATA), "{output}");
}

/// Connects to a list of hosts, one for each script, with each library.
#[track_caller]
fn same_with_hosts(scripts: &[Script], options: &str, calls: &[&str]) -> String {
    let run = |lib| {
        let servers: Vec<_> = scripts
            .iter()
            .map(|script| script.clone().start())
            .collect();
        let ports: Vec<_> = servers
            .iter()
            .map(|server| server.port().to_string())
            .collect();
        let hosts = vec!["127.0.0.1"; ports.len()].join(",");
        let conninfo = format!(
            "host={hosts} port={} user=u password=p sslmode=disable {options}",
            ports.join(",")
        );
        let args = [&[conninfo.as_str()], calls].concat();
        let env = [("PGGOAWAY", "disable")];
        let output = Program::new("steps").run(lib, &args, &env).success().stdout;
        servers.into_iter().for_each(|server| drop(server.finish()));
        let hide = |output: String, port: &String| output.replace(port, "PORT");
        ports.iter().fold(output, hide)
    };
    let (expected, output) = (run(Lib::Oracle), run(Lib::Ours));
    assert_eq!(output, expected);
    output
}

/// The question about the server's state fails. The text names it as libpq does, without the schema.
#[test]
fn a_failed_question_about_the_servers_state() {
    for (target, text) in [
        ("primary", "\"SELECT pg_is_in_recovery()\" failed"),
        ("read-write", "\"SHOW transaction_read_only\" failed"),
    ] {
        let refusing = |c: &mut Connection| {
            c.expect_startup();
            let version = parameter_status("server_version", "13.0");
            c.send(&[auth_ok(), version, ready(b'I')].concat());
            c.expect_query();
            c.send(&[error("42501", "not you"), ready(b'I')].concat());
            c.drain();
        };
        let script = Script::new().connection(refusing);
        let options = format!("target_session_attrs={target}");
        let output = same_with_hosts(&[script], &options, &["connect"]);
        assert!(output.contains(text), "{output}");
    }
}

/// Whether the first server is a standby says nothing about the second one, which is asked.
#[test]
fn cve_2018_10915_whether_a_server_is_a_standby() {
    for (target, query, answer) in [
        ("primary", "SELECT pg_catalog.pg_is_in_recovery()", "f"),
        ("read-write", "SHOW transaction_read_only", "off"),
    ] {
        let asked = move |c: &mut Connection| {
            c.expect_startup();
            let version = parameter_status("server_version", "18.0");
            c.send(&[auth_ok(), version, ready(b'I')].concat());
            assert_eq!(c.expect_query(), query);
            c.send(&[one_value("x", answer), ready(b'I')].concat());
            c.expect_terminate();
        };
        let scripts = [
            Script::new().connection(false_standby),
            Script::new().connection(asked),
        ];
        let options = format!("target_session_attrs={target}");
        let output = same_with_hosts(&scripts, &options, &["connect"]);
        assert!(output.contains("status=0"), "{output}");
    }
}

/// The first server asks for the password, which `require_auth` demands of the second one as well.
#[test]
fn cve_2018_10915_whether_a_server_has_authenticated_the_client() {
    let welcoming = |c: &mut Connection| {
        c.expect_startup();
        c.try_send(&[auth_ok(), ready(b'I')].concat());
        c.drain();
    };
    let scripts = [
        Script::new().connection(false_standby),
        Script::new().connection(welcoming),
    ];
    let options = "target_session_attrs=primary require_auth=password";
    let output = same_with_hosts(&scripts, options, &["connect"]);
    assert!(output.contains("status=1"), "{output}");
    let text = "server did not complete authentication";
    assert!(output.contains(text), "{output}");
}

/// An error 57P03 leads to the next host. One without a SQLSTATE ends the attempt, also after a 57P03.
#[test]
fn cve_2018_10915_the_sqlstate_of_an_error() {
    let failing = |error: Vec<u8>| {
        Script::new().connection(move |c| {
            c.expect_startup();
            c.send(&error);
            c.drain();
        })
    };
    let without_state = message(b'E', &fields(&[(b'S', "FATAL"), (b'M', "no SQLSTATE")]));
    let scripts = [
        failing(fatal("57P03", "starting up")),
        failing(without_state),
        // Nobody connects here.
        Script::new(),
    ];
    let output = same_with_hosts(&scripts, "", &["connect"]);
    assert!(output.contains("starting up"), "{output}");
    assert!(output.contains("no SQLSTATE"), "{output}");
    assert!(output.contains("status=1"), "{output}");
}

#[test]
fn cve_2018_10915_the_functions_for_large_objects() {
    let serve = |c: &mut Connection| {
        c.login();
        c.expect_query();
        c.send(&[large_object_functions(""), ready(b'I')].concat());
        for _ in 0..3 {
            c.expect(b'F');
            c.send(&[function_result(Some(&[0; 4])), ready(b'I')].concat());
        }
        c.expect_terminate();
    };
    let script = || Script::new().connection(serve).connection(serve);
    let calls = ["connect", "read-object", "reset", "read-object"];
    let output = same(script, "", &calls);
    assert_eq!(output.matches("lo_read -> 4").count(), 2, "{output}");
}
