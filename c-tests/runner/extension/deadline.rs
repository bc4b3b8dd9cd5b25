//! `pg_goaway.deadline`: clients that do not leave are terminated.

use std::time::{Duration, Instant};

use super::shutdown::{assert_logged, assert_sound, wait_for_exit};
use super::{answer, ask, disconnect_request, session, start, versions};

const CONFIG: &str = "pg_goaway.spread = 0\npg_goaway.deadline = 1500ms";

#[test]
fn the_deadline_terminates_idle_clients_first() {
    for version in versions() {
        let server = &start(version, CONFIG);
        let mut good = session(server, &[]);
        let mut idle = session(server, &[]);
        let mut in_transaction = session(server, &[]);
        answer(&mut in_transaction, "BEGIN");
        server
            .control(&["stop", "-m", "smart", "--no-wait"])
            .success();
        assert_eq!(good.read_message(), disconnect_request());
        let begin = Instant::now();
        drop(good);

        let rest = String::from_utf8_lossy(&idle.read_rest()).into_owned();
        assert!(
            begin.elapsed() > Duration::from_secs(1),
            "{:?}",
            begin.elapsed()
        );
        assert!(rest.contains("disconnect_requested\0on\0"), "{rest}");
        assert!(rest.contains("C57P01"), "{rest}");
        assert!(!in_transaction.is_readable());
        let rest = String::from_utf8_lossy(&in_transaction.read_rest()).into_owned();
        assert!(rest.contains("C57P01"), "{rest}");

        wait_for_exit(server);
        assert_logged(
            server,
            "clients asked to disconnect: 3, told: 2, left: 1, terminated: 2,",
        );
        let log = server.log();
        let at = |text: &str| {
            log.find(text)
                .unwrap_or_else(|| panic!("no {text} in {log}"))
        };
        assert!(at("and told, and is idle.") < at("and not told, and is in a transaction."));
        assert_sound(server);
    }
}

/// The additional time for transactions must be long enough.
#[test]
fn a_transaction_can_finish_after_idle_clients_are_terminated() {
    for version in versions() {
        let server = &start(version, CONFIG);
        let mut idle = session(server, &[]);
        let mut busy = session(server, &[]);
        answer(&mut busy, "BEGIN");
        assert_eq!(server.psql("postgres", "SELECT pg_goaway_all()"), "2\n");
        assert_eq!(idle.read_message(), disconnect_request());
        idle.read_rest();
        assert_eq!(answer(&mut busy, "COMMIT"), "CSZ");
        drop(busy);
    }
}

#[test]
fn the_deadline_spares_clients_that_were_not_asked() {
    for version in versions() {
        let server = &start(version, CONFIG);
        let mut asked = session(server, &[]);
        let mut other = session(server, &[]);
        let pid = asked.backend();
        assert_eq!(ask(server, pid), "t");
        assert_eq!(asked.read_message(), disconnect_request());
        let rest = String::from_utf8_lossy(&asked.read_rest()).into_owned();
        assert!(rest.contains("C57P01"), "{rest}");
        assert_eq!(answer(&mut other, "SELECT 1"), "TDCZ");
        // The setting can be changed and turned off while the server runs.
        server.psql("postgres", "ALTER SYSTEM SET pg_goaway.deadline = 0");
        server.control(&["reload"]).success();
        let pid = other.backend();
        assert_eq!(ask(server, pid), "t");
        assert_eq!(other.read_message(), disconnect_request());
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(answer(&mut other, "SELECT 1"), "TDCZ");
    }
}
