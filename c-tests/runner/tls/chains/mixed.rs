//! Random chains and revocation lists. `mixed.py` makes them from a seed; `LIBPQ_OXIDE_CHAINS` and
//! `LIBPQ_OXIDE_CHAINS_SEED` choose how many, and which.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::thread;

use super::server::ChainServer;
use super::table::{self, Row};
use super::{conninfos, generate_with, outcomes};
use crate::support::paths::Lib;

/// A chain with the cases of `cases.tsv` that permit a difference.
struct Mixed {
    row: Row,
    stricter: BTreeSet<String>,
    wider: BTreeSet<String>,
}

fn parse(line: &str) -> Mixed {
    let fields: Vec<_> = line.split('\t').map(str::to_owned).collect();
    let Ok([case, options, stricter, wider, description]) = <[String; 5]>::try_from(fields) else {
        panic!("not a chain: {line}");
    };
    let names = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    Mixed {
        stricter: names(&stricter),
        wider: names(&wider),
        row: Row {
            case,
            options,
            description,
            oracle: String::new(),
            ours: String::new(),
            places: BTreeSet::new(),
        },
    }
}

pub fn setting(name: &str, otherwise: &str) -> String {
    env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}

/// A chain, and each library's outcome.
pub struct Outcome {
    mixed: Mixed,
    pub oracle: String,
    pub ours: String,
}

impl Outcome {
    pub fn name(&self) -> &str {
        &self.mixed.row.case
    }

    /// How the two libraries differ, unless `docs/tls.md` explains it.
    pub fn complaint(&self) -> Option<&'static str> {
        match (self.oracle == "ok", self.ours == "ok") {
            (true, false) if self.mixed.stricter.is_empty() => Some("ours is stricter"),
            (false, true) if self.mixed.wider.is_empty() => Some("OURS ACCEPTS IT"),
            _ => None,
        }
    }

    fn complaint_line(&self) -> Option<String> {
        let (row, oracle, ours) = (&self.mixed.row, &self.oracle, &self.ours);
        let (case, options, what) = (&row.case, &row.options, &row.description);
        self.complaint()
            .map(|text| format!("{case}\t{options}\tC: {oracle}\tours: {ours}\t{text}: {what}\n"))
    }

    /// The cases that explain why this library is stricter; None if it is not.
    pub fn strictness(&self) -> Option<String> {
        let cases: Vec<_> = self.mixed.stricter.iter().cloned().collect();
        (self.oracle == "ok" && self.ours != "ok").then(|| cases.join(", "))
    }
}

/// Chains that a generator has made, and what came of them. It writes mixed.tsv as described in `mixed.py`.
pub fn outcomes_of(generator: &str, seed: &str, which: &str) -> Vec<Outcome> {
    let directory = generate_with(generator, &[seed, which]);
    let text = fs::read_to_string(directory.path().join("mixed.tsv")).expect("the table");
    let all: Vec<_> = text.lines().map(parse).collect();
    let documented = table::cases_of_docs();
    for name in all.iter().flat_map(|one| one.stricter.union(&one.wider)) {
        assert!(documented.contains(name), "not in docs/tls.md: {name}");
    }
    let server = ChainServer::start(directory.path());
    let rows: Vec<&Row> = all.iter().map(|one| &one.row).collect();
    let input = conninfos(&rows, directory.path(), &server);
    let (oracle, ours) = thread::scope(|scope| {
        let oracle = scope.spawn(|| outcomes(Lib::Oracle, &input));
        let ours = outcomes(Lib::Ours, &input);
        (oracle.join().expect("the oracle's outcomes"), ours)
    });
    assert_eq!((oracle.len(), ours.len()), (all.len(), all.len()));
    let outcomes = all.into_iter().zip(oracle).zip(ours);
    outcomes
        .map(|((mixed, oracle), ours)| Outcome {
            mixed,
            oracle,
            ours,
        })
        .collect()
}

/// What the outcomes are in sum.
pub struct Summary {
    pub tried: usize,
    pub accepted: usize,
    pub refused: usize,
    /// The documented differences.
    pub known: usize,
    pub lost: usize,
    /// A line for each of those that are lost.
    pub wrong: String,
}

impl Summary {
    pub fn of(all: &[Outcome]) -> Summary {
        let count = |oracle: bool, ours: bool| {
            let same = |one: &&Outcome| (one.oracle == "ok", one.ours == "ok") == (oracle, ours);
            all.iter().filter(same).count()
        };
        let lines: Vec<_> = all.iter().filter_map(Outcome::complaint_line).collect();
        let lost = lines.len();
        Summary {
            tried: all.len(),
            accepted: count(true, true),
            refused: count(false, false),
            known: count(true, false) + count(false, true) - lost,
            lost,
            wrong: lines.concat(),
        }
    }
}

#[test]
fn random_chains_differ_only_as_documented() {
    let seed = setting("LIBPQ_OXIDE_CHAINS_SEED", "1");
    let count = setting("LIBPQ_OXIDE_CHAINS", "120");
    let Summary {
        tried,
        accepted,
        known,
        lost,
        wrong,
        ..
    } = Summary::of(&outcomes_of("mixed.py", &seed, &count));
    println!(
        "random chains: {tried} tried, {lost} lost, {accepted} accepted by both, {known} documented differences"
    );
    assert!(accepted > tried / 20, "too few valid chains: {accepted}");
    assert!(wrong.is_empty(), "{wrong}");
}
