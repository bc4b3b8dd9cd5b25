//! Inconsistent messages during commands, compared with C libpq unless C libpq never returns.

use super::greeting::same_greeting;
use super::{ours, same, with_length};
use crate::support::message::{
    auth_ok, bind_complete, close_complete, command_complete, copy_data, copy_done,
    copy_out_response, data_row, empty_query, function_result, large_object_functions, message,
    no_data, notification, one_value, parameter_description, parameter_status, parse_complete,
    ready, row_description, text_row,
};
use crate::support::script::Script;

/// Answers a query with `reply` and a valid end.
fn answering(reply: &[u8]) -> Script {
    let bytes = [reply, &command_complete("SELECT 1"), &ready(b'I')].concat();
    Script::new().connection(move |c| {
        c.login();
        c.read_message();
        c.try_send(&bytes);
        c.drain();
    })
}

#[track_caller]
fn same_answer(reply: &[u8]) {
    for mode in [&[][..], &["single"], &["chunked 2"]] {
        let calls = [&["connect", "send x"], mode, &["collect", "state"]].concat();
        same(|| answering(reply), "", &calls);
    }
}

/// A message that is too short. C libpq reads on into the next one, so it reports an error only if the message is the
/// last.
#[track_caller]
fn same_cut_answer(reply: &[u8], complaint: &str) {
    let last = || {
        let bytes = reply.to_vec();
        Script::new().connection(move |c| {
            c.login();
            c.read_message();
            c.try_send(&bytes);
            c.shutdown();
            c.drain();
        })
    };
    let calls = ["connect", "send x", "collect", "state"];
    let output = same(last, "", &calls);
    assert!(output.contains(complaint), "{output}");
    let output = ours(answering(reply), "", &calls);
    assert!(output.contains(complaint), "{output}");
    assert!(output.contains("state: status=0 transaction=0"), "{output}");
}

#[test]
fn wrong_lengths_during_a_query() {
    for kind in *b"CDEIKNSTZdgt1" {
        // C libpq does not know GoAway and has other errors for it.
        let lengths: &[i32] = if kind == b'g' {
            &[3]
        } else {
            &[-1, 0, 3, i32::MIN]
        };
        for length in lengths {
            let bytes = with_length(message(kind, b"abcd"), *length);
            same_answer(&[row_description(&["x"]), bytes].concat());
        }
    }
    for kind in *b"CZIKS1" {
        same_answer(&with_length(message(kind, b"abcd"), 30_001));
    }
}

#[test]
fn lengths_of_two_gigabytes() {
    for kind in *b"DENATVdt" {
        let bytes = with_length(message(kind, b"abcd"), i32::MAX);
        let script = Script::new().connection(move |c| {
            c.login();
            c.read_message();
            c.send(&bytes);
        });
        let output = ours(script, "", &["connect", "exec 1", "state", "memory"]);
        assert!(output.contains("server closed the connection"), "{output}");
        assert!(output.contains("memory: little"), "{output}");
    }
}

#[test]
fn rows() {
    let described = row_description(&["x", "y"]);
    let value = |count: u16, rest: &[&[u8]]| {
        let body = [&count.to_be_bytes()[..], &rest.concat()].concat();
        [described.clone(), message(b'D', &body)].concat()
    };
    let cut = [
        value(2, &[]),
        value(2, &[&[0, 0, 0, 1], b"a"]),
        value(2, &[&[0, 0, 0, 1], b"a", &[0, 0, 0, 9], b"b"]),
        value(2, &[&[0, 0, 0, 1], b"a", &[0x7f, 255, 255, 255], b"b"]),
        value(2, &[&[0, 0, 0, 0], &[0, 0, 0]]),
    ];
    for case in &cut {
        same_cut_answer(case, "insufficient data in \"D\" message");
    }
    let cases = [
        value(1, &[&[0, 0, 0, 1], b"a"]),
        value(3, &[&[255; 4], &[255; 4], &[255; 4]]),
        value(2, &[&[0, 0, 0, 1], b"a", &[255; 4]]),
        value(2, &[&[255, 255, 255, 254], &[255; 4]]),
        value(2, &[&[0x80, 0, 0, 0], &[255; 4]]),
        value(2, &[&[255; 4], &[255; 4], b"more"]),
        value(u16::MAX, &[]),
        [row_description(&[]), data_row(&[]), text_row(&["x"])].concat(),
    ];
    for case in &cases {
        same_answer(case);
        // Valid rows before and after it.
        same_answer(&[case.clone(), text_row(&["1", "2"])].concat());
        let good = [described.clone(), text_row(&["1", "2"])].concat();
        same_answer(&[&good, &case[described.len().min(case.len())..]].concat());
    }
    same_answer(&text_row(&["no description"]));
}

#[test]
fn descriptions() {
    let column = |name: &[u8]| [name, &[0; 18]].concat();
    let cut: [&[u8]; 4] = [b"", &[0], &[0, 1], &[0, 1, b'x', 0, 0, 0, 0]];
    for body in cut {
        same_cut_answer(&message(b'T', body), "insufficient data in \"T\" message");
    }
    for body in [&b""[..], &[0, 2, 0, 0, 0, 1]] {
        same_cut_answer(&message(b't', body), "insufficient data in \"t\" message");
    }
    let cases = [
        message(b'T', &[&[0, 1][..], &column(b"x\0"), b"more"].concat()),
        message(b't', &[0, 1, 0, 0, 0, 1, 9]),
        message(b't', &[0, 0]),
    ];
    for case in &cases {
        same_answer(case);
        same_answer(&[case.clone(), text_row(&["1"])].concat());
    }
}

/// C libpq reads on into the next message, or drops the error.
#[test]
fn damaged_descriptions_of_statements() {
    let (parameters, columns) = (parameter_description(&[23]), row_description(&["x"]));
    let cut = |bytes: &[u8]| message(bytes[0], &bytes[5..bytes.len() - 1]);
    let longer = |bytes: &[u8]| message(bytes[0], &[&bytes[5..], b"x"].concat());
    for damage in [cut, longer] {
        for reply in [
            [damage(&parameters), columns.clone()],
            [damage(&parameters), no_data()],
            [damage(&parameters), damage(&columns)],
            [parameters.clone(), damage(&columns)],
        ] {
            one_error_for_the_description(&reply.concat());
        }
    }
    one_error_for_the_description(&message(b't', b""));
    one_error_for_the_description(
        &[text_row(&["1"]), parameters.clone(), columns.clone()].concat(),
    );
    one_error_for_the_description(&[parameters, message(b'T', b"")].concat());
    one_error_for_the_description(&[message(b't', b""), no_data()].concat());
}

#[track_caller]
fn one_error_for_the_description(reply: &[u8]) {
    let next = one_value("x", "next");
    let alone = [reply, &ready(b'I')].concat();
    let answer = [next.clone(), ready(b'I')].concat();
    let script = Script::new().connection(move |c| {
        c.login();
        c.expect(b'D');
        c.expect(b'S');
        c.send(&alone);
        c.expect(b'Q');
        c.send(&answer);
        c.drain();
    });
    let output = ours(script, "", &["connect", "describe s", "exec x", "state"]);
    one_error_then_next(&output);
    if reply[0] == b't' && reply.len() == 5 {
        // Nothing ends the description: in a pipeline the next command's messages would.
        return;
    }
    let all = [reply, &bind_complete(), &next, &ready(b'I')].concat();
    let script = Script::new().connection(move |c| {
        c.login();
        for kind in *b"DPBDES" {
            c.expect(kind);
        }
        c.send(&all);
        c.drain();
    });
    let calls = [
        "connect",
        "pipeline describe;x;sync",
        "get",
        "get",
        "get",
        "get",
        "get",
        "state",
    ];
    let output = ours(script, "", &calls);
    one_error_then_next(&output);
    assert!(output.contains("PGRES_PIPELINE_SYNC"), "{output}");
}

#[track_caller]
fn one_error_then_next(output: &str) {
    let error = output.find("PGRES_FATAL_ERROR").expect(output);
    let next = output.find("PGRES_TUPLES_OK").expect(output);
    assert!(error < next, "{output}");
    assert_eq!(output.matches("PGRES_FATAL_ERROR").count(), 1, "{output}");
    assert!(
        [
            "insufficient data in",
            "do not agree with length",
            "without prior row"
        ]
        .iter()
        .any(|complaint| output.contains(complaint)),
        "{output}"
    );
}

#[test]
fn bodies_that_are_too_long() {
    let longer = |bytes: Vec<u8>| message(bytes[0], &[&bytes[5..], b"more"].concat());
    let messages = [
        command_complete("SELECT 1"),
        ready(b'I'),
        empty_query(),
        parse_complete(),
        bind_complete(),
        close_complete(),
        no_data(),
        parameter_status("a", "b"),
        notification(1, "c", "p"),
        copy_done(),
        copy_data(b"dropped"),
    ];
    for bytes in messages {
        same_answer(&longer(bytes));
    }
    for letter in *b"ITEX\0" {
        same_answer(&[one_value("x", "1"), ready(letter)].concat());
    }
}

#[test]
fn fields_of_errors() {
    let cases: [&[u8]; 9] = [
        b"\0",
        b"M\0\0",
        b"SERROR\0\0",
        b"C\0Mtext\0\0",
        b"C123456789\0Mtext\0\0",
        b"?unknown\0Mtext\0\0",
        b"Mone\0Mtwo\0\0",
        b"Mtext\0P-1\0\0",
        b"Mtext\0P99999999999\0p7\0q\0\0",
    ];
    for case in cases {
        same_answer(&message(b'E', case));
        same_answer(&message(b'N', case));
        same_greeting(&message(b'E', case), "");
    }
}

#[test]
fn unknown_and_misplaced_messages() {
    for kind in *b"?Bpx\xffVvRKsnc" {
        same_answer(&message(kind, b"ab\0\0\0\0"));
        let stray = [one_value("x", "1"), message(kind, b"abcd")].concat();
        same_answer(&stray);
    }
}

#[test]
fn empty_copy_data() {
    let replies = [
        copy_out_response(1),
        copy_data(b""),
        copy_data(b""),
        copy_data(b"1\n"),
        copy_data(b""),
        copy_done(),
    ];
    let bytes = replies.concat();
    for collect in ["collect", "collect-polling"] {
        let output = same(
            || answering(&bytes),
            "",
            &["connect", "send x", collect, "state"],
        );
        assert_eq!(output.matches("row: ").count(), 1, "{output}");
    }
    let overall = message(b'H', &[9, 0, 1, 0, 7]);
    same_answer(&[overall, copy_data(b"1\n"), copy_done()].concat());
    for body in [&[0, 0, 2, 0, 0][..], &[0], &[], &[0, 0, 1, 0, 0, 0, 0]] {
        let bytes = [message(b'H', body), copy_done()].concat();
        ours(
            answering(&bytes),
            "",
            &["connect", "send x", "collect", "state"],
        );
    }
}

#[test]
fn function_results_that_are_too_long() {
    let script = |value: Vec<u8>| {
        move || {
            let bytes = [function_result(Some(&value)), ready(b'I')].concat();
            Script::new().connection(move |c| {
                c.login();
                c.expect(b'F');
                c.send(&bytes);
                c.drain();
            })
        }
    };
    same(
        script(vec![0, 0, 0, 5]),
        "",
        &["connect", "function", "state"],
    );
    same(script(vec![]), "", &["connect", "function bytes", "state"]);
    for length in [1usize, 3, 5, 9, 1000] {
        // An integer cannot have this many bytes. C libpq then waits for a message that never arrives.
        let value = vec![1; length];
        let output = ours(script(value)(), "", &["connect", "function"]);
        assert!(output.contains("function: integer=-1"), "{output}");
        assert!(output.contains("PGRES_FATAL_ERROR"), "{output}");
    }
}

/// C libpq waits for the rest of some of these messages.
#[test]
fn damaged_messages_during_a_copy() {
    for kind in *b"SNA" {
        let reply = [
            copy_out_response(1),
            copy_data(b"1\n"),
            message(kind, b"unterminated"),
            copy_data(b"2\n"),
            copy_done(),
        ];
        for collect in ["collect", "collect-polling"] {
            let calls = ["connect", "send x", collect, "state"];
            let output = ours(answering(&reply.concat()), "", &calls);
            assert_eq!(output.matches("row: ").count(), 1, "{output}");
            let text = "message contents do not agree with length in message type";
            assert!(output.contains(text), "{output}");
        }
    }
}

/// C libpq waits for the rest of the damaged message, or returns the last result.
#[test]
fn pqexec_reports_damage_that_a_later_result_follows() {
    for damaged in [
        message(b'H', &[0, 0, 2, 0, 0]),
        message(b'S', b"unterminated"),
        message(b'1', b"x"),
    ] {
        for more in [vec![], one_value("x", "1")] {
            let output = ours(
                answering(&[damaged.clone(), more].concat()),
                "",
                &["connect", "exec x", "state"],
            );
            let text = "message contents do not agree with length in message type";
            assert!(output.contains(text), "{output}");
            assert!(output.contains("PGRES_FATAL_ERROR"), "{output}");
            assert!(!output.contains("PGRES_COMMAND_OK"), "{output}");
            assert!(!output.contains("PGRES_TUPLES_OK"), "{output}");
        }
    }
}

/// C libpq waits for the rest of the message.
#[test]
fn a_function_result_without_a_transaction_status() {
    let script = Script::new().connection(|c| {
        c.login();
        c.expect(b'F');
        c.send(&[function_result(Some(&[0, 0, 0, 5])), message(b'Z', b"")].concat());
        c.drain();
    });
    let output = ours(script, "", &["connect", "function", "state"]);
    assert!(output.contains("PGRES_FATAL_ERROR"), "{output}");
    let text = "message contents do not agree with length in message type";
    assert!(output.contains(text), "{output}");
}

/// CVE-2026-6477: a result larger than the caller's buffer.
#[test]
fn cve_2026_6477_large_objects_that_are_too_long() {
    let script = |value: Vec<u8>| {
        let bytes = [function_result(Some(&value)), ready(b'I')].concat();
        Script::new().connection(move |c| {
            c.login();
            c.expect_query();
            c.send(&[large_object_functions(""), ready(b'I')].concat());
            c.expect(b'F');
            c.send(&bytes);
            c.drain();
        })
    };
    for length in [5, 12, 1000, 100_000] {
        let calls = ["connect", "read-object", "state"];
        let output = same(|| script(vec![b'!'; length]), "", &calls);
        assert!(
            output.contains("lo_read -> -1\nbytes: \"0123456789abcde\""),
            "{output}"
        );
        assert!(output.contains("server returned too much data"), "{output}");
        assert!(output.contains("state: status=1"), "{output}");
    }
}

#[test]
fn a_flood_of_parameters() {
    let mut flood = Vec::new();
    for number in 0..100_000 {
        flood.extend(parameter_status(
            &format!("parameter.number{number}"),
            "value",
        ));
    }
    let script = Script::new().connection(move |c| {
        c.expect_startup();
        c.send(&auth_ok());
        c.send(&flood);
        c.send(&ready(b'I'));
        c.expect_query();
        c.send(&[&flood[..], &one_value("x", "1"), &ready(b'I')].concat());
        c.expect_terminate();
    });
    let calls = ["connect", "parameter parameter.number0", "exec 1", "memory"];
    let output = ours(script, "", &calls);
    assert!(output.contains("number0: \"value\""), "{output}");
    assert!(output.contains("TUPLES_OK"), "{output}");
    assert!(output.contains("memory: little"), "{output}");
}
