//! Tests that the installation works, that a program can be built on it, and that the documents name tests that exist.

mod history;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::installation::Installation;
use crate::support::paths::{self, Lib};
use crate::support::postgres::Postgres;
use crate::support::process::{self, End, Output, TIMEOUT};
use crate::support::program::on_lib;

fn proxy_is_built() -> bool {
    paths::target().join("release/goaway-proxy").exists()
}

fn pool_source() -> PathBuf {
    paths::checkout().join("examples/pool.c")
}

/// Files below `directory`, sorted.
fn files(directory: &Path) -> Vec<String> {
    let mut command = Command::new("find");
    command
        .current_dir(directory)
        .args([".", "(", "-type", "f", "-o", "-type", "l", ")"]);
    command.args(["-printf", "%P %l\n"]);
    let output = process::run(&mut command, b"", TIMEOUT).success();
    let mut files: Vec<_> = output
        .stdout
        .lines()
        .map(|line| line.trim().to_owned())
        .collect();
    files.sort();
    files
}

#[test]
fn make_install_puts_files_where_programs_look() {
    let installation = Installation::new();
    let mut expected = vec![
        "include/libpq-events.h",
        "include/libpq-fe.h",
        "include/libpq/libpq-fs.h",
        "include/pg_config.h",
        "include/postgres_ext.h",
        "include/postgresql/internal/pqexpbuffer.h",
        "lib/libpq.a",
        "lib/libpq.so libpq.so.5",
        "lib/libpq.so.5 libpq.so.5.19",
        "lib/libpq.so.5.19",
        "lib/pkgconfig/libpq.pc",
    ];
    if proxy_is_built() {
        expected.extend([
            "bin/goaway-proxy",
            "share/doc/goaway-proxy/goaway-proxy.service",
            "share/man/man1/goaway-proxy.1",
        ]);
        expected.sort_unstable();
        let unit = "share/doc/goaway-proxy/goaway-proxy.service";
        let unit = fs::read_to_string(installation.prefix().join(unit)).expect("the unit");
        assert!(
            unit.contains("ExecStart=/opt/pq/bin/goaway-proxy "),
            "{unit}"
        );
        assert!(!unit.contains('@'), "{unit}");
    }
    assert_eq!(files(&installation.prefix()), expected);
    assert_eq!(installation.pkg_config(&["--modversion"]), ["19.0"]);
}

#[test]
fn each_directory_of_an_installation_can_be_chosen() {
    let directories = [
        "bindir=/b",
        "libdir=/l",
        "includedir=/i/postgresql",
        "pkgconfigdir=/p",
        "mandir=/m",
        "docdir=/d",
    ];
    let installation = Installation::staged(&directories);
    let mut expected = vec![
        "i/postgresql/internal/pqexpbuffer.h",
        "i/postgresql/libpq-events.h",
        "i/postgresql/libpq-fe.h",
        "i/postgresql/libpq/libpq-fs.h",
        "i/postgresql/pg_config.h",
        "i/postgresql/postgres_ext.h",
        "l/libpq.a",
        "l/libpq.so libpq.so.5",
        "l/libpq.so.5 libpq.so.5.19",
        "l/libpq.so.5.19",
        "p/libpq.pc",
    ];
    if proxy_is_built() {
        expected.extend([
            "b/goaway-proxy",
            "d/goaway-proxy/goaway-proxy.service",
            "m/man1/goaway-proxy.1",
        ]);
        expected.sort_unstable();
    }
    assert_eq!(files(installation.root.path()), expected);
    installation.make("uninstall");
    assert_eq!(files(installation.root.path()), [""; 0]);
}

#[test]
fn everybody_can_read_what_make_install_wrote() {
    let installation = Installation::new();
    let prefix = installation.prefix();
    for file in files(&prefix) {
        let path = prefix.join(file.split(' ').next().expect("a name"));
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o444, 0o444, "{file}");
    }
}

#[test]
fn directories_with_names_that_make_cannot_handle_are_refused() {
    let installation = Installation::new();
    let before = files(installation.root.path());
    for variable in ["PREFIX=/opt/p q", "bindir=/opt/a&b"] {
        for target in ["install", "uninstall"] {
            let output = installation.try_make(target, &[variable]);
            assert_eq!(output.end, End::Exit(2), "{output}");
            let text = "must not have spaces or & in their names";
            assert!(output.stderr.contains(text), "{output}");
        }
    }
    assert_eq!(files(installation.root.path()), before);
}

#[test]
fn make_uninstall_removes_what_make_install_wrote() {
    let installation = Installation::new();
    let prefix = installation.prefix();
    let others = ["include/other.h", "include/postgresql/other.h", "lib/other"];
    for other in others {
        fs::write(prefix.join(other), "").expect("write the file of another package");
    }
    installation.make("uninstall");
    assert_eq!(files(&prefix), others);
    for directory in [
        "include/libpq",
        "include/postgresql/internal",
        "lib/pkgconfig",
        "share/doc/goaway-proxy",
    ] {
        assert!(!prefix.join(directory).exists(), "{directory} is left");
    }
}

#[test]
fn make_uninstall_keeps_the_links_of_another_library() {
    let installation = Installation::new();
    let lib = installation.prefix().join("lib");
    fs::write(lib.join("libpq.so.5.15"), "").expect("write another library");
    fs::remove_file(lib.join("libpq.so.5")).expect("our link");
    std::os::unix::fs::symlink("libpq.so.5.15", lib.join("libpq.so.5")).expect("create the link");
    let output = installation.try_make("install", &[]);
    assert_eq!(output.end, End::Exit(2), "{output}");
    let text = "libpq.so.5 belongs to another libpq";
    assert!(output.stderr.contains(text), "{output}");
    installation.make("uninstall");
    let expected = ["lib/libpq.so.5 libpq.so.5.15", "lib/libpq.so.5.15"];
    assert_eq!(files(&installation.prefix()), expected);
}

#[test]
fn a_program_builds_and_runs_on_an_installation() {
    let installation = Installation::new();
    let conninfo = Postgres::shared().unix("postgres");
    let shared = installation.root.path().join("shared");
    let flags = installation.pkg_config(&["--cflags", "--libs"]);
    installation.compile(&pool_source(), &shared, &[], &flags);
    let mut command = on_lib(&shared, Lib::Ours);
    command
        .env("LD_LIBRARY_PATH", installation.prefix().join("lib"))
        .arg(&conninfo);
    assert_pool_works(&process::run(&mut command, QUERIES, TIMEOUT));
}

#[test]
fn a_program_builds_with_the_static_library() {
    let installation = Installation::new();
    let conninfo = Postgres::shared().unix("postgres");
    let program = installation.root.path().join("static");
    let flags: Vec<_> = installation
        .pkg_config(&["--cflags", "--libs", "--static"])
        .into_iter()
        .map(|flag| flag.replace("-lpq", "-l:libpq.a"))
        .collect();
    installation.compile(&pool_source(), &program, &[], &flags);
    // If the program were linked dynamically it would load Debian's libpq, which has no PQgoAwayReceived.
    let mut command = on_lib(&program, Lib::Debian15);
    command.arg(&conninfo);
    assert_pool_works(&process::run(&mut command, QUERIES, TIMEOUT));
}

#[test]
fn a_program_builds_without_any_shared_library() {
    let installation = Installation::new();
    let conninfo = Postgres::shared().unix("postgres");
    let program = installation.root.path().join("static");
    let flags = installation.pkg_config(&["--cflags", "--libs", "--static"]);
    installation.compile(&pool_source(), &program, &["-static"], &flags);
    let mut readelf = Command::new("readelf");
    readelf.args(["--program-headers", "--wide"]).arg(&program);
    let headers = process::run(&mut readelf, b"", TIMEOUT).success();
    assert!(!headers.stdout.contains("INTERP"), "{headers}");
    let mut command = Command::new(&program);
    command.env_clear().arg(&conninfo);
    assert_pool_works(&process::run(&mut command, QUERIES, TIMEOUT));
}

const QUERIES: &[u8] = b"SELECT 'first'\nSELECT 'second'\n";

#[track_caller]
fn assert_pool_works(output: &Output) {
    let output = output.clone().success();
    let mut lines = output.stdout.lines();
    let mut process = |word| lines.next().and_then(|line| line.strip_prefix(word));
    let first = process("first (server process ").expect("the first answer");
    assert_eq!(process("second (server process "), Some(first), "{output}");
}

/// Compiles a program with our headers; the program is removed with `directory`.
pub fn compiled(directory: &TempDir, source: &Path) -> PathBuf {
    let include = paths::checkout().join("include");
    compiled_with(directory, source, &include, &Lib::Ours.directory())
}

/// Same as [`compiled`], with the headers and the library of these directories.
pub fn compiled_with(
    directory: &TempDir,
    source: &Path,
    include: &Path,
    libraries: &Path,
) -> PathBuf {
    let program = directory.path().join("program");
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&program)
        .arg(source);
    cc.arg("-I")
        .arg(include)
        .arg("-L")
        .arg(libraries)
        .arg("-lpq");
    process::run(&mut cc, b"", TIMEOUT).success();
    program
}

/// Every test that docs/tls.md names must exist.
#[test]
fn tls_md_names_existing_tests() {
    let page = fs::read_to_string(paths::checkout().join("docs/tls.md")).expect("docs/tls.md");
    let is_path = |code: &&str| {
        code.contains("::")
            && !code.contains(|c: char| !c.is_ascii_alphanumeric() && !"_:".contains(c))
    };
    let mut names: Vec<&str> = page.split('`').filter(is_path).collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() > 20, "{names:?}");
    names.retain(|name| !is_test(name));
    assert!(names.is_empty(), "no such tests: {names:?}");
}

/// Whether `name` is a module with tests, or an item of such a module.
fn is_test(name: &str) -> bool {
    let (module, item) = name.rsplit_once("::").expect("a path");
    ["c-tests/runner", "src"].iter().any(|folder| {
        let file = |module: &str| {
            let name = format!("{folder}/{}.rs", module.replace("::", "/"));
            fs::read_to_string(paths::checkout().join(name))
        };
        let has_item = |text: String| {
            text.contains(&format!("fn {item}(")) || text.contains(&format!("mod {item}"))
        };
        file(name).is_ok() || file(module).is_ok_and(has_item)
    })
}
