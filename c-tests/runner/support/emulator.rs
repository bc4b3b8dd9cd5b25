//! Tests of a library that is built for another processor. The C programs are compiled for both processors: with C libpq they
//! run on this one, with our library in an emulator.
//!
//! `LIBPQ_OXIDE_EMULATOR` is the command that runs a program, for instance `qemu-aarch64-static -L /usr/aarch64-linux-gnu`;
//! `LIBPQ_OXIDE_EMULATED_CC` is the compiler. `c-tests/aarch64/check.sh` sets both.

use std::env;
use std::process::Command;

/// The command, if there is one.
fn wanted() -> Option<String> {
    env::var("LIBPQ_OXIDE_EMULATOR").ok()
}

pub fn is_wanted() -> bool {
    wanted().is_some()
}

/// The compiler for the emulated processor.
pub fn compiler() -> String {
    env::var("LIBPQ_OXIDE_EMULATED_CC").expect("LIBPQ_OXIDE_EMULATED_CC, with LIBPQ_OXIDE_EMULATOR")
}

/// Makes `command`, which runs a program of the emulated processor, run in the emulator.
pub fn emulate(command: &Command) -> Command {
    let emulator = wanted().expect("LIBPQ_OXIDE_EMULATOR");
    let mut words = emulator.split_whitespace();
    let mut emulated = Command::new(words.next().expect("a command"));
    emulated.args(words).arg(command.get_program());
    emulated.args(command.get_args()).env_clear();
    for (name, value) in command.get_envs() {
        emulated.envs(value.map(|value| (name, value)));
    }
    emulated
}
