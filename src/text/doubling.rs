//! Doubling the bytes that mean something inside quotes.

use memchr::{memchr_iter, memchr2};

use super::encoding::Family;
use super::sink::Sink;

/// What is doubled: two bytes, or one named twice, where they are not the later bytes of a character.
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

    /// How often each of the two stands in `text`, which is valid; the same one named twice counts once.
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

    /// Writes text whose special bytes are what they look like. It goes through a piece of memory that is written
    /// to with some room to spare, so that nothing is copied byte by byte.
    fn put_bytes(&self, text: &[u8], to: &mut impl Sink) {
        let mut piece = [0; PIECE];
        let mut filled = 0;
        // The last block had many special bytes: most likely this one has, too.
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

    /// As [`Doubling::put_bytes`], of less than a block.
    fn put_rest(&self, text: &[u8], to: &mut impl Sink) {
        if text.is_empty() {
            return;
        }
        let mut piece = [0; 2 * BLOCK];
        let mut filled = 0;
        for &byte in text {
            // Written twice at once; the next byte takes the second place unless it is wanted.
            piece[filled..][..2].copy_from_slice(&[byte; 2]);
            filled += 1 + usize::from(self.is_special(byte));
        }
        to.put(&piece[..filled]);
    }

    /// Whether no byte is special.
    #[inline(always)]
    fn is_clean<const N: usize>(&self, bytes: &[u8; N]) -> bool {
        // Not `any`, which stops at the first one, byte by byte.
        let found = bytes
            .iter()
            .fold(false, |found, byte| found | self.is_special(*byte));
        !found
    }

    /// Writes half a block, and tells how far the piece is filled now.
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

    /// As [`Doubling::put_half`], of a word.
    #[inline(always)]
    fn put_word(&self, bytes: &[u8; WORD], piece: &mut Piece, filled: usize) -> usize {
        let word = u64::from_le_bytes(*bytes);
        let marks = self.marks(word);
        if marks == 0 {
            return put(bytes, piece, filled);
        }
        put_marked(word, marks, piece, filled)
    }

    /// As [`Doubling::put_word`], of each word of a block, without a look for words that have nothing special.
    #[inline(always)]
    fn put_crowded(&self, block: &[u8; BLOCK], piece: &mut Piece, mut filled: usize) -> usize {
        for bytes in block.as_chunks::<WORD>().0 {
            let word = u64::from_le_bytes(*bytes);
            filled = put_marked(word, self.marks(word), piece, filled);
        }
        filled
    }

    /// The highest bit of each byte of `word` that is special.
    #[inline(always)]
    fn marks(&self, word: u64) -> u64 {
        let [first, second] = self.special;
        let marked = marks(word, first);
        if second == first {
            return marked;
        }
        marked | marks(word, second)
    }

    /// Writes text character by character where one is found that may be special.
    fn put_characters(&self, text: &[u8], to: &mut impl Sink) {
        let mut done = 0;
        while let Some(found) = self.next(text, done) {
            to.put(&text[done..=found]);
            to.put(&text[found..=found]);
            done = found + 1;
        }
        to.put(&text[done..]);
    }

    /// Where, from `at` on, the next byte to be doubled stands.
    fn next(&self, text: &[u8], at: usize) -> Option<usize> {
        let [first, second] = self.special;
        let mut found = at + memchr2(first, second, text.get(at..)?)?;
        while self.family.hides_ascii() && !self.starts_character(text, found) {
            let behind = found + 1;
            found = behind + memchr2(first, second, &text[behind..])?;
        }
        Some(found)
    }

    /// Whether the special byte at `at` is a character, not the end of one. The bytes above ASCII in front of it
    /// tell: whatever stands before those ends a character, as the only ASCII byte in the middle of one is a
    /// digit in GB18030, where just one byte and another digit follow.
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
/// Copied at once where nothing special is in it.
const BLOCK: usize = 32;

/// The highest bit of each byte of `word` that is `byte`.
fn marks(word: u64, byte: u8) -> u64 {
    const HIGH: u64 = u64::from_ne_bytes([0x80; WORD]);
    let difference = word ^ (u64::from_ne_bytes([1; WORD]) * u64::from(byte));
    let low_bits = (difference & !HIGH) + !HIGH;
    !(low_bits | difference) & HIGH
}

/// How four bytes are doubled, by which of them are special: each is multiplied to where it belongs, once or twice.
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

/// Output on its way into a sink. Whole words are written, of which the last bytes may not count.
type Piece = [u8; PIECE];
const PIECE: usize = 512;

/// Writes bytes behind those that fill the piece, and tells how many do then.
#[inline(always)]
fn put<const N: usize>(bytes: &[u8; N], piece: &mut Piece, filled: usize) -> usize {
    piece[filled..][..N].copy_from_slice(bytes);
    filled + N
}

/// Writes a word, those bytes twice that have marks.
#[inline(always)]
fn put_marked(word: u64, marks: u64, piece: &mut Piece, filled: usize) -> usize {
    // Gathers the marks in the highest byte.
    let special = (marks >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    let filled = put_spread(word as u32, special as usize, piece, filled);
    put_spread((word >> 32) as u32, special as usize >> 4, piece, filled)
}

/// Writes four bytes, those twice that the lowest bits of `special` name.
#[inline(always)]
fn put_spread(bytes: u32, special: usize, piece: &mut Piece, filled: usize) -> usize {
    let Spread { factors, length } = &SPREADS[special % SPREADS.len()];
    let bytes = bytes.to_le_bytes().map(u64::from);
    let part = |byte: usize| bytes[byte] * factors[byte];
    let spread = (part(0) | part(1)) | (part(2) | part(3));
    put(&spread.to_le_bytes(), piece, filled);
    filled + length
}
