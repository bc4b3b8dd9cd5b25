//! The message itself: at any position in a server's replies, it must set the flag and change nothing else.

use super::{answer, exchange};
use crate::support::message::{
    bind_complete, close_complete, command_complete, copy_both_response, copy_data, copy_done,
    copy_in_response, copy_out_response, empty_query, error, function_result, goaway,
    large_object_functions, message, notice, notification, one_value, parameter_description,
    parameter_status, parse_complete, ready, row_description, text_row,
};
use crate::support::script::Script;

/// What a server sends after it has received a message of this type.
struct Turn {
    after: u8,
    replies: Vec<Vec<u8>>,
}

fn turn(after: u8, replies: &[Vec<u8>]) -> Turn {
    Turn {
        after,
        replies: replies.to_vec(),
    }
}

/// Where GoAway messages are inserted into a server's replies.
#[derive(Debug, Clone, Copy)]
enum Insert {
    Never,
    /// Before the message with this number, counted over all turns and their ends.
    Before(usize),
    /// Before each message and after the last one of each turn.
    Everywhere,
}

/// A server that sends the replies of `turns` after the login, and then answers queries.
fn script(turns: &[Turn], insert: Insert, message: &[u8], split: bool) -> Script {
    let mut number = 0;
    let mut sent = Vec::new();
    for turn in turns {
        let mut bytes = Vec::new();
        for reply in turn.replies.iter().map(Vec::as_slice).chain([&b""[..]]) {
            if matches!(insert, Insert::Everywhere)
                || matches!(insert, Insert::Before(n) if n == number)
            {
                bytes.extend(message);
            }
            bytes.extend(reply);
            number += 1;
        }
        sent.push((turn.after, bytes));
    }
    Script::new().connection(move |c| {
        c.login();
        for (after, bytes) in &sent {
            c.expect_until(*after);
            match split {
                true => c.send_split(bytes),
                false => c.send(bytes),
            }
        }
        answer(c);
        c.expect_terminate();
    })
}

/// The program's output when the server sends the replies of `turns`; the lines about `goaway` are returned separately.
#[track_caller]
fn run(
    turns: &[Turn],
    insert: Insert,
    message: &[u8],
    split: bool,
    calls: &[&str],
) -> (String, String) {
    let calls = [&["connect"], calls, &["exec last", "state", "goaway"]].concat();
    let output = exchange(script(turns, insert, message, split), "", &calls);
    let (flag, rest) = output
        .split_inclusive('\n')
        .partition(|line| line.starts_with("goaway"));
    (flag, rest)
}

/// Inserts a GoAway at every position of `turns` and compares the program's output.
#[track_caller]
fn unchanged(calls: &[&str], turns: &[Turn]) {
    let compare = |insert, message: &[u8], split, expected: &str| {
        let (flag, output) = run(turns, insert, message, split, calls);
        assert_eq!(flag, "goaway: 1\n", "{calls:?} {insert:?}\n{output}");
        assert_eq!(output, expected, "{calls:?} {insert:?}");
    };
    let (flag, expected) = run(turns, Insert::Never, b"", false, calls);
    assert_eq!(flag, "goaway: 0\n", "{calls:?}\n{expected}");
    assert!(expected.ends_with("state: status=0 transaction=0 pipeline=0 error=\"\"\n"));
    let places: usize = turns.iter().map(|turn| turn.replies.len() + 1).sum();
    for place in 0..places {
        compare(Insert::Before(place), &goaway(), false, &expected);
    }
    let twice = [goaway(), goaway()].concat();
    let with_body = message(b'g', b"in 30 seconds\0\xff");
    compare(Insert::Everywhere, &twice, false, &expected);
    compare(Insert::Everywhere, &with_body, false, &expected);
    compare(Insert::Everywhere, &goaway(), true, &expected);
}

fn rows(values: &[&str]) -> Vec<Vec<u8>> {
    let mut replies = vec![row_description(&["v"])];
    replies.extend(values.iter().map(|value| text_row(&[value])));
    replies.push(command_complete(&format!("SELECT {}", values.len())));
    replies
}

/// Two result sets.
fn two_sets() -> Turn {
    let replies = [rows(&["a"]), rows(&["b", "c", "d"]), vec![ready(b'I')]];
    turn(b'Q', &replies.concat())
}

#[test]
fn in_a_simple_query() {
    unchanged(&["exec two"], &[two_sets()]);
}

#[test]
fn between_results() {
    unchanged(&["send two", "collect"], &[two_sets()]);
    unchanged(&["send two", "collect-polling"], &[two_sets()]);
}

#[test]
fn in_single_row_mode() {
    unchanged(&["send two", "single", "collect"], &[two_sets()]);
    unchanged(&["send two", "single", "collect-polling"], &[two_sets()]);
}

#[test]
fn in_chunked_mode() {
    unchanged(&["send two", "chunked 2", "collect"], &[two_sets()]);
    unchanged(&["send two", "chunked 2", "collect-polling"], &[two_sets()]);
}

#[test]
fn among_errors_notices_and_notifications() {
    let replies = [
        notice("careful"),
        notification(7, "channel", "payload"),
        parameter_status("TimeZone", "UTC"),
        error("22012", "division by zero"),
        ready(b'I'),
    ];
    unchanged(
        &["exec bad", "notifications", "parameter TimeZone"],
        &[turn(b'Q', &replies)],
    );
    unchanged(&["exec "], &[turn(b'Q', &[empty_query(), ready(b'I')])]);
}

#[test]
fn in_a_transaction() {
    let begin = turn(b'Q', &[command_complete("BEGIN"), ready(b'T')]);
    let fail = turn(b'Q', &[error("25P02", "aborted"), ready(b'E')]);
    unchanged(
        &["exec begin", "state", "exec fail", "state"],
        &[begin, fail],
    );
}

#[test]
fn in_the_extended_protocol() {
    let replies = [
        vec![parse_complete(), bind_complete()],
        rows(&["x", "y"]),
        vec![ready(b'I')],
    ];
    unchanged(&["params p"], &[turn(b'S', &replies.concat())]);
    let prepare = turn(b'S', &[parse_complete(), ready(b'I')]);
    let described = [
        parameter_description(&[23]),
        row_description(&["a"]),
        ready(b'I'),
    ];
    let close = turn(b'S', &[close_complete(), ready(b'I')]);
    unchanged(
        &["prepare p", "describe s", "close s"],
        &[prepare, turn(b'S', &described), close],
    );
}

/// A pipeline with an error in the middle.
fn pipeline() -> [Turn; 2] {
    let command = || [vec![parse_complete(), bind_complete()], rows(&["x"])].concat();
    let failed = vec![parse_complete(), error("22012", "no"), ready(b'I')];
    let second = [command(), command(), vec![ready(b'I')]].concat();
    [
        turn(b'S', &[command(), failed].concat()),
        turn(b'S', &second),
    ]
}

#[test]
fn in_a_pipeline() {
    for collect in ["collect 2", "collect-polling 2"] {
        let queries = "pipeline a;fails;skipped;sync;b;c;sync";
        unchanged(&[queries, collect, "leave-pipeline"], &pipeline());
    }
    // Half of it is collected now, the rest later.
    let queries = "pipeline a;fails;skipped;sync;b;c;sync";
    let calls = [queries, "get", "get", "collect 1", "collect 1"];
    unchanged(&[&calls[..], &["leave-pipeline"]].concat(), &pipeline());
}

#[test]
fn in_copy_out() {
    let replies = [
        copy_out_response(2),
        copy_data(b"1\tone\n"),
        copy_data(b"2\ttwo\n"),
        copy_done(),
        command_complete("COPY 2"),
        ready(b'I'),
    ];
    unchanged(&["send copy", "collect"], &[turn(b'Q', &replies)]);
    unchanged(&["send copy", "collect-polling"], &[turn(b'Q', &replies)]);
    // A pipeline that is abandoned early: PQexec discards the rest.
    let other = [one_value("x", "1"), ready(b'I')].concat();
    let turns = [turn(b'Q', &replies), turn(b'Q', &[other])];
    unchanged(&["exec copy", "exec other"], &turns);
}

#[test]
fn in_copy_in() {
    let turns = || {
        let begin = turn(b'Q', &[copy_in_response(2)]);
        let end = turn(b'c', &[command_complete("COPY 1"), ready(b'I')]);
        [begin, end]
    };
    unchanged(&["send copy", "collect"], &turns());
    unchanged(&["nonblocking 1", "send copy", "collect-polling"], &turns());
}

#[test]
fn in_copy_both() {
    let turns = || {
        let begin = turn(b'Q', &[copy_both_response(), copy_data(b"w1")]);
        let replies = [
            copy_data(b"w2"),
            copy_done(),
            command_complete("COPY 0"),
            ready(b'I'),
        ];
        [begin, turn(b'c', &replies)]
    };
    unchanged(&["send replicate", "collect"], &turns());
    unchanged(&["send replicate", "collect-polling"], &turns());
}

#[test]
fn in_a_function_call() {
    let replies = |value: &[u8]| [function_result(Some(value)), ready(b'I')];
    unchanged(&["function"], &[turn(b'F', &replies(&[0, 0, 1, 2]))]);
    unchanged(&["function bytes"], &[turn(b'F', &replies(b"abc"))]);
    let failed = [error("42883", "no such function"), ready(b'I')];
    unchanged(&["function"], &[turn(b'F', &failed)]);
}

#[test]
fn in_calls_with_large_objects() {
    let call = |value: &[u8]| turn(b'F', &[function_result(Some(value)), ready(b'I')]);
    let turns = [
        turn(b'Q', &[large_object_functions(""), ready(b'I')]),
        call(b"data"),
        call(&[0, 0, 0, 9]),
        call(&[0, 0, 0, 0, 0, 0, 0, 7]),
    ];
    unchanged(&["read-object"], &turns);
}
