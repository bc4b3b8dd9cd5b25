//! The Python package `libpq-oxide`: the wheel, and what it does for the drivers of an environment. Each test installs it in a fresh
//! environment; `c-tests/setup.sh` has put the drivers into the cache.

mod drivers;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::support::packages::{self, plain};
use crate::support::paths::{self, Lib};
use crate::support::postgres::Postgres;
use crate::support::process::{self, End, Output, TIMEOUT};

fn from_cache(name: &str) -> PathBuf {
    let path = paths::cache().join(name);
    assert!(path.exists(), "no {}: run c-tests/setup.sh", path.display());
    path
}

/// What builds the wheel, as `make wheel` does.
const BUILDER: [&str; 2] = ["/usr/bin/python3", "python/build_wheel.py"];

/// The wheel that all tests install.
fn wheel() -> &'static Path {
    static WHEEL: OnceLock<PathBuf> = OnceLock::new();
    WHEEL.get_or_init(|| packages::pack(BUILDER[0], BUILDER[1], "wheel"))
}

/// A virtual environment without pip.
struct Environment {
    root: TempDir,
}

impl Environment {
    fn with(packages: &[&str]) -> Environment {
        let root = TempDir::with_prefix("pq-").expect("a temporary directory");
        let mut venv = plain("/usr/bin/python3");
        venv.args(["-m", "venv", "--without-pip"]).arg(root.path());
        process::run(&mut venv, b"", TIMEOUT).success();
        let environment = Environment { root };
        if !packages.is_empty() {
            environment.install(packages);
        }
        environment
    }

    fn pip(&self) -> Command {
        let mut pip = plain(from_cache("python/bin/python"));
        pip.args(["-m", "pip", "--disable-pip-version-check", "--quiet"])
            .arg("--python")
            .arg(self.root.path());
        pip
    }

    fn install(&self, packages: &[&str]) {
        let mut pip = self.pip();
        pip.args(["install", "--no-compile", "--no-index", "--find-links"])
            .arg(from_cache("wheels"))
            .args(packages);
        process::run(&mut pip, b"", TIMEOUT).success();
    }

    fn install_wheel(&self) {
        self.install(&[wheel().to_str().expect("UTF-8")]);
    }

    fn uninstall(&self) {
        let mut pip = self.pip();
        pip.args(["uninstall", "--yes", "libpq-oxide"]);
        process::run(&mut pip, b"", TIMEOUT).success();
    }

    fn python(&self) -> Command {
        plain(self.root.path().join("bin/python"))
    }

    /// Runs Python, which must not write to stderr: a file that is read when Python starts reports its errors there.
    #[track_caller]
    fn run(&self, args: &[&str]) -> String {
        let output = process::run(self.python().args(args), b"", TIMEOUT).success();
        assert_eq!(output.stderr, "", "{args:?}");
        output.stdout
    }

    fn module(&self, args: &[&str]) -> Output {
        let mut python = self.python();
        process::run(python.args(["-m", "libpq_oxide"]).args(args), b"", TIMEOUT)
    }

    /// Runs `c-tests/ffi/wheel_client.py`.
    #[track_caller]
    fn client(&self, args: &[&str]) -> String {
        let client = paths::checkout().join("c-tests/ffi/wheel_client.py");
        let mut python = self.python();
        process::run(python.arg(client).args(args), b"", TIMEOUT)
            .success()
            .stdout
    }

    /// The directories of the environment, and its files with checksums.
    fn files(&self) -> Vec<String> {
        let expression = "-type d -print -o -type f -exec sha256sum {} +";
        packages::found(self.root.path(), expression)
    }

    fn site_packages(&self) -> PathBuf {
        let path = self.run(&[
            "-c",
            "import sysconfig; print(sysconfig.get_path('purelib'))",
        ]);
        path.trim_end().into()
    }
}

#[test]
fn auditwheel_agrees_with_the_tag() {
    let name = wheel().file_stem().expect("a name").to_string_lossy();
    let tag = name.rsplit('-').next().expect("a tag");
    assert!(tag.ends_with(std::env::consts::ARCH), "{tag}");
    let mut auditwheel = plain(from_cache("python/bin/auditwheel"));
    auditwheel.arg("show").arg(wheel());
    let output = process::run(&mut auditwheel, b"", TIMEOUT).success();
    let words: Vec<_> = output.stdout.split_whitespace().collect();
    let expected = format!("following platform tag: \"{tag}\".");
    assert!(words.join(" ").contains(&expected), "{output}");
}

#[test]
fn two_builds_have_the_same_bytes() {
    packages::two_builds_have_the_same_bytes(BUILDER[0], BUILDER[1], wheel());
}

#[test]
fn the_functions_tell_where_the_files_are() {
    let environment = Environment::with(&[]);
    environment.install_wheel();
    let script =
        "import libpq_oxide as pq; print(pq.version(), pq.path(), pq.include_dir(), sep='\\n')";
    let facts = environment.run(&["-c", script]);
    let [version, path, include] = facts.lines().collect::<Vec<_>>()[..] else {
        panic!("{facts}");
    };
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    let same = |one: &Path, other: &Path| {
        let read = |path| fs::read(path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        assert!(read(one) == read(other), "{one:?} differs from {other:?}");
    };
    same(Path::new(path), &Lib::Ours.directory().join("libpq.so.5"));

    // A program compiles with these, and runs.
    let (directory, program) = (
        Path::new(path).parent(),
        environment.root.path().join("pool"),
    );
    let mut cc = plain("/usr/bin/cc");
    cc.arg("-o")
        .arg(&program)
        .arg(paths::checkout().join("examples/pool.c"))
        .args(["-I", include, "-l:libpq.so.5", "-L"])
        .arg(directory.expect("a directory"));
    process::run(&mut cc, b"", TIMEOUT).success();
    let server = Postgres::shared();
    let mut run = environment.python();
    run.args(["-m", "libpq_oxide", "--"])
        .arg(program)
        .arg(server.tcp("postgres"));
    let output = process::run(&mut run, b"SELECT 'hello'\n", TIMEOUT).success();
    assert!(output.stdout.starts_with("hello "), "{output}");
}

#[test]
fn a_command_runs_with_the_library() {
    let environment = Environment::with(&[]);
    environment.install_wheel();
    let program = "import ctypes, os, sys
        print(ctypes.CDLL('libpq.so.5').PQlibVersion(), os.environ['LD_LIBRARY_PATH'].split(':')[1:], sys.argv[1:])
        sys.exit(3)"
        .replace("\n        ", "\n");
    let mut run = environment.python();
    run.args([
        "-m",
        "libpq_oxide",
        "--",
        "python3",
        "-c",
        &program,
        "--",
        "enable",
    ])
    .env("LD_LIBRARY_PATH", "/other");
    let output = process::run(&mut run, b"", TIMEOUT);
    assert_eq!(
        output.stdout, "190000 ['/other'] ['--', 'enable']\n",
        "{output}"
    );
    assert_eq!(output.end, End::Exit(3), "{output}");

    let missing = environment.module(&["--", "no-such-command"]);
    assert_eq!(missing.end, End::Exit(127), "{missing}");
    assert_eq!(
        missing.stderr,
        "no-such-command: No such file or directory\n"
    );
    for wrong in [&[][..], &["--"], &["psql"], &["enable", "now"]] {
        let output = environment.module(wrong);
        assert_eq!(output.end, End::Exit(2), "{wrong:?}: {output}");
        assert!(output.stderr.starts_with("usage: "), "{output}");
    }
}

#[test]
fn python_starts_after_the_package_was_deleted() {
    let environment = Environment::with(&[]);
    environment.install_wheel();
    environment.module(&["enable"]).success();
    let loaded = "import re; print(bool(re.search('libpq.so', open('/proc/self/maps').read())))";
    assert_eq!(environment.run(&["-c", loaded]), "True\n");
    fs::remove_dir_all(environment.site_packages().join("libpq_oxide")).expect("the package");
    assert_eq!(environment.run(&["-c", loaded]), "False\n");
}

#[test]
fn python_starts_with_a_warning_if_another_libpq_is_loaded() {
    let environment = Environment::with(&[]);
    environment.install_wheel();
    environment.module(&["enable"]).success();
    let mut python = environment.python();
    let other = Lib::Oracle.directory().join("libpq.so.5");
    python
        .args(["-c", "print('runs')"])
        .env("LD_PRELOAD", other);
    let output = process::run(&mut python, b"", TIMEOUT).success();
    assert_eq!(output.stdout, "runs\n", "{output}");
    let warning = "RuntimeWarning: libpq-oxide is not used: another libpq is loaded already: ";
    assert!(output.stderr.contains(warning), "{output}");
}

#[test]
fn enable_refuses_a_directory_that_is_not_of_the_environment() {
    let environment = Environment::with(&[]);
    environment.install_wheel();
    let elsewhere = environment.root.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("create the directory");
    let package = elsewhere.join("libpq_oxide");
    fs::rename(environment.site_packages().join("libpq_oxide"), package).expect("move the package");
    let mut python = environment.python();
    python
        .args(["-m", "libpq_oxide", "enable"])
        .env("PYTHONPATH", &elsewhere);
    let output = process::run(&mut python, b"", TIMEOUT);
    assert_eq!(output.end, End::Exit(1), "{output}");
    let expected = format!(
        "libpq_oxide: {} is no site-packages directory of this Python: call libpq_oxide.preload() instead\n",
        elsewhere.display()
    );
    assert_eq!(output.stderr, expected);
}
