//! Certificates and revocation lists with a single bit flipped. `flips.py` makes them; `LIBPQ_OXIDE_FLIPS` chooses how
//! many, or which, and `LIBPQ_OXIDE_CHAINS_SEED` the choice.

use std::collections::BTreeMap;

use super::mixed::{Outcome, Summary, outcomes_of, setting};

/// Chains whose outcome is known with C libpq and with ours, and the complaint about them.
const PLANTED: [(&str, [bool; 2], Option<&str>); 4] = [
    ("planted-accepted", [true, true], None),
    ("planted-refused", [false, false], None),
    ("planted-stricter", [true, false], Some("ours is stricter")),
    ("planted-wider", [false, true], Some("OURS ACCEPTS IT")),
];

fn check_planted(outcomes: &[Outcome]) {
    let seen: Vec<_> = outcomes
        .iter()
        .map(|one| {
            let accepted = [&one.oracle, &one.ours].map(|outcome| outcome == "ok");
            (one.name(), accepted, one.complaint())
        })
        .collect();
    assert_eq!(seen, PLANTED, "the planted chains");
}

#[test]
fn flipped_bits_differ_only_as_documented() {
    let seed = setting("LIBPQ_OXIDE_CHAINS_SEED", "1");
    let which = setting("LIBPQ_OXIDE_FLIPS", "200");
    let all = outcomes_of("flips.py", &seed, &which);
    let (planted, flips) = all.split_at(PLANTED.len());
    check_planted(planted);
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for cases in flips.iter().filter_map(Outcome::strictness) {
        *kinds.entry(cases).or_default() += 1;
    }
    for (cases, count) in kinds {
        println!("stricter: {count} {cases}");
    }
    let sum = Summary::of(flips);
    let (tried, lost, accepted, refused, known) =
        (sum.tried, sum.lost, sum.accepted, sum.refused, sum.known);
    println!(
        "flipped bits: {tried} tried, {lost} lost, {accepted} accepted by both, {refused} refused by both, {known} documented differences"
    );
    assert!(tried > 0, "no flips: {which}");
    assert!(sum.wrong.is_empty(), "{}", sum.wrong);
}
