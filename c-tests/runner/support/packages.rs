//! The packages for Python and Ruby: how they are built, and what both must have.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::paths::{self, Lib};
use super::process::{self, TIMEOUT};

/// A command with a minimal environment. No libpq is selected.
pub fn plain(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.env_clear().envs([
        ("PATH", "/usr/bin:/bin"),
        ("LC_ALL", "C.UTF-8"),
        ("HOME", "/nonexistent"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ]);
    command
}

/// Runs a script of the checkout that packs the library, as make does; returns the path of the package.
fn pack_with_time(program: &str, script: &str, output: &Path, epoch: Option<&str>) -> PathBuf {
    let mut command = plain(program);
    command
        .arg(paths::checkout().join(script))
        .arg("--library")
        .arg(Lib::Ours.directory().join("libpq.so.5"))
        .arg("--output")
        .arg(output);
    command.envs(epoch.map(|epoch| ("SOURCE_DATE_EPOCH", epoch)));
    let output = process::run(&mut command, b"", TIMEOUT).success();
    output.stdout.trim_end().into()
}

/// Packs into a directory below the target directory.
pub fn pack(program: &str, script: &str, directory: &str) -> PathBuf {
    let output = paths::target().join("c-tests").join(directory);
    pack_with_time(program, script, &output, None)
}

/// Packs again, and with another time; the first must give the same bytes as `ours`.
#[track_caller]
pub fn two_builds_have_the_same_bytes(program: &str, script: &str, ours: &Path) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let built = |name: &str, epoch| {
        let package = pack_with_time(program, script, &directory.path().join(name), epoch);
        fs::read(package).expect("the package")
    };
    let ours = fs::read(ours).expect("the package");
    assert!(built("again", None) == ours, "the bytes differ");
    let dated = built("dated", Some("1700000000"));
    assert!(dated != ours, "SOURCE_DATE_EPOCH has no effect");
    let again = built("dated again", Some("1700000000"));
    assert!(again == dated, "the bytes differ");
}

/// What find prints for a directory, sorted.
pub fn found(root: &Path, expression: &str) -> Vec<String> {
    let mut find = plain("/usr/bin/find");
    find.current_dir(root).arg(".").args(expression.split(' '));
    let output = process::run(&mut find, b"", TIMEOUT).success();
    let mut files: Vec<_> = output.stdout.lines().map(str::to_owned).collect();
    files.sort();
    files
}
