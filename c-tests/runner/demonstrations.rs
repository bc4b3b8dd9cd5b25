//! Short runs of the demonstrations in `c-tests/demo`. The tests check counts but not times, which depend on the
//! machine.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::paths::{self, Lib};
use crate::support::postgres::Version;
use crate::support::process::{self, Output};

/// The demonstrations start servers and wait until they stop.
const LIMIT: Duration = Duration::from_secs(600);

fn python(arguments: &[&str]) -> Command {
    let mut command = prepared(paths::cache().join("python/bin/python"));
    command.args(arguments);
    command
}

/// A command that finds the programs and the library under test.
fn prepared(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(paths::checkout().join("c-tests/demo"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("CARGO_TARGET_DIR", paths::target())
        .env("GOAWAY_PROXY", paths::goaway_proxy())
        .env("LIBPQ_OXIDE_LIB", Lib::Ours.directory());
    command
}

#[track_caller]
fn run(program: &str, version: Version) -> Output {
    let mut command = python(&[program, "--short", "--seed", "7", "--programs"]);
    process::run(command.arg(version.bin()), b"", LIMIT).success()
}

/// The cells of the table row that begins with `name`.
#[track_caller]
fn row<'a>(output: &'a Output, name: &str) -> Vec<&'a str> {
    let cells = |line: &'a str| -> Vec<&str> {
        line.split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect()
    };
    let mut rows = output.stdout.lines().map(cells);
    rows.find(|row| row.first() == Some(&name) && row.len() > 2)
        .unwrap_or_else(|| panic!("no row {name:?} in {output}"))
}

#[test]
fn drain() {
    let output = run("drain.py", Version::Debian15);
    // Columns: the variant, when the server exited, failed queries, the slowest answer, the most connections a second,
    // who left.
    for variant in ["goaway-0", "goaway-2", "extension-2", "extension_stock-2"] {
        let row = row(&output, variant);
        assert_eq!(row[2], "0", "{output}");
        assert_eq!(row[5], "100 asked, 0 expired, 0 lost", "{output}");
    }
    let stock = row(&output, "stock-8");
    assert_eq!(stock[2], "0", "{output}");
    assert_eq!(stock[5], "0 asked, 100 expired, 0 lost", "{output}");
    let fast = row(&output, "fast");
    assert_ne!(fast[2], "0", "{output}");
    assert_eq!(fast[5], "0 asked, 0 expired, 100 lost", "{output}");
}

#[test]
fn switchover() {
    let output = run("switchover.py", Version::Oracle18);
    // Columns: the variant, runs, runs without a failure, failed, answered, the rate, caught, committed, the slowest
    // answer.
    for variant in ["goaway", "extension"] {
        let goaway = row(&output, variant);
        assert_eq!(goaway[1..4], ["3", "3", "0"], "{output}");
        assert_eq!(goaway[6], goaway[7], "{output}");
        assert_ne!(goaway[6], "0", "{output}");
    }
    let fast = row(&output, "fast");
    assert_eq!(fast[1..3], ["3", "0"], "{output}");
    // A transaction may end just before the server stops.
    let count = |cell: &str| cell.parse::<u32>().expect("a count");
    assert!(count(fast[7]) * 4 < count(fast[6]), "{output}");
}

#[test]
fn bad_client() {
    let output = run("bad_client.py", Version::Debian15);
    // Columns: clients, connections, left when asked, errors, when the last one left.
    for (variant, log) in [
        (
            "goaway",
            "goaway-proxy reports the same counts, and exits with status 3",
        ),
        ("extension", "the server's log has the same counts"),
    ] {
        let counts = |name| row(&output, &format!("{variant}: {name}"))[1..4].to_vec();
        assert_eq!(counts("know GoAway"), ["90", "90", "0"], "{output}");
        assert_eq!(counts("C libpq"), ["9", "0", "9"], "{output}");
        assert_eq!(counts("idle in a transaction"), ["1", "0", "1"], "{output}");
        for claim in [
            "each of the 9 clients on C libpq gets exactly one error",
            "clients that know GoAway leave before the deadline, and nobody is disconnected before it",
            log,
        ] {
            let line = format!("passed  {variant}: {claim}\n");
            assert!(output.stdout.contains(&line), "{output}");
        }
    }
}

#[test]
fn a_false_claim_fails_the_demonstration() {
    let report = "import sys, command_line; sys.exit(command_line.report_claims({'a': {'x': True, 'y': False}}))";
    let output = process::run(&mut python(&["-c", report]), b"", LIMIT);
    assert_eq!(output.end, process::End::Exit(1));
    assert_eq!(output.stdout, "passed  a: x\nFAILED  a: y\n");
}

/// `make soak` finds rows that are lost, or there against what a client reported, and processes that grow.
#[test]
fn the_soak_finds_wrong_rows_and_growth() {
    let check = "
import soak_rows
report = soak_rows.Report()
for word, number in ('failed', 3), ('unknown', 5), ('last', 8):
    report.read(word, number)
good = [1, 2, 4, 6, 7, 8]
for rows in good, [5, *good], good[1:], [3, *good], [8, *good], [9, *good]:
    print(soak_rows.problems(report, rows), sum(soak_rows.claims(report, rows).values()))
flat = [(30000, 9, 1)] * 30
print(soak_rows.is_flat(flat), soak_rows.is_flat(flat + [(35000, 9, 1)] * 20), soak_rows.is_flat(flat + [(30000, 9, 2)] * 20))
";
    let output = process::run(&mut python(&["-c", check]), b"", LIMIT).success();
    let expected = "\
{} 4
{} 4
{'lost': [1]} 3
{'failed, but there': [3]} 3
{'twice': [8]} 3
{'not sent': [9]} 3
True False False
";
    assert_eq!(output.stdout, expected);
}

#[test]
fn an_interrupted_demonstration_stops_what_it_started() {
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o1777))
        .expect("set the file mode");
    let mut command = prepared("timeout");
    command.args(["--preserve-status", "-s", "INT", "6"]);
    command.arg(paths::cache().join("python/bin/python"));
    command.args(["drain.py", "--short", "stock-60"]);
    command.env("TMPDIR", directory.path());
    let output = process::run(&mut command, b"", LIMIT);
    assert_eq!(output.end, process::End::Exit(130), "{output}");
    assert_eq!(
        output.stderr,
        "\nInterrupted: servers, proxy and clients are stopped, and their files are removed.\n"
    );
    let left = fs::read_dir(directory.path()).expect("read the directory");
    assert_eq!(left.count(), 0, "files are left");
}

/// The benchmark of pg_goaway. Only the number of instructions is checked, because it does not depend on the load.
#[test]
fn extension_cost() {
    let mut command = python(&["extension_cost.py"]);
    command.args([
        "--rounds",
        "1",
        "--turns",
        "2",
        "--stops",
        "2",
        "--transactions",
        "200",
    ]);
    let output = process::run(&mut command, b"", LIMIT).success();
    for begin in [
        "transactions/s, with by without: ",
        "fast shutdown: ",
        "immediate shutdown: ",
    ] {
        let mut lines = output.stdout.lines();
        assert!(lines.any(|line| line.starts_with(begin)), "{output}");
    }
    // Far more than the module needs.
    let (_, ratio) = output
        .stdout
        .rsplit_once("instructions a transaction: ")
        .and_then(|(_, line)| line.rsplit_once(": "))
        .expect("a ratio");
    let ratio: f64 = ratio.trim().parse().expect("a number");
    assert!((0.97..1.03).contains(&ratio), "{output}");
}

/// The benchmark of goaway-proxy. This checks that it measures something, not the figures.
#[test]
fn proxy_cost() {
    let mut command = python(&["proxy_cost.py"]);
    command.args(["--rounds", "1", "--turns", "2", "--idle", "50"]);
    let output = process::run(&mut command, b"", LIMIT).success();
    for proxy in ["PgBouncer", "goaway-proxy"] {
        for cell in &row(&output, proxy)[1..] {
            let figure: f64 = cell.parse().unwrap();
            assert!(figure > 0.0, "{output}");
        }
    }
    let memory = output
        .stdout
        .lines()
        .filter(|line| line.starts_with("resident memory"));
    assert_eq!(memory.count(), 2, "{output}");
}
