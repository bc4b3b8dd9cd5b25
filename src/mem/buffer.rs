//! The receive buffer: bytes read from a socket and not yet consumed.

use super::OutOfMemory;

/// The least free space that each read gets.
pub const MIN_READ: usize = 8 * 1024;
const INITIAL: usize = 16 * 1024;
/// An empty buffer with more capacity than this shrinks to its initial size.
const KEEP: usize = 512 * 1024;
/// The limit on bytes received and not consumed: the longest message, and a read. libpq has the same limit.
const MOST: usize = i32::MAX as usize + MIN_READ;

/// The contents of free space before a read. A thread that is cancelled in a read cannot report how much it read; if this
/// mark is overwritten, bytes have arrived.
const MARK: [u8; 8] = *b"\xb4no byte";

/// Marks `space` as empty.
#[inline]
pub fn mark(space: &mut [u8]) {
    if let Some(place) = space.first_chunk_mut() {
        *place = MARK;
    }
}

/// Whether nothing has arrived in `space` since [`mark`].
pub fn is_marked(space: &[u8]) -> bool {
    space.first_chunk() == Some(&MARK)
}

/// A growable byte queue whose growth can fail.
///
/// [`RecvBuffer::free_space`] and [`RecvBuffer::filled`] append bytes; [`RecvBuffer::consume`] removes them from the front.
#[derive(Default)]
pub struct RecvBuffer {
    bytes: Vec<u8>,
    /// Invariant: `start <= end <= bytes.len()`.
    start: usize,
    end: usize,
}

impl RecvBuffer {
    pub fn new() -> RecvBuffer {
        RecvBuffer::default()
    }

    /// The bytes received and not yet consumed.
    #[inline]
    pub fn unread(&self) -> &[u8] {
        debug_assert!(self.start <= self.end && self.end <= self.bytes.len());
        // SAFETY: by the invariant of the fields the range is inside `bytes`.
        unsafe { self.bytes.get_unchecked(self.start..self.end) }
    }

    /// Whether all received bytes were consumed.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Removes `count` bytes from the front, or all if there are fewer.
    #[inline]
    pub fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
    }

    /// Removes all bytes.
    pub fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
        self.shrink();
    }

    /// Free space for at least `wanted` more bytes after those received; for [`MIN_READ`] bytes if there is no memory for
    /// `wanted`.
    pub fn free_space(&mut self, wanted: usize) -> Result<&mut [u8], OutOfMemory> {
        if self.start == self.end {
            self.clear();
        }
        if self.bytes.len() - self.end < wanted {
            self.make_some_space(wanted)?;
        }
        Ok(&mut self.bytes[self.end..])
    }

    /// The whole space of an empty buffer, if it already has at least `min` bytes.
    #[inline]
    pub fn whole_space(&mut self, min: usize) -> Option<&mut [u8]> {
        if !self.is_empty() || self.bytes.len() < min || self.bytes.capacity() > KEEP {
            return None;
        }
        self.start = 0;
        self.end = 0;
        Some(&mut self.bytes)
    }

    #[cold]
    fn make_some_space(&mut self, wanted: usize) -> Result<(), OutOfMemory> {
        self.make_space(wanted)
            .or_else(|_| self.make_space(wanted.min(MIN_READ)))
    }

    /// The contents of the space that the last [`RecvBuffer::free_space`] returned.
    pub fn free_space_contents(&self) -> &[u8] {
        self.bytes.get(self.end..).unwrap_or_default()
    }

    /// Allocates memory for at least `more` bytes after those received, so that a message of that length can arrive. The
    /// memory is not touched before bytes arrive, so a large length in a header alone uses no memory.
    pub fn reserve(&mut self, more: usize) -> Result<(), OutOfMemory> {
        let unread = self.end - self.start;
        let wanted = unread.checked_add(more).ok_or(OutOfMemory)?;
        if self.bytes.capacity() - self.start >= wanted {
            return Ok(());
        }
        if wanted > MOST {
            return Err(OutOfMemory);
        }
        self.compact();
        if self.bytes.capacity() < wanted {
            self.bytes.try_reserve_exact(wanted - self.bytes.len())?;
        }
        Ok(())
    }

    /// Appends the first `count` bytes of the space that the last [`RecvBuffer::free_space`] returned. Returns the size of
    /// the rest of it.
    #[inline]
    pub fn filled(&mut self, count: usize) -> usize {
        self.end = self.end.saturating_add(count).min(self.bytes.len());
        self.bytes.len() - self.end
    }

    fn make_space(&mut self, min: usize) -> Result<(), OutOfMemory> {
        self.compact();
        let wanted = self.end.checked_add(min).ok_or(OutOfMemory)?;
        if self.bytes.len() >= wanted {
            return Ok(());
        }
        let Some(mut target) = growth(self.bytes.len(), wanted) else {
            return Err(OutOfMemory);
        };
        if self.bytes.capacity() >= wanted {
            target = target.min(self.bytes.capacity());
        }
        let more = target - self.bytes.len();
        if self.bytes.try_reserve_exact(more).is_err() {
            let just = wanted - self.bytes.len();
            self.bytes.try_reserve_exact(just)?;
            self.bytes.resize(wanted, 0);
        } else {
            self.bytes.resize(target, 0);
        }
        Ok(())
    }

    fn compact(&mut self) {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }

    fn shrink(&mut self) {
        if self.bytes.capacity() > KEEP {
            self.bytes.truncate(INITIAL);
            self.bytes.shrink_to_fit();
        }
    }
}

/// The size to which a buffer of `size` bytes grows so that it has at least `wanted`. None beyond the limit.
fn growth(size: usize, wanted: usize) -> Option<usize> {
    let target = wanted.max(size.saturating_mul(2)).clamp(INITIAL, MOST);
    (wanted <= target).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_ends_at_the_longest_message() {
        let longest = 1 + i32::MAX as usize;
        assert_eq!(growth(INITIAL, INITIAL + 1), Some(2 * INITIAL));
        assert_eq!(growth(1 << 30, (1 << 30) + 1), Some(1 << 31));
        assert_eq!(growth(1 << 31, longest + 1), Some(MOST));
        assert_eq!(growth(MOST, MOST), Some(MOST));
        assert_eq!(growth(MOST, MOST + 1), None);
        assert_eq!(growth(0, usize::MAX), None);
        let mut buffer = RecvBuffer::new();
        assert!(buffer.reserve(longest).is_ok());
        assert!(buffer.reserve(MOST + 1).is_err());
    }

    fn push(buffer: &mut RecvBuffer, data: &[u8]) {
        buffer.free_space(data.len()).unwrap()[..data.len()].copy_from_slice(data);
        buffer.filled(data.len());
    }

    #[test]
    fn keeps_order_across_growth_and_compaction() {
        let mut buffer = RecvBuffer::new();
        let mut sent = 0u32;
        let mut seen = 0u32;
        for round in 1..if cfg!(miri) { 20 } else { 200 } {
            for _ in 0..round {
                push(&mut buffer, &sent.to_be_bytes());
                sent += 1;
            }
            for _ in 0..round / 2 {
                assert_eq!(buffer.unread()[..4], seen.to_be_bytes());
                buffer.consume(4);
                seen += 1;
            }
        }
        assert_eq!(buffer.unread().len() as u32, (sent - seen) * 4);
    }

    #[test]
    fn an_impossible_size_is_an_error() {
        let mut buffer = RecvBuffer::new();
        push(&mut buffer, b"abc");
        assert!(buffer.reserve(usize::MAX - 1).is_err());
        // There is still some space.
        assert!(buffer.free_space(usize::MAX - 1).unwrap().len() >= MIN_READ);
        assert_eq!(buffer.unread(), b"abc");
    }

    #[test]
    #[cfg_attr(miri, ignore = "fills megabytes")]
    fn a_long_length_alone_touches_no_memory() {
        let mut buffer = RecvBuffer::new();
        push(&mut buffer, b"abc");
        buffer.consume(1);
        buffer.reserve(64 << 20).unwrap();
        assert!(buffer.bytes.capacity() >= (64 << 20) + 2);
        assert_eq!(buffer.unread(), b"bc");
        assert!(buffer.bytes.len() <= INITIAL);
        assert!(buffer.free_space(MIN_READ).unwrap().len() < KEEP);
        push(&mut buffer, &vec![7; 1 << 20]);
        assert_eq!(buffer.unread().len(), (1 << 20) + 2);
        assert!(buffer.reserve(usize::MAX).is_err());
        buffer.clear();
        assert!(buffer.bytes.capacity() <= KEEP);
    }

    #[test]
    #[cfg_attr(miri, ignore = "fills megabytes")]
    fn shrinks_after_a_large_message() {
        let mut buffer = RecvBuffer::new();
        push(&mut buffer, &vec![7; 4 << 20]);
        buffer.consume(4 << 20);
        buffer.free_space(1).unwrap();
        assert!(buffer.bytes.len() <= KEEP);
    }
}
