//! The command-line arguments.

use crate::workloads::{WORKLOADS, Workload};

/// What the program does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Runs everything once in a tiny size and prints no figures.
    Try,
    /// Serves the clients' commands for a profiler.
    Serve,
    /// Measures.
    Report,
    /// Only counts instructions.
    Instructions,
}

pub struct Args {
    pub task: Task,
    pub debian15: bool,
    pub cold: bool,
    pub write: bool,
    pub servers: bool,
    pub growth: bool,
    pub rounds: usize,
    pub workloads: Vec<Workload>,
}

/// The name for no workload.
const NONE: &str = "none";

impl Args {
    /// Parses the words that docs/benchmarks.md describes. The error is a text for the user.
    pub fn read(words: impl Iterator<Item = String>) -> Result<Args, String> {
        let mut args = Args {
            task: Task::Try,
            debian15: false,
            cold: false,
            write: false,
            servers: false,
            growth: false,
            rounds: 11,
            workloads: WORKLOADS.to_vec(),
        };
        let mut has_only = false;
        for word in words {
            match word.split_once('=').unwrap_or((&word, "")) {
                ("report", "") => args.task = Task::Report,
                ("serve", "") => args.task = Task::Serve,
                ("instructions", "") => args.task = Task::Instructions,
                ("debian15", "") => args.debian15 = true,
                ("cold", "") => args.cold = true,
                ("write", "") => args.write = true,
                ("servers", "") => args.servers = true,
                ("growth", "") => args.growth = true,
                ("rounds", number) => args.rounds = rounds(number)?,
                ("only", names) => {
                    args.workloads = chosen(names)?;
                    has_only = true;
                }
                _ => return Err(format!("unknown word: {word} (see docs/benchmarks.md)")),
            }
        }
        if args.write && has_only {
            return Err("write puts whole tables into docs: leave out only=".to_owned());
        }
        // `write` needs everything that the pages show.
        for part in [&mut args.servers, &mut args.growth, &mut args.debian15] {
            *part |= args.write;
        }
        Ok(args)
    }
}

fn rounds(number: &str) -> Result<usize, String> {
    match number.parse() {
        Ok(rounds) if rounds > 0 => Ok(rounds),
        _ => Err(format!("rounds= takes a number from 1: {number:?}")),
    }
}

fn chosen(names: &str) -> Result<Vec<Workload>, String> {
    let named = |name: &str| WORKLOADS.iter().find(|w| w.name == name);
    let names = names.split(',').filter(|name| *name != NONE);
    names
        .map(|name| named(name).copied().ok_or_else(|| unknown(name)))
        .collect()
}

fn unknown(name: &str) -> String {
    let all: Vec<&str> = WORKLOADS.iter().map(|w| w.name).collect();
    let all = all.join(", ");
    format!("no workload {name:?}; there are {all}, and {NONE} for none of them")
}

/// Invalid arguments are errors.
pub fn check() {
    let read = |words: &str| Args::read(words.split_whitespace().map(str::to_owned));
    for wrong in [
        "report only=narow",
        "report only=",
        "report only=narrow write",
        "rounds=0",
        "rounds=",
        "servers=1",
        "sever",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    let args = read("report only=wide,narrow rounds=3").expect("all of it is known");
    let names: Vec<&str> = args.workloads.iter().map(|w| w.name).collect();
    assert_eq!((names, args.rounds), (vec!["wide", "narrow"], 3));
    assert!(read("write").is_ok_and(|args| args.servers && args.growth));
    assert!(read("growth only=none").is_ok_and(|args| args.workloads.is_empty()));
}
