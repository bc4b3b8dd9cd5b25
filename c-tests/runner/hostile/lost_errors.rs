//! Errors and notices that must reach the application, whatever message follows them.

use std::time::Duration;

use super::ours;
use crate::support::message::{
    command_complete, copy_data, copy_done, copy_out_response, message, notice, one_value,
    parameter_description, ready, row_description, text_row,
};
use crate::support::script::Script;

/// C libpq drops most of these errors, so that the command has neither a result nor an error.
#[test]
fn an_error_that_only_ready_for_query_follows() {
    let described = row_description(&["x"]);
    let row = |body: &[u8]| [&described[..], &message(b'D', body)].concat();
    let parameters = parameter_description(&[23]);
    let then_parameters = |reply: &[u8]| [reply, &parameters].concat();
    let cut = row(&[0, 1, 0, 0]);
    let cases = [
        (text_row(&["1"]), "without prior row description"),
        (
            then_parameters(&text_row(&["1"])),
            "without prior row description",
        ),
        (then_parameters(&cut), "insufficient data in \"D\""),
        (
            [then_parameters(&cut), command_complete("SELECT 1")].concat(),
            "insufficient data in \"D\"",
        ),
        (row(&[0, 1, 0, 0]), "insufficient data in \"D\""),
        (row(&[0, 1, 0, 0, 0, 9, b'a']), "insufficient data in \"D\""),
        (row(&[0, 2, 255, 255, 255, 255]), "unexpected field count"),
        (message(b'T', &[0, 1]), "insufficient data in \"T\""),
        (message(b't', &[0]), "insufficient data in \"t\""),
    ];
    let styles: [&[&str]; 7] = [
        &[
            "pipeline x;sync",
            "get",
            "get",
            "get",
            "get",
            "leave-pipeline",
        ],
        &["exec x"],
        &["params x"],
        &["send x", "collect"],
        &["send x", "collect-polling"],
        &["send x", "single", "collect"],
        &["send x", "chunked 2", "collect"],
    ];
    for (reply, complaint) in cases {
        for style in styles {
            let reply = [&reply[..], &ready(b'I')].concat();
            let extended = ["params x", "pipeline x;sync"].contains(&style[0]);
            let messages = if extended { 5 } else { 1 };
            let script = Script::new().connection(move |c| {
                c.login();
                for _ in 0..messages {
                    c.read_message();
                }
                c.send(&reply);
                c.expect(b'Q');
                c.send(&[one_value("x", "next"), ready(b'I')].concat());
                c.drain();
            });
            let steps = [&["connect"], style, &["exec next", "state"]].concat();
            let output = ours(script, "", &steps);
            assert!(output.contains(complaint), "{style:?}: {output}");
            let errors = output.matches("PGRES_FATAL_ERROR").count();
            assert_eq!(errors, 1, "{style:?}: {output}");
            assert!(output.contains("PGRES_TUPLES_OK"), "{style:?}: {output}");
            assert!(output.contains("state: status=0 transaction=0"), "{output}");
        }
    }
}

/// In C libpq, the COPY replaces the error.
#[test]
fn an_error_that_a_copy_follows() {
    for error in [
        text_row(&["1"]),
        [row_description(&["x"]), message(b'D', &[0, 1])].concat(),
    ] {
        let reply = [
            error,
            copy_out_response(1),
            copy_data(b"row\n"),
            copy_done(),
            command_complete("COPY 1"),
            ready(b'I'),
        ]
        .concat();
        let script = Script::new().connection(move |c| {
            c.login();
            c.expect(b'Q');
            c.send(&reply);
            c.drain();
        });
        let steps = [
            "connect", "send x", "get", "get", "copy", "copy", "get", "get", "state",
        ];
        let output = ours(script, "", &steps);
        let error = output.find("PGRES_FATAL_ERROR").expect(&output);
        let copy = output.find("PGRES_COPY_OUT").expect(&output);
        assert!(error < copy, "{output}");
        assert!(output.contains("PGRES_COMMAND_OK"), "{output}");
        assert!(output.contains("state: status=0 transaction=0"), "{output}");
    }
}

/// The reply arrives in two pieces, cut between any two messages. When a notice comes in relation to the results depends on
/// time; C libpq delivers all, too.
#[test]
fn notices_between_results() {
    let value = || one_value("x", "1");
    let done = || command_complete("DO");
    let replies = [
        vec![value(), value(), notice("a"), notice("b"), done()],
        vec![value(), notice("a"), value(), notice("b"), notice("c")],
        vec![notice("a"), notice("b"), value(), value()],
    ];
    let styles: [&[&str]; 4] = [
        &["exec x"],
        &["send x", "collect"],
        &["send x", "collect-polling"],
        &["send x", "single", "collect"],
    ];
    for mut reply in replies {
        reply.push(ready(b'I'));
        for cut in (0..reply.len()).rev() {
            if cut == 0 {
                // In one piece, so that it does not depend on time who reads them.
                reply.extend([notice("y"), notice("z")]);
            }
            for style in styles {
                let [first, second] = [reply[..cut].concat(), reply[cut..].concat()];
                let script = Script::new().connection(move |c| {
                    c.login();
                    c.expect(b'Q');
                    c.send(&first);
                    c.wait(Duration::from_millis(20));
                    c.send(&second);
                    c.drain();
                });
                let steps = [&["connect"], style, &["consume", "state"]].concat();
                let output = ours(script, "", &steps);
                let expected = reply.iter().filter(|message| message[0] == b'N').count();
                let seen = output.matches("notice: ").count();
                assert_eq!(seen, expected, "{style:?}, cut at {cut}: {output}");
            }
        }
    }
}
