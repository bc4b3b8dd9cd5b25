//! Runs the clients and measures CPU time, memory, instructions and system calls.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::paths::{self, Lib};
use crate::support::process::{self, End};
use crate::support::program::on_lib;
use crate::workloads::Workload;

const PATIENCE: Duration = Duration::from_secs(600);
/// The client's exit status if the library lacks a function.
const CANNOT: i32 = 3;
/// In megabytes: more than any run uses.
const MOST_MEMORY: &str = "384";
/// The maximum number of repeats under valgrind, which is slow.
const MOST_COUNTED: usize = 500;

/// The compiled clients.
pub struct Clients {
    client: PathBuf,
    floor: PathBuf,
    warm: PathBuf,
}

/// The cost of one run.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Microseconds.
    pub user: f64,
    pub system: f64,
    /// Page faults that did not read from a disk.
    pub faults: f64,
    /// Peak memory in kB.
    pub memory: f64,
    /// A sum over all data read; it must be the same for all libraries.
    sum: u64,
}

impl Cost {
    /// Microseconds of user and system time.
    pub fn cpu(&self) -> f64 {
        self.user + self.system
    }
}

/// The cost of one operation.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    pub instructions: f64,
    pub syscalls: f64,
}

impl Clients {
    pub fn build() -> Clients {
        Clients {
            client: compile("client", true),
            floor: compile("floor", false),
            warm: compile("warm", false),
        }
    }

    /// The command line.
    pub fn words(&self, workload: &Workload, conninfo: &str) -> [String; 6] {
        [
            self.client.display().to_string(),
            workload.mode.to_owned(),
            conninfo.to_owned(),
            workload.setup().to_owned(),
            workload.sql(),
            workload.repeats.to_string(),
        ]
    }

    /// Returns None if the library does not support the workload.
    pub fn run(&self, lib: Lib, workload: &Workload, conninfo: &str) -> Option<Cost> {
        let [client, arguments @ ..] = self.words(workload, conninfo);
        let output = process::run(on_lib(client, lib).args(arguments), b"", PATIENCE);
        if output.end == End::Exit(CANNOT) {
            return None;
        }
        Some(cost(&output.success().stdout))
    }

    /// Makes the kernel have free memory for the next run: see warm.c.
    pub fn warm(&self) {
        let mut command = Command::new(&self.warm);
        process::run(command.arg(MOST_MEMORY), b"", PATIENCE).success();
    }

    pub fn run_floor(&self, workload: &Workload, socket: &Path) -> Cost {
        let mut command = Command::new(&self.floor);
        command.arg(socket).arg(workload.sql());
        command.arg(workload.repeats.to_string());
        cost(&process::run(&mut command, b"", PATIENCE).success().stdout)
    }

    pub fn counts(&self, lib: Lib, workload: &Workload, conninfo: &str) -> Counts {
        Counts {
            instructions: self.instructions(lib, workload, conninfo),
            syscalls: self.for_each(lib, workload, conninfo, "strace", syscalls),
        }
    }

    /// User-space instructions of one repeat.
    pub fn instructions(&self, lib: Lib, workload: &Workload, conninfo: &str) -> f64 {
        self.for_each(lib, workload, conninfo, "valgrind", instructions)
    }

    /// Returns a count for one repeat: the difference of two runs, which excludes the startup.
    fn for_each(
        &self,
        lib: Lib,
        workload: &Workload,
        conninfo: &str,
        program: &str,
        count: fn(Command) -> f64,
    ) -> f64 {
        let more = workload.repeats.min(MOST_COUNTED);
        let of = |repeats| {
            let mut command = on_lib(program, lib);
            let workload = Workload {
                repeats,
                ..*workload
            };
            command.args(self.words(&workload, conninfo));
            count(command)
        };
        (of(1 + more) - of(1)) / more as f64
    }
}

/// Checks that all libraries read the same data; otherwise the comparison is meaningless.
pub fn check_same(workload: &Workload, costs: &[Option<Cost>]) {
    let mut sums = costs.iter().flatten().map(|cost| cost.sum);
    let first = sums.next();
    assert!(
        sums.all(|sum| Some(sum) == first),
        "{}: {costs:?}",
        workload.name
    );
}

fn cost(line: &str) -> Cost {
    let mut numbers = line.split_whitespace().map(|word| word.parse::<u64>());
    let mut next = || match numbers.next() {
        Some(Ok(number)) => number,
        _ => panic!("not what the client prints: {line:?}"),
    };
    Cost {
        user: next() as f64,
        system: next() as f64,
        faults: next() as f64,
        memory: next() as f64,
        sum: next(),
    }
}

fn compile(name: &str, with_libpq: bool) -> PathBuf {
    let directory = paths::target().join("c-tests");
    fs::create_dir_all(&directory).expect("a directory for programs");
    let path = directory.join(format!("bench-{name}"));
    let mut command = Command::new("cc");
    command.args(["-std=gnu99", "-O2", "-Wall", "-Wextra", "-Werror", "-o"]);
    command.arg(&path);
    command.arg(paths::checkout().join(format!("c-tests/bench/{name}.c")));
    if with_libpq {
        let oracle = paths::oracle();
        command.arg("-I").arg(oracle.join("include"));
        command.arg("-L").arg(oracle.join("lib")).arg("-lpq");
    }
    process::run(&mut command, b"", PATIENCE).success();
    path
}

/// User-space instructions of a command, counted by valgrind.
fn instructions(command: Command) -> f64 {
    let options = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let output = process::run(&mut with_options(command, &options), b"", PATIENCE).success();
    let mut lines = output.stderr.lines();
    let number = lines.find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok());
    number.unwrap_or_else(|| panic!("callgrind collected nothing\n{output}"))
}

/// System calls of a command, counted by strace.
fn syscalls(command: Command) -> f64 {
    let output = process::run(&mut with_options(command, &["-f", "-c"]), b"", PATIENCE).success();
    let mut lines = output.stderr.lines();
    let total = lines.find(|line| line.ends_with(" total"));
    let number = total.and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    number.unwrap_or_else(|| panic!("strace counted nothing\n{output}"))
}

/// The command with additional options before its arguments.
fn with_options(command: Command, options: &[&str]) -> Command {
    let mut other = Command::new(command.get_program());
    other.env_clear();
    other.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    other.args(options).args(command.get_args());
    other
}
