//! pgbench: it must complete every transaction, with every protocol.

use std::fs;

use tempfile::TempDir;

use super::VERSIONS;
use crate::support::clients::Clients;
use crate::support::paths::Lib;
use crate::support::postgres::{Postgres, Version};

/// A database with pgbench's tables, created by pgbench with our library.
fn initialized(version: Version) -> String {
    let database = Postgres::shared().fresh_database();
    let output = ours(version, &database)
        .run("pgbench", &["-i", "-s", "2", "-q"])
        .success();
    assert!(output.stderr.contains("\ndone in "), "{output}");
    let counts = "SELECT (SELECT count(*) FROM pgbench_accounts), (SELECT count(*) FROM pgbench_tellers), \
        (SELECT count(*) FROM pgbench_branches)";
    assert_eq!(Postgres::shared().psql(&database, counts), "200000|20|2\n");
    database
}

fn ours(version: Version, database: &str) -> Clients<'_> {
    Clients {
        version,
        lib: Lib::Ours,
        server: Postgres::shared(),
        database,
    }
}

/// Runs pgbench and checks its report: all transactions completed, none failed, no other messages.
#[track_caller]
fn bench(clients: &Clients<'_>, args: &[&str], transactions: u32) {
    let output = clients.run("pgbench", args).success();
    for line in [
        format!("number of transactions actually processed: {transactions}/{transactions}\n"),
        "number of failed transactions: 0 (0.000%)\n".to_owned(),
    ] {
        assert!(output.stdout.contains(&line), "{args:?}: {output}");
    }
    let errors = output
        .stderr
        .lines()
        .filter(|line| *line != "starting vacuum...end.");
    assert_eq!(errors.collect::<Vec<_>>(), [""; 0], "{args:?}: {output}");
}

#[test]
fn every_protocol() {
    for version in VERSIONS {
        let database = initialized(version);
        let clients = ours(version, &database);
        for (number, protocol) in (1..).zip(["simple", "extended", "prepared"]) {
            bench(
                &clients,
                &["-M", protocol, "-c", "8", "-j", "2", "-t", "50"],
                400,
            );
            // pgbench empties the table first, so it has the rows of this run only.
            assert_eq!(
                clients.ask("SELECT count(*) FROM pgbench_history"),
                "400\n",
                "{protocol} {number}"
            );
            let balances = "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(bbalance) FROM pgbench_branches)";
            assert_eq!(clients.ask(balances), "t\n", "{protocol} {number}");
        }
        for protocol in ["simple", "extended", "prepared"] {
            bench(
                &clients,
                &[
                    "-S", "-n", "-M", protocol, "-c", "4", "-j", "2", "-t", "200",
                ],
                800,
            );
        }
        bench(
            &clients,
            &["-N", "-M", "prepared", "-c", "2", "-t", "20", "-R", "5000"],
            40,
        );
    }
}

#[test]
fn a_connection_for_each_transaction() {
    for version in VERSIONS {
        let database = initialized(version);
        let clients = ours(version, &database);
        bench(
            &clients,
            &["-C", "-S", "-n", "-c", "4", "-j", "2", "-t", "25"],
            100,
        );
        bench(
            &clients,
            &["-C", "-n", "-M", "prepared", "-c", "1", "-t", "10"],
            10,
        );
        assert_eq!(clients.ask("SELECT count(*) FROM pgbench_history"), "10\n");
    }
}

const PIPELINE: &str = r"\set id random(1, 200000)
\startpipeline
SELECT abalance FROM pgbench_accounts WHERE aid = :id;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 1, :id, 5, now());
SELECT repeat('x', 5000) FROM generate_series(1, 20);
UPDATE pgbench_branches SET bbalance = bbalance WHERE bid = 1 + :id % 2;
\endpipeline
SELECT 1;
\startpipeline
\endpipeline
";

#[test]
fn pipelines() {
    let directory = TempDir::new().expect("a temporary directory");
    let script = directory.path().join("pipeline.sql");
    fs::write(&script, PIPELINE).expect("write the file");
    let script = script.to_str().expect("a plain path");
    for version in VERSIONS {
        let database = initialized(version);
        let clients = ours(version, &database);
        for (done, protocol) in [(400, "extended"), (800, "prepared")] {
            // With -n, pgbench does not empty the history table.
            bench(
                &clients,
                &[
                    "-n", "-M", protocol, "-f", script, "-c", "8", "-j", "2", "-t", "50",
                ],
                400,
            );
            let rows = clients.ask("SELECT count(*), sum(delta) FROM pgbench_history");
            assert_eq!(rows, format!("{done}|{}\n", done * 5), "{protocol}");
        }
    }
}

#[test]
fn variables_from_results_and_retries() {
    const SCRIPT: &str = "SELECT 1 AS one, 2 AS two \\gset a_\n\
        SELECT 3 AS three \\; SELECT 4 AS four \\aset b_\n\
        INSERT INTO pgbench_history (tid, bid, aid) VALUES (:a_one, :a_two, :b_three + :b_four);\n";
    const SERIALIZED: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE;\n\
        UPDATE pgbench_branches SET bbalance = bbalance + 1 WHERE bid = 1;\nCOMMIT;\n";
    let directory = TempDir::new().expect("a temporary directory");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).expect("write the file");
        path.to_str().expect("a plain path").to_owned()
    };
    let (variables, serialized) = (file("variables", SCRIPT), file("serialized", SERIALIZED));
    for version in VERSIONS {
        let database = initialized(version);
        let clients = ours(version, &database);
        bench(
            &clients,
            &["-n", "-f", &variables, "-c", "2", "-t", "10"],
            20,
        );
        let rows = clients.ask("SELECT DISTINCT tid, bid, aid FROM pgbench_history");
        assert_eq!(rows, "1|2|7\n");
        let args = [
            "-n",
            "-f",
            &serialized,
            "-c",
            "4",
            "-j",
            "2",
            "-t",
            "25",
            "--max-tries=1000",
        ];
        bench(&clients, &args, 100);
        assert_eq!(
            clients.ask("SELECT bbalance FROM pgbench_branches WHERE bid = 1"),
            "100\n"
        );
    }
}

#[test]
fn an_error_ends_its_client() {
    let directory = TempDir::new().expect("a temporary directory");
    let script = directory.path().join("error.sql");
    fs::write(
        &script,
        "\\startpipeline\nSELECT 1;\nSELECT 1/0;\nSELECT 2;\n\\endpipeline\n",
    )
    .expect("a script");
    let script = script.to_str().expect("a plain path");
    let database = Postgres::shared().fresh_database();
    for version in VERSIONS {
        let run = |lib| {
            let clients = Clients {
                lib,
                ..ours(version, &database)
            };
            clients.run(
                "pgbench",
                &["-n", "-M", "extended", "-f", script, "-t", "5"],
            )
        };
        let (expected, output) = (run(Lib::Oracle), run(Lib::Ours));
        assert_eq!(output.stderr, expected.stderr);
        assert_eq!(output.end, expected.end);
        assert!(output.stderr.contains("division by zero"), "{output}");
    }
}
