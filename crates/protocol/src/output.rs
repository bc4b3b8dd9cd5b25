//! The output buffer: messages that are not sent yet. Allocation failures are errors, not aborts.

use std::ops::Deref;

/// A message exceeds the protocol's 31-bit length, or memory is exhausted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom;

/// A queue of bytes: appended at the end, removed from the front.
///
/// [`Output::reserve`] makes room and may fail; writing into the reserved room cannot fail.
#[derive(Debug, Default)]
pub struct Output {
    bytes: Vec<u8>,
    /// The bytes before this index were removed.
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

    /// How many bytes it can hold without an allocation.
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
        // Move only when at least as many bytes were removed as remain: the cost per byte stays constant.
        if self.start >= rest {
            self.move_to_front();
        }
        let doubled = self.bytes.try_reserve(more);
        // `try_reserve` may double the capacity. If that fails, try the exact size.
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

    /// Appends bytes; the room must be reserved.
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

    /// Removes all bytes after the first `length`.
    #[inline]
    pub fn truncate(&mut self, length: usize) {
        self.bytes.truncate(self.start + length);
    }

    /// Removes up to `count` bytes from the front. Moves the remaining bytes to the front if they are at most `short` bytes.
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

    /// Removes all bytes and returns the memory that held them, so that the caller can wipe it.
    pub fn take_memory(&mut self) -> Vec<u8> {
        self.start = 0;
        std::mem::take(&mut self.bytes)
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
    fn bytes_keep_their_order_while_some_are_removed() {
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
    fn removed_bytes_make_room() {
        let mut out = Output::new();
        append(&mut out, &[1; 1000]);
        let capacity = out.capacity();
        out.take(990, 0);
        append(&mut out, &vec![2; capacity - 10]);
        assert_eq!(out.capacity(), capacity);
    }
}
