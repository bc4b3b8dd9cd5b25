//! Libraries that are preloaded to observe or disturb a program.

use std::process::Command;

use super::paths;
use super::process::{self, TIMEOUT};

/// Compiles a file of `c-tests/interpose` and returns the path for LD_PRELOAD.
pub fn library(name: &str) -> String {
    let directory = paths::target().join("c-tests");
    std::fs::create_dir_all(&directory).expect("create the directory");
    let path = directory.join(format!("{name}.so"));
    let source = paths::checkout().join(format!("c-tests/interpose/{name}.c"));
    let mut command = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    command.args(["-std=gnu99", "-O1", "-Wall", "-Wextra", "-Werror"]);
    command.args(["-fno-builtin", "-fPIC", "-shared", "-o"]);
    command.arg(&path).arg(source);
    process::run(&mut command, b"", TIMEOUT).success();
    path.to_str().expect("a UTF-8 path").to_owned()
}
