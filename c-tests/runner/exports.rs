//! The symbols and dynamic section of the shared library.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::paths::{self, Lib};
use crate::support::process::{self, TIMEOUT};

/// `char *const pgresStatus[13]`.
const PGRES_STATUS_SIZE: u64 = 13 * 8;

fn library() -> PathBuf {
    Lib::Ours.directory().join("libpq.so.5")
}

/// Runs a program of binutils on the library and returns each line of its output as words.
fn words(tool: &str, options: &[&str]) -> Vec<Vec<String>> {
    let mut command = Command::new(tool);
    command.args(options).arg(library());
    let text = process::run(&mut command, b"", TIMEOUT).success().stdout;
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    text.lines().map(words).collect()
}

/// The global symbols the library defines: name, kind (as nm prints it), size.
fn defined() -> Vec<(String, String, u64)> {
    let lines = words("nm", &["-D", "--defined-only", "--format=posix"]);
    let symbol = |line: Vec<String>| match line.as_slice() {
        [name, kind, _, size] => {
            let size = u64::from_str_radix(size, 16).expect("a size");
            (name.clone(), kind.clone(), size)
        }
        other => panic!("nm says {other:?}"),
    };
    lines.into_iter().map(symbol).collect()
}

/// The bracketed values of a tag in the dynamic section.
fn dynamic(tag: &str) -> Vec<String> {
    let lines = words("readelf", &["--dynamic", "--wide"]);
    let of_tag = lines.iter().filter(|line| line.iter().any(|w| w == tag));
    let name = |line: &Vec<String>| line.last().map(|w| w.trim_matches(['[', ']']).to_owned());
    of_tag.filter_map(name).collect()
}

fn listed() -> BTreeSet<String> {
    let list = paths::checkout().join("include/exports.txt");
    let text = fs::read_to_string(list).expect("the list of exports");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_global_symbols_are_those_listed() {
    let (listed, defined) = (listed(), defined());
    assert_eq!(listed.len(), 212);
    let names: BTreeSet<String> = defined.iter().map(|(name, ..)| name.clone()).collect();
    let missing: Vec<_> = listed.difference(&names).collect();
    let additional: Vec<_> = names.difference(&listed).collect();
    assert!(
        missing.is_empty() && additional.is_empty(),
        "missing: {missing:?}\nsurplus: {additional:?}"
    );
    // A name with @ would be a versioned symbol. libpq has none, and it could hide a symbol defined twice.
    assert_eq!(defined.len(), 212);
}

#[test]
fn all_exports_but_one_are_functions() {
    for (name, kind, size) in defined() {
        if name == "pgresStatus" {
            // Old programs contain a copy of this array (a copy relocation), so its size is part of the interface.
            assert!(["D", "R"].contains(&kind.as_str()), "{name} is {kind}");
            assert_eq!(size, PGRES_STATUS_SIZE, "{name}");
        } else {
            assert_eq!(kind, "T", "{name}");
        }
    }
}

#[test]
fn the_soname_is_libpqs_and_only_the_c_library_is_needed() {
    assert_eq!(dynamic("(SONAME)"), ["libpq.so.5"]);
    let needed = dynamic("(NEEDED)");
    assert!(needed.iter().any(|name| name == "libc.so.6"), "{needed:?}");
    let is_known = |name: &String| {
        ["libc.so.6", "libgcc_s.so.1"].contains(&name.as_str()) || name.starts_with("ld-linux-")
    };
    assert!(needed.iter().all(is_known), "{needed:?}");
}

#[test]
fn the_library_imports_no_process_control_and_has_no_rpath() {
    for tag in ["(RPATH)", "(RUNPATH)", "(TEXTREL)", "(SYMBOLIC)"] {
        assert_eq!(dynamic(tag), Vec::<String>::new(), "{tag}");
    }
    let imports = words("nm", &["-D", "--undefined-only", "--format=posix"]);
    assert!(imports.len() > 20, "{imports:?}");
    for line in imports {
        let name = line[0].split('@').next().unwrap_or_default();
        // libpq: the library is loaded into backends, so it must not start threads, install signal handlers or end
        // the process.
        let forbidden = [
            "exit",
            "_exit",
            "quick_exit",
            "atexit",
            "signal",
            "fork",
            "pthread_create",
        ];
        assert!(!forbidden.contains(&name), "it imports {name}");
    }
}

/// Checks that the settings in .cargo/config.toml reached the build of aws-lc, so that it does not use CPU jitter as
/// its entropy source.
#[test]
fn random_numbers_come_from_the_system() {
    let symbols = words("nm", &["--format=just-symbols"]).concat();
    let has = |part: &str| symbols.iter().any(|symbol| symbol.contains(part));
    assert!(has("aws_lc"), "{} symbols", symbols.len());
    assert!(!has("jent_"));
}
