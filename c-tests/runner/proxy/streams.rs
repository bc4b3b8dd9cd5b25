//! COPY and replication: in long streams, GoAway must come between two messages, or not at all.

use std::fs;

use tempfile::TempDir;

use super::raw::{Raw, session};
use super::{NOTICE, Proxy, ask, backend};
use crate::support::message::{copy_data, copy_done};
use crate::support::paths::Lib;
use crate::support::postgres::{Postgres, Version};
use crate::support::process::End;
use crate::support::program::on_lib;
use crate::support::session::{Session, wait_until};

/// Sends GoAway to all clients again; clients that were told must not be told again.
#[track_caller]
fn is_not_told_again(proxy: &Proxy, client: &mut Raw) {
    proxy.ctl(&["goaway"]).success();
    client.query("SELECT 1");
    let kinds = client.read_until_ready().into_iter().map(|(kind, _)| kind);
    assert_eq!(kinds.collect::<Vec<u8>>(), b"TDCZ");
}

#[test]
fn it_comes_between_two_messages_of_copy_out() {
    const ROWS: usize = 20_000;
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0"]);
    let mut client = session(&proxy, &[("_pq_.goaway", "")]);
    client.query(&format!(
        "COPY (SELECT repeat('x', 5000) FROM generate_series(1, {ROWS})) TO STDOUT"
    ));
    // More than the sockets' buffers hold, so it is still being sent.
    assert_eq!(client.read_message().0, b'H');
    proxy.ctl(&["goaway"]).success();
    let messages = client.read_until_ready();
    let row = [&b"x".repeat(5000)[..], b"\n"].concat();
    let rows = messages.iter().filter(|(kind, _)| *kind == b'd');
    assert_eq!(rows.filter(|(_, body)| *body == row).count(), ROWS);
    let goaway = (b'g', Vec::new());
    let at = messages.iter().position(|message| *message == goaway);
    assert!(at.expect("a GoAway message") < ROWS, "{at:?}");
    let rest = messages.iter().filter(|(kind, _)| *kind != b'd');
    assert_eq!(
        rest.map(|(kind, _)| *kind).collect::<Vec<u8>>(),
        b"gcCZ",
        "the rows, and these"
    );
    is_not_told_again(&proxy, &mut client);
}

#[test]
fn it_comes_while_a_copy_in_message_is_incomplete() {
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0"]);
    let mut client = session(&proxy, &[("_pq_.goaway", "")]);
    client.query("CREATE TEMP TABLE t (a text)");
    client.read_until_ready();
    client.query("COPY t FROM STDIN");
    assert_eq!(client.read_message().0, b'G');
    let rows = copy_data(&b"some text\n".repeat(10_000));
    let (first, second) = rows.split_at(rows.len() / 2);
    client.send(first);
    proxy.ctl(&["goaway"]).success();
    assert_eq!(client.read_message(), (b'g', Vec::new()));
    client.send(second);
    client.send(&copy_done());
    let messages = client.read_until_ready();
    assert_eq!(messages[0], (b'C', b"COPY 10000\0".to_vec()));
    assert_eq!(messages.len(), 2);
    is_not_told_again(&proxy, &mut client);
}

#[test]
fn psql_continues_its_copy_and_is_told_once() {
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0"]);
    let mut psql = proxy.psql(Lib::Ours);
    psql.send("CREATE TEMP TABLE t (a int);\nCOPY t FROM STDIN;\n");
    wait_until("COPY t FROM STDIN;", || {
        let copying = "SELECT query FROM pg_stat_activity WHERE query = 'COPY t FROM STDIN;' AND state = 'active'";
        Postgres::shared()
            .psql("postgres", copying)
            .trim()
            .to_owned()
    });
    proxy.ctl(&["goaway"]).success();
    proxy.has_told(1);
    for number in 0..1000 {
        psql.send(&format!("{number}\n"));
    }
    psql.send("\\.\n");
    let sum = ask(&mut psql, "SELECT 'sum', sum(a) FROM t", "sum|499500");
    assert_eq!(sum.matches(NOTICE).count(), 1, "{sum}");
    let copied = ask(&mut psql, "COPY (SELECT a FROM t ORDER BY a) TO STDOUT", "");
    let expected: String = (0..1000).map(|number| format!("{number}\n")).collect();
    assert_eq!(copied, expected + "-end-\n");
    assert_eq!(psql.finish(), (String::new(), End::Exit(0)));
}

/// pg_receivewal, running through the proxy.
fn receiver(proxy: &Proxy, directory: &TempDir) -> Session {
    let mut command = on_lib(Version::Oracle18.bin().join("pg_receivewal"), Lib::Ours);
    command.env("PGGOAWAY", "notice");
    command.args(["--no-loop", "--no-sync", "--verbose", "-D"]);
    command.arg(directory.path());
    command.args(["-d", &proxy.conninfo()]);
    let mut receiver = Session::start(&mut command);
    receiver.until("starting log streaming at");
    receiver
}

#[test]
fn pg_receivewal_is_never_told_and_ends_at_the_deadline() {
    let server = Postgres::shared();
    let options = ["--spread", "0", "--parameter-status", "--deadline", "1"];
    let proxy = Proxy::start(server, &options);
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    let mut receiver = receiver(&proxy, &directory);
    // Only psql can be told, because replication is not.
    let mut psql = proxy.psql(Lib::Oracle);
    let pid: u64 = backend(&mut psql).parse().expect("a process ID");
    proxy.ctl(&["goaway"]).success();
    proxy.has_told(1);
    let clients = proxy.clients();
    assert_eq!(clients.len(), 2);
    for client in &clients {
        assert_eq!(client["told"], client["pid"] == pid, "{client}");
        assert_eq!(client["replication"], client["told"] == false, "{client}");
    }
    // A transaction, so that there is data in the segment.
    server.psql(
        "postgres",
        "SELECT pg_logical_emit_message(true, 'pq', repeat('x', 1000)); SELECT pg_switch_wal()",
    );
    receiver.until("finished segment at");
    assert_eq!(psql.finish().1, End::Exit(0));

    proxy.signal("TERM");
    let said = receiver.until("terminating connection due to administrator command");
    assert!(!said.contains(NOTICE), "{said}");
    assert_eq!(receiver.finish().1, End::Exit(1));
    let (log, end) = proxy.end();
    assert!(log.contains(": 0 left by themselves, 1 ended"), "{log}");
    assert_eq!(end, End::Exit(3));
    let files = fs::read_dir(directory.path()).expect("read the directory");
    let names = files.map(|file| file.expect("a directory entry").file_name());
    let names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    assert!(names.iter().any(|name| name.len() == 24), "{names:?}");
}

#[test]
fn a_drain_succeeds_when_pg_receivewal_leaves() {
    let proxy = Proxy::start(Postgres::shared(), &["--spread", "0"]);
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    let mut receiver = receiver(&proxy, &directory);
    proxy.signal("TERM");
    wait_until("\"draining\"", || proxy.status()["state"].to_string());
    receiver.signal("INT");
    receiver.until("received interrupt signal, exiting");
    assert_eq!(receiver.finish().1, End::Exit(0));
    let (log, end) = proxy.end();
    assert!(log.contains(": 1 left by themselves, 0 ended"), "{log}");
    assert_eq!(end, End::Exit(0));
}
