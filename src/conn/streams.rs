//! Recorded streams of a server, decoded whole, split at every byte, and damaged. The result does not depend on how a
//! stream is split, and no stream causes a panic or an infinite loop.

pub mod damage;
mod recorded;

use super::application::Application;
use recorded::{RECORDED, Recorded};

/// What an application sees when `pieces` splits the answers.
fn decoded(recorded: &Recorded, mut pieces: impl FnMut(usize, &[u8]) -> Vec<Vec<u8>>) -> String {
    let mut application = Application::new();
    for (number, (call, answer)) in recorded.turns.iter().enumerate() {
        application.run(*call, pieces(number, &answer()));
    }
    application.seen()
}

fn whole(_: usize, answer: &[u8]) -> Vec<Vec<u8>> {
    vec![answer.to_vec()]
}

/// Each position between two bytes, as the number of the turn and the offset.
fn places(recorded: &Recorded) -> impl Iterator<Item = (usize, usize)> {
    let turns = recorded.turns.iter().enumerate();
    turns.flat_map(|(number, (_, answer))| (0..answer().len()).map(move |at| (number, at)))
}

#[test]
fn the_result_does_not_depend_on_the_split() {
    for recorded in RECORDED {
        let name = recorded.name;
        let expected = decoded(recorded, whole);
        assert!(
            expected.ends_with("Ok Idle Idle Off goaway\n"),
            "{name}\n{expected}"
        );
        for (turn, at) in places(recorded) {
            let halves = |number, answer: &[u8]| {
                let (head, tail) = answer.split_at(if number == turn { at } else { 0 });
                vec![head.to_vec(), tail.to_vec()]
            };
            assert_eq!(decoded(recorded, halves), expected, "{name} {turn} {at}");
        }
        for size in [1, 2, 3, 7] {
            let chunks = |_, answer: &[u8]| answer.chunks(size).map(<[u8]>::to_vec).collect();
            assert_eq!(decoded(recorded, chunks), expected, "{name} by {size}");
        }
    }
}

#[test]
fn truncated_answers_do_not_panic() {
    for recorded in RECORDED {
        for (turn, at) in places(recorded) {
            decoded(recorded, |number, answer| match number == turn {
                true => vec![answer[..at].to_vec()],
                false => whole(number, answer),
            });
        }
    }
}

#[test]
fn a_goaway_between_any_two_messages_changes_nothing_else() {
    for recorded in RECORDED {
        let expected = decoded(recorded, whole);
        for (turn, (_, answer)) in recorded.turns.iter().enumerate() {
            for at in boundaries(&answer()) {
                let seen = decoded(recorded, |number, answer| match number == turn {
                    true => vec![[&answer[..at], b"g\0\0\0\x04", &answer[at..]].concat()],
                    false => whole(number, answer),
                });
                assert_eq!(seen, expected, "{} {turn} {at}", recorded.name);
            }
        }
    }
}

/// The offset of each message, and the end.
fn boundaries(stream: &[u8]) -> Vec<usize> {
    let mut found = vec![0];
    let mut at = 0;
    while let Some(word) = stream[at..].get(1..5) {
        at += 1 + u32::from_be_bytes(word.try_into().expect("four bytes")) as usize;
        found.push(at);
    }
    found
}
