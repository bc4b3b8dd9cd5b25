//! The software bills of materials that `make sbom` writes.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use serde_json::Value;
use tempfile::TempDir;

use super::{between, is_git_checkout, text};
use crate::support::paths::{self, Lib};
use crate::support::process::{self, TIMEOUT};

/// Writes both bills to the directory.
fn write(directory: &Path) {
    let program = paths::cache().join("cargo/bin/cargo-cyclonedx");
    assert!(program.exists(), "no cargo-cyclonedx: run c-tests/setup.sh");
    let mut command = Command::new(paths::checkout().join("packaging/sbom.sh"));
    command.arg(directory).env("CARGO", env!("CARGO"));
    process::run(&mut command, b"", TIMEOUT).success();
}

/// Checks the file against the schema of CycloneDX 1.5, which allows nothing that it does not know.
fn validate(file: &Path) {
    let script = "import sys
from pathlib import Path
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
errors = JsonStrictValidator(SchemaVersion.V1_5).validate_str(Path(sys.argv[1]).read_text())
sys.exit(str(errors) if errors else 0)";
    let mut python = Command::new(paths::cache().join("python/bin/python"));
    python.args(["-c", script]).arg(file);
    process::run(&mut python, b"", TIMEOUT).success();
}

/// The crates that Cargo links into a package's files on this machine, as `name version`, without the package itself.
fn linked_into(package: &str) -> BTreeSet<String> {
    let mut tree = Command::new(env!("CARGO"));
    tree.current_dir(paths::checkout())
        .args(["tree", "--locked", "--edges", "normal,no-proc-macro"])
        .args(["--prefix", "none", "--format", "{p}", "--package", package]);
    let output = process::run(&mut tree, b"", TIMEOUT).success();
    let lines = output.stdout.lines().skip(1);
    let words = lines.map(|line| line.split(' ').collect::<Vec<_>>());
    let crates = words.filter_map(|words| Some(format!("{} {}", words[0], words.get(1)?)));
    crates.map(|name| name.replace(" v", " ")).collect()
}

/// The crates.io packages whose sources a compiled file names in panic messages or debug information, as `name version`.
fn named_in(file: &Path) -> BTreeSet<String> {
    let bytes = fs::read(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let bytes = String::from_utf8_lossy(&bytes);
    let mut found = BTreeSet::new();
    for place in bytes.split("/index.crates.io-").skip(1) {
        found.extend(place.split_once('/').and_then(|(_, path)| package_of(path)));
    }
    for path in bytes.split("vendor/").skip(1) {
        found.extend(package_of(path));
    }
    found
}

/// The package of a path that begins with `NAME-VERSION`.
fn package_of(path: &str) -> Option<String> {
    let in_name = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    let directory = &path[..path.find(|c| !in_name(c))?];
    let is_version = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let mut hyphens = directory.match_indices('-').map(|(at, _)| at);
    let hyphen = hyphens.find(|at| is_version(&directory[at + 1..]))?;
    let (name, version) = (&directory[..hyphen], &directory[hyphen + 1..]);
    version.contains('.').then(|| format!("{name} {version}"))
}

fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no {key}: {value}"))
}

fn name_and_version(component: &Value) -> String {
    format!(
        "{} {}",
        string(component, "name"),
        string(component, "version")
    )
}

/// Whether the component has the checksum that Cargo.lock has for it. Packages of the workspace have none.
fn checksum_is_locked(component: &Value) {
    let (name, version) = (string(component, "name"), string(component, "version"));
    let lock = text("Cargo.lock") + "\n";
    let before = format!("name = \"{name}\"\nversion = \"{version}\"\n");
    let entry = between(&lock, &before, "\n\n");
    let locked = entry
        .contains("checksum")
        .then(|| between(entry, "checksum = \"", "\""));
    let listed = &component["hashes"][0]["content"];
    assert_eq!(listed.as_str(), locked, "{name} {version}");
}

/// Each component has one entry, and the entries name no others.
fn dependencies_are_listed(bill: &Value) {
    let components = bill["components"].as_array().expect("components");
    let described = &bill["metadata"]["component"];
    let references: BTreeSet<_> = components
        .iter()
        .chain([described])
        .map(|component| string(component, "bom-ref"))
        .collect();
    assert_eq!(references.len(), components.len() + 1);
    let entries = bill["dependencies"].as_array().expect("dependencies");
    let depending: Vec<_> = entries.iter().map(|entry| string(entry, "ref")).collect();
    assert_eq!(depending.len(), references.len());
    assert_eq!(references, depending.into_iter().collect());
    let lists = entries
        .iter()
        .filter_map(|entry| entry["dependsOn"].as_array());
    for name in lists.flatten().filter_map(Value::as_str) {
        assert!(references.contains(name), "{name}");
    }
}

#[test]
fn a_bill_of_materials_lists_what_is_linked() {
    if !is_git_checkout() {
        return;
    }
    let directory = TempDir::with_prefix("pq-").expect("a temporary directory");
    write(directory.path());
    let again = directory.path().join("again");
    write(&again);
    for (package, compiled) in [
        ("libpq-oxide", Lib::Ours.directory().join("libpq.so.5")),
        ("goaway-proxy", paths::goaway_proxy().to_owned()),
    ] {
        let name = format!("{package}-{}.cdx.json", env!("CARGO_PKG_VERSION"));
        let file = directory.path().join(&name);
        validate(&file);
        let text = fs::read_to_string(&file).expect("a bill");
        let bill: Value = serde_json::from_str(&text).expect("JSON");
        let described = name_and_version(&bill["metadata"]["component"]);
        let expected = format!("{package} {}", env!("CARGO_PKG_VERSION"));
        assert_eq!(described, expected);
        let components = bill["components"].as_array().expect("components");
        let listed: BTreeSet<_> = components.iter().map(name_and_version).collect();
        assert_eq!(
            listed.len(),
            components.len(),
            "a component is listed twice"
        );
        assert_eq!(listed, linked_into(package));
        components.iter().for_each(checksum_is_locked);
        dependencies_are_listed(&bill);

        let named = named_in(&compiled);
        assert!(named.len() > 20, "{named:?}");
        let unlisted: Vec<_> = named.difference(&listed).collect();
        assert!(unlisted.is_empty(), "{unlisted:?}");

        let temporary = env::temp_dir();
        assert!(!text.contains(temporary.to_str().expect("UTF-8")), "{text}");
        let again = fs::read_to_string(again.join(&name)).expect("a bill");
        assert!(text == again, "the bytes differ");
    }
}
