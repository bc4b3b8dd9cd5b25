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
        let mut done = 0;
        while let Some(found) = self.next(text, done) {
            to.put(&text[done..found]);
            done = found + self.put_some(&text[found..], to);
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

    /// Writes the special byte that `text` starts with, and some behind it: where one is, more are to come, and
    /// a search for each would be slow. Tells how many bytes of `text` that were.
    fn put_some(&self, text: &[u8], to: &mut impl Sink) -> usize {
        const SOME: usize = 16;
        let length = if self.family.hides_ascii() {
            1
        } else {
            SOME.min(text.len())
        };
        let mut doubled = [0; 2 * SOME];
        let mut filled = 0;
        for &byte in &text[..length] {
            // Written twice at once; the next byte takes the second place unless it is wanted.
            doubled[filled % (2 * SOME)] = byte;
            doubled[(filled + 1) % (2 * SOME)] = byte;
            filled += 1 + usize::from(self.is_special(byte));
        }
        to.put(&doubled[..filled]);
        length
    }
}
