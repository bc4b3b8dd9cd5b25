//! Doubles the bytes that have a special meaning inside quotes.

use memchr::{memchr_iter, memchr2};

use super::encoding::Family;
use super::sink::Sink;

/// The bytes to double: two, or the same one twice. They are not doubled where they are part of a longer character.
pub(super) struct Doubling {
    family: Family,
    special: [u8; 2],
}

impl Doubling {
    pub(super) fn new(encoding: i32, special: [u8; 2]) -> Doubling {
        Doubling {
            family: Family::of(encoding),
            special,
        }
    }

    /// The number of bytes to double in `text`, which is valid, for each of the two; if both are the same, counted once.
    pub(super) fn count(&self, text: &[u8]) -> [usize; 2] {
        let [first, second] = self.special;
        let seconds = if second == first { b"" } else { text };
        if !self.family.hides_ascii() {
            return [
                memchr_iter(first, text).count(),
                memchr_iter(second, seconds).count(),
            ];
        }
        let real = |at: &usize| self.starts_character(text, *at);
        [
            memchr_iter(first, text).filter(real).count(),
            memchr_iter(second, seconds).filter(real).count(),
        ]
    }

    /// Writes `text`, which is valid.
    pub(super) fn put(&self, text: &[u8], to: &mut impl Sink) {
        if self.family.hides_ascii() {
            self.put_characters(text, to);
        } else {
            self.put_bytes(text, to);
        }
    }

    /// Writes text in which every special byte is a character of its own. The text goes through a buffer that is larger
    /// than a block can need, so that whole words are written instead of single bytes.
    fn put_bytes(&self, text: &[u8], to: &mut impl Sink) {
        let mut piece = [0; PIECE];
        let mut filled = 0;
        // The last block had many special bytes, so this one probably has many too.
        let mut crowded = false;
        let (blocks, rest) = text.as_chunks::<BLOCK>();
        for block in blocks {
            if filled > PIECE - 2 * BLOCK {
                to.put(&piece[..filled]);
                filled = 0;
            }
            let before = filled;
            if crowded {
                filled = self.put_crowded(block, &mut piece, filled);
            } else if self.is_clean(block) {
                filled = put(block, &mut piece, filled);
                continue;
            } else {
                for half in block.as_chunks::<{ BLOCK / 2 }>().0 {
                    filled = self.put_half(half, &mut piece, filled);
                }
            }
            crowded = filled - before > BLOCK + WORD;
        }
        to.put(&piece[..filled]);
        self.put_rest(rest, to);
    }

    /// Like [`Doubling::put_bytes`], for less than a block.
    fn put_rest(&self, text: &[u8], to: &mut impl Sink) {
        if text.is_empty() {
            return;
        }
        let mut piece = [0; 2 * BLOCK];
        let mut filled = 0;
        for &byte in text {
            // Always written twice. The next byte overwrites the second copy if it is not needed.
            piece[filled..][..2].copy_from_slice(&[byte; 2]);
            filled += 1 + usize::from(self.is_special(byte));
        }
        to.put(&piece[..filled]);
    }

    /// Whether no byte is special.
    #[inline(always)]
    fn is_clean<const N: usize>(&self, bytes: &[u8; N]) -> bool {
        // Not `any`, which would test byte by byte to stop at the first one.
        let found = bytes
            .iter()
            .fold(false, |found, byte| found | self.is_special(*byte));
        !found
    }

    /// Writes half a block, and returns how far the buffer is filled now.
    #[inline(always)]
    fn put_half(&self, half: &[u8; BLOCK / 2], piece: &mut Piece, mut filled: usize) -> usize {
        if self.is_clean(half) {
            return put(half, piece, filled);
        }
        for word in half.as_chunks::<WORD>().0 {
            filled = self.put_word(word, piece, filled);
        }
        filled
    }

    /// Like [`Doubling::put_half`], for one word.
    #[inline(always)]
    fn put_word(&self, bytes: &[u8; WORD], piece: &mut Piece, filled: usize) -> usize {
        let word = u64::from_le_bytes(*bytes);
        let marks = self.marks(word);
        if marks == 0 {
            return put(bytes, piece, filled);
        }
        put_marked(word, marks, piece, filled)
    }

    /// Like [`Doubling::put_word`], for each word of a block, without testing for words without special bytes.
    #[inline(always)]
    fn put_crowded(&self, block: &[u8; BLOCK], piece: &mut Piece, mut filled: usize) -> usize {
        for bytes in block.as_chunks::<WORD>().0 {
            let word = u64::from_le_bytes(*bytes);
            filled = put_marked(word, self.marks(word), piece, filled);
        }
        filled
    }

    /// A mask with the highest bit of each byte of `word` that is special.
    #[inline(always)]
    fn marks(&self, word: u64) -> u64 {
        let [first, second] = self.special;
        let marked = marks(word, first);
        if second == first {
            return marked;
        }
        marked | marks(word, second)
    }

    /// Writes text, and examines the characters around each byte that may be special.
    fn put_characters(&self, text: &[u8], to: &mut impl Sink) {
        let mut done = 0;
        while let Some(found) = self.next(text, done) {
            to.put(&text[done..=found]);
            to.put(&text[found..=found]);
            done = found + 1;
        }
        to.put(&text[done..]);
    }

    /// The position of the next byte to double, from `at` on.
    fn next(&self, text: &[u8], at: usize) -> Option<usize> {
        let [first, second] = self.special;
        let mut found = at + memchr2(first, second, text.get(at..)?)?;
        while self.family.hides_ascii() && !self.starts_character(text, found) {
            let behind = found + 1;
            found = behind + memchr2(first, second, &text[behind..])?;
        }
        Some(found)
    }

    /// Whether the special byte at `at` is a character of its own and not the end of a longer one. This follows from the
    /// bytes above ASCII before it: the byte before those ends a character, because the only ASCII byte in the middle of
    /// a character is a digit in GB18030, which is followed by exactly one byte and another digit.
    fn starts_character(&self, text: &[u8], at: usize) -> bool {
        let ascii = text[..at].iter().rposition(u8::is_ascii);
        let mut start = ascii.map_or(0, |ascii| ascii + 1);
        while start < at {
            start += self
                .family
                .length(text[start], text.get(start + 1).copied());
        }
        start == at
    }

    fn is_special(&self, byte: u8) -> bool {
        (byte == self.special[0]) | (byte == self.special[1])
    }
}

const WORD: usize = size_of::<u64>();
/// The size of a block. A block without special bytes is copied at once.
const BLOCK: usize = 32;

/// A mask with the highest bit of each byte of `word` that equals `byte`.
fn marks(word: u64, byte: u8) -> u64 {
    const HIGH: u64 = u64::from_ne_bytes([0x80; WORD]);
    let difference = word ^ (u64::from_ne_bytes([1; WORD]) * u64::from(byte));
    let low_bits = (difference & !HIGH) + !HIGH;
    !(low_bits | difference) & HIGH
}

/// Factors that double four bytes, by which of them are special: a multiplication moves each byte to its place, once or
/// twice.
struct Spread {
    factors: [u64; 4],
    length: usize,
}

const SPREADS: [Spread; 16] = {
    let mut spreads = [const {
        Spread {
            factors: [0; 4],
            length: 0,
        }
    }; 16];
    let mut special = 0;
    while special < 16 {
        let spread = &mut spreads[special];
        let mut byte = 0;
        while byte < 4 {
            spread.factors[byte] = 1 << (8 * spread.length);
            spread.length += 1;
            if special & (1 << byte) != 0 {
                spread.factors[byte] |= 1 << (8 * spread.length);
                spread.length += 1;
            }
            byte += 1;
        }
        special += 1;
    }
    spreads
};

/// A buffer for output to a sink. Whole words are written to it, whose last bytes may not be part of the output.
type Piece = [u8; PIECE];
const PIECE: usize = 512;

/// Writes bytes after the `filled` ones, and returns how many are filled now.
#[inline(always)]
fn put<const N: usize>(bytes: &[u8; N], piece: &mut Piece, filled: usize) -> usize {
    piece[filled..][..N].copy_from_slice(bytes);
    filled + N
}

/// Writes a word. Bytes that have a mark are written twice.
#[inline(always)]
fn put_marked(word: u64, marks: u64, piece: &mut Piece, filled: usize) -> usize {
    // Collects the marks in the highest byte.
    let special = (marks >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    let filled = put_spread(word as u32, special as usize, piece, filled);
    put_spread((word >> 32) as u32, special as usize >> 4, piece, filled)
}

/// Writes four bytes. Those selected by the lowest bits of `special` are written twice.
#[inline(always)]
fn put_spread(bytes: u32, special: usize, piece: &mut Piece, filled: usize) -> usize {
    let Spread { factors, length } = &SPREADS[special % SPREADS.len()];
    let bytes = bytes.to_le_bytes().map(u64::from);
    let part = |byte: usize| bytes[byte] * factors[byte];
    let spread = (part(0) | part(1)) | (part(2) | part(3));
    put(&spread.to_le_bytes(), piece, filled);
    filled + length
}
