//! When a client that was asked is told: while it waits outside a transaction, or at the end of one.

use super::{answer, ask, disconnect_request, kinds, servers, session, start, versions, wait_for};
use crate::support::message::message;
use crate::support::postgres::Postgres;
use crate::support::session::wait_until;

#[test]
fn the_parameter_is_off_when_a_session_starts() {
    for server in servers() {
        let mut client = crate::proxy::raw::Raw::connect(server.port());
        client.startup(&[("user", "postgres"), ("database", "postgres")]);
        let off = (b'S', b"disconnect_requested\0off\0".to_vec());
        assert!(client.read_until_ready().contains(&off));
    }
}

#[test]
fn an_idle_client_is_told_once() {
    for server in servers() {
        let mut client = session(server, &[]);
        let pid = client.backend();
        assert_eq!(ask(server, pid), "t");
        assert_eq!(client.read_message(), disconnect_request());
        assert_eq!(ask(server, pid), "t");
        assert_eq!(answer(&mut client, "SELECT 1"), "TDCZ");
        assert_eq!(answer(&mut client, "DISCARD ALL"), "CZ");
    }
}

#[test]
fn a_client_that_asked_for_the_message_gets_message_and_parameter() {
    for server in servers() {
        for moment in ["idle", "in a command"] {
            let mut client = session(server, &[("pg_goaway.message", "on")]);
            let pid = client.backend();
            if moment == "idle" {
                assert_eq!(ask(server, pid), "t");
                assert_eq!(client.read_message(), (b'g', Vec::new()));
                assert_eq!(client.read_message(), disconnect_request());
            } else {
                let sql = "SELECT pg_goaway_backend(pg_backend_pid())";
                let both = answer(&mut client, sql);
                assert!(["TDgCSZ", "TDCgSZ"].contains(&both.as_str()), "{both}");
            }
            assert_eq!(answer(&mut client, "SELECT 1"), "TDCZ");
        }
    }
}

/// A backend that is asked before its session has started tells its client afterwards, and the message does not come
/// between the startup messages.
#[test]
fn a_client_is_not_told_before_its_session_has_started() {
    for version in versions() {
        // A server of its own: the lock blocks every new session.
        let server = &start(version, "");
        let mut holder = session(server, &[]);
        answer(&mut holder, "BEGIN");
        answer(&mut holder, "LOCK pg_db_role_setting");
        let mut client = crate::proxy::raw::Raw::connect(server.port());
        let message = ("pg_goaway.message", "on");
        client.startup(&[("user", "postgres"), ("database", "postgres"), message]);
        // The client is authenticated, and its backend waits for the lock.
        let waiting = "SELECT coalesce(max(pid), 0) FROM pg_locks
            WHERE relation = 'pg_db_role_setting'::regclass AND NOT granted";
        let mut pid = String::new();
        wait_until("waiting", || {
            pid = holder.value(waiting);
            if pid == "0" { "absent" } else { "waiting" }.to_owned()
        });
        assert_eq!(
            holder.value(&format!("SELECT pg_goaway_backend({pid})")),
            "t"
        );
        answer(&mut holder, "COMMIT");
        let opening = client.read_until_ready();
        let off = (b'S', b"disconnect_requested\0off\0".to_vec());
        assert!(opening.contains(&off));
        assert!(opening.iter().all(|(kind, _)| *kind != b'g'));
        assert_eq!(client.read_message(), (b'g', Vec::new()));
        assert_eq!(client.read_message(), disconnect_request());
    }
}

/// Starts a query and asks its client while the query runs; returns the reply.
#[track_caller]
fn asked_during(server: &Postgres, before: &[&str], sql: &str) -> String {
    let mut client = session(server, &[]);
    let pid = client.backend();
    for sql in before {
        answer(&mut client, sql);
    }
    client.query(sql);
    wait_for(server, pid, "wait_event = 'PgSleep'");
    assert_eq!(ask(server, pid), "t");
    kinds(&client.read_until_ready())
}

#[test]
fn a_busy_client_is_told_at_the_end_of_its_command() {
    for server in servers() {
        let during = |sql| asked_during(server, &[], sql);
        assert_eq!(during("SELECT pg_sleep(2)"), "TDCSZ");
        assert_eq!(
            during("SELECT 1; SELECT pg_sleep(2); SELECT 2"),
            "TDCTDCTDCSZ"
        );
        assert_eq!(during("COPY (SELECT pg_sleep(2)) TO STDOUT"), "HdcCSZ");
        let procedure =
            "DO $$ BEGIN COMMIT; PERFORM pg_sleep(2); COMMIT; PERFORM 1; ROLLBACK; END $$";
        assert_eq!(during(procedure), "CSZ");
        // An error also ends the transaction.
        assert_eq!(during("SELECT 1 / length(pg_sleep(2)::text)"), "TESZ");
    }
}

#[test]
fn a_client_in_a_transaction_is_told_at_its_end() {
    for server in servers() {
        for (end, expected) in [
            ("COMMIT", "CSZ"),
            ("ROLLBACK", "CSZ"),
            ("SELECT 1 / 0", "ESZ"),
            ("PREPARE TRANSACTION 'goaway'", "CSZ"),
        ] {
            let mut client = session(server, &[]);
            let pid = client.backend();
            assert_eq!(answer(&mut client, "BEGIN"), "CZ");
            assert_eq!(ask(server, pid), "t");
            assert_eq!(answer(&mut client, "SAVEPOINT s"), "CZ");
            assert_eq!(answer(&mut client, "SELECT 1"), "TDCZ");
            assert_eq!(answer(&mut client, "RELEASE s"), "CZ");
            assert_eq!(answer(&mut client, end), expected, "{end}");
            if end.starts_with("PREPARE") {
                server.psql("postgres", "ROLLBACK PREPARED 'goaway'");
            }
        }
    }
}

/// The end of a failed transaction runs no callback, so the worker has to remind the backend.
#[test]
fn a_client_is_told_after_the_rollback_of_a_failed_transaction() {
    for server in servers() {
        let mut client = session(server, &[]);
        let pid = client.backend();
        answer(&mut client, "BEGIN");
        assert_eq!(answer(&mut client, "SELECT 1 / 0"), "EZ");
        assert_eq!(ask(server, pid), "t");
        assert_eq!(answer(&mut client, "SELECT 1"), "EZ");
        assert_eq!(answer(&mut client, "ROLLBACK"), "CZ");
        assert_eq!(client.read_message(), disconnect_request());
    }
}

#[test]
fn copy_in_is_not_disturbed() {
    for server in servers() {
        let mut client = session(server, &[]);
        let pid = client.backend();
        answer(&mut client, "CREATE TEMPORARY TABLE copied (line text)");
        client.query("COPY copied FROM STDIN");
        assert_eq!(client.read_message().0, b'G');
        assert_eq!(ask(server, pid), "t");
        client.send(&message(b'd', b"one\n"));
        client.send(&message(b'c', b""));
        assert_eq!(kinds(&client.read_until_ready()), "CSZ");
    }
}

#[test]
fn in_a_pipeline_a_client_is_told_at_sync() {
    for server in servers() {
        let mut client = session(server, &[]);
        let pid = client.backend();
        let execute = [
            message(b'P', b"named\0SELECT 'x'\0\0\0"),
            message(b'B', b"\0named\0\0\0\0\0\0\0"),
            message(b'E', b"\0\0\0\0\0"),
            message(b'H', b""),
        ];
        client.send(&execute.concat());
        let opened: String = (0..4)
            .map(|_| char::from(client.read_message().0))
            .collect();
        assert_eq!(opened, "12DC");
        assert_eq!(ask(server, pid), "t");
        client.send(&message(b'S', b""));
        assert_eq!(kinds(&client.read_until_ready()), "SZ");
        // Its prepared statement still exists.
        client.send(&[&execute[1..3].concat()[..], &message(b'S', b"")].concat());
        assert_eq!(kinds(&client.read_until_ready()), "2DCZ");
    }
}

#[test]
fn notifications_are_still_delivered() {
    for server in servers() {
        let mut client = session(server, &[]);
        let pid = client.backend();
        answer(&mut client, "LISTEN channel");
        let sql = format!("NOTIFY channel; SELECT pg_goaway_backend({pid})");
        server.psql("postgres", &sql);
        let mut both = [client.read_message(), client.read_message()];
        both.sort();
        assert_eq!(both.map(|(kind, _)| kind), *b"AS");
        server.psql("postgres", "NOTIFY channel");
        assert_eq!(client.read_message().0, b'A');
    }
}

#[test]
fn a_cancel_request_at_the_same_moment_does_no_harm() {
    for server in servers() {
        for _ in 0..10 {
            let mut client = session(server, &[]);
            let pid = client.backend();
            let sql = format!(
                "SELECT pg_cancel_backend({pid}), pg_goaway_backend({pid}), pg_cancel_backend({pid})"
            );
            assert_eq!(server.psql("postgres", &sql), "t|t|t\n");
            assert_eq!(client.read_message(), disconnect_request());
            assert_eq!(answer(&mut client, "SELECT 1"), "TDCZ");
        }
    }
}

/// A reminder does not change the backend's state to active.
#[test]
fn idle_timeouts_still_end_sessions() {
    for server in servers() {
        for (timeout, before, sqlstate) in [
            ("idle_in_transaction_session_timeout", "BEGIN", "C25P03"),
            ("idle_session_timeout", "SELECT 1", "C57P05"),
        ] {
            let mut client = session(server, &[(timeout, "1500")]);
            let pid = client.backend();
            answer(&mut client, before);
            assert_eq!(ask(server, pid), "t");
            let rest = client.read_rest();
            let rest = String::from_utf8_lossy(&rest);
            assert!(rest.contains(sqlstate), "{timeout}: {rest}");
            let told = rest.contains("disconnect_requested");
            assert_eq!(told, before != "BEGIN", "{timeout}: {rest}");
        }
    }
}

/// Prepared statements and all other state of the session are kept.
#[test]
fn telling_does_not_change_the_session() {
    for server in servers() {
        let mut client = session(server, &[]);
        let pid = client.backend();
        answer(&mut client, "PREPARE p AS SELECT 'prepared'");
        answer(&mut client, "CREATE TEMPORARY TABLE kept (i int)");
        answer(&mut client, "SELECT pg_advisory_lock(pg_backend_pid())");
        ask(server, pid);
        assert_eq!(client.read_message(), disconnect_request());
        assert_eq!(answer(&mut client, "EXECUTE p"), "TDCZ");
        assert_eq!(answer(&mut client, "INSERT INTO kept VALUES (1)"), "CZ");
        client.query("SELECT pg_advisory_unlock(pg_backend_pid())");
        assert_eq!(client.read_until_ready()[1].1, b"\0\x01\0\0\0\x01t");
    }
}

/// To drop temporary tables, a backend commits a transaction after it has sent its last error.
#[test]
fn nothing_is_sent_after_a_fatal_error() {
    for server in servers() {
        for parameters in [&[][..], &[("pg_goaway.message", "on")]] {
            let mut client = session(server, parameters);
            let pid = client.backend();
            answer(&mut client, "CREATE TEMP TABLE t ()");
            answer(&mut client, "BEGIN");
            assert_eq!(ask(server, pid), "t");
            let terminate = format!("SELECT pg_terminate_backend({pid}, 10000)");
            assert_eq!(server.psql("postgres", &terminate), "t\n");
            let (kind, body) = client.read_message();
            assert_eq!(kind, b'E', "{}", body.escape_ascii());
            let rest = client.read_rest();
            assert!(rest.is_empty(), "{}", rest.escape_ascii());
        }
    }
}
