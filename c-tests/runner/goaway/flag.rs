//! The flag: what sets it, what clears it, and where else it is visible.

use super::{WAYS, answer, exchange, exchanges, expect_asking, facts, steps_in};
use crate::support::message::{
    command_complete, copy_data, copy_done, copy_out_response, function_result, goaway, one_value,
    parameter_status, ready,
};
use crate::support::paths::Lib;
use crate::support::process::{self, TIMEOUT};
use crate::support::program::on_lib;
use crate::support::script::{Connection, Script, welcome};

const NAME: &str = "parameter disconnect_requested";

fn requested(value: &str) -> Vec<u8> {
    parameter_status("disconnect_requested", value)
}

/// A connection on which GoAway arrives with the first reply.
fn leaving(c: &mut Connection) {
    expect_asking(c);
    c.send(&welcome());
    c.expect_query();
    c.send(&[goaway(), one_value("x", "1"), ready(b'I')].concat());
    answer(c);
    c.expect_terminate();
}

fn staying(c: &mut Connection) {
    expect_asking(c);
    c.send(&welcome());
    answer(c);
    c.expect_terminate();
}

#[test]
fn reset_clears_it() {
    for reset in ["reset", "reset-polling"] {
        let script = Script::new().connection(leaving).connection(staying);
        let calls = [
            "connect", "goaway", "exec 1", "goaway", "exec 2", "goaway", NAME, reset, "goaway",
            NAME, "exec 3", "goaway",
        ];
        let output = exchange(script, "", &calls);
        assert_eq!(
            facts(&output, "goaway"),
            ["0", "1", "1", "0", "0"],
            "{output}"
        );
        assert_eq!(facts(&output, "disconnect_requested"), ["\"on\"", "NULL"]);
    }
}

#[test]
fn a_failed_reset_clears_it() {
    let script = Script::new().connection(leaving);
    let calls = ["connect", "exec 1", "exec 2", "goaway", "reset", "goaway"];
    let output = exchange(script, "connect_timeout=5", &calls[..4]);
    assert_eq!(facts(&output, "goaway"), ["1"]);
    let script = Script::new().connection(leaving).connection(|c| {
        c.expect_startup();
        c.send(b"Enot today\0");
    });
    let output = exchange(script, "", &calls);
    assert!(output.contains("not today"), "{output}");
    assert_eq!(facts(&output, "goaway"), ["1", "0"], "{output}");
}

#[test]
fn it_is_not_carried_to_the_next_host() {
    let first = Script::new().connection(|c| {
        expect_asking(c);
        let standby = parameter_status("in_hot_standby", "on");
        let end = welcome().len() - ready(b'I').len();
        let replies = [&welcome()[..end], &goaway(), &requested("on"), &standby];
        c.send(&[&replies.concat(), &ready(b'I')[..]].concat());
        c.expect_terminate();
    });
    let second = Script::new().connection(staying);
    let calls = ["connect", "goaway", NAME, "exec 1", "goaway"];
    let output = exchanges(&[first, second], "target_session_attrs=primary", &calls);
    assert!(output.contains("status=0"), "{output}");
    assert_eq!(facts(&output, "goaway"), ["0", "0"], "{output}");
    assert_eq!(facts(&output, "disconnect_requested"), ["NULL"]);
}

#[test]
fn it_stays_set_after_the_connection_is_lost() {
    let script = Script::new().connection(|c| {
        c.login();
        answer(c);
        c.expect_query();
        c.send(&goaway());
    });
    let calls = [
        "connect", "exec 1", "goaway", "exec 2", "state", "goaway", NAME,
    ];
    let output = exchange(script, "", &calls);
    assert!(output.contains("state: status=1"), "{output}");
    assert_eq!(facts(&output, "goaway"), ["0", "1"], "{output}");
    assert_eq!(facts(&output, "disconnect_requested"), ["\"on\""]);
}

#[test]
fn the_parameter_at_startup() {
    for (value, flag) in [("on", "1"), ("off", "0"), ("ON", "0")] {
        let script = Script::new().connection(move |c| {
            c.expect_startup();
            let end = welcome().len() - ready(b'I').len();
            let replies = [&welcome()[..end], &requested(value), &ready(b'I')];
            c.send(&replies.concat());
            c.expect_terminate();
        });
        let output = exchange(script, "", &["connect", "goaway", NAME]);
        assert_eq!(facts(&output, "goaway"), [flag], "{output}");
        assert_eq!(
            facts(&output, "disconnect_requested"),
            [format!("\"{value}\"")]
        );
    }
}

#[test]
fn the_parameter_at_the_end_of_a_command() {
    let script = Script::new().connection(|c| {
        c.login();
        for value in ["on", "off", "on"] {
            c.expect_query();
            c.send(&[one_value("x", "1"), requested(value), ready(b'I')].concat());
        }
        c.expect_terminate();
    });
    let calls = [
        "connect", "goaway", "exec 1", "goaway", NAME, "exec 2", "goaway", NAME, "exec 3", "goaway",
    ];
    let output = exchange(script, "", &calls);
    assert_eq!(facts(&output, "goaway"), ["0", "1", "0", "1"], "{output}");
    assert_eq!(
        facts(&output, "disconnect_requested"),
        ["\"on\"", "\"off\""]
    );
}

/// A server that sends `messages` between two queries, when the client prompts it.
fn idle(messages: Vec<u8>) -> Script {
    Script::new().connection(move |c| {
        c.login();
        answer(c);
        c.expect(b'H');
        c.send(&messages);
        answer(c);
        c.expect_terminate();
    })
}

#[test]
fn the_parameter_while_idle() {
    let calls = [
        "connect", "exec 1", "prompt", "wait", "goaway", "consume", "goaway", "exec 2", "goaway",
    ];
    let output = exchange(idle(requested("on")), "", &calls);
    assert_eq!(facts(&output, "goaway"), ["0", "1", "1"], "{output}");
    let both = [requested("on"), requested("off")].concat();
    let output = exchange(idle(both), "", &calls);
    assert_eq!(facts(&output, "goaway"), ["0", "0", "0"], "{output}");
}

#[test]
fn a_parameter_that_is_turned_off_while_idle_clears_it() {
    let script = Script::new().connection(|c| {
        c.login();
        c.expect_query();
        c.send(&[one_value("x", "1"), requested("on"), ready(b'I')].concat());
        c.expect(b'H');
        c.send(&requested("off"));
        answer(c);
        c.expect_terminate();
    });
    let calls = [
        "connect", "exec 1", "goaway", "prompt", "wait", "consume", "goaway", NAME, "exec 2",
    ];
    let output = exchange(script, "", &calls);
    assert_eq!(facts(&output, "goaway"), ["1", "0"], "{output}");
    assert_eq!(facts(&output, "disconnect_requested"), ["\"off\""]);
}

#[test]
fn after_the_message_a_parameter_that_is_off_does_not_clear_it() {
    let calls = [
        "connect", "exec 1", "prompt", "wait", "consume", "goaway", NAME, "exec 2", "goaway",
    ];
    let orders = [
        [requested("on"), goaway(), requested("off")].concat(),
        [goaway(), requested("off")].concat(),
        [requested("off"), goaway()].concat(),
    ];
    for order in orders {
        let output = exchange(idle(order), "", &calls);
        assert_eq!(facts(&output, "goaway"), ["1", "1"], "{output}");
        assert_eq!(facts(&output, "disconnect_requested"), ["\"on\""]);
    }
}

const NOTICE: &str = "\"server requests to disconnect when convenient\\n\"";

#[test]
fn the_option_notice_raises_one_notice() {
    let twice = [goaway(), goaway()].concat();
    let calls = [
        "connect", "exec 1", "prompt", "wait", "consume", "goaway", "exec 2", "goaway",
    ];
    let output = exchange(idle(twice.clone()), "goaway=notice", &calls);
    assert_eq!(facts(&output, "notice"), [NOTICE], "{output}");
    assert_eq!(facts(&output, "goaway"), ["1", "1"]);
    let server = idle(twice.clone()).start();
    let output = steps_in(&server.tcp(), &calls, &[("PGGOAWAY", "notice")]);
    assert_eq!(facts(&output, "notice"), [NOTICE], "{output}");
    server.finish();
    let output = exchange(idle(twice), "", &calls);
    assert!(facts(&output, "notice").is_empty(), "{output}");
}

#[test]
fn a_notice_for_each_connection() {
    let script = Script::new().connection(leaving).connection(leaving);
    let calls = ["connect", "exec 1", "exec 2", "reset", "exec 1", "exec 2"];
    let output = exchange(script, "goaway=notice", &calls);
    assert_eq!(facts(&output, "notice"), [NOTICE, NOTICE], "{output}");
}

#[test]
fn the_parameter_raises_no_notice() {
    let calls = [
        "connect", "exec 1", "prompt", "wait", "consume", "goaway", "exec 2",
    ];
    let output = exchange(idle(requested("on")), "goaway=notice", &calls);
    assert!(facts(&output, "notice").is_empty(), "{output}");
    assert_eq!(facts(&output, "goaway"), ["1"]);
}

#[test]
fn a_notice_in_copy_and_function_calls() {
    let script = Script::new().connection(|c| {
        c.login();
        c.expect_query();
        let row = copy_data(b"1\n");
        let replies = [copy_out_response(1), goaway(), row, goaway(), copy_done()];
        c.send(
            &[
                &replies.concat(),
                &command_complete("COPY 1")[..],
                &ready(b'I'),
            ]
            .concat(),
        );
        c.expect_terminate();
    });
    let output = exchange(
        script,
        "goaway=notice",
        &["connect", "send copy", "collect"],
    );
    assert_eq!(facts(&output, "notice"), [NOTICE], "{output}");
    assert_eq!(facts(&output, "row"), ["\"1\\n\""]);
    let script = Script::new().connection(|c| {
        c.login();
        c.expect(b'F');
        c.send(&[goaway(), function_result(Some(&[0, 0, 0, 9])), ready(b'I')].concat());
        c.expect_terminate();
    });
    let output = exchange(script, "goaway=notice", &["connect", "function"]);
    assert_eq!(facts(&output, "notice"), [NOTICE], "{output}");
    assert!(output.contains("integer=9"), "{output}");
}

#[test]
fn psql_shows_the_notice() {
    let script = Script::new().connection(|c| {
        expect_asking(c);
        c.send(&welcome());
        c.expect_query();
        c.send(&[goaway(), one_value("x", "fine"), ready(b'I')].concat());
        c.expect_terminate();
    });
    for start in WAYS {
        let server = start(script.clone());
        let mut psql = on_lib("/usr/lib/postgresql/15/bin/psql", Lib::Ours);
        psql.args(["-X", "-A", "-t", "-c", "SELECT"])
            .arg(server.tcp());
        let output = process::run(psql.env("PGGOAWAY", "notice"), b"", TIMEOUT).success();
        server.finish();
        assert_eq!(output.stdout, "fine\n");
        assert_eq!(
            output.stderr,
            "server requests to disconnect when convenient\n"
        );
    }
}
