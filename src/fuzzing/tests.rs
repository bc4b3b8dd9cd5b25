//! Runs the targets with every seed, and with seeds damaged at random. Each run uses the same random numbers.

use std::fs;
use std::path::Path;

use crate::conn::streams::damage::Chance;

/// The number of damaged inputs for each target.
const ROUNDS: usize = 3000;

/// The names and contents of a target's seeds.
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

/// If no seed were accepted, the target `chain` would not test much.
#[test]
fn good_chains_are_accepted_and_bad_ones_refused() {
    for (name, data) in seeds("chain") {
        // The root's certificate permits only the signing of certificates and lists.
        let bad = ["forged", "forged-old", "revoked", "root", "stranger"];
        let bad = bad.contains(&name.as_str());
        assert_eq!(super::chain::is_accepted(&data), !bad, "{name}");
    }
}

#[test]
fn connection_string() {
    run("connection_string", super::connection_string);
}

#[test]
fn files() {
    run("files", super::files);
}

#[test]
fn pem() {
    run("pem", super::pem);
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

#[test]
fn connection() {
    run("connection", super::connection);
}

#[test]
fn copy() {
    run("copy", super::copy);
}

#[test]
fn escape() {
    run("escape", super::escape);
}
