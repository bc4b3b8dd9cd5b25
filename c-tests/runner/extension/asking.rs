//! Which clients can be asked to disconnect, and who may ask.

use std::sync::mpsc::channel;
use std::thread;

use super::shutdown::assert_sound;
use super::{answer, ask, disconnect_request, servers, session, start};
use crate::proxy::raw::Raw;
use crate::support::message::message;
use crate::support::postgres::{PASSWORD, Postgres};
use crate::support::session::wait_until;

/// Asks the client of `pid` as this role; returns the types of the messages in the reply.
#[track_caller]
fn ask_as(server: &Postgres, role: &str, pid: u64) -> String {
    let mut asking = session(server, &[("role", role)]);
    answer(&mut asking, &format!("SELECT pg_goaway_backend({pid})"))
}

#[test]
fn permissions_are_those_of_pg_terminate_backend() {
    for server in servers() {
        let roles = "CREATE ROLE signaller IN ROLE pg_signal_backend;
            CREATE ROLE member IN ROLE other_user; CREATE ROLE stranger";
        server.psql("postgres", roles);
        let mut superuser = session(server, &[]);
        let pid = superuser.backend();
        for role in ["signaller", "other_user"] {
            assert_eq!(ask_as(server, role, pid), "TEZ", "{role}");
        }
        for (role, expected) in [
            ("stranger", "TEZ"),
            ("signaller", "TDCZ"),
            ("member", "TDCZ"),
            ("other_user", "TDCZ"),
            ("postgres", "TDCZ"),
        ] {
            let mut other = session(server, &[("user", "other_user")]);
            let pid = other.backend();
            assert_eq!(ask_as(server, role, pid), expected, "{role}");
            if expected == "TDCZ" {
                assert_eq!(other.read_message(), disconnect_request(), "{role}");
            }
        }
        assert_eq!(answer(&mut superuser, "SELECT 1"), "TDCZ");
        server.psql("postgres", "DROP ROLE signaller, member, stranger");
    }
}

/// The backend of the last psql may still be exiting: it would be counted.
#[track_caller]
fn wait_for_psql_to_exit(client: &mut Raw) {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'psql'";
    wait_until("0", || client.value(sql));
}

#[test]
fn pg_goaway_all_asks_only_clients_that_the_caller_may_ask() {
    for version in super::versions() {
        let server = &start(version, "pg_goaway.spread = 0");
        let mut superuser = session(server, &[]);
        let mut asking = session(server, &[("user", "other_user")]);
        let mut other = session(server, &[("user", "other_user")]);
        asking.query("SELECT pg_goaway_all()");
        let count = asking.read_until_ready().swap_remove(1);
        assert_eq!(count, (b'D', b"\0\x01\0\0\0\x011".to_vec()));
        assert_eq!(other.read_message(), disconnect_request());
        assert_eq!(answer(&mut asking, "SELECT 1"), "TDCZ");
        assert_eq!(answer(&mut superuser, "SELECT 1"), "TDCZ");
        // A client that was told is not asked again.
        wait_for_psql_to_exit(&mut other);
        assert_eq!(server.psql("postgres", "SELECT pg_goaway_all()"), "2\n");
        assert_eq!(superuser.read_message(), disconnect_request());
        assert_eq!(asking.read_message(), disconnect_request());
        wait_for_psql_to_exit(&mut other);
        assert_eq!(server.psql("postgres", "SELECT pg_goaway_all()"), "0\n");
        assert_eq!(
            server.psql("postgres", "SELECT count(told_at) FROM pg_goaway_status"),
            "3\n"
        );
    }
}

#[test]
fn walsenders_are_not_asked() {
    for version in super::versions() {
        let server = &start(version, "pg_goaway.spread = 0");
        let mut physical = session(server, &[("replication", "true")]);
        let mut logical = session(server, &[("replication", "database")]);
        let sql = "SELECT count(*), count(nullif(pg_goaway_backend(pid), false))
            FROM pg_stat_activity WHERE backend_type = 'walsender'";
        assert_eq!(server.psql("postgres", sql), "2|0\n");
        assert_eq!(server.psql("postgres", "SELECT pg_goaway_all()"), "0\n");
        assert_eq!(answer(&mut physical, "IDENTIFY_SYSTEM"), "TDCZ");
        assert_eq!(answer(&mut logical, "SELECT 1"), "TDCZ");
        // Replication commands such as those of pg_basebackup still work.
        assert_eq!(answer(&mut logical, "IDENTIFY_SYSTEM"), "TDCZ");
    }
}

#[test]
fn parallel_workers_are_not_asked() {
    for version in super::versions() {
        let server = &start(version, "pg_goaway.spread = 0");
        let table = "CREATE TABLE t AS SELECT i, repeat('x', 1900) FROM generate_series(1, 40) i; ANALYZE t;
            ALTER TABLE t SET (parallel_workers = 2)";
        server.psql("postgres", table);
        let settings =
            "-c parallel_setup_cost=0 -c parallel_tuple_cost=0 -c min_parallel_table_scan_size=0";
        // Parallel workers inherit their leader's settings.
        let mut client = session(
            server,
            &[("options", settings), ("pg_goaway.message", "on")],
        );
        client.query("SELECT count(*) FROM t WHERE pg_sleep(0.1) IS NOT NULL");
        let workers = "SELECT count(*) > 0, count(nullif(pg_goaway_backend(pid), false))
            FROM pg_stat_activity WHERE backend_type = 'parallel worker'";
        wait_until("t|0\n", || server.psql("postgres", workers));
        assert_eq!(server.psql("postgres", "SELECT pg_goaway_all()"), "1\n");
        let messages = client.read_until_ready();
        let both = super::kinds(&messages);
        assert!(["TDgCSZ", "TDCgSZ"].contains(&both.as_str()), "{both}");
        assert_eq!(messages[1].1, b"\0\x01\0\0\0\x0240");
    }
}

/// The next client may get the slot of one that was just asked; it must not be told.
#[test]
fn a_request_for_an_exited_client_reaches_no_other_client() {
    for server in servers() {
        let (sender, pids) = channel();
        thread::scope(|scope| {
            let asking = scope.spawn(move || {
                let mut client = session(server, &[]);
                let mut late = 0;
                for pid in pids {
                    client.query(&format!("SELECT pg_goaway_backend({pid})"));
                    let answer = client.read_until_ready();
                    late += u32::from(answer.iter().any(|(kind, _)| *kind == b'N'));
                }
                late
            });
            for _ in 0..300 {
                let mut client = Raw::connect(server.port());
                client.startup(&[("user", "other_user"), ("database", "postgres")]);
                let opening = client.read_until_ready();
                assert!(!opening.contains(&disconnect_request()));
                assert_eq!(answer(&mut client, "SELECT 1"), "TDCZ");
                let pid = client.backend();
                client.send(b"X\0\0\0\x04");
                sender.send(pid).expect("a receiver");
            }
            drop(sender);
            let late = asking.join().expect("the thread does not panic");
            assert!(late > 0, "every client was still there");
        });
        assert_sound(server);
    }
}

/// A failed login frees its entry.
#[test]
fn a_client_that_fails_to_log_in_is_not_asked() {
    for server in servers() {
        for (user, password) in [("reject_user", ""), ("password_user", "wrong")] {
            let mut client = Raw::connect(server.port());
            client.startup(&[("user", user), ("database", "postgres")]);
            if !password.is_empty() {
                assert_eq!(client.read_message().0, b'R');
                let word = [password.as_bytes(), b"\0"].concat();
                client.send(&message(b'p', &word));
            }
            assert_eq!(client.read_message().0, b'E');
        }
        let mut client = Raw::connect(server.port());
        client.startup(&[("user", "password_user"), ("database", "postgres")]);
        assert_eq!(client.read_message().0, b'R');
        let word = [PASSWORD.as_bytes(), b"\0"].concat();
        client.send(&message(b'p', &word));
        client.read_until_ready();
        let pid = client.backend();
        assert_eq!(ask(server, pid), "t");
        assert_eq!(client.read_message(), disconnect_request());
    }
}
