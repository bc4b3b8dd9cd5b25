//! Events during a psql session: notifications, Ctrl-C, a server restart, a typed password.

use super::{VERSIONS, server_of};
use crate::support::clients::{Clients, own_library, same};
use crate::support::message::{
    command_complete, fatal, goaway, one_value, parameter_status, ready,
};
use crate::support::paths::Lib;
use crate::support::postgres::{PASSWORD, Postgres, Version};
use crate::support::process::{self, End, TIMEOUT};
use crate::support::program::on_lib;
use crate::support::script::Script;
use crate::support::session::{Session, wait_until};

/// psql without readline, on a terminal or with pipes.
fn psql(clients: &Clients<'_>) -> std::process::Command {
    let mut command = clients.command("psql");
    command.args(["-X", "-n", "-P", "pager=off"]);
    command
}

/// Sends a line and a marker, and returns the output up to the marker.
#[track_caller]
fn say(session: &mut Session, line: &str) -> String {
    session.send(&format!("{line}\n\\echo the end\n"));
    session.until("the end\n")
}

#[test]
fn notifications_between_two_sessions() {
    for version in VERSIONS {
        let server = server_of(version);
        let output = same(version, server, |clients| {
            let mut listener = Session::start(&mut psql(clients));
            let mut text = say(&mut listener, "LISTEN channel; LISTEN \"Ünicode\";");
            clients.ask("NOTIFY channel; NOTIFY channel, 'with payload'; NOTIFY \"Ünicode\", 'ä';");
            text += &say(&mut listener, "SELECT 'shown after me';");
            text += &say(&mut listener, "NOTIFY channel, 'from myself';");
            text += &say(&mut listener, "UNLISTEN *;");
            clients.ask("NOTIFY channel, 'too late'");
            text += &say(&mut listener, "SELECT 'last';");
            let (rest, end) = listener.finish();
            assert_eq!((rest.as_str(), end), ("", End::Exit(0)));
            without_pids(&text)
        });
        let expected = "Asynchronous notification \"channel\" with payload \"with payload\" received from server process with PID N.";
        assert!(output.contains(expected), "{output}");
        assert!(
            output.contains("\"from myself\"") && !output.contains("too late"),
            "{output}"
        );
    }
}

/// Removes process ids (`PID 123`), which differ from run to run.
fn without_pids(text: &str) -> String {
    let mut parts = text.split("PID ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + "PID N" + part.trim_start_matches(|c: char| c.is_ascii_digit())
    })
}

#[test]
fn control_c_cancels_a_query_and_keeps_the_session() {
    for version in VERSIONS {
        let output = same(version, Postgres::shared(), |clients| {
            let mut session = Session::on_terminal(&psql(clients));
            let mut text = session.until("=# ");
            let sleeping = "SELECT count(*) FROM pg_stat_activity \
                WHERE datname = current_database() AND wait_event = 'PgSleep'";
            let queries = [
                "SELECT pg_sleep(600);",
                "\\copy (SELECT pg_sleep(600)) to stdout",
                "\\set FETCH_COUNT 3\nSELECT pg_sleep(600);",
            ];
            for query in queries {
                session.send(&format!("{query}\n"));
                wait_until("1", || {
                    clients
                        .server
                        .psql(clients.database, sleeping)
                        .trim()
                        .to_owned()
                });
                session.send("\x03");
                text += &session.until("canceling statement due to user request");
                text += &session.until("=# ");
            }
            session.send("SELECT 6 * 7 AS answer;\n");
            text += &session.until("(1 row)");
            session.send("\\q\n");
            let (rest, end) = session.finish();
            assert_eq!(end, End::Exit(0), "{text}{rest}");
            text + &rest
        });
        assert_eq!(output.matches("canceling statement").count(), 3, "{output}");
        assert!(output.contains("42"), "{output}");
    }
}

/// The output of sessions on a terminal and with pipes, over TCP and Unix sockets, when the server restarts.
fn through_a_restart(clients: &Clients<'_>) -> String {
    let socket = clients.server.socket_directory();
    let tcp = psql(clients);
    let mut unix = psql(clients);
    unix.env("PGHOST", socket);
    let mut sessions: Vec<_> = [&tcp, &unix].map(|c| Session::on_terminal(c)).into();
    let mut text = String::new();
    for session in &mut sessions {
        text += &session.until("=# ");
    }
    let mut pipes = Session::start(&mut psql(clients));
    text += &say(&mut pipes, "SELECT 'before';");
    clients.server.control(&["restart", "-m", "fast"]).success();
    for session in &mut sessions {
        text += &say(session, "SELECT 'lost';");
        text += &say(session, "SELECT 'found again';");
    }
    pipes.send("SELECT 'lost';\nSELECT 'never';\n");
    let (rest, end) = pipes.finish();
    text += &format!("{rest}{end:?}\n");
    clients.server.stop_at_once();
    for session in &mut sessions {
        for line in ["SELECT 'lost for good';", "SELECT 'nothing';", "\\conninfo"] {
            text += &say(session, line);
        }
    }
    clients.server.control(&["start"]).success();
    for mut session in sessions {
        session.send("\\c postgres postgres\nSELECT 'back';\n\\q\n");
        let (rest, end) = session.finish();
        text += &format!("{rest}{end:?}\n");
    }
    text
}

#[test]
fn restart_of_the_server() {
    for version in VERSIONS {
        let server = Postgres::start(version, "");
        let run = |lib| {
            let clients = Clients {
                version,
                lib,
                server: &server,
                database: "postgres",
            };
            through_a_restart(&clients)
        };
        let (own, ours) = (run(own_library(version)), run(Lib::Ours));
        let difference = process::diff("C libpq", &own, "ours", &ours);
        assert!(
            difference.is_empty(),
            "{difference}\nThe server's log:\n{}",
            server.log()
        );
        assert_eq!(
            ours.matches("Attempting reset: Succeeded.").count(),
            2,
            "{ours}"
        );
        assert_eq!(
            ours.matches("Attempting reset: Failed.").count(),
            3,
            "{ours}"
        );
        assert_eq!(ours.matches("found again").count(), 2, "{ours}");
        assert!(
            !ours.contains("never") && ours.contains("Exit(2)"),
            "{ours}"
        );
    }
}

#[test]
fn password_typed() {
    let new_password = "nëw passwörd'\\";
    // A separate server, because this changes the password of a role that other tests use.
    let server = Postgres::start(Version::Oracle18, "");
    for version in VERSIONS {
        let clients = Clients {
            version,
            lib: Lib::Ours,
            server: &server,
            database: "postgres",
        };
        let mut session = Session::on_terminal(&psql(&clients));
        session.until("=# ");
        for password in [new_password, "other"] {
            session.send("\\password scram_user\n");
            session.until("\"scram_user\": ");
            session.send(&format!("{new_password}\n"));
            session.until("it again: ");
            session.send(&format!("{password}\n"));
            let answer = session.until("=# ");
            assert_eq!(
                answer.contains("didn't match"),
                password == "other",
                "{answer}"
            );
        }
        session.send("\\q\n");
        session.finish();
        let stored = "SELECT rolpassword LIKE 'SCRAM-SHA-256$4096:%' FROM pg_authid WHERE rolname = 'scram_user'";
        assert_eq!(clients.ask(stored), "t\n");
        for (password, good) in [(new_password, true), (PASSWORD, false)] {
            let mut command = psql(&clients);
            command.args(["-A", "-t", "-c", "SELECT current_user"]);
            command
                .env("PGUSER", "scram_user")
                .env("PGPASSWORD", password);
            let output = process::run(&mut command, b"", TIMEOUT);
            assert_eq!(output.stdout == "scram_user\n", good, "{output}");
            assert_eq!(
                output.stderr.contains("password authentication failed"),
                !good,
                "{output}"
            );
        }
        server.psql("postgres", "ALTER ROLE scram_user PASSWORD :'password'");
    }
}

#[test]
fn password_prompt() {
    for version in VERSIONS {
        let server = Postgres::shared();
        let output = same(version, server, |clients| {
            let mut command = psql(clients);
            command.args(["-U", "scram_user"]);
            let mut session = Session::on_terminal(&command);
            let mut text = session.until("Password for user scram_user: ");
            session.send(&format!("{PASSWORD}\n"));
            text += &session.until("=> ");
            session.send("\\c - md5_user\n");
            text += &session.until("Password for user md5_user: ");
            session.send("wrong\n");
            text += &session.until("=> ");
            session.send("SELECT current_user AS still;\n\\q\n");
            let (rest, end) = session.finish();
            format!("{text}{rest}{end:?}\n")
        });
        assert!(output.contains("Previous connection kept"), "{output}");
        assert!(output.contains(" scram_user\n"), "{output}");
    }
}

#[test]
fn goaway_notice() {
    let server = Script::new()
        .connection(|c| {
            c.login();
            assert_eq!(c.expect_query(), "SELECT 1;");
            c.send(&[one_value("one", "1"), goaway(), ready(b'I')].concat());
            assert_eq!(c.expect_query(), "SELECT 2;");
            c.send_split(&[goaway(), one_value("two", "2"), ready(b'I')].concat());
            c.expect_terminate();
        })
        .start();
    let mut command = on_lib(Version::Debian15.bin().join("psql"), Lib::Ours);
    command.args([
        "-X",
        "-A",
        "-t",
        "-d",
        &format!("{} goaway=notice", server.tcp()),
    ]);
    let output = process::run(&mut command, b"SELECT 1;\nSELECT 2;\n", TIMEOUT);
    server.finish();
    let output = output.success();
    assert_eq!(output.stdout, "1\n2\n");
    assert_eq!(
        output.stderr,
        "server requests to disconnect when convenient\n"
    );
}

#[test]
fn goaway_without_notice() {
    let server = Script::new()
        .connection(|c| {
            c.login();
            assert_eq!(c.expect_query(), "SELECT 1;");
            c.send(&[goaway(), one_value("one", "1"), ready(b'I'), goaway()].concat());
            assert_eq!(c.expect_query(), "SELECT 2;");
            c.send(
                &[
                    command_complete("SELECT 0"),
                    parameter_status("disconnect_requested", "on"),
                    ready(b'I'),
                ]
                .concat(),
            );
            assert_eq!(c.expect_query(), "SELECT 3;");
            c.send(&fatal(
                "57P01",
                "terminating connection due to administrator command",
            ));
        })
        .start();
    let mut command = on_lib(Version::Debian15.bin().join("psql"), Lib::Ours);
    command.args(["-X", "-A", "-t", "-d", &server.tcp()]);
    let output = process::run(&mut command, b"SELECT 1;\nSELECT 2;\nSELECT 3;\n", TIMEOUT);
    server.finish();
    assert_eq!(output.end, End::Exit(2), "{output}");
    assert_eq!(output.stdout, "1\nSELECT 0\n", "{output}");
    assert_eq!(
        output.stderr,
        "FATAL:  terminating connection due to administrator command\n\
         server closed the connection unexpectedly\n\
         \tThis probably means the server terminated abnormally\n\
         \tbefore or while processing the request.\n\
         connection to server was lost\n"
    );
}
