//! Runs programs under valgrind's memcheck. If `LIBPQ_OXIDE_VALGRIND` is set, all C programs that use our library run
//! this way.

use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use tempfile::TempDir;

use super::paths::Lib;
use super::program::on_lib;

/// The factor by which timeouts are longer.
pub const SLOWNESS: u32 = 20;

/// Programs that leak on purpose: their callbacks longjmp out of the library, their threads are cancelled in it, or
/// their child processes exit without cleaning up.
const LEAKING: [&str; 3] = ["cancel_thread", "jumps", "null_"];

/// Whether this test run uses valgrind.
pub fn is_wanted() -> bool {
    env::var_os("LIBPQ_OXIDE_VALGRIND").is_some()
}

/// How long to wait for a program, which is slow under valgrind.
pub fn patience(limit: Duration) -> Duration {
    if is_wanted() { limit * SLOWNESS } else { limit }
}

/// One run of a program under memcheck.
pub struct Memcheck {
    logs: TempDir,
}

impl Memcheck {
    pub fn new() -> Memcheck {
        let logs = TempDir::with_prefix("pq-").expect("a temporary directory");
        Memcheck { logs }
    }

    /// The command that runs `program` with our library. Each process writes its own log.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = on_lib("valgrind", Lib::Ours);
        // One malloc block for each allocation, so that memcheck knows where each one ends.
        command.env("LIBPQ_OXIDE_ARENA", "malloc");
        command.args([
            "--tool=memcheck",
            "--error-exitcode=99",
            "--leak-check=full",
        ]);
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let kinds = if LEAKING.iter().any(|leaking| name.starts_with(leaking)) {
            "none"
        } else {
            // "Possible" leaks are buffers whose beginning was consumed: the pointers point into the middle of the
            // block.
            "definite,indirect"
        };
        command.arg(format!("--errors-for-leak-kinds={kinds}"));
        let log = self.logs.path().join("%p.log");
        command.arg(format!("--log-file={}", log.display()));
        command.arg(program);
        command
    }

    /// The errors that memcheck reports; empty if there are none. A missing log means that memcheck did not run,
    /// which is also an error.
    pub fn complaints(&self) -> String {
        let entries = fs::read_dir(self.logs.path()).expect("the logs");
        let logs: Vec<String> = entries
            .map(|entry| fs::read_to_string(entry.expect("a log").path()).expect("a log"))
            .collect();
        if logs.is_empty() {
            return "valgrind left no log".to_owned();
        }
        let faulty = |log: &&String| {
            !log.contains("Memcheck, a memory error detector")
                || !log.contains("ERROR SUMMARY: 0 errors")
        };
        let faulty: Vec<_> = logs.iter().filter(faulty).map(String::as_str).collect();
        faulty.join("\n")
    }
}
