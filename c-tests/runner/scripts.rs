//! The shell scripts of `c-tests`: progress of long commands, an old cargo, downloads with checksums.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::paths;
use crate::support::process::{self, End, Output, TIMEOUT};

/// Runs bash with a script that sources files of `c-tests`; `$1` is the directory.
fn bash(sources: &[&str], script: &str, directory: &Path) -> Output {
    let sources: String = sources
        .iter()
        .map(|source| format!(". c-tests/{source}\n"))
        .collect();
    let mut command = Command::new("bash");
    command.current_dir(paths::checkout());
    command
        .args(["-euc", &format!("{sources}{script}"), "bash"])
        .arg(directory);
    process::run(&mut command, b"", TIMEOUT)
}

fn directory() -> TempDir {
    TempDir::with_prefix("pq-").expect("a temporary directory")
}

#[test]
fn a_long_command_shows_its_progress_every_ten_seconds() {
    let script = "with_progress job \"$1/log\" line_detail sh -c 'echo step 1; sleep 18'";
    let directory = directory();
    let output = bash(&["lib/progress.sh"], script, directory.path()).success();
    let lines = output
        .stdout
        .lines()
        .filter(|line| line.ends_with("job: step 1"));
    assert_eq!(lines.count(), 2, "{output}");
    assert!(output.stdout.ends_with("job: done\n"), "{output}");
}

#[test]
fn a_command_that_fails_shows_the_end_of_its_log() {
    let script = "with_progress job \"$1/log\" line_detail sh -c 'echo what is wrong; exit 7'";
    let directory = directory();
    let output = bash(&["lib/progress.sh"], script, directory.path());
    assert_eq!(output.end, End::Exit(7), "{output}");
    let log = directory.path().join("log");
    let expected = format!("the whole log is {}\n", log.display());
    assert!(output.stderr.starts_with("what is wrong\n"), "{output}");
    assert!(output.stderr.ends_with(&expected), "{output}");
}

#[test]
fn progress_of_cargo_is_read_from_its_bar() {
    let bar = "   Compiling a v1\\n    Building [===>    ] 7/210: a, b(build)  \\r";
    let script = format!(
        "printf '{bar}' >\"$1/log\"; cargo_detail \"$1/log\"; : >\"$1/log\"; cargo_detail \"$1/log\""
    );
    let directory = directory();
    let output = bash(&["lib/progress.sh"], &script, directory.path()).success();
    assert_eq!(
        output.stdout,
        "compiling, 7 of 210 crates; now a, b(build)\ncompiling, see the log\n"
    );
}

#[test]
fn make_says_what_is_needed_when_cargo_is_too_old() {
    let directory = directory();
    let cargo = directory.path().join("cargo");
    fs::write(
        &cargo,
        "#!/bin/sh\necho 'cargo 1.65.0 (4bc8f24d3 2022-10-20)'\n",
    )
    .expect("write the file");
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("set the file mode");
    for (cargo, expected) in [
        (cargo.as_path(), "This cargo is too old: 1.65.0.\n"),
        (Path::new("/nonexistent/cargo"), "There is no cargo: "),
    ] {
        let mut make = Command::new("make");
        make.current_dir(paths::checkout()).arg("all");
        make.arg(format!("CARGO={}", cargo.display()));
        let output = process::run(&mut make, b"", TIMEOUT);
        assert_eq!(output.end, End::Exit(2), "{output}");
        assert!(output.stderr.starts_with(expected), "{output}");
        assert!(output.stderr.contains("https://rustup.rs"), "{output}");
    }
}

#[test]
fn the_source_of_the_oracle_must_have_its_checksum() {
    let script = "
        echo right >\"$1/right\"; echo wrong >\"$1/wrong\"
        sum=$(sha256sum <\"$1/right\" | cut -d ' ' -f 1)
        fetch_file \"$1/fetched\" \"$sum\" \"copy:$1/missing\" \"copy:$1/wrong\" \"copy:$1/right\" >/dev/null 2>&1
        cat \"$1/fetched\"
        rm \"$1/fetched\"
        fetch_file \"$1/fetched\" \"$sum\" \"copy:$1/wrong\"";
    let directory = directory();
    let output = bash(&["oracle/source.sh"], script, directory.path());
    assert_eq!(output.end, End::Exit(1), "{output}");
    assert!(output.stdout.starts_with("right\n"), "{output}");
    assert!(
        output.stderr.contains("cannot be fetched: fetched.\n"),
        "{output}"
    );
    assert!(!directory.path().join("fetched").exists());
}
