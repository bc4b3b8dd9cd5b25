//! The GoAway key in the startup packet, and NegotiateProtocolVersion in reply.

use super::{KEY, answer, exchange, expect_asking, expect_not_asking, facts, steps_in};
use crate::support::message::{goaway, negotiate_version, ready};
use crate::support::script::{Connection, Script, welcome};

/// The connection is open and there is no error text.
const OPEN: &str = "status=0 transaction=0 pipeline=0 error=\"\"";

/// A server that sends `reply` before its normal answer to the startup packet.
fn replying(reply: Vec<u8>) -> Script {
    Script::new().connection(move |c| {
        expect_asking(c);
        c.send(&[reply.clone(), welcome()].concat());
        answer(c);
        c.send(&goaway());
        answer(c);
        c.expect_terminate();
    })
}

/// The reply changes nothing: the connection opens, and a GoAway message sets the flag even though the server did not
/// accept the key.
#[track_caller]
fn connects_despite(reply: Vec<u8>, options: &str) -> String {
    let calls = ["connect", "goaway", "exec 1", "exec 2", "goaway", "server"];
    let output = exchange(replying(reply), options, &calls);
    assert_eq!(facts(&output, "state"), [OPEN]);
    assert_eq!(facts(&output, "goaway"), ["0", "1"]);
    output
}

/// The reply fails the connection attempt, and there is no second attempt.
#[track_caller]
fn refuses(reply: Vec<u8>, options: &str, complaint: &str) {
    let script = Script::new().connection(move |c| {
        c.expect_startup();
        c.send(&[reply.clone(), welcome()].concat());
        c.expect_eof();
    });
    let output = exchange(script, options, &["connect", "goaway"]);
    assert!(output.contains("status=1"), "{output}");
    assert!(output.contains(complaint), "{output}");
    assert_eq!(facts(&output, "goaway"), ["0"]);
}

#[test]
fn a_server_that_does_not_negotiate() {
    connects_despite(Vec::new(), "");
}

#[test]
fn listed_with_the_version_unchanged() {
    let output = connects_despite(negotiate_version(3, 0, &[KEY]), "");
    assert!(output.contains("protocol=30000"), "{output}");
}

#[test]
fn listed_with_a_lower_version() {
    let reply = negotiate_version(3, 0, &[KEY]);
    let output = connects_despite(reply, "max_protocol_version=3.2");
    assert!(output.contains("protocol=30000"), "{output}");
}

#[test]
fn a_lower_version_only() {
    let reply = negotiate_version(3, 0, &[]);
    let output = connects_despite(reply, "max_protocol_version=latest");
    assert!(output.contains("protocol=30000"), "{output}");
}

#[test]
fn the_key_is_sent_with_protocol_3_2_too() {
    let output = connects_despite(Vec::new(), "max_protocol_version=3.2");
    assert!(output.contains("protocol=30002"), "{output}");
}

#[test]
fn the_key_listed_twice() {
    connects_despite(negotiate_version(3, 0, &[KEY, KEY]), "");
}

#[test]
fn a_listed_name_that_was_not_requested() {
    let complaint = |name: &str| {
        format!("server reported an unsupported parameter that was not requested (\"{name}\")")
    };
    let other = negotiate_version(3, 0, &["_pq_.other"]);
    refuses(other, "", &complaint("_pq_.other"));
    let second = negotiate_version(3, 0, &[KEY, "_pq_.x"]);
    refuses(second, "", &complaint("_pq_.x"));
    let longer = negotiate_version(3, 0, &["_pq_.goaway2"]);
    refuses(longer, "", &complaint("_pq_.goaway2"));
    let ours = negotiate_version(3, 0, &[KEY]);
    refuses(ours, "goaway=disable", &complaint(KEY));
}

#[test]
fn a_listed_name_without_the_prefix() {
    refuses(
        negotiate_version(3, 0, &["goaway"]),
        "",
        "server reported unsupported parameter name without a \"_pq_.\" prefix (\"goaway\")",
    );
}

#[test]
fn a_second_negotiation_message_is_refused() {
    let once = negotiate_version(3, 0, &[KEY]);
    refuses(
        [once.clone(), once].concat(),
        "",
        "received duplicate protocol negotiation message",
    );
}

#[test]
fn a_version_below_the_minimum() {
    refuses(
        negotiate_version(3, 0, &[KEY]),
        "min_protocol_version=3.2",
        "server only supports protocol version 3.0, but \"min_protocol_version\" was set to 3.2",
    );
}

#[test]
fn the_key_precedes_parameters_from_the_environment() {
    let server = Script::new()
        .connection(|c| {
            let startup = c.login();
            let keys: Vec<_> = startup
                .parameters
                .iter()
                .map(|(key, _)| key.as_str())
                .collect();
            let expected = ["user", "database", "client_encoding", KEY, "datestyle"];
            assert_eq!(keys, expected);
            c.expect_terminate();
        })
        .start();
    let env = [("PGDATESTYLE", "ISO"), ("PGCLIENTENCODING", "LATIN1")];
    steps_in(&server.tcp(), &["connect"], &env);
    server.finish();
}

/// A server that must not receive the key, but sends GoAway.
fn unasked() -> Script {
    Script::new().connection(|c| {
        expect_not_asking(c);
        c.send(&[welcome(), goaway()].concat());
        answer(c);
        c.drain();
    })
}

#[test]
fn disabled_by_option_or_environment() {
    let calls = ["connect", "exec 1", "goaway"];
    let output = exchange(unasked(), "goaway=disable", &calls);
    assert_eq!(facts(&output, "goaway"), ["1"]);
    let server = unasked().start();
    let output = steps_in(&server.tcp(), &calls, &[("PGGOAWAY", "disable")]);
    assert_eq!(facts(&output, "goaway"), ["1"]);
    server.finish();
}

#[test]
fn the_option_overrides_the_environment() {
    let server = replying(Vec::new()).start();
    let conninfo = format!("{} goaway=prefer", server.tcp());
    let calls = ["connect", "exec 1", "exec 2", "goaway"];
    let output = steps_in(&conninfo, &calls, &[("PGGOAWAY", "disable")]);
    assert_eq!(facts(&output, "goaway"), ["1"]);
    server.finish();
}

#[test]
fn replication_connections_do_not_send_the_key() {
    for value in ["database", "true"] {
        let options = format!("replication={value}");
        exchange(unasked(), &options, &["connect", "exec 1"]);
    }
}

#[test]
fn pqping_does_not_send_the_key() {
    let script = Script::new().connection(|c: &mut Connection| {
        expect_not_asking(c);
        c.send(&welcome());
        c.expect_terminate();
    });
    let output = exchange(script, "", &["ping"]);
    assert_eq!(output, "ping -> 0\n");
}

#[test]
fn an_invalid_option_value_is_refused() {
    let complaint =
        "state: status=1 transaction=4 pipeline=0 error=\"invalid goaway value: \"junk\"\\n\"\n";
    let calls = ["connect", "goaway"];
    let expected = format!("{complaint}goaway: 0\n");
    assert_eq!(steps_in("goaway=junk", &calls, &[]), expected);
    assert_eq!(steps_in("", &calls, &[("PGGOAWAY", "junk")]), expected);
}

#[test]
fn the_flag_is_0_without_a_connection() {
    assert_eq!(steps_in("", &["goaway"], &[]), "goaway: 0\n");
}

#[test]
fn before_authentication_the_message_is_an_error() {
    for reply in [goaway(), ready(b'I')] {
        let kind = char::from(reply[0]);
        let complaint =
            format!("expected authentication request from server, but received {kind}\\n");
        refuses(reply, "", &complaint);
    }
}
