//! Randomly damaged streams, the same in every run.

use super::decoded;
use super::recorded::RECORDED;

/// The number of runs for each recorded stream.
const ROUNDS: u64 = 300;

/// A small random number generator (xorshift).
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit.max(1)
    }

    fn byte(&mut self) -> u8 {
        // Bytes that often break parsers are more frequent.
        const LIKELY: &[u8] = b"\0\x01\x04\x7f\x80\xffCDEGHIKNRSTVWZcdgnst123";
        match self.below(3) {
            0 => self.below(256) as u8,
            _ => LIKELY[self.below(LIKELY.len())],
        }
    }

    pub fn damage(&mut self, stream: &mut Vec<u8>) {
        if stream.is_empty() {
            return stream.push(self.byte());
        }
        let at = self.below(stream.len());
        let length = self.below(20);
        let end = (at + length).min(stream.len());
        let byte = self.byte();
        match self.below(5) {
            0 | 1 => stream[at] = byte,
            2 => stream.insert(at, byte),
            3 => drop(stream.drain(at..end)),
            _ => {
                let copy = stream[at..end].to_vec();
                let to = self.below(stream.len());
                stream.splice(to..to, copy);
            }
        }
    }

    fn pieces(&mut self, mut stream: &[u8]) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        while !stream.is_empty() {
            let size = 1 + self.below(stream.len().min(400));
            let (piece, rest) = stream.split_at(size);
            pieces.push(piece.to_vec());
            stream = rest;
        }
        pieces
    }
}

#[test]
fn damaged_streams_do_not_panic() {
    for (number, recorded) in RECORDED.iter().enumerate() {
        for round in 1..=ROUNDS {
            let mut chance = Chance(round * 7919 + number as u64);
            decoded(recorded, |_, answer| {
                let mut answer = answer.to_vec();
                for _ in 0..chance.below(3) {
                    chance.damage(&mut answer);
                }
                chance.pieces(&answer)
            });
        }
    }
}

#[test]
fn random_bytes_do_not_panic() {
    let mut chance = Chance(42);
    for _ in 0..ROUNDS {
        for recorded in RECORDED {
            decoded(recorded, |_, _| {
                let noise: Vec<u8> = (0..100).map(|_| chance.byte()).collect();
                chance.pieces(&noise)
            });
        }
    }
}
