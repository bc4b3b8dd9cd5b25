//! A real PgBouncer older than 1.23, which refuses unknown startup parameters.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{KEY, facts, steps};
use crate::support::postgres::{Postgres, as_service_user, free_port, service_user};

/// A running PgBouncer; it is ended when dropped.
pub struct PgBouncer {
    child: Child,
    pub port: u16,
    _directory: TempDir,
}

impl PgBouncer {
    /// Starts one in front of `server`, with more lines in its configuration.
    pub fn start(server: &Postgres, more: &str) -> PgBouncer {
        let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
        let port = free_port();
        let ini = directory.path().join("ini");
        fs::write(&ini, configuration(server, port) + more).expect("write the file");
        if let Some((uid, gid)) = service_user() {
            chown(directory.path(), Some(uid), Some(gid)).expect("a directory for it");
        }
        let mut command = Command::new("/usr/sbin/pgbouncer");
        as_service_user(&mut command);
        let child = command
            .arg("-q")
            .arg(&ini)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pgbouncer runs: c-tests/setup.sh installs it");
        let bouncer = PgBouncer {
            child,
            port,
            _directory: directory,
        };
        bouncer.wait();
        bouncer
    }

    fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "pgbouncer does not listen");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(server: &Postgres, port: u16) -> String {
    format!(
        "[databases]
postgres = host=127.0.0.1 port={} dbname=postgres user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = session
",
        server.port()
    )
}

/// The bytes that the client of each connection sent.
type Recorded = Arc<Mutex<Vec<Vec<u8>>>>;

/// Forwards connections to `to` and records what clients send. It runs until the process ends.
fn relay(to: u16) -> (u16, Recorded) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener
        .local_addr()
        .expect("the listener's address")
        .port();
    let recorded = Recorded::default();
    let records = recorded.clone();
    thread::spawn(move || {
        for (number, client) in listener.incoming().flatten().enumerate() {
            let server =
                TcpStream::connect(("127.0.0.1", to)).expect("connect to PgBouncer or its server");
            records
                .lock()
                .expect("the lock is not poisoned")
                .push(Vec::new());
            let records = records.clone();
            let record = move |bytes: &[u8]| {
                records.lock().expect("the lock is not poisoned")[number].extend(bytes);
            };
            let (back, forth) = (server.try_clone(), client.try_clone());
            thread::spawn(move || pass(client, server, record));
            thread::spawn(move || pass(back.expect("a copy"), forth.expect("a copy"), |_| {}));
        }
    });
    (port, recorded)
}

fn pass(mut from: TcpStream, mut to: TcpStream, record: impl Fn(&[u8])) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        record(&bytes[..count]);
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

#[test]
fn pgbouncer_gets_the_key_once_and_then_works() {
    let bouncer = PgBouncer::start(Postgres::shared(), "");
    let (port, recorded) = relay(bouncer.port);
    let conninfo = format!("host=127.0.0.1 port={port} user=postgres dbname=postgres");
    let calls = [
        "connect",
        "goaway",
        "exec SELECT 6 * 7",
        "goaway",
        "reset",
        "exec SELECT 6 * 8",
        "reset-polling",
        "exec SELECT 6 * 9",
        "goaway",
    ];
    let output = steps(&conninfo, &calls);
    let open = "status=0 transaction=0 pipeline=0 error=\"\"";
    assert_eq!(facts(&output, "state"), [open; 3], "{output}");
    for answer in ["\"42\"", "\"48\"", "\"54\""] {
        assert!(output.contains(answer), "{output}");
    }
    assert_eq!(facts(&output, "goaway"), ["0", "0", "0"]);
    let recorded = recorded.lock().expect("the lock is not poisoned");
    let asking: Vec<_> = recorded
        .iter()
        .map(|bytes| bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes()))
        .collect();
    assert_eq!(asking, [true, false, false, false]);
}
