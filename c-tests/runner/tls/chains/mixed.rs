//! Random chains and revocation lists. `mixed.py` makes them from a seed; `LIBPQ_OXIDE_CHAINS` and
//! `LIBPQ_OXIDE_CHAINS_SEED` choose how many, and which.

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write;
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

fn setting(name: &str, otherwise: &str) -> String {
    env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}

/// How the two libraries differ, unless `docs/tls.md` explains it.
fn complaint(mixed: &Mixed, oracle: &str, ours: &str) -> Option<&'static str> {
    match (oracle == "ok", ours == "ok") {
        (true, false) if mixed.stricter.is_empty() => Some("ours is stricter"),
        (false, true) if mixed.wider.is_empty() => Some("OURS ACCEPTS IT"),
        _ => None,
    }
}

#[test]
fn random_chains_differ_only_as_documented() {
    let seed = setting("LIBPQ_OXIDE_CHAINS_SEED", "1");
    let count = setting("LIBPQ_OXIDE_CHAINS", "120");
    let directory = generate_with("mixed.py", &[&seed, &count]);
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
    let (mut wrong, mut accepted, mut known) = (String::new(), 0, 0);
    let mut lost = 0;
    for ((mixed, oracle), ours) in all.iter().zip(&oracle).zip(&ours) {
        accepted += usize::from(ours == "ok" && oracle == "ok");
        known += usize::from((ours == "ok") != (oracle == "ok"));
        if let Some(text) = complaint(mixed, oracle, ours) {
            lost += 1;
            let Row {
                case,
                options,
                description,
                ..
            } = &mixed.row;
            let _ = writeln!(
                wrong,
                "{case}\t{options}\tC: {oracle}\tours: {ours}\t{text}: {description}"
            );
        }
    }
    let tried = all.len();
    known -= lost;
    println!(
        "random chains: {tried} tried, {lost} lost, {accepted} accepted by both, {known} documented differences"
    );
    assert!(accepted > tried / 20, "too few valid chains: {accepted}");
    assert!(wrong.is_empty(), "{wrong}");
}
