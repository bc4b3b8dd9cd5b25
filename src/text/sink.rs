//! The destinations of escaped text: a growing vector, or memory of a fixed size that the caller provides.

use std::mem::MaybeUninit;

/// Receives bytes, in order.
pub trait Sink {
    /// Appends `bytes`.
    fn put(&mut self, bytes: &[u8]);

    /// Appends the bytes of an iterator.
    fn put_each(&mut self, bytes: impl Iterator<Item = u8>) {
        let mut piece = [0; 256];
        let mut held = 0;
        for byte in bytes {
            if held == piece.len() {
                self.put(&piece);
                held = 0;
            }
            piece[held] = byte;
            held += 1;
        }
        self.put(&piece[..held]);
    }
}

/// Grows like any vector. Reserve the capacity first if the allocation may fail.
impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Uninitialized memory, filled from its start. Bytes that do not fit are dropped.
pub struct Room<'a> {
    room: &'a mut [MaybeUninit<u8>],
    filled: usize,
}

impl<'a> Room<'a> {
    /// With no bytes written yet.
    pub fn new(room: &'a mut [MaybeUninit<u8>]) -> Room<'a> {
        Room { room, filled: 0 }
    }

    /// The number of bytes written.
    pub fn filled(&self) -> usize {
        self.filled
    }
}

impl Sink for Room<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let free = &mut self.room[self.filled..];
        let length = bytes.len().min(free.len());
        free[..length].write_copy_of_slice(&bytes[..length]);
        self.filled += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_do_not_fit_are_dropped() {
        let mut memory = [MaybeUninit::uninit(); 5];
        let mut room = Room::new(&mut memory);
        room.put(b"abc");
        assert_eq!(room.filled(), 3);
        room.put(b"defg");
        room.put(b"h");
        assert_eq!(room.filled(), 5);
    }

    #[test]
    fn appends_single_bytes_in_order() {
        for length in [0, 1, 255, 256, 257, 1000] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut to = Vec::new();
            to.put_each(bytes.iter().copied());
            assert_eq!(to, bytes);
        }
    }
}
