//! Clients that do not read: pg_goaway must not block their backends.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use super::{answer, ask, servers, session};
use crate::proxy::raw::{Raw, startup};
use crate::support::message::message;
use crate::support::postgres::Postgres;
use crate::support::session::wait_until;

/// A client that sends queries without reading. It uses a Unix socket, whose buffer has a fixed size.
struct NonReader {
    stream: UnixStream,
    pid: u64,
}

impl NonReader {
    fn connect(server: &Postgres) -> NonReader {
        let path = format!(".s.PGSQL.{}", server.port());
        let stream = UnixStream::connect(server.socket_directory().join(path));
        let stream = stream.expect("the server listens");
        let mut client = NonReader { stream, pid: 0 };
        client.send(&startup(&[("user", "postgres"), ("database", "postgres")]));
        while client.pid == 0 {
            let (kind, body) = client.read_message();
            if kind == b'K' {
                let pid = body[..4].try_into().expect("four bytes");
                client.pid = u32::from_be_bytes(pid).into();
            }
        }
        assert_eq!(client.read_message().0, b'Z');
        client
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    fn query(&mut self) {
        self.send(&message(b'Q', b"SELECT repeat('x', 3000)\0"));
    }

    fn read_message(&mut self) -> (u8, Vec<u8>) {
        let mut header = [0; 5];
        self.stream.read_exact(&mut header).expect("a message");
        let [kind, length @ ..] = header;
        let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
        self.stream
            .read_exact(&mut body)
            .expect("the body of the message");
        (kind, body)
    }

    /// Sends a query and waits until the backend has sent the whole answer, without reading it. Returns false if the
    /// backend blocks because the socket is full.
    fn query_is_answered(&mut self, watch: &mut Raw) -> bool {
        let (before, _) = state(watch, self.pid);
        self.query();
        loop {
            let (start, state) = state(watch, self.pid);
            match state.as_str() {
                "active ClientWrite" | "idle ClientWrite" => return false,
                "idle ClientRead" if start != before => return true,
                _ => thread::sleep(Duration::from_millis(1)),
            }
        }
    }
}

/// The value that a query returns.
fn value(watch: &mut Raw, sql: &str) -> String {
    watch.query(sql);
    let row = watch.read_until_ready().swap_remove(1).1;
    String::from_utf8_lossy(&row[6..]).into_owned()
}

/// When a process started its last query, and its current state.
fn state(watch: &mut Raw, pid: u64) -> (String, String) {
    let sql = format!(
        "SELECT concat(query_start, '|', state, ' ', wait_event) FROM pg_stat_activity WHERE pid = {pid}"
    );
    let answer = value(watch, &sql);
    let (start, state) = answer.split_once('|').expect("time and state");
    (start.to_owned(), state.to_owned())
}

#[test]
fn a_client_that_does_not_read_is_told_once_it_reads() {
    for server in servers() {
        let mut watch = session(server, &[]);
        let mut blocked = NonReader::connect(server);
        let mut answers_that_fit = 0;
        while blocked.query_is_answered(&mut watch) {
            answers_that_fit += 1;
        }
        assert!(
            answers_that_fit > 10,
            "the socket takes {answers_that_fit} answers"
        );

        // Another client, whose socket is completely full while its backend waits for a command.
        let mut full = NonReader::connect(server);
        for _ in 0..answers_that_fit {
            assert!(full.query_is_answered(&mut watch));
        }
        for client in [&blocked, &full] {
            assert_eq!(ask(server, client.pid), "t");
        }
        thread::sleep(Duration::from_millis(1200));
        assert_eq!(state(&mut watch, full.pid).1, "idle ClientRead");
        let not_told = "SELECT count(*) FROM pg_goaway_status WHERE told_at IS NULL AND pid = ";
        for client in [&blocked, &full] {
            let count = value(&mut watch, &format!("{not_told}{}", client.pid));
            assert_eq!(count, "1");
        }

        for (client, answers) in [
            (&mut blocked, answers_that_fit + 1),
            (&mut full, answers_that_fit),
        ] {
            let mut kinds = String::new();
            while !kinds.contains('S') || kinds.matches('Z').count() < answers {
                kinds.push(char::from(client.read_message().0));
            }
            // It is told in the last command, or after it.
            let end = &kinds[kinds.len() - 4..];
            assert!(["DCSZ", "DCZS"].contains(&end), "{kinds}");
            client.query();
            assert_eq!(client.read_message().0, b'T');
        }
    }
}

/// A client that was asked may disconnect within a transaction.
#[test]
fn a_client_that_disconnects_in_a_transaction_is_removed() {
    for server in servers() {
        let mut client = session(server, &[]);
        let pid = client.backend();
        assert_eq!(answer(&mut client, "BEGIN"), "CZ");
        assert_eq!(ask(server, pid), "t");
        drop(client);
        let asked = format!("SELECT count(*) FROM pg_goaway_status WHERE pid = {pid}");
        wait_until("0\n", || server.psql("postgres", &asked));
        wait_for_exit(server, pid);
    }
}

fn wait_for_exit(server: &Postgres, pid: u64) {
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}");
    wait_until("0\n", || server.psql("postgres", &sql));
}
