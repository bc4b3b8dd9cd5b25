//! What a release consists of: one version in all places, the source archive, and the bills of materials.

mod archive;
mod bill;

use std::fs;

use crate::support::paths;

/// Says so if not: the scripts pack what is committed.
fn is_git_checkout() -> bool {
    let is = paths::checkout().join(".git").exists();
    if !is {
        eprintln!("skipped: this is no git checkout");
    }
    is
}

fn text(file: &str) -> String {
    let path = paths::checkout().join(file);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What stands between `before` and `after`, where they first occur.
#[track_caller]
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).map(|(_, rest)| rest);
    let found = rest.and_then(|rest| rest.split_once(after));
    found.unwrap_or_else(|| panic!("no {before:?}")).0
}

/// The packages for Python and Ruby have tests of their own for this.
#[test]
fn all_files_have_the_version_of_the_workspace() {
    let version = env!("CARGO_PKG_VERSION");
    for lock in ["Cargo.lock", "fuzz/Cargo.lock"] {
        let lock = text(lock);
        for package in ["libpq-oxide", "pq-protocol", "pq-verify"] {
            let before = format!("name = \"{package}\"\nversion = \"");
            assert_eq!(between(&lock, &before, "\""), version, "{package}");
        }
    }
    let lock = text("Cargo.lock");
    let proxy = between(&lock, "name = \"goaway-proxy\"\nversion = \"", "\"");
    assert_eq!(proxy, version);
    let manual = text("docs/goaway-proxy.1");
    assert_eq!(between(&manual, "\"libpq-oxide ", "\""), version);
}

#[test]
fn the_changelog_begins_with_unreleased_changes_and_this_version() {
    let changelog = text("CHANGELOG.md");
    let mut headings = changelog
        .lines()
        .filter_map(|line| line.strip_prefix("## "));
    assert_eq!(headings.next(), Some("[Unreleased]"));
    let release = headings.next().expect("a release");
    let date = release
        .strip_prefix(&format!("[{}] - ", env!("CARGO_PKG_VERSION")))
        .unwrap_or_else(|| panic!("{release}"));
    let parts: Vec<_> = date.split('-').map(str::len).collect();
    assert_eq!(parts, [4, 2, 2], "{date}");
}
