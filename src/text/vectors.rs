//! Inputs for the tests of this layer: reproducible random bytes, and texts designed to break quoting.

/// Xorshift: the same bytes in every run.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.below(256) as u8).collect()
    }

    /// Up to `limit` bytes from `letters`.
    pub fn of(&mut self, letters: &[u8], limit: usize) -> Vec<u8> {
        (0..self.below(limit))
            .map(|_| letters[self.below(letters.len())])
            .collect()
    }

    /// Up to `limit` bytes without NUL, rich in quotes, backslashes, and whole characters of many encodings.
    pub fn text(&mut self, limit: usize) -> Vec<u8> {
        let mut text = Vec::new();
        let length = self.below(limit);
        while text.len() < length {
            match self.below(8) {
                0 => text.push(b"'\"\\ 0;"[self.below(6)]),
                1 | 2 => text.push(1 + self.below(255) as u8),
                3 => text.extend_from_slice("é".as_bytes()),
                4 => text.extend_from_slice("あ😀".as_bytes()),
                5 => text.extend([0xA1 + self.below(94) as u8, 0xA1 + self.below(94) as u8]),
                6 => text.extend([
                    0x81 + self.below(126) as u8,
                    b"0'\\A"[self.below(4)],
                    0x81,
                    b'0',
                ]),
                _ => text.extend_from_slice(b"plain text, long enough for the quick ways"),
            }
        }
        text.truncate(length);
        text
    }
}

const BEFORE: [&[u8]; 3] = [b"", b"1\\", b"'"];

const BEHIND: [&[u8]; 24] = [
    b"",
    b" ",
    b"  ",
    b"   ",
    b"'",
    b"\"",
    b"\\",
    b"\\'",
    b"\\\"",
    b"'; ",
    b"\"; ",
    b"';;;;",
    b"  ';;;;",
    b"  \";;;;",
    b"'; \\l ; ",
    b"\"; \\l ; ",
    b"0",
    b"0\x81'",
    b"00'",
    b"\x40;",
    b"1\x81'",
    b"ab'",
    b"\xA1'",
    b"\x80\x80\x80'",
];

/// Every byte above ASCII, between texts that are difficult to quote.
pub fn hostile() -> impl Iterator<Item = Vec<u8>> {
    let around = BEFORE
        .iter()
        .flat_map(|start| BEHIND.iter().map(move |end| (start, end)));
    around.flat_map(|(start, end)| {
        (0x80..=0xFFu8).map(move |lead| [start, &[lead][..], end].concat())
    })
}
