//! Runs the examples in programming languages. Each prints `hello` and that the server asks to disconnect, unless its mark says otherwise.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use super::pages::{self, Block, Mark};
use super::relay::Relay;
use crate::documents::compiled;
use crate::support::paths::{self, Lib};
use crate::support::postgres::Postgres;
use crate::support::process::{self, TIMEOUT};
use crate::support::program::on_lib;

/// The languages of examples.
pub const LANGUAGES: [&str; 8] = ["c", "cpp", "python", "ruby", "perl", "php", "js", "rust"];

/// The examples in one language that can be run, with the number of them in the whole book.
fn examples(language: &'static str) -> Vec<Block> {
    let blocks = pages::all().into_iter().flat_map(|page| page.blocks);
    blocks
        .filter(|block| block.language == language && !matches!(block.mark, Some(Mark::NotRun(_))))
        .collect()
}

/// Runs each example of a language on a server that asks to disconnect after the answer `hello`. `command` makes the command from the
/// block's text and an empty directory.
#[track_caller]
fn run(language: &'static str, number: usize, command: impl Fn(&Block, &TempDir) -> Command) {
    let examples = examples(language);
    assert_eq!(
        examples.len(),
        number,
        "examples in {language}: {examples:?}"
    );
    let relay = Relay::to(Postgres::shared().port());
    for block in examples {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut command = command(&block, &directory);
        command.envs([
            ("PGHOST", "127.0.0.1"),
            ("PGPORT", &relay.port.to_string()),
            ("PGUSER", "postgres"),
            ("PGDATABASE", "postgres"),
            ("PGSSLMODE", "disable"),
            ("PSYCOPG_IMPL", "python"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
        ]);
        let output = process::run(&mut command, b"", TIMEOUT).success();
        let lines: Vec<&str> = output.stdout.lines().collect();
        let place = &block.place;
        match &block.mark {
            Some(Mark::Prints(expected)) => assert_eq!(&lines, expected, "{place}: {output}"),
            _ => assert_eq!(
                lines,
                ["hello", "the server asks to disconnect"],
                "{place}: {output}"
            ),
        }
    }
}

/// Writes the example to a file, for an interpreter that loads our library.
fn script(interpreter: impl AsRef<Path>, block: &Block, directory: &TempDir) -> Command {
    let file = directory.path().join("example");
    fs::write(&file, &block.text).expect("a file");
    let mut command = on_lib(interpreter, Lib::Ours);
    command.arg(file);
    command
}

fn c_source(block: &Block, directory: &TempDir) -> PathBuf {
    let source = directory.path().join("example.c");
    fs::write(&source, &block.text).expect("a file");
    source
}

#[test]
fn c() {
    run("c", 2, |block, directory| {
        let source = c_source(block, directory);
        if block.mark == Some(Mark::AlsoWithC) {
            let mut cc = Command::new("cc");
            cc.args(["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]);
            cc.arg("-I")
                .arg(paths::oracle().join("include"))
                .arg(&source);
            process::run(&mut cc, b"", TIMEOUT).success();
        }
        on_lib(compiled(directory, &source), Lib::Ours)
    });
}

#[test]
fn cpp() {
    run("cpp", 1, |block, directory| {
        let (source, program) = (
            directory.path().join("example.cpp"),
            directory.path().join("program"),
        );
        fs::write(&source, &block.text).expect("a file");
        let mut cc = Command::new("g++");
        cc.args(["-std=c++17", "-Wall", "-Wextra", "-o"]);
        cc.arg(&program).arg(&source).arg("-lpqxx");
        process::run(&mut cc, b"", TIMEOUT).success();
        on_lib(program, Lib::Ours)
    });
}

#[test]
fn python() {
    run("python", 6, |block, directory| {
        let venv = paths::cache().join("python/bin/python");
        // psycopg2 is Debian's.
        match block.text.contains("import psycopg2") {
            true => script("/usr/bin/python3", block, directory),
            false => script(venv, block, directory),
        }
    });
}

#[test]
fn ruby() {
    run("ruby", 1, |block, directory| {
        script("/usr/bin/ruby", block, directory)
    });
}

#[test]
fn perl() {
    run("perl", 1, |block, directory| {
        script("/usr/bin/perl", block, directory)
    });
}

#[test]
fn php() {
    run("php", 1, |block, directory| {
        script("/usr/bin/php", block, directory)
    });
}

#[test]
fn js() {
    run("js", 1, |block, directory| {
        let mut node = script("/usr/bin/node", block, directory);
        node.env("NODE_PATH", paths::cache().join("node/node_modules"));
        node
    });
}

#[test]
fn rust() {
    run("rust", 2, |block, _| {
        let program = rust_programs().join(rust_name(&block.place));
        on_lib(program, Lib::Ours)
    });
}

/// Compiles all examples in Rust, as programs of one package; returns their directory.
fn rust_programs() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let package = paths::target().join("c-tests/rust_examples");
        let sources = package.join("src/bin");
        let _ = fs::remove_dir_all(&sources);
        fs::create_dir_all(&sources).expect("a directory");
        for name in ["Cargo.toml", "Cargo.lock"] {
            let from = paths::checkout().join("c-tests/rust_examples").join(name);
            fs::copy(&from, package.join(name)).expect("a file of the package");
        }
        for block in examples("rust") {
            let file = sources.join(rust_name(&block.place)).with_extension("rs");
            fs::write(file, &block.text).expect("a file");
        }
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--locked", "--quiet", "--bins", "--manifest-path"]);
        cargo.arg(package.join("Cargo.toml"));
        cargo.env("CARGO_TARGET_DIR", package.join("target"));
        cargo.env("PQ_LIB_DIR", Lib::Ours.directory());
        process::run(&mut cargo, b"", Duration::from_secs(600)).success();
        package.join("target/debug")
    })
}

fn rust_name(place: &str) -> String {
    place.replace(|c: char| !c.is_alphanumeric(), "_")
}
