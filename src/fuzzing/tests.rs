//! Every seed, and every seed damaged at random, the same way in every run.

use std::fs;
use std::path::Path;

use crate::conn::streams::damage::Chance;

/// Damaged inputs tried for each target.
const ROUNDS: usize = 3000;

/// The seeds of a target, by their names.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let files = fs::read_dir(directory.join(target))
        .expect("the seeds")
        .flatten();
    let seed = |file: fs::DirEntry| {
        let name = file.file_name().into_string().expect("a name");
        (name, fs::read(file.path()).expect("a seed"))
    };
    let mut seeds: Vec<_> = files.map(seed).collect();
    seeds.sort();
    seeds
}

fn run(target: &str, body: fn(&[u8])) {
    let seeds = seeds(target);
    assert!(!seeds.is_empty(), "{target}");
    for (_, seed) in &seeds {
        body(seed);
    }
    let mut chance = Chance(target.len() as u64);
    for round in 0..ROUNDS {
        let mut data = seeds[round % seeds.len()].1.clone();
        for _ in 0..=chance.below(4) {
            chance.damage(&mut data);
        }
        body(&data);
    }
}

#[test]
fn chain() {
    run("chain", super::chain);
}

/// Without it the search for what must not be accepted would be in vain.
#[test]
fn seeds_of_chains_are_judged_rightly() {
    for (name, data) in seeds("chain") {
        // The root's key is for certificates and lists only.
        let bad = ["forged", "forged-old", "revoked", "root", "stranger"];
        let bad = bad.contains(&name.as_str());
        assert_eq!(super::chain::is_accepted(&data), !bad, "{name}");
    }
}

#[test]
fn connection_string() {
    run("connection_string", super::connection_string);
}

#[cfg(feature = "oauth")]
#[test]
fn http() {
    run("http", super::http);
}

#[cfg(feature = "oauth")]
#[test]
fn json() {
    run("json", super::json);
}

#[cfg(feature = "gss")]
#[test]
fn packets() {
    run("packets", super::packets);
}

#[test]
fn scram() {
    run("scram", super::scram);
}

#[test]
fn stream() {
    run("stream", super::stream);
}
