//! createuser, createdb, vacuumdb and the like, and pg_isready.

use super::VERSIONS;
use crate::support::clients::{Clients, same};
use crate::support::message::{auth, fatal};
use crate::support::paths::Lib;
use crate::support::postgres::{Postgres, Version, free_port};
use crate::support::process::{self, End, TIMEOUT};
use crate::support::program::on_lib;
use crate::support::script::{Connection, Script};
use crate::support::session::Session;

#[test]
fn roles_and_databases() {
    for version in VERSIONS {
        let output = same(version, Postgres::shared(), |clients| {
            let name = format!("{}_ö", clients.database);
            let run = |program: &str, args: &[&str]| {
                let output = clients.run(program, &[&["-e", name.as_str()], args].concat());
                output.to_string()
            };
            let role = "SELECT rolcreatedb, rolconnlimit, rolcanlogin FROM pg_roles";
            let database =
                "SELECT pg_encoding_to_char(encoding), pg_get_userbyid(datdba) FROM pg_database";
            let mut text = run("createuser", &["--createdb", "--connection-limit=3"]);
            text += &clients.ask(&format!("{role} WHERE rolname = '{name}'"));
            text += &run("createuser", &[]);
            text += &run(
                "createdb",
                &[
                    "-E",
                    "LATIN1",
                    "-T",
                    "template0",
                    "--locale=C",
                    "-O",
                    "other_user",
                ],
            );
            text += &clients.ask(&format!("{database} WHERE datname = '{name}'"));
            text += &run("createdb", &["a comment"]);
            text += &run("dropdb", &["--force"]);
            text += &run("dropdb", &[]);
            text += &run("dropdb", &["--if-exists"]);
            text += &run("dropuser", &[]);
            text += &run("dropuser", &[]);
            text
        });
        assert!(
            output.contains("t|3|t\n") && output.contains("LATIN1|other_user\n"),
            "{output}"
        );
        assert!(
            output.contains("role \"DATABASE_ö\" already exists"),
            "{output}"
        );
        assert!(
            output.contains("database \"DATABASE_ö\" does not exist"),
            "{output}"
        );
    }
}

#[test]
fn a_user_with_a_password() {
    for version in VERSIONS {
        let server = Postgres::shared();
        let database = &server.fresh_database();
        let clients = Clients {
            version,
            lib: Lib::Ours,
            server,
            database,
        };
        let role = format!("{database}_role");
        let mut command = clients.command("createuser");
        command.args(["-P", &role]);
        let mut session = Session::on_terminal(&command);
        for prompt in ["for new role: ", "it again: "] {
            session.until(prompt);
            session.send("päss word\n");
        }
        let (rest, end) = session.finish();
        assert_eq!(end, End::Exit(0), "{rest}");
        let sql = format!(
            "SELECT rolpassword LIKE 'SCRAM-SHA-256$4096:%' FROM pg_authid WHERE rolname = '{role}'"
        );
        assert_eq!(clients.ask(&sql), "t\n");
        server.psql("postgres", &format!("DROP ROLE {role}"));
    }
}

const TABLES: &str = "
CREATE TABLE a (i int PRIMARY KEY, t text);
CREATE TABLE b (i int PRIMARY KEY, t text);
CREATE TABLE c (i int PRIMARY KEY, t text);
CREATE INDEX a_t ON a (t);
CREATE SCHEMA s CREATE TABLE d (i int PRIMARY KEY);
INSERT INTO a SELECT i, i FROM generate_series(1, 1000) i;
INSERT INTO b SELECT * FROM a;
INSERT INTO c SELECT * FROM a;
CLUSTER a USING a_pkey;
";

#[test]
fn vacuum_with_parallel_jobs() {
    for version in VERSIONS {
        let server = Postgres::shared();
        let database = &server.fresh_database();
        let clients = Clients {
            version,
            lib: Lib::Ours,
            server,
            database,
        };
        clients.ask(TABLES);
        let output = clients.run("vacuumdb", &["-j2", "-z", "-e"]).success();
        assert!(output.stdout.contains("ANALYZE) public.b;\n"), "{output}");
        let rows =
            "SELECT relname, reltuples FROM pg_class WHERE relname IN ('a', 'b', 'c') ORDER BY 1";
        assert_eq!(clients.ask(rows), "a|1000\nb|1000\nc|1000\n");
        clients
            .run("vacuumdb", &["-j2", "--analyze-in-stages"])
            .success();
        clients
            .run("vacuumdb", &["-f", "-t", "a", "-t", "b", "-j2"])
            .success();
        let output = clients.run("vacuumdb", &["-v", "-t", "a"]).success();
        assert!(output.stderr.contains("finished vacuuming"), "{output}");
        let output = clients.run("vacuumdb", &["-j2", "-t", "a", "-t", "missing"]);
        assert_eq!(output.end, End::Exit(1), "{output}");
        assert!(
            output
                .stderr
                .contains("relation \"missing\" does not exist"),
            "{output}"
        );
    }
}

#[test]
fn reindex_with_parallel_jobs_and_cluster() {
    for version in VERSIONS {
        let output = same(version, Postgres::shared(), |clients| {
            clients.ask(TABLES);
            let files = "SELECT array_agg(relfilenode ORDER BY oid) FROM pg_class WHERE relname LIKE '%_pkey' OR relname = 'a_t'";
            let before = clients.ask(files);
            let mut text = clients
                .run("reindexdb", &["-S", "public", "-S", "s", "-j2"])
                .success()
                .to_string();
            let between = clients.ask(files);
            assert_ne!(before, between);
            text += &clients
                .run("reindexdb", &["-e", "--concurrently", "-t", "a"])
                .success()
                .to_string();
            text += &clients
                .run("clusterdb", &["-e", "-t", "a"])
                .success()
                .to_string();
            text += &clients.run("clusterdb", &["-t", "b"]).to_string();
            assert_ne!(between, clients.ask(files));
            text
        });
        assert!(
            output.contains("REINDEX TABLE CONCURRENTLY public.a;"),
            "{output}"
        );
        assert!(output.contains("CLUSTER public.a;"), "{output}");
        assert!(
            output.contains("there is no previously clustered index for table \"b\""),
            "{output}"
        );
    }
}

/// Runs pg_isready with Debian's libpq and with ours; returns its output and exit status.
#[track_caller]
fn ready(conninfo: &str, status: i32, says: &str) {
    for lib in [Lib::Debian15, Lib::Ours] {
        let mut command = on_lib(Version::Debian15.bin().join("pg_isready"), lib);
        let output = process::run(command.args(["-d", conninfo, "-t", "10"]), b"", TIMEOUT);
        assert_eq!(output.end, End::Exit(status), "{lib:?}: {output}");
        let all = output.stdout.clone() + &output.stderr;
        assert!(all.ends_with(says), "{lib:?}: {output}");
    }
}

#[test]
fn readiness_of_a_server() {
    let server = Postgres::shared_debian15();
    ready(&server.tcp("postgres"), 0, " - accepting connections\n");
    ready(&server.unix("postgres"), 0, " - accepting connections\n");
    // The role or database does not exist, or a password is missing: the server still accepts connections.
    let conninfo = format!("{} user=md5_user", server.tcp("nowhere"));
    ready(&conninfo, 0, " - accepting connections\n");
    let conninfo = format!("host=127.0.0.1 port={}", free_port());
    ready(&conninfo, 2, " - no response\n");
    ready("host=/nonexistent", 2, " - no response\n");
    ready("host=127.0.0.1 port=nonsense", 2, " - no response\n");
    ready("host=127.0.0.1 sslmode=nonsense", 3, " - no attempt\n");
    ready(
        "host=127.0.0.1 nonsense=1",
        3,
        "invalid connection option \"nonsense\"\n",
    );
}

#[test]
fn readiness_of_a_server_that_starts() {
    let refuse = |text: &'static str| {
        move |c: &mut Connection| {
            c.expect_startup();
            c.send(&fatal("57P03", text));
        }
    };
    let starting = "the database system is starting up";
    let server = Script::new()
        .connection(refuse(starting))
        .connection(refuse(starting))
        .start();
    ready(&server.tcp(), 1, " - rejecting connections\n");
    server.finish();
    // The server must not ask for a password that pg_isready does not have.
    let ask = |c: &mut Connection| {
        c.expect_startup();
        c.send(&auth(3, b""));
    };
    let server = Script::new().connection(ask).connection(ask).start();
    ready(&server.tcp(), 0, " - accepting connections\n");
    server.finish();
}
