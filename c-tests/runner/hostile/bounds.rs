//! What a server or a careless program could make grow without limit. `docs/reliability.md` lists the limits.

use std::time::Duration;

use tempfile::TempDir;

use super::{ours, same};
use crate::support::message::{
    command_complete, copy_in_response, error, notice, notification, one_value, ready,
};
use crate::support::paths::Lib;
use crate::support::program::Program;
use crate::support::script::Script;
use crate::support::session::wait_until;

/// Answers a query with `flood`, repeated, and a valid end.
fn flooding(flood: Vec<u8>, times: usize) -> Script {
    Script::new().connection(move |c| {
        c.login();
        c.expect_query();
        for _ in 0..times {
            c.try_send(&flood);
        }
        c.try_send(&[one_value("x", "1"), ready(b'I')].concat());
        c.drain();
    })
}

/// One error is a result; libpq collects the texts of all of them, so its memory grows.
#[test]
fn endless_errors_use_little_memory() {
    let errors = error("22012", &"x".repeat(10_000)).repeat(100);
    let output = ours(
        flooding(errors, 50),
        "",
        &["connect", "exec 1", "memory", "state"],
    );
    assert!(output.contains("memory: little"), "{output}");
    assert!(output.contains("state: status=0 transaction=0"), "{output}");
}

#[test]
fn endless_notices_use_little_memory() {
    let notices = notice("n").repeat(200);
    let output = ours(
        flooding(notices, 100),
        "",
        &["connect", "exec 1", "memory", "state"],
    );
    assert_eq!(output.matches("notice: ").count(), 20_000);
    assert!(output.contains("memory: little"), "{output}");
    assert!(output.contains("TUPLES_OK"), "{output}");
}

/// C libpq stores them until memory runs out.
#[test]
fn notifications_longer_than_the_limit_close_the_connection() {
    let payload = "p".repeat(1 << 20);
    let notifications = notification(7, "c", &payload);
    let calls = ["connect", "exec 1", "state", "count-notifications"];
    let output = ours(flooding(notifications.clone(), 255), "", &calls);
    assert!(output.contains("notifications: 255\n"), "{output}");
    assert!(output.contains("TUPLES_OK"), "{output}");
    let output = ours(flooding(notifications, 256), "", &calls);
    let text = "notifications of more than 256 MB wait for PQnotifies: the connection is closed";
    assert!(output.contains("notifications: 255\n"), "{output}");
    assert!(output.contains(text), "{output}");
}

/// A COPY of 1 MB rows to a server that reads nothing until the client says so.
fn copy_to_a_server_that_waits(lib: Lib, rows: u16, nonblocking: bool) -> String {
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    let file = directory.path().join("read");
    let signal = file.clone();
    let script = Script::new().connection(move |c| {
        c.login();
        c.expect_query();
        c.send(&copy_in_response(1));
        wait_until("yes", || {
            if signal.exists() { "yes" } else { "no" }.to_owned()
        });
        c.wait(Duration::from_millis(300));
        let mut size = 0;
        loop {
            match c.read_message() {
                (b'd', data) => size += data.len(),
                (b'c', _) => break,
                (kind, _) => panic!("unexpected {}", char::from(kind)),
            }
        }
        let tag = format!("COPY {}", size >> 20);
        c.send(&[command_complete(&tag), ready(b'I')].concat());
        c.expect_terminate();
    });
    let server = script.start();
    let env = [("PGGOAWAY", "disable")];
    let file = file.to_str().expect("a UTF-8 path");
    let (rows, nonblocking) = (rows.to_string(), u8::from(nonblocking).to_string());
    let args = [&server.unix(), &rows, &nonblocking, file];
    let output = Program::new("copy_queue").run(lib, &args, &env);
    server.finish();
    output.success().stdout
}

#[test]
fn a_nonblocking_copy_is_refused_while_256_megabytes_wait() {
    let output = copy_to_a_server_that_waits(Lib::Ours, 300, true);
    // The socket's buffers take some more.
    let refused = (256..=260).any(|row| output.contains(&format!("first refused: {row}\n")));
    assert!(refused, "{output}");
    assert!(output.contains("error: \"\"\n"), "{output}");
    assert!(output.contains("COPY 300"), "{output}");
    assert!(output.contains("memory: bounded"), "{output}");
}

/// The limit is so large that programs that do not expect a refusal see none.
#[test]
fn a_nonblocking_copy_of_255_megabytes_is_queued_as_in_libpq() {
    let expected = copy_to_a_server_that_waits(Lib::Oracle, 255, true);
    let output = copy_to_a_server_that_waits(Lib::Ours, 255, true);
    assert_eq!(output, expected);
    assert!(output.contains("first refused: -1"), "{output}");
    assert!(output.contains("COPY 255"), "{output}");
}

#[test]
fn a_blocking_copy_waits_and_is_never_refused() {
    let output = copy_to_a_server_that_waits(Lib::Ours, 300, false);
    assert!(output.contains("first refused: -1"), "{output}");
    assert!(!output.contains("failed"), "{output}");
    assert!(output.contains("COPY 300"), "{output}");
}

/// C libpq waits for ever. A pooler may take 10 seconds, whatever connect_timeout is.
#[test]
fn pqcancel_does_not_wait_for_ever() {
    let script = Script::new().connection(|c| {
        c.login();
        c.expect_query();
        // The request of PQcancel is in a second connection, which nobody accepts before this one ends.
        c.expect_terminate();
    });
    let calls = ["connect", "send x", "cancel"];
    let output = ours(script, "connect_timeout=2", &calls);
    assert!(
        output.contains("cancel -> 1\nerror: \"\"\nseconds: many\n"),
        "{output}"
    );
}

#[test]
fn a_server_that_answers_many_commands_at_once() {
    let script = || {
        Script::new().connection(|c| {
            c.login();
            let mut answers = Vec::new();
            for _ in 0..100 {
                c.expect_until(b'E');
                answers.extend(b"1\0\0\0\x042\0\0\0\x04n\0\0\0\x04");
                answers.extend(command_complete("DO"));
            }
            c.expect(b'S');
            c.send(&[answers, ready(b'I')].concat());
            c.expect_terminate();
        })
    };
    let queries = format!("pipeline {}sync", "DO;".repeat(100));
    let output = same(script, "", &["connect", &queries, "collect 1", "state"]);
    assert_eq!(output.matches("status=\"DO\"").count(), 100, "{output}");
}
