//! The source archive that `make dist` packs. `make check-dist` also builds it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use serde_json::Value;
use tempfile::TempDir;

use super::is_git_checkout;
use crate::support::paths;
use crate::support::process::{self, TIMEOUT};

/// Packs the archive, with little compression; returns its path.
fn pack(directory: &Path, umask: &str) -> PathBuf {
    let mut command = Command::new("sh");
    command
        .args(["-c", "umask \"$1\"; exec \"$2\" \"$3\"", "sh", umask])
        .arg(paths::checkout().join("packaging/dist.sh"))
        .arg(directory)
        .env("CARGO", env!("CARGO"))
        .env("XZ_LEVEL", "0");
    let output = process::run(&mut command, b"", Duration::from_secs(300)).success();
    output.stdout.trim_end().into()
}

fn lines(command: &mut Command) -> BTreeSet<String> {
    let output = process::run(command, b"", TIMEOUT).success();
    output.stdout.lines().map(str::to_owned).collect()
}

/// The packages that Cargo finds for a manifest without a network, and with no sources but those in the archive.
fn packages(root: &Path, manifest: &str) -> Vec<PathBuf> {
    let home = TempDir::with_prefix("pq-").expect("a temporary directory");
    let mut metadata = Command::new(env!("CARGO"));
    metadata
        .current_dir(root)
        .args(["metadata", "--offline", "--locked", "--format-version", "1"])
        .args(["--manifest-path", manifest])
        .env("CARGO_HOME", home.path())
        .env_remove("CARGO_TARGET_DIR");
    let output = process::run(&mut metadata, b"", TIMEOUT).success();
    let metadata: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let manifests = packages
        .iter()
        .filter_map(|package| package["manifest_path"].as_str());
    manifests.map(PathBuf::from).collect()
}

#[test]
fn the_source_archive_has_what_is_committed_and_all_dependencies() {
    if !is_git_checkout() {
        return;
    }
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    let archive = pack(directory.path(), "022");
    let name = format!("libpq-oxide-{}", env!("CARGO_PKG_VERSION"));
    let file = format!("{name}.tar.xz");
    assert_eq!(archive.file_name(), Some(file.as_ref()));

    let mut unpack = Command::new("tar");
    unpack.arg("-x").arg("-C").arg(directory.path());
    process::run(unpack.arg("-f").arg(&archive), b"", TIMEOUT).success();
    let root = directory.path().join(&name);
    let mut find = Command::new("find");
    find.current_dir(&root)
        .args([".", "-path", "./vendor", "-prune", "-o", "-type", "f"])
        .args(["-printf", "%P\n"]);
    let mut git = Command::new("git");
    git.current_dir(paths::checkout())
        .args(["ls-tree", "-r", "--name-only", "HEAD"]);
    assert_eq!(lines(&mut find), lines(&mut git));

    for manifest in [
        "Cargo.toml",
        "examples/pool_tokio_postgres/Cargo.toml",
        "c-tests/static/diesel/Cargo.toml",
        "fuzz/Cargo.toml",
    ] {
        let packages = packages(&root, manifest);
        assert!(packages.len() > 20, "{manifest}: {packages:?}");
        for package in packages {
            assert!(package.starts_with(&root), "{}", package.display());
        }
    }

    let again = pack(&directory.path().join("again"), "077");
    let read = |path| fs::read(path).expect("an archive");
    assert!(read(archive) == read(again), "the bytes differ");
}
