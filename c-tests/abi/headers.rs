//! The headers of `include/`: libpq-fe.h must match src/ffi; all must compile as C89 and C++, declare every exported
//! function, and agree with the headers of a C libpq.
//!
//! `LIBPQ_OXIDE_BLESS=1` writes libpq-fe.h instead of comparing it.

mod declarations;
mod generate;
mod oracle;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use declarations::{Function, functions};

const HEADERS: [&str; 6] = [
    "postgres_ext.h",
    "pg_config.h",
    "libpq-fe.h",
    "libpq-events.h",
    "pqexpbuffer.h",
    "libpq/libpq-fs.h",
];

/// Exported names that libpq's headers do not declare either.
const UNDECLARED: [&str; 5] = [
    "PQfreeNotify", // a macro there
    "pg_utf_mblen",
    "pg_valid_server_encoding",
    "pgresStatus",
    "pqsignal",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn include() -> PathBuf {
    root().join("include")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs a compiler on `source`; fails with its messages.
fn compile(compiler: &str, arguments: &[&str], source: &Path) {
    let run = Command::new(compiler).args(arguments).arg(source).output();
    let run = run.unwrap_or_else(|error| panic!("{compiler}: {error}"));
    let messages = String::from_utf8_lossy(&run.stderr);
    assert!(
        run.status.success(),
        "{compiler} {arguments:?}:\n{messages}"
    );
}

#[test]
fn libpq_fe_is_generated_from_the_sources() {
    let generated = generate::libpq_fe(root());
    let path = include().join("libpq-fe.h");
    if std::env::var_os("LIBPQ_OXIDE_BLESS").is_some() {
        // Written to a new file and renamed, because other tests read it at the same time.
        let new = path.with_extension("h.new");
        fs::write(&new, generated).expect("include is writable");
        fs::rename(new, path).expect("include/libpq-fe.h is replaceable");
        return;
    }
    assert!(
        generated == read(&path),
        "include/libpq-fe.h is not what src/ffi says: run LIBPQ_OXIDE_BLESS=1 cargo test --test headers"
    );
}

#[test]
fn only_libpqs_names_are_defined() {
    let text = generate::libpq_fe(root());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("#define ") {
            let ours = ["LIBPQ_", "PQ", "PG_"]
                .iter()
                .any(|prefix| name.starts_with(prefix));
            assert!(ours, "a constant that is not libpq's: {line}");
        }
    }
    for Function { text, .. } in functions(&text) {
        let alias = text
            .split_whitespace()
            .find(|word| word.len() > 4 && word.ends_with("Code"));
        assert!(
            alias.is_none(),
            "cbindgen.toml does not rename {alias:?}: {text}"
        );
    }
}

#[test]
fn every_header_compiles_alone_as_c89_and_as_cpp() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let include = format!("-I{}", include().display());
    let common = [
        "-Wall",
        "-Wextra",
        "-Werror",
        "-Wno-long-long",
        "-fsyntax-only",
        &include,
    ];
    for header in HEADERS {
        // Included twice, to test the include guard.
        let text = format!("#include \"{header}\"\n#include \"{header}\"\nint used;\n");
        let c = scratch.path().join("header.c");
        let cpp = scratch.path().join("header.cpp");
        fs::write(&c, &text).expect("a scratch file");
        fs::write(&cpp, &text).expect("a scratch file");
        for standard in ["-std=c89", "-std=c99", "-std=gnu17"] {
            compile("cc", &[&common[..], &[standard]].concat(), &c);
        }
        for standard in ["-std=c++98", "-std=c++20"] {
            compile("c++", &[&common[..], &[standard]].concat(), &cpp);
        }
    }
}

#[test]
fn the_headers_declare_what_is_exported() {
    let exports = read(&include().join("exports.txt"));
    let declared = our_functions();
    let missing: Vec<_> = exports
        .lines()
        .filter(|name| !declares(&declared, name) && !UNDECLARED.contains(name))
        .collect();
    assert!(missing.is_empty(), "exported but not declared: {missing:?}");
    for Function { name, .. } in &declared {
        let exported = exports.lines().any(|export| export == name);
        assert!(exported, "declared but not exported: {name}");
        assert!(
            !UNDECLARED.contains(&name.as_str()),
            "libpq's headers do not declare {name}"
        );
    }
}

/// The output of compare.c, compiled with the headers of `folders`.
fn facts(folders: &[PathBuf]) -> Vec<String> {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let program = scratch.path().join("compare");
    let output = format!("-o{}", program.display());
    let mut arguments = vec!["-Wall", "-Werror", &output];
    let folders: Vec<_> = folders
        .iter()
        .map(|folder| format!("-I{}", folder.display()))
        .collect();
    arguments.extend(folders.iter().map(String::as_str));
    compile("cc", &arguments, &root().join("c-tests/abi/compare.c"));
    let run = Command::new(&program).output().expect("the program runs");
    let text = String::from_utf8(run.stdout).expect("the program prints ASCII");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn values_and_layouts_are_those_of_a_c_libpq() {
    let ours = facts(&[include()]);
    let mut theirs = facts(&oracle::include_folders());
    assert!(
        theirs.len() > 150,
        "only {} facts of the oracle",
        theirs.len()
    );
    theirs.retain(|fact| !ours.contains(fact));
    assert!(theirs.is_empty(), "not so in our headers: {theirs:#?}");
}

fn our_functions() -> Vec<Function> {
    let read = |header: &&str| functions(&read(&include().join(header)));
    HEADERS.iter().flat_map(read).collect()
}

fn oracle_functions(folders: &[PathBuf; 2]) -> Vec<Function> {
    let headers = oracle::headers(folders);
    headers
        .iter()
        .flat_map(|header| functions(&read(header)))
        .collect()
}

fn declares(functions: &[Function], name: &str) -> bool {
    functions.iter().any(|function| function.name == name)
}

#[test]
fn everything_a_c_libpq_declares_is_declared() {
    let ours = our_functions();
    let mut lost = oracle_functions(&oracle::include_folders());
    lost.retain(|function| !declares(&ours, &function.name));
    let lost: Vec<_> = lost.iter().map(|function| &function.name).collect();
    assert!(
        lost.is_empty(),
        "declared by a C libpq, not by us: {lost:?}"
    );
}

#[test]
fn prototypes_are_those_of_a_c_libpq() {
    let folders = oracle::include_folders();
    let theirs = oracle_functions(&folders);
    // The compiler reports a declaration that differs from an earlier one.
    let mut text = String::from(oracle::INCLUDES);
    for function in our_functions() {
        if declares(&theirs, &function.name) {
            text += &format!("{};\n", function.text);
        }
    }
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let source = scratch.path().join("prototypes.c");
    fs::write(&source, text).expect("a scratch file");
    let folders = folders.map(|folder| format!("-I{}", folder.display()));
    let mut arguments = vec!["-Wall", "-Werror", "-fsyntax-only"];
    arguments.extend(folders.iter().map(String::as_str));
    compile("cc", &arguments, &source);
}
