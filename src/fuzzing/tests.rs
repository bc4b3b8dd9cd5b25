//! Runs the targets with every seed and with what fuzzing found, as it is and damaged at random. Each run uses the same random
//! numbers.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::conn::streams::damage::Chance;

/// The number of damaged inputs for each target.
const ROUNDS: usize = 3000;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The names and contents of a target's seeds.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(directory().join("seeds").join(target))
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

/// The inputs that fuzzing found, which reach more of the code than the seeds.
fn found(target: &str) -> Vec<Vec<u8>> {
    let file = directory().join("found").join(format!("{target}.txt"));
    let text = fs::read_to_string(file).expect("the inputs");
    let inputs = text.lines().map(|line| STANDARD.decode(line));
    inputs.collect::<Result<_, _>>().expect("base64")
}

fn run(target: &str, body: fn(&[u8])) {
    let seeds: Vec<_> = seeds(target).into_iter().map(|(_, seed)| seed).collect();
    let found = found(target);
    assert!(!seeds.is_empty() && !found.is_empty(), "{target}");
    for input in seeds.iter().chain(&found) {
        body(input);
    }
    let mut chance = Chance(target.len() as u64);
    for round in 0..ROUNDS {
        let inputs = if round % 2 == 0 { &seeds } else { &found };
        let mut data = inputs[round / 2 % inputs.len()].clone();
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
