//! The tables of known faults and of bounds in `docs/reliability.md`.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::support::paths;
use crate::support::process::{self, TIMEOUT};

/// The names of the harness' tests.
fn harness() -> BTreeSet<String> {
    let this = std::env::current_exe().expect("the harness");
    let output = process::run(Command::new(this).arg("--list"), b"", TIMEOUT).success();
    let tests = output.stdout.lines();
    tests
        .filter_map(|line| Some(line.strip_suffix(": test")?.to_owned()))
        .collect()
}

/// The names of the unit tests, without their modules.
fn unit_tests() -> BTreeSet<String> {
    let mut grep = Command::new("grep");
    grep.current_dir(paths::checkout()).args([
        "-rhoP",
        r"^\s*fn \K\w+(?=\(\) \{)",
        "src",
        "crates",
    ]);
    let output = process::run(&mut grep, b"", TIMEOUT).success();
    output.stdout.lines().map(str::to_owned).collect()
}

/// The tests named in a section, in backticks.
fn listed(section: &str) -> BTreeSet<String> {
    let path = paths::checkout().join("docs/reliability.md");
    let text = fs::read_to_string(path).expect("docs/reliability.md");
    let heading = format!("\n## {section}\n");
    let (_, section) = text.split_once(&heading).expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let is_test = |name: &&str| name.contains("::") && !name.ends_with("::");
    let names = section.split('`').skip(1).step_by(2);
    names.filter(is_test).map(str::to_owned).collect()
}

#[test]
fn each_test_in_the_tables_exists() {
    let (harness, unit) = (harness(), unit_tests());
    let (faults, bounds) = (listed("Past faults of libpq"), listed("Bounds"));
    assert!(
        faults.len() > 20 && bounds.len() > 10,
        "{faults:?} {bounds:?}"
    );
    for test in faults.union(&bounds) {
        let last = test.rsplit("::").next().unwrap_or_default();
        let exists = harness.contains(test) || (test.contains("tests::") && unit.contains(last));
        assert!(exists, "there is no test {test}");
    }
    for test in harness.iter().filter(|test| test.contains("::cve_")) {
        assert!(faults.contains(test), "{test} is not listed");
    }
}
