//! What the command line asks for.

use crate::workloads::{WORKLOADS, Workload};

/// How the program is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Everything once in a tiny size, and no figures.
    Try,
    /// Serve the clients' commands for a profiler.
    Serve,
    /// Measure.
    Report,
    /// Count instructions, and nothing else.
    Instructions,
}

pub struct Wishes {
    pub task: Task,
    pub debian15: bool,
    pub cold: bool,
    pub write: bool,
    pub servers: bool,
    pub growth: bool,
    pub rounds: usize,
    pub workloads: Vec<Workload>,
}

/// The name that stands for no workload.
const NONE: &str = "none";

impl Wishes {
    /// Reads the words of docs/benchmarks.md; the error is for whoever wrote them.
    pub fn read(words: impl Iterator<Item = String>) -> Result<Wishes, String> {
        let mut wishes = Wishes {
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
                ("report", "") => wishes.task = Task::Report,
                ("serve", "") => wishes.task = Task::Serve,
                ("instructions", "") => wishes.task = Task::Instructions,
                ("debian15", "") => wishes.debian15 = true,
                ("cold", "") => wishes.cold = true,
                ("write", "") => wishes.write = true,
                ("servers", "") => wishes.servers = true,
                ("growth", "") => wishes.growth = true,
                ("rounds", number) => wishes.rounds = rounds(number)?,
                ("only", names) => {
                    wishes.workloads = chosen(names)?;
                    has_only = true;
                }
                _ => return Err(format!("unknown word: {word} (see docs/benchmarks.md)")),
            }
        }
        if wishes.write && has_only {
            return Err("write puts whole tables into docs: leave out only=".to_owned());
        }
        // The pages show everything.
        for part in [
            &mut wishes.servers,
            &mut wishes.growth,
            &mut wishes.debian15,
        ] {
            *part |= wishes.write;
        }
        Ok(wishes)
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

/// What is asked for wrongly is not measured as something else.
pub fn check() {
    let read = |words: &str| Wishes::read(words.split_whitespace().map(str::to_owned));
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
    let wishes = read("report only=wide,narrow rounds=3").expect("all of it is known");
    let names: Vec<&str> = wishes.workloads.iter().map(|w| w.name).collect();
    assert_eq!((names, wishes.rounds), (vec!["wide", "narrow"], 3));
    assert!(read("write").is_ok_and(|wishes| wishes.servers && wishes.growth));
    assert!(read("growth only=none").is_ok_and(|wishes| wishes.workloads.is_empty()));
}
