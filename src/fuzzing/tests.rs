//! Every seed, and every seed damaged at random, the same way in every run.

use std::fs;
use std::path::Path;

use crate::conn::streams::damage::Chance;

/// Damaged inputs tried for each target.
const ROUNDS: usize = 3000;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let mut files: Vec<_> = fs::read_dir(directory)
        .expect("the seeds")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| fs::read(file).expect("a seed"))
        .collect()
}

fn run(target: &str, body: fn(&[u8])) {
    let seeds = seeds(target);
    assert!(!seeds.is_empty(), "{target}");
    for seed in &seeds {
        body(seed);
    }
    let mut chance = Chance(target.len() as u64);
    for round in 0..ROUNDS {
        let mut data = seeds[round % seeds.len()].clone();
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

#[test]
fn connection_string() {
    run("connection_string", super::connection_string);
}

#[test]
fn http() {
    run("http", super::http);
}

#[test]
fn json() {
    run("json", super::json);
}

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
