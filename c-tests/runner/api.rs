//! The parts of the API that few programs use: events, results built by the application, printing, replication,
//! callbacks that longjmp, fork.

use crate::support::message::{
    command_complete, copy_in_response, notice, notification, one_value, ready,
};
use crate::support::paths::Lib;
use crate::support::postgres::{PASSWORD, Postgres};
use crate::support::process::{self, Output};
use crate::support::program::{Program, same_output};
use crate::support::script::Script;

#[test]
fn events_and_instance_data() {
    same_output("events", &[&Postgres::shared().tcp("postgres")], &[]);
}

#[test]
fn results_copied_and_changed() {
    same_output("edited", &[&Postgres::shared().tcp("postgres")], &[]);
}

#[test]
fn printing() {
    // stdout is not a terminal, so the pager does not run.
    let env = [("PAGER", "false")];
    same_output("print", &[&Postgres::shared().tcp("postgres")], &env);
}

/// Runs the traced sessions in every mode.
#[track_caller]
fn same_traces(conninfo: &str, part: &[&str]) {
    for flags in ["0", "1", "2", "3"] {
        // libpq 18 does not send the GoAway key.
        let env = [("PGGOAWAY", "disable")];
        same_output("trace", &[&[conninfo, flags], part].concat(), &env);
    }
}

#[test]
fn traces_of_sessions() {
    let server = Postgres::shared();
    // A database of its own, because notifications come only from the session's database.
    same_traces(&server.tcp(&server.fresh_database()), &[]);
}

#[test]
fn traces_of_the_startup() {
    let server = Postgres::shared();
    same_traces(&server.tcp("postgres"), &["startup"]);
    same_traces(&server.tcp("nonexistent"), &["startup"]);
}

#[test]
fn traces_of_authentication() {
    let server = Postgres::shared();
    for user in ["password_user", "scram_user"] {
        for password in [PASSWORD, "wrong"] {
            let conninfo = format!(
                "{} user={user} password='{password}'",
                server.unix("postgres")
            );
            same_traces(&conninfo, &["startup"]);
        }
    }
}

#[test]
fn polling_and_parameters_read_back() {
    let server = Postgres::shared();
    same_output("socket_poll", &[&server.tcp("postgres")], &[]);
}

#[test]
fn copy_both() {
    let server = Postgres::shared();
    let program = Program::new("copy_both");
    let run = |lib| {
        // A database of its own, because replication shows the changes of one database.
        let conninfo = server.unix(&server.fresh_database());
        let replication = format!("{conninfo} replication=database");
        let output = program.run(lib, &[&replication, &conninfo], &[]);
        let database = conninfo.rsplit('=').next().unwrap_or_default();
        output.success().stdout.replace(database, "DATABASE")
    };
    let difference = process::diff("oracle", &run(Lib::Oracle), "ours", &run(Lib::Ours));
    assert!(difference.is_empty(), "{difference}");
}

/// A server that sends a lot before it reads the COPY data.
fn sends_before_it_reads() -> Script {
    Script::new().connection(|c| {
        c.login();
        c.expect_query();
        let mut words = copy_in_response(1);
        for number in 0..8000 {
            words.extend(notice(&"word ".repeat(200)));
            if number % 100 == 0 {
                words.extend(notification(1, "channel", "x"));
            }
        }
        c.send(&words);
        let mut size = 0;
        loop {
            match c.read_message() {
                (b'd', data) => size += data.len(),
                (b'c', _) => break,
                (kind, _) => panic!("unexpected {}", char::from(kind)),
            }
        }
        let size = size.to_string();
        c.send(&[command_complete(&format!("COPY {size}")), ready(b'I')].concat());
        c.expect_terminate();
    })
}

fn copy_to_a_slow_server(lib: Lib, mode: &[&str]) -> Output {
    let server = sends_before_it_reads().start();
    // A Unix socket's buffers are small.
    let conninfo = server.unix();
    let args = [&[conninfo.as_str(), "4"], mode].concat();
    let output = Program::new("slow_server").run(lib, &args, &[("PGGOAWAY", "disable")]);
    server.finish();
    output.success()
}

#[test]
fn copy_in_to_a_server_that_reads_late() {
    for mode in [&[][..], &["blocking"]] {
        let expected = copy_to_a_slow_server(Lib::Oracle, mode).stdout;
        let ours = copy_to_a_slow_server(Lib::Ours, mode).stdout;
        let difference = process::diff("oracle", &expected, "ours", &ours);
        assert!(difference.is_empty(), "{mode:?}\n{difference}");
        assert!(ours.contains("COPY 4194304"), "{ours}");
        assert!(ours.contains("notices: 8000"), "{ours}");
        assert_eq!(ours.contains("busy now: 1"), mode.is_empty(), "{ours}");
    }
}

#[test]
fn callbacks_that_longjmp() {
    let server = Postgres::shared();
    let output = Program::new("jumps")
        .run(Lib::Ours, &[&server.tcp("postgres")], &[])
        .success();
    let count = |text: &str| output.stdout.matches(text).count();
    // Each interrupted call is followed by a query on the same connection.
    assert_eq!(count("== "), 10, "{output}");
    assert_eq!(
        count("row 0: \"the connection still works\""),
        10,
        "{output}"
    );
    assert_eq!(count("transaction: 0"), 10, "{output}");
    assert_eq!(count("returned"), 0, "{output}");
    assert_eq!(count("jumps from"), 13, "{output}");
    assert!(output.stdout.contains("an error"), "{output}");
}

#[test]
fn a_forked_child_does_not_disturb_the_parents_session() {
    // In C libpq the child would end the session, so only ours runs.
    let server = Postgres::shared();
    for conninfo in [server.tcp("postgres"), server.unix("postgres")] {
        let output = Program::new("forked").run(Lib::Ours, &[&conninfo], &[]);
        let output = output.success();
        let count = |text: &str| output.stdout.matches(text).count();
        assert_eq!(count("row 0: \"the parent still works\""), 4, "{output}");
        assert_eq!(count("the same session: 1"), 4, "{output}");
        assert_eq!(count("row 0: \"a session of its own\""), 1, "{output}");
        assert_eq!(count("child: 0\n"), 4, "{output}");
    }
}

#[test]
fn a_forked_child_sends_nothing_on_the_parents_connection() {
    let server = Script::new()
        .connection(|c| {
            c.login();
            for _ in 0..2 {
                c.expect_query();
                c.send(&[one_value("x", "the parent still works"), ready(b'I')].concat());
            }
            c.expect_terminate();
        })
        .start();
    let program = Program::new("forked");
    let output = program.run(Lib::Ours, &[&server.unix(), "finish"], &[]);
    server.finish();
    assert!(output.success().stdout.contains("the same session: 1"));
}
