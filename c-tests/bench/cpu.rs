//! Runs client and servers on one CPU.

use std::fs;
use std::process::{self, Command};

use crate::support::process::{TIMEOUT, run};

/// Binds this process, and the servers and clients that it starts, to the last CPU it may use. With two CPUs, the
/// time of a short query is mostly the time for one CPU to wake the other: in a virtual machine, more than ten times
/// the client's own. Without the binding the figures depend on the kernel's scheduling. Must be called before any
/// thread starts.
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
