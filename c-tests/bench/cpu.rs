//! One CPU for both sides.

use std::fs;
use std::process::{self, Command};

use crate::support::process::{TIMEOUT, run};

/// Keeps this process, and the servers and clients that it starts, on the last of the CPUs it may use. On two CPUs a
/// short query is mostly the time in which one wakes the other, more than ten times the client's own in a virtual
/// machine; where the kernel is free to choose, the figures depend on its choice. To be called before any thread starts.
pub fn stay_on_one() {
    let status = fs::read_to_string("/proc/self/status").expect("our own status");
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let last = list.and_then(|list| list.trim().rsplit([',', '-']).next());
    let mut command = Command::new("taskset");
    command.args(["-cp", last.expect("the CPUs we may use")]);
    command.arg(process::id().to_string());
    run(&mut command, b"", TIMEOUT).success();
}
