//! psql with a script on its stdin.

use super::{VERSIONS, server_of};
use crate::support::clients::{Clients, same, same_psql};
use crate::support::paths::Lib;
use crate::support::postgres::{Postgres, Version};
use crate::support::process::{self, End, TIMEOUT};

#[test]
fn queries() {
    const SCRIPT: &str = r"
CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL, n numeric(10,2), at timestamptz DEFAULT 'epoch');
INSERT INTO t SELECT i, repeat('é', i), i * 1.5 FROM generate_series(1, 20) i;
SELECT * FROM t ORDER BY id;
\x
SELECT * FROM t WHERE id < 3;
\x
\pset null '(null)'
SELECT NULL AS nothing, '' AS empty, E'two\nlines' AS lines, E'a\tb' AS tab;
SELECT 1 \; SELECT 2 \; SELECT 3;
SELECT id, name FROM t WHERE id = 2 \gx
SELECT id AS an_id, name AS a_name FROM t WHERE id = 3 \gset
\echo :an_id :a_name
SELECT id % 3 AS a, id % 2 AS b, count(*) FROM t GROUP BY 1, 2 ORDER BY 1, 2 \crosstabview
SELECT format('SELECT %s AS made', i) FROM generate_series(1, 3) i \gexec
SELECT 1 AS one, 'x'::text AS txt, now() AS n, 1.5::numeric(5,2) AS num \gdesc
\d t
\dt
PREPARE p (int) AS SELECT name FROM t WHERE id = $1;
EXECUTE p(4);
BEGIN;
SAVEPOINT s;
SELECT 1/0;
ROLLBACK TO s;
UPDATE t SET n = 0 WHERE id <= 5;
DELETE FROM t WHERE id > 18;
COMMIT;
\set AUTOCOMMIT off
SELECT count(*) FROM t;
ROLLBACK;
\set AUTOCOMMIT on
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT nonsense;
SELECT 'still here';
COMMIT;
SELECT;
;
EXPLAIN (COSTS off) SELECT * FROM t WHERE id = 1;
\timing off
\echo :ROW_COUNT :SQLSTATE :LAST_ERROR_MESSAGE :SERVER_VERSION_NUM
\html
SELECT '<a&b>' AS html;
\pset format csv
SELECT 'a,b' AS c, E'd''e' AS f;
";
    for version in VERSIONS {
        let output = same_psql(version, server_of(version), SCRIPT);
        assert!(output.contains("  2 | éé "), "{output}");
        assert!(output.contains("3 ééé"), "{output}");
        assert!(output.contains("\nUPDATE 5\n"), "{output}");
        assert!(output.contains("ERROR:  division by zero"), "{output}");
        assert!(output.contains(" still here"), "{output}");
    }
}

#[test]
fn errors_and_notices() {
    const SCRIPT: &str = r#"
CREATE TABLE t (a int CONSTRAINT positive CHECK (a > 0));
CREATE FUNCTION f(n int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE 'n is %', n USING DETAIL = 'more of it', HINT = 'do nothing';
  IF n > 1 THEN RAISE EXCEPTION 'too much: %', n USING ERRCODE = 'P0042', COLUMN = 'c', TABLE = 't'; END IF;
  RETURN 1 / n;
END $$;
SELECT f(1);
SELECT f(0);
\errverbose
SELECT f(2);
\errverbose
\set VERBOSITY verbose
INSERT INTO t VALUES (-1);
SELECT f(1);
SELECT * FROM t WHERE 'ÄÖÜ日本語' = missing AND 1 = 1;
SELECT 'a very long line of text that goes on and on and on and on' || missing || 'and after it there is much more text, still on the same line of it';
SELECT 1,
  2,
	missing	AS after_tabs;
\set VERBOSITY terse
SELECT f(0);
SELECT missing;
\set VERBOSITY sqlstate
SELECT f(0);
SELECT f(1);
\set VERBOSITY default
\set SHOW_CONTEXT always
SELECT f(1);
\set SHOW_CONTEXT never
SELECT f(0);
\set ECHO errors
SELECT no_such_function(1);
DO $$ BEGIN EXECUTE 'SELECT nowhere'; END $$;
\errverbose
\connect no_such_database
\echo :ERROR :SQLSTATE
"#;
    for version in VERSIONS {
        let output = same(version, server_of(version), |clients| {
            clients.psql_with(&[], SCRIPT).to_string()
        });
        assert!(output.contains("NOTICE:  n is 1\n"), "{output}");
        assert!(output.contains("LOCATION:  int4div, int.c:"), "{output}");
        assert!(
            output.contains("CHECK constraint") || output.contains("CONSTRAINT NAME:  positive"),
            "{output}"
        );
        assert!(output.contains("\nERROR:  22012\n"), "{output}");
        assert!(
            output.contains("FATAL:  database \"no_such_database\""),
            "{output}"
        );
    }
}

#[test]
fn verbose_error_without_an_error() {
    let output = same_psql(
        Version::Debian15,
        Postgres::shared_debian15(),
        "\\errverbose\n",
    );
    assert!(output.contains("There is no previous error."), "{output}");
}

#[test]
fn fetch_count() {
    const SCRIPT: &str = r"
\set FETCH_COUNT 7
SELECT i, i * i AS square FROM generate_series(1, 30) i;
SELECT i FROM generate_series(1, 0) i;
SELECT 100 / (25 - i) FROM generate_series(1, 30) i;
\pset format unaligned
SELECT repeat('x', 100000) FROM generate_series(1, 20);
BEGIN;
CREATE TEMP TABLE t AS SELECT 1 AS one;
SELECT * FROM t \g (format=csv)
COMMIT;
SELECT 1 \; SELECT 2;
\set FETCH_COUNT 0
SELECT 'all at once';
";
    for version in VERSIONS {
        let output = same_psql(version, server_of(version), SCRIPT);
        assert!(output.contains(" 30 |    900\n"), "{output}");
        assert!(output.contains("ERROR:  division by zero"), "{output}");
        assert!(output.matches("xxxxx\n").count() >= 20, "{}", output.len());
    }
}

/// Removes the lines that contain times.
fn timeless(output: &str) -> String {
    output
        .lines()
        .filter(|line| !line.contains("(every "))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn watch() {
    for version in VERSIONS {
        // An error ends the script.
        let output = same(version, server_of(version), |clients| {
            let script = "CREATE SEQUENCE s;
                SELECT 'turn ' || 4 / (4 - nextval('s')) \\watch 0.01
                SELECT 'done';";
            timeless(&clients.psql_with(&[], script).success().to_string())
        });
        assert!(
            output.contains("turn 1") && output.contains("turn 4"),
            "{output}"
        );
        assert!(
            output.contains("division by zero") && output.contains(" done"),
            "{output}"
        );
    }
    let output = same(Version::Oracle18, Postgres::shared(), |clients| {
        let script = "CREATE SEQUENCE s;\nSELECT 'turn ' || nextval('s') \\watch c=3 i=0.01\n";
        timeless(&clients.psql(script).success().to_string())
    });
    assert!(
        output.contains("turn 3") && !output.contains("turn 4"),
        "{output}"
    );
}

#[test]
fn connection_and_encoding() {
    const SCRIPT: &str = r"
\conninfo
\encoding
\encoding LATIN1
\encoding
SHOW client_encoding;
SELECT 'ä' AS a;
SET client_encoding = 'SJIS';
\encoding
\encoding nonsense
\encoding UTF8
SELECT '日本語' AS j, length('日本語');
\c - - localhost
\c 'application_name=me connect_timeout=5'
SHOW application_name;
\conninfo
";
    for version in VERSIONS {
        let output = same(version, server_of(version), |clients| {
            let output = clients.psql(SCRIPT).success().to_string();
            // Only the backend's process id differs.
            let lines = output.lines().filter(|line| !line.contains("Backend PID"));
            lines.map(|line| format!("{line}\n")).collect()
        });
        assert!(
            output.contains("\nLATIN1\n") && output.contains("\nSJIS\n"),
            "{output}"
        );
        assert!(
            output.contains("DATABASE") && output.contains("postgres"),
            "{output}"
        );
        assert!(output.contains(" me"), "{output}");
    }
}

#[test]
fn other_client_encodings() {
    // The script is first read as UTF-8. Then psql's output has the client encoding, and tables and carets are
    // aligned by its character widths.
    const SCRIPT: &str = r"
SET client_encoding = 'UTF8';
CREATE TABLE t (a text);
INSERT INTO t VALUES ('日本語'), ('表示'), ('ソ十'), ('plain');
\encoding :enc
SELECT a, length(a) FROM t;
SELECT a FROM t WHERE a = chr(34920) AND missing;
\x
SELECT * FROM t;
COPY t TO STDOUT;
";
    for (encoding, word) in [
        ("SJIS", "\\x93\\xfa\\x96{\\x8c\\xea"),
        ("EUC_JP", "\\xc6\\xfc\\xcb\\xdc\\xb8\\xec"),
        ("GBK", "\\xc8\\xd5\\xb1\\xbe\\xd5Z"),
        ("BIG5", "\\xa4\\xe9\\xa5\\xbb\\xbby"),
        ("GB18030", "\\xc8\\xd5\\xb1\\xbe\\xd5Z"),
    ] {
        for version in VERSIONS {
            let output = same(version, server_of(version), |clients| {
                let name = format!("enc={encoding}");
                clients
                    .psql_with(&["-v", &name], SCRIPT)
                    .success()
                    .to_string()
            });
            assert!(output.contains(word), "{encoding}: {output}");
        }
    }
}

#[test]
fn client_encoding_from_the_environment() {
    // A script in LATIN1: ä is one byte, and the caret of an error is below the right column.
    let script: &[u8] = b"\\encoding\nSELECT '\xe4\xf6\xfc' AS umlauts, length('\xe4');\nSELECT '\xe4\xf6', missing;\n\
        COPY (SELECT '\xe4') TO STDOUT;\n";
    for version in VERSIONS {
        let output = same(version, server_of(version), |clients| {
            let mut command = clients.command("psql");
            command.arg("-X").env("PGCLIENTENCODING", "LATIN1");
            process::run(&mut command, script, TIMEOUT)
                .success()
                .to_string()
        });
        assert!(output.contains("\\xe4\\xf6\\xfc"), "{output}");
        assert!(output.contains("|      1"), "{output}");
    }
}

#[test]
fn extended_query_commands_of_18() {
    const SCRIPT: &str = r"
SELECT $1::int + $2::int AS sum \bind 40 2 \g
SELECT $1 \bind \g
SELECT $1::text \bind NULL \g
SELECT $1::int \parse add_one
\bind_named add_one 41 \g
\bind_named missing 1 \g
\close_prepared add_one
\bind_named add_one 41 \g
\startpipeline
SELECT $1::text \bind 'first' \sendpipeline
SELECT $1::text \bind 'second' \sendpipeline
\flushrequest
\getresults
SELECT 3;
\syncpipeline
SELECT 1 / $1::int \bind 0 \sendpipeline
SELECT 'skipped' \bind \sendpipeline
\syncpipeline
SELECT 'after the sync' \bind \sendpipeline
\endpipeline
\echo :PIPELINE_SYNC_COUNT :PIPELINE_COMMAND_COUNT :PIPELINE_RESULT_COUNT
\startpipeline
SELECT 1 \gdesc
\endpipeline
\echo the session goes on
\startpipeline
COPY (SELECT 1) TO STDOUT \bind \sendpipeline
\endpipeline
\echo here it does not
";
    let server = Postgres::shared();
    let output = same(Version::Oracle18, server, |clients| {
        clients.psql(SCRIPT).to_string()
    });
    assert!(
        output.contains("\n  42\n") && output.contains(" second\n"),
        "{output}"
    );
    assert!(
        output.contains("COPY in a pipeline is not supported"),
        "{output}"
    );
    assert!(output.contains("after the sync"), "{output}");
}

#[test]
fn each_version_with_the_other_server() {
    const SCRIPT: &str = "CREATE TABLE t (a serial, b text);\nINSERT INTO t (b) VALUES ('ü'), (NULL) RETURNING *;\n\\d t\n\
        \\dn\nSELECT length(version()) > 10;\nCOPY t TO STDOUT;\nSELECT nonsense;\n";
    for (version, server) in [
        (Version::Debian15, Postgres::shared()),
        (Version::Oracle18, Postgres::shared_debian15()),
    ] {
        let output = same_psql(version, server, SCRIPT);
        assert!(output.contains("nextval('t_a_seq'::regclass)"), "{output}");
        assert!(output.contains("1\tü\n2\t\\N\n"), "{output}");
    }
}

#[test]
fn ways_to_connect() {
    let server = Postgres::shared_debian15();
    let (port, socket) = (
        server.port(),
        server.socket_directory().display().to_string(),
    );
    let sql = "SELECT current_user, current_database(), inet_server_addr()";
    for conninfo in [
        format!("postgresql://other_user@127.0.0.1:{port}/template1?sslmode=disable"),
        format!("host='{socket}' port={port} user=other_user dbname=template1"),
        format!("postgresql:///template1?host={socket}&port={port}&user=other_user"),
        format!(
            "postgresql://other_user@127.0.0.1:1,127.0.0.1:{port}/template1?target_session_attrs=read-write"
        ),
        "dbname=nowhere host=/nonexistent".to_owned(),
        "postgresql://host:nonsense/".to_owned(),
        "nonsense=1".to_owned(),
    ] {
        let run = |lib| {
            let clients = Clients {
                version: Version::Debian15,
                lib,
                server,
                database: "postgres",
            };
            clients.psql_with(&["-A", "-t", "-d", &conninfo, "-c", sql], "")
        };
        let (own, ours) = (run(Lib::Debian15), run(Lib::Ours));
        assert_eq!(own.to_string(), ours.to_string(), "{conninfo}");
        let good = conninfo.contains("other_user");
        assert_eq!(
            ours.end,
            End::Exit(if good { 0 } else { 2 }),
            "{conninfo}: {ours}"
        );
        assert_eq!(
            good,
            ours.stdout.starts_with("other_user|template1|"),
            "{conninfo}: {ours}"
        );
    }
}
