//! The output buffer: messages not sent yet. Its growth may fail.

use std::ops::Deref;

/// A message does not fit the protocol's 31-bit length word, or memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom;

/// A queue of bytes: appended at the end, taken from the front.
///
/// Room is made with [`Output::reserve`], which may fail; what is put into it then cannot.
#[derive(Debug, Default)]
pub struct Output {
    bytes: Vec<u8>,
    /// What is before was taken.
    start: usize,
}

impl Output {
    pub const fn new() -> Output {
        Output {
            bytes: Vec::new(),
            start: 0,
        }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes it can hold as it is.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity() - self.start
    }

    /// Makes room for `more` bytes.
    #[inline]
    pub fn reserve(&mut self, more: usize) -> Result<(), NoRoom> {
        if self.bytes.capacity() - self.bytes.len() >= more {
            return Ok(());
        }
        self.grow(more)
    }

    #[cold]
    fn grow(&mut self, more: usize) -> Result<(), NoRoom> {
        let rest = self.len();
        // Moving no more than was taken costs no more than taking it did.
        if self.start >= rest {
            self.move_to_front();
        }
        let doubled = self.bytes.try_reserve(more);
        // Where there is no memory for twice as much, there may be for this.
        doubled
            .or_else(|_| self.bytes.try_reserve_exact(more))
            .map_err(|_| NoRoom)
    }

    #[cold]
    fn move_to_front(&mut self) {
        self.bytes.copy_within(self.start.., 0);
        self.bytes.truncate(self.bytes.len() - self.start);
        self.start = 0;
    }

    /// Appends bytes for which there is room.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        debug_assert!(self.bytes.capacity() - self.bytes.len() >= bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    /// Overwrites bytes from `at` on.
    pub fn overwrite(&mut self, at: usize, bytes: &[u8]) {
        let place = self.bytes.get_mut(self.start + at..);
        if let Some(place) = place.and_then(|place| place.get_mut(..bytes.len())) {
            place.copy_from_slice(bytes);
        }
    }

    /// Drops what is behind the first `length` bytes.
    #[inline]
    pub fn truncate(&mut self, length: usize) {
        self.bytes.truncate(self.start + length);
    }

    /// Takes `count` bytes (at most what is there) from the front. A short rest, of `short` bytes at most, moves there.
    #[inline]
    pub fn take(&mut self, count: usize, short: usize) {
        if count >= self.len() {
            return self.clear();
        }
        self.start += count;
        if self.len() <= short {
            self.move_to_front();
        }
    }

    #[inline]
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
    }
}

impl Deref for Output {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(out: &mut Output, bytes: &[u8]) {
        out.reserve(bytes.len()).unwrap();
        out.put(bytes);
    }

    #[test]
    fn bytes_keep_their_order_while_some_are_taken() {
        let mut out = Output::new();
        let (mut put, mut taken) = (0, 0);
        for round in 0..200 {
            for _ in 0..round % 7 + 1 {
                append(&mut out, &[put as u8; 2]);
                put += 1;
            }
            for _ in 0..round % 6 {
                if let Some(&first) = out.first() {
                    assert_eq!(first, taken as u8);
                    out.take(2, 4);
                    taken += 1;
                }
            }
        }
        assert_eq!(out.len(), 2 * (put - taken));
        out.truncate(1);
        assert_eq!(out[..], [taken as u8]);
        out.take(5, 0);
        assert!(out.is_empty());
    }

    #[test]
    fn an_impossible_size_is_an_error_and_changes_nothing() {
        let mut out = Output::new();
        append(&mut out, b"kept");
        assert_eq!(out.reserve(isize::MAX as usize), Err(NoRoom));
        assert_eq!(&out[..], b"kept");
        out.overwrite(1, b"if");
        assert_eq!(&out[..], b"kift");
    }

    #[test]
    fn what_was_taken_makes_room() {
        let mut out = Output::new();
        append(&mut out, &[1; 1000]);
        let capacity = out.capacity();
        out.take(990, 0);
        append(&mut out, &vec![2; capacity - 10]);
        assert_eq!(out.capacity(), capacity);
    }
}
