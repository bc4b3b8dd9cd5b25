//! The result of `make install` in a temporary directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::paths::{self, Lib};
use super::process::{self, TIMEOUT};

pub struct Installation {
    pub root: TempDir,
    variables: Vec<String>,
}

impl Installation {
    /// Staged: `PREFIX=/opt/pq` below a temporary `DESTDIR`.
    pub fn new() -> Installation {
        Installation::staged(&["PREFIX=/opt/pq"])
    }

    /// As [`Installation::new`], with other variables for make.
    pub fn staged(variables: &[&str]) -> Installation {
        let root = directory();
        let destination = format!("DESTDIR={}", root.path().display());
        Installation::install(root, variables, destination)
    }

    /// In the place that its files name, with a pg_config.
    pub fn in_place() -> Installation {
        let root = directory();
        let prefix = format!("PREFIX={}", root.path().join("opt/pq").display());
        Installation::install(root, &["WITH_PG_CONFIG=1"], prefix)
    }

    fn install(root: TempDir, variables: &[&str], more: String) -> Installation {
        let mut variables: Vec<_> = variables.iter().map(|&of| of.to_owned()).collect();
        variables.push(more);
        let installation = Installation { root, variables };
        installation.make("install");
        installation
    }

    /// Runs make with the variables of this installation.
    pub fn make(&self, target: &str) {
        self.try_make(target, &[]).success();
    }

    /// Runs make with more variables, as a user whose files nobody else may read.
    pub fn try_make(&self, target: &str, more: &[&str]) -> process::Output {
        let library = Lib::Ours.directory();
        let built = library.parent().expect("target/release has a parent");
        let mut make = Command::new("sh");
        make.current_dir(paths::checkout())
            .args(["-c", "umask 077; exec make \"$@\"", "make", target])
            .args(&self.variables)
            .args(more)
            .env("CARGO_TARGET_DIR", built);
        process::run(&mut make, b"", TIMEOUT)
    }

    pub fn prefix(&self) -> PathBuf {
        self.root.path().join("opt/pq")
    }

    pub fn lib(&self) -> PathBuf {
        self.prefix().join("lib")
    }

    fn is_staged(&self) -> bool {
        self.variables.iter().any(|of| of.starts_with("DESTDIR="))
    }

    pub fn pkg_config(&self, args: &[&str]) -> Vec<String> {
        let mut command = Command::new("pkg-config");
        command
            .args(args)
            .arg("libpq")
            .env("PKG_CONFIG_LIBDIR", self.lib().join("pkgconfig"));
        if self.is_staged() {
            command.env("PKG_CONFIG_SYSROOT_DIR", self.root.path());
        }
        let output = process::run(&mut command, b"", TIMEOUT).success();
        output
            .stdout
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    }

    /// Compiles a program with the flags from pkg-config.
    pub fn compile(&self, source: &Path, program: &Path, more: &[&str], flags: &[String]) {
        let mut cc = Command::new("cc");
        cc.args(["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(program)
            .arg(source)
            .args(more)
            .args(flags);
        process::run(&mut cc, b"", TIMEOUT).success();
    }
}

fn directory() -> TempDir {
    TempDir::with_prefix("pq-").expect("a temporary directory")
}
