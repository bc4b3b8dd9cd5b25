//! What a release consists of: one version in all places, the source archive, and the bills of materials.

mod archive;
mod bill;

use std::collections::BTreeSet;
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

/// YAML allows a name once; a target that make does not have fails on the hosted machine only.
#[test]
fn workflows_have_unique_jobs_and_call_targets_of_the_makefile() {
    let makefile = text("Makefile");
    let phony = between(&makefile, ".PHONY: ", "\n");
    let targets: BTreeSet<_> = phony.split(' ').collect();
    for file in ["ci.yml", "release.yml"] {
        let workflow = text(&format!(".github/workflows/{file}"));
        let jobs = workflow.split_once("\njobs:\n").expect("jobs").1;
        let is_name = |line: &&str| !line.starts_with([' ', '#']) && line.ends_with(':');
        let names = jobs.lines().filter_map(|line| line.strip_prefix("  "));
        let names: Vec<_> = names.filter(is_name).collect();
        let unique: BTreeSet<_> = names.iter().collect();
        assert!(
            names.len() > 1 && names.len() == unique.len(),
            "{file}: {names:?}"
        );

        let words = jobs.lines().filter_map(|line| {
            let line = line
                .trim_start_matches([' ', '-'])
                .trim_start_matches("run: ");
            line.strip_prefix("make ")
                .or(line.strip_prefix("targets: "))
        });
        let is_target = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        let called: Vec<_> = words
            .flat_map(|line| line.split(' '))
            .filter(is_target)
            .collect();
        let unknown: Vec<_> = called
            .iter()
            .filter(|&word| !targets.contains(word))
            .collect();
        assert!(
            called.len() > 3 && unknown.is_empty(),
            "{file}: {called:?}, unknown: {unknown:?}"
        );
    }
}
