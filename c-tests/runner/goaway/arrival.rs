//! When the message arrives: during startup, while the client is idle, or after other messages; and invalid GoAway
//! messages.

use super::{answer, exchange, expect_asking, facts};
use crate::support::message::{
    auth_ok, backend_key, command_complete, copy_data, copy_in_response, copy_out_response, goaway,
    message, notice, one_value, parameter_status, ready, row_description, text_row,
};
use crate::support::script::{Connection, Script};

/// The messages that a server sends after the startup packet.
fn startup() -> Vec<Vec<u8>> {
    vec![
        auth_ok(),
        parameter_status("client_encoding", "UTF8"),
        parameter_status("server_version", "18.0"),
        notice("welcome"),
        backend_key(5, &[1, 2, 3, 4]),
        ready(b'I'),
    ]
}

#[test]
fn during_startup() {
    let messages = startup();
    for place in 1..=messages.len() {
        for split in [false, true] {
            let mut messages = messages.clone();
            messages.insert(place, goaway());
            let bytes = messages.concat();
            let script = Script::new().connection(move |c| {
                expect_asking(c);
                match split {
                    true => c.send_split(&bytes),
                    false => c.send(&bytes),
                }
                answer(c);
                c.expect_terminate();
            });
            let calls = ["connect-polling", "server", "exec 1", "goaway"];
            let output = exchange(script, "", &calls);
            let port = output.find(" version=").expect("the server's facts");
            assert!(
                output[port..]
                    .starts_with(" version=180000 password=0 encoding=6 protocol=30000 pid=5\n"),
                "{place}\n{output}"
            );
            assert_eq!(facts(&output, "goaway"), ["1"], "{place}\n{output}");
        }
    }
}

/// A server that sends `messages` between two queries, when the client prompts it.
fn idle(messages: Vec<u8>) -> Script {
    Script::new().connection(move |c: &mut Connection| {
        c.login();
        answer(c);
        c.expect(b'H');
        c.send(&messages);
        answer(c);
        answer(c);
        c.expect_terminate();
    })
}

#[test]
fn while_idle() {
    let calls = [
        "connect",
        "goaway",
        "exec 1",
        "prompt", // It has arrived, but the client has not read it.
        "wait",
        "goaway",
        "parameter disconnect_requested",
        "consume",
        "goaway",
        "parameter disconnect_requested",
        "state",
        "exec 2",
        "exec 3",
        "goaway",
    ];
    let output = exchange(idle(goaway()), "", &calls);
    assert_eq!(facts(&output, "goaway"), ["0", "0", "1", "1"], "{output}");
    assert_eq!(facts(&output, "disconnect_requested"), ["NULL", "\"on\""]);
    assert!(!output.contains("notice"), "{output}");
    assert_eq!(output.matches("TUPLES_OK").count(), 3, "{output}");
}

/// The scenario from the proposal's own test: the client sends nothing to learn of the message, and can continue to
/// use the session.
#[test]
fn after_a_shutdown_began() {
    let script = Script::new().connection(|c| {
        c.login();
        answer(c);
        c.send(&goaway());
        answer(c);
        answer(c);
        c.expect_terminate();
    });
    let calls = [
        "connect",
        "goaway",
        "exec 1",
        "await-goaway",
        "exec 2",
        "exec 3",
        "goaway",
        "state",
    ];
    let output = exchange(script, "", &calls);
    assert_eq!(facts(&output, "goaway"), ["0", "1"], "{output}");
    assert!(output.contains("consumed=1"), "{output}");
    assert_eq!(output.matches("TUPLES_OK").count(), 3, "{output}");
}

#[test]
fn pqparameterstatus_parses_what_was_read() {
    let calls = [
        "connect",
        "exec 1",
        "prompt",
        "wait",
        "consume",
        "parameter disconnect_requested",
    ];
    let output = exchange(
        idle(goaway()),
        "",
        &[&calls[..], &["exec 2", "exec 3"]].concat(),
    );
    assert_eq!(facts(&output, "disconnect_requested"), ["\"on\""]);
}

#[test]
fn a_goaway_in_the_same_packet_as_the_reply_needs_no_read() {
    let script = Script::new().connection(|c| {
        c.login();
        c.expect_query();
        c.send(&[one_value("x", "1"), ready(b'I'), goaway()].concat());
        c.expect_terminate();
    });
    let output = exchange(script, "", &["connect", "exec 1", "goaway", "state"]);
    assert_eq!(facts(&output, "goaway"), ["1"]);
}

#[test]
fn while_a_result_is_not_yet_collected() {
    let reply = |late: bool| {
        let rest = match late {
            true => [ready(b'I'), goaway()],
            false => [goaway(), ready(b'I')],
        };
        let bytes = [one_value("x", "1"), rest.concat()].concat();
        Script::new().connection(move |c| {
            c.login();
            c.expect_query();
            c.send(&bytes);
            c.expect_terminate();
        })
    };
    let calls = [
        "connect", "send 1", "wait", "consume", "busy", "goaway", "collect", "goaway",
    ];
    let output = exchange(reply(false), "", &calls);
    assert!(output.contains("busy -> 0"), "{output}");
    assert_eq!(facts(&output, "goaway"), ["1", "1"], "{output}");
    // It is not seen while a result that precedes it is not yet collected.
    let output = exchange(reply(true), "", &calls);
    assert_eq!(facts(&output, "goaway"), ["0", "1"], "{output}");
}

#[test]
fn in_the_middle_of_a_copy() {
    let script = Script::new().connection(|c| {
        c.login();
        c.expect_query();
        c.send(&[copy_in_response(2), goaway()].concat());
        c.expect(b'd');
        c.expect(b'c');
        c.send(&[command_complete("COPY 1"), ready(b'I')].concat());
        c.expect_terminate();
    });
    let calls = [
        "connect",
        "send copy",
        "get",
        "goaway",
        "put 1",
        "put-end",
        "collect",
    ];
    let output = exchange(script, "", &calls);
    assert_eq!(facts(&output, "goaway"), ["1"], "{output}");
    let script = Script::new().connection(|c| {
        c.login();
        c.expect_query();
        c.send(&[copy_out_response(1), copy_data(b"1\n"), goaway()].concat());
        c.drain();
    });
    let calls = [
        "connect",
        "send copy",
        "get",
        "copy 1",
        "copy 1",
        "goaway",
        "state",
    ];
    let output = exchange(script, "", &calls);
    assert_eq!(facts(&output, "goaway"), ["1"], "{output}");
    assert!(
        output.contains("copy -> 2\nrow: \"1\\n\"\ncopy -> 0"),
        "{output}"
    );
}

#[test]
fn a_long_body_is_skipped_and_an_invalid_length_closes_the_connection() {
    let reply = |bytes: Vec<u8>| {
        Script::new().connection(move |c| {
            c.login();
            c.expect_query();
            c.send(&[row_description(&["x"]), bytes.clone()].concat());
            c.send(&[text_row(&["1"]), command_complete("SELECT 1"), ready(b'I')].concat());
            c.drain();
        })
    };
    let calls = ["connect", "exec 1", "goaway", "state"];
    let longest = exchange(reply(message(b'g', &[0; 29_996])), "", &calls);
    assert!(longest.contains("TUPLES_OK"), "{longest}");
    assert_eq!(facts(&longest, "goaway"), ["1"]);
    for length in [3u32, 0, 30_001, u32::MAX] {
        let bytes = [&b"g"[..], &length.to_be_bytes()].concat();
        let output = exchange(reply(bytes), "", &calls);
        let complaint = format!(
            "lost synchronization with server: got message type \"g\", length {}\\n",
            length as i32
        );
        assert!(output.contains(&complaint), "{output}");
        assert!(output.contains("state: status=1"), "{output}");
        assert_eq!(facts(&output, "goaway"), ["0"]);
    }
}

#[test]
fn a_trace_shows_the_message() {
    let script = || {
        Script::new().connection(|c| {
            c.login();
            c.expect_query();
            let replies = [
                goaway(),
                one_value("x", "1"),
                message(b'g', b"ab"),
                ready(b'I'),
            ];
            c.send(&replies.concat());
            c.expect_terminate();
        })
    };
    let calls = ["connect", "trace", "exec 1", "print-trace"];
    let output = exchange(script(), "", &calls);
    let lines = facts(&output, "trace");
    assert_eq!(lines[1], "B\t4\tGoAway", "{output}");
    assert!(lines[5].starts_with("B\t6\tGoAway"), "{output}");
    assert!(lines[6].starts_with("B\t5\tReadyForQuery"), "{output}");
}
