//! PostgreSQL servers and tools that load the library for their own connections.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::paths::Lib;
use crate::support::postgres::{Postgres, Version};
use crate::support::process::{self, TIMEOUT};

/// Repeats the query until it returns the expected result.
#[track_caller]
fn wait_for(server: &Postgres, database: &str, query: &str, expected: &str) {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let answer = server.psql(database, query);
        if answer.trim() == expected {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{query}: {answer}\n{}",
            server.log()
        );
        sleep(Duration::from_millis(50));
    }
}

/// The libpq that a standby's walreceiver has loaded.
fn library_of_walreceiver(standby: &Postgres) -> String {
    wait_for(
        standby,
        "postgres",
        "SELECT status FROM pg_stat_wal_receiver",
        "streaming",
    );
    standby.library_of(&standby.psql("postgres", "SELECT pid FROM pg_stat_wal_receiver"))
}

#[test]
fn standbys_made_by_pg_basebackup() {
    let primary = Postgres::start(Version::Oracle18, "");
    primary.psql(
        "postgres",
        "CREATE TABLE t AS SELECT generate_series(1, 1000) AS i",
    );
    // The standby runs with our library, and with its own libpq.
    for lib in [Some(Lib::Ours), None] {
        let standby = primary.standby(Lib::Ours, lib);
        let settings = fs::read_to_string(standby.data().join("postgresql.auto.conf"))
            .expect("the standby's settings");
        assert!(settings.contains("primary_conninfo"), "{settings}");
        assert!(!settings.contains("goaway"), "{settings}");
        let library = library_of_walreceiver(&standby);
        let expected = lib.map_or("postgresql-18/lib", |_| "/Ours/libpq.so.5");
        assert!(library.contains(expected), "{lib:?}: {library}");
        let count = primary.psql(
            "postgres",
            "INSERT INTO t SELECT generate_series(1, 5000); SELECT count(*) FROM t",
        );
        wait_for(&standby, "postgres", "SELECT count(*) FROM t", count.trim());
        standby.control(&["promote"]).success();
        standby.psql("postgres", "INSERT INTO t VALUES (0)");
    }
}

#[test]
fn a_standby_survives_the_restart_of_its_primary() {
    let primary = Postgres::start(Version::Oracle18, "");
    let standby = primary.standby(Lib::Ours, Some(Lib::Ours));
    library_of_walreceiver(&standby);
    primary.control(&["restart", "-m", "fast"]).success();
    primary.psql("postgres", "CREATE TABLE after_restart ()");
    let exists = "SELECT count(*) FROM pg_class WHERE relname = 'after_restart'";
    wait_for(&standby, "postgres", exists, "1");
}

#[test]
fn a_subscription() {
    let publisher = Postgres::shared();
    let database = publisher.fresh_database();
    publisher.psql(
        &database,
        "CREATE TABLE t (i int PRIMARY KEY, b text);
         INSERT INTO t SELECT i, repeat('x', i) FROM generate_series(1, 100) AS i;
         CREATE PUBLICATION all_of_it FOR ALL TABLES",
    );
    let subscriber = Postgres::start_on(Lib::Ours, Version::Oracle18, "");
    let conninfo = publisher.tcp(&database);
    let slot = format!("slot_{database}");
    subscriber.psql("postgres", "CREATE TABLE t (i int PRIMARY KEY, b text)");
    subscriber.psql(
        "postgres",
        &format!(
            "CREATE SUBSCRIPTION s CONNECTION '{conninfo}' PUBLICATION all_of_it WITH (slot_name = {slot})"
        ),
    );
    let sum = "SELECT count(*) || ' ' || sum(length(b)) FROM t";
    wait_for(&subscriber, "postgres", sum, "100 5050");
    publisher.psql(
        &database,
        "UPDATE t SET b = 'y' WHERE i <= 50; DELETE FROM t WHERE i > 90",
    );
    let expected = publisher.psql(&database, sum);
    wait_for(&subscriber, "postgres", sum, expected.trim());
    let worker = "SELECT pid FROM pg_stat_subscription WHERE worker_type = 'apply'";
    let library = subscriber.library_of(&subscriber.psql("postgres", worker));
    assert!(library.contains("/Ours/libpq.so.5"), "{library}");
    subscriber.psql("postgres", "DROP SUBSCRIPTION s");
    let slots = format!("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{slot}'");
    wait_for(publisher, &database, &slots, "0");
}

/// Covers errors, cancellation and subtransactions. The same script runs with both libraries.
const FOREIGN: &str = "
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION dblink;
DO $$ BEGIN
    EXECUTE format('CREATE SERVER loopback FOREIGN DATA WRAPPER postgres_fdw
        OPTIONS (host %L, port %L, dbname %L, async_capable %L)',
        current_setting('unix_socket_directories'), current_setting('port'), current_database(), 'true');
END $$;
CREATE USER MAPPING FOR CURRENT_USER SERVER loopback OPTIONS (user 'postgres');
CREATE TABLE base (i int PRIMARY KEY, b text CHECK (b <> 'bad'));
CREATE FOREIGN TABLE far (i int, b text) SERVER loopback OPTIONS (table_name 'base');
INSERT INTO far SELECT i, repeat('x', i) FROM generate_series(1, 300) AS i;
SELECT count(*), sum(length(b)) FROM far WHERE i % 2 = 0;
UPDATE far SET b = 'new' WHERE i < 10 RETURNING i;
BEGIN; SAVEPOINT s; INSERT INTO far VALUES (1000, 'bad'); ROLLBACK TO s; SELECT count(*) FROM far; COMMIT;
SELECT 1 / (i - 5) FROM far WHERE i < 8 ORDER BY i;
SET statement_timeout = '300ms';
SELECT * FROM dblink('loopback', 'SELECT pg_sleep(1)') AS t (x text);
RESET statement_timeout;
SELECT * FROM dblink('loopback', 'SELECT i, b FROM base WHERE i < 4') AS t (i int, b text);
SELECT dblink_connect('named', 'loopback');
SELECT dblink_send_query('named', 'SELECT 1; SELECT 2');
SELECT * FROM dblink_get_result('named') AS t (x int);
SELECT * FROM dblink_get_result('named') AS t (x int);
SELECT * FROM dblink_get_result('named') AS t (x int);
SELECT dblink_exec('named', 'nonsense', false);
SELECT dblink_exec('named', 'DO $x$ BEGIN RAISE NOTICE ''from far''; END $x$');
SELECT dblink_exec('named', 'LISTEN c; NOTIFY c, ''payload''');
SELECT notify_name, extra FROM dblink_get_notify('named');
SELECT dblink_open('named', 'cursor', 'SELECT i FROM base ORDER BY i');
SELECT * FROM dblink_fetch('named', 'cursor', 3) AS t (i int);
SELECT dblink_close('named', 'cursor');
SELECT dblink_cancel_query('named'), dblink_error_message('named'), dblink_is_busy('named');
SELECT dblink_disconnect('named');
SELECT * FROM dblink('host=127.0.0.1 port=1', 'SELECT 1') AS t (x int);
SELECT * FROM far WHERE i = 300;
";

/// Which library the backend has loaded.
const LIBRARY: &str = "
\\pset format unaligned
SELECT DISTINCT substring(line from '/[^ ]*libpq.so.5[^ ]*') AS library
FROM string_to_table(pg_read_file('/proc/self/maps', 0, 1000000), chr(10)) AS line WHERE line LIKE '%libpq.so.5%';
";

fn foreign_session(lib: Lib) -> String {
    let server = Postgres::start_on(lib, Version::Oracle18, "");
    let mut psql = server.tool("psql");
    psql.args(["-X", "-a", "-v", "VERBOSITY=verbose", "-d"]);
    psql.arg(server.unix("postgres"));
    let script = format!("{FOREIGN}{LIBRARY}");
    let output = process::run(&mut psql, script.as_bytes(), TIMEOUT).success();
    let text = format!("{}--- stderr\n{}", output.stdout, output.stderr);
    assert!(text.contains(&format!("/{lib:?}/libpq.so.5")), "{text}");
    let directory = server.socket_directory().to_string_lossy().into_owned();
    text.replace(&directory, "DIRECTORY")
        .replace(&server.port().to_string(), "PORT")
        .replace(&format!("/{lib:?}/"), "/LIBRARY/")
}

#[test]
fn foreign_tables_and_dblink() {
    let expected = foreign_session(Lib::Oracle);
    let ours = foreign_session(Lib::Ours);
    let difference = process::diff("oracle", &expected, "ours", &ours);
    assert!(difference.is_empty(), "{difference}");
    assert!(
        ours.contains("canceling statement due to statement timeout"),
        "{ours}"
    );
    assert!(ours.contains("from far"), "{ours}");
}

#[test]
fn pg_receivewal() {
    let server = Postgres::start_on(Lib::Ours, Version::Oracle18, "");
    let conninfo = server.tcp("postgres");
    server.psql(
        "postgres",
        "SELECT pg_create_physical_replication_slot('receiver', true); SELECT pg_switch_wal()",
    );
    server.psql(
        "postgres",
        "CREATE TABLE t AS SELECT generate_series(1, 1000); SELECT pg_switch_wal()",
    );
    let end = server.psql("postgres", "SELECT pg_current_wal_lsn()");
    let mut own = server.tool("pg_receivewal");
    own.args([
        "-n",
        "--no-sync",
        "-S",
        "receiver",
        "--endpos",
        end.trim(),
        "-d",
        &conninfo,
        "-D",
    ]);
    let place = server.data().join("received");
    own.arg(&place);
    // pg_receivewal does not create the directory, but the server's user can. mkdir reads nothing, so nothing is sent to it.
    let mkdir = format!(
        "COPY (SELECT WHERE false) TO PROGRAM 'mkdir {}'",
        place.display()
    );
    server.psql("postgres", &mkdir);
    process::run(&mut own, b"", TIMEOUT).success();
    let segments = fs::read_dir(&place).expect("read the directory").flatten();
    let whole = segments.filter(|file| {
        let name = file.file_name().to_string_lossy().into_owned();
        let original = server.data().join("pg_wal").join(&name);
        name.len() == 24 && fs::read(file.path()).ok() == fs::read(original).ok()
    });
    assert!(whole.count() >= 1, "{}", server.log());
}

#[test]
fn pg_recvlogical() {
    let run = |lib| {
        let server = Postgres::start_on(lib, Version::Oracle18, "");
        let conninfo = server.tcp("postgres");
        let recvlogical = |arguments: &[&str]| {
            let mut command = server.tool("pg_recvlogical");
            command
                .args(["-n", "--slot", "s", "-d", &conninfo])
                .args(arguments);
            process::run(&mut command, b"", TIMEOUT).success().stdout
        };
        recvlogical(&["--create-slot", "-P", "test_decoding"]);
        server.psql(
            "postgres",
            "CREATE TABLE t (i int, b text);
             INSERT INTO t SELECT i, repeat('x', i * 100) FROM generate_series(1, 50) AS i; DELETE FROM t",
        );
        let end = server.psql("postgres", "SELECT pg_current_wal_lsn()");
        let text = recvlogical(&[
            "--start",
            "-o",
            "include-xids=0",
            "--endpos",
            end.trim(),
            "-f",
            "-",
        ]);
        recvlogical(&["--drop-slot"]);
        text
    };
    let ours = run(Lib::Ours);
    assert_eq!(run(Lib::Oracle), ours);
    assert_eq!(ours.matches("INSERT:").count(), 50, "{ours}");
}
