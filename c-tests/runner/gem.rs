//! The Ruby package `libpq-oxide`: the gem, and what it does for ruby-pg. Each test installs it in a fresh GEM_HOME.

mod drivers;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::documents::compiled_with;
use crate::support::packages::{self, plain};
use crate::support::paths::{self, Lib};
use crate::support::postgres::Postgres;
use crate::support::process::{self, End, Output, TIMEOUT};

/// What builds the gem, as `make gem` does.
const BUILDER: [&str; 2] = ["/usr/bin/ruby", "ruby/build_gem.rb"];

/// The gem that all tests install.
fn gem() -> &'static Path {
    static GEM: OnceLock<PathBuf> = OnceLock::new();
    GEM.get_or_init(|| packages::pack(BUILDER[0], BUILDER[1], "gem"))
}

/// A directory for gems, without any.
struct Environment {
    root: TempDir,
    /// The version of the gem pg in it. Without one, programs use Debian's ruby-pg.
    pg_gem: Option<&'static str>,
}

impl Environment {
    fn empty() -> Environment {
        let root = TempDir::with_prefix("pq-").expect("a temporary directory");
        Environment { root, pg_gem: None }
    }

    /// With the gem.
    fn new() -> Environment {
        let environment = Environment::empty();
        environment.install(gem());
        environment
    }

    /// A command that finds the gems of this environment, and those that Debian installs.
    fn command(&self, program: impl AsRef<Path>) -> Command {
        let root = self.root.path();
        let mut command = plain(program);
        // The colon stands for Ruby's own directories.
        let gems = format!("{}:", root.display());
        command.env("GEM_HOME", root).env("GEM_PATH", gems);
        let path = format!("{}:/usr/bin:/bin", root.join("bin").display());
        command.env("PATH", path);
        command
    }

    /// Runs the program, which must not write to stderr.
    #[track_caller]
    fn run(&self, program: impl AsRef<Path>, args: &[&str]) -> String {
        let output = process::run(self.command(program).args(args), b"", TIMEOUT).success();
        assert_eq!(output.stderr, "", "{args:?}");
        output.stdout
    }

    fn ruby(&self, script: &str) -> String {
        self.run("/usr/bin/ruby", &["-e", script])
    }

    /// The program of the gem.
    fn program(&self) -> PathBuf {
        self.root.path().join("bin/libpq-oxide")
    }

    fn install(&self, gem: &Path) {
        let mut install = self.command("/usr/bin/gem");
        install
            .args(["install", "--local", "--no-document"])
            .arg(gem);
        process::run(&mut install, b"", TIMEOUT).success();
    }

    fn uninstall(&self) {
        let mut uninstall = self.command("/usr/bin/gem");
        uninstall
            .args(["uninstall", "--all", "--executables", "--install-dir"])
            .arg(self.root.path())
            .arg("libpq-oxide");
        process::run(&mut uninstall, b"", TIMEOUT).success();
    }

    /// The files of the environment with checksums, and its links.
    fn files(&self) -> Vec<String> {
        let expression = "-type l -print -o -type f -exec sha256sum {} +";
        packages::found(self.root.path(), expression)
    }
}

#[test]
fn two_builds_have_the_same_bytes() {
    packages::two_builds_have_the_same_bytes(BUILDER[0], BUILDER[1], gem());
}

#[test]
fn its_name_has_the_version_and_the_platform() {
    let expected = format!(
        "libpq-oxide-{}-{}-linux.gem",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH
    );
    assert_eq!(gem().file_name(), Some(expected.as_ref()));
}

#[test]
fn the_functions_tell_where_the_files_are() {
    let environment = Environment::new();
    let script = "require 'libpq_oxide'
        puts LibpqOxide.version, LibpqOxide.path, LibpqOxide.lib_dir, LibpqOxide.include_dir
        puts File.read('/proc/self/maps').include?('libpq.so')";
    let facts = environment.ruby(script);
    let [version, path, libraries, include, loaded] = facts.lines().collect::<Vec<_>>()[..] else {
        panic!("{facts}");
    };
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    assert_eq!(loaded, "false");
    let read = |path: &Path| fs::read(path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    let ours = Lib::Ours.directory().join("libpq.so.5");
    assert!(read(path.as_ref()) == read(&ours), "{path}");

    let program = environment.program();
    for (word, expected) in [
        ("version", version),
        ("path", path),
        ("lib-dir", libraries),
        ("include-dir", include),
    ] {
        let line = format!("{expected}\n");
        assert_eq!(environment.run(&program, &[word]), line);
    }

    // A program compiles with these, and runs.
    let pool = compiled_with(
        &environment.root,
        &paths::checkout().join("examples/pool.c"),
        include.as_ref(),
        libraries.as_ref(),
    );
    let mut run = environment.command(program);
    run.arg("--")
        .arg(pool)
        .arg(Postgres::shared().tcp("postgres"));
    let output = process::run(&mut run, b"SELECT 'hello'\n", TIMEOUT).success();
    assert!(output.stdout.starts_with("hello "), "{output}");
}

#[test]
fn a_command_runs_with_the_library() {
    let environment = Environment::new();
    let script = "p ENV['LD_LIBRARY_PATH'].split(':').drop(1), ENV['RUBYOPT'].split.drop(1), ARGV, $PROGRAM_NAME
        p Fiddle::Function.new(Fiddle::Handle::DEFAULT['PQlibVersion'], [], Fiddle::TYPE_INT).call
        exit 3";
    let mut run = environment.command(environment.program());
    run.args(["--", "ruby", "-e", script, "--", "--help", "a b"])
        .env("LD_LIBRARY_PATH", "/other")
        .env("RUBYOPT", "-W1");
    let output = process::run(&mut run, b"", TIMEOUT);
    let expected = "[\"/other\"]\n[\"-W1\"]\n[\"--help\", \"a b\"]\n\"-e\"\n190000\n";
    assert_eq!(output.stdout, expected, "{output}");
    assert_eq!(output.end, End::Exit(3), "{output}");

    let program = |args: &[&str]| -> Output {
        let mut run = environment.command(environment.program());
        process::run(run.args(args), b"", TIMEOUT)
    };
    let missing = program(&["--", "no-such-command"]);
    assert_eq!(missing.end, End::Exit(127), "{missing}");
    assert_eq!(
        missing.stderr,
        "no-such-command: No such file or directory\n"
    );
    for wrong in [&[][..], &["--"], &["psql"], &["path", "now"]] {
        let output = program(wrong);
        assert_eq!(output.end, End::Exit(2), "{wrong:?}: {output}");
        assert!(output.stderr.starts_with("usage: "), "{output}");
    }
}

#[test]
fn removing_it_leaves_no_file() {
    let environment = Environment::empty();
    let before = environment.files();
    environment.install(gem());
    assert!(environment.program().exists());
    environment.uninstall();
    assert_eq!(environment.files(), before);
}
