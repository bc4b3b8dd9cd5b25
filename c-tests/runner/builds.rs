//! Programs and drivers are built on an installation, each in the way of its own build system: pg_config, CMake, Meson, the
//! static library in C and in Rust.

mod build_systems;
mod diesel;
mod drivers;
mod jitter;
mod pg_config;
mod static_library;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::process::{self, Output};

/// Compilers are slow on a busy machine.
const COMPILING: Duration = Duration::from_secs(900);

/// A command with a minimal environment.
fn plain(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.env_clear().envs([
        ("PATH", "/usr/bin:/bin"),
        ("LC_ALL", "C.UTF-8"),
        ("HOME", "/nonexistent"),
    ]);
    command
}

#[track_caller]
fn run(command: &mut Command) -> Output {
    process::run(command, b"", COMPILING).success()
}
