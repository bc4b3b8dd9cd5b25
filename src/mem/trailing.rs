//! A value and extra space after it, in one allocation from `malloc` or the reserve.

use super::OutOfMemory;
use super::reserve::{self, MALLOC_ALIGN};
use std::marker::PhantomData;
use std::mem::{align_of, size_of};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// The bytes after the value of a [`TrailingBox`].
///
/// They live as long as the box. Whatever uses them must be stored in the box's value and stay there.
pub struct TrailingSpace {
    pub(super) start: NonNull<u8>,
    pub(super) len: usize,
}

impl TrailingSpace {
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The first `size` bytes at a multiple of `align` (a power of two), and the bytes after them. None if they do not
    /// fit.
    #[inline(always)]
    pub(super) fn split(&self, size: usize, align: usize) -> Option<(NonNull<u8>, TrailingSpace)> {
        let pad = self.start.addr().get().wrapping_neg() & (align - 1);
        let len = self.len.checked_sub(pad)?.checked_sub(size)?;
        // SAFETY: `pad + size <= len`.
        let piece = unsafe { self.start.add(pad) };
        // SAFETY: as above.
        let start = unsafe { piece.add(size) };
        Some((piece, TrailingSpace { start, len }))
    }
}

/// An owning pointer to a `T` that has extra bytes after it in the same allocation.
pub struct TrailingBox<T> {
    value: NonNull<T>,
    owns: PhantomData<T>,
}

impl<T> TrailingBox<T> {
    const FITS_MALLOC: () = assert!(align_of::<T>() <= MALLOC_ALIGN);

    /// Moves `value` to the heap, with `extra` unused bytes after it.
    pub fn new(value: T, extra: usize) -> Result<TrailingBox<T>, OutOfMemory> {
        TrailingBox::with_space(extra, |_| value)
    }

    /// Stores the value that `build` returns. `build` gets the `extra` bytes after the value.
    pub fn with_space(
        extra: usize,
        build: impl FnOnce(TrailingSpace) -> T,
    ) -> Result<TrailingBox<T>, OutOfMemory> {
        let () = Self::FITS_MALLOC;
        let size = size_of::<T>().checked_add(extra).ok_or(OutOfMemory)?;
        let value = block(size.max(1), reserve::malloc)?.cast::<T>();
        let space = TrailingSpace {
            // SAFETY: the block is at least as long as a `T`.
            start: unsafe { value.add(1) }.cast(),
            len: extra,
        };
        // SAFETY: the block is fresh, long enough and, by FITS_MALLOC, aligned for a `T`.
        unsafe { value.write(build(space)) };
        Ok(TrailingBox {
            value,
            owns: PhantomData,
        })
    }

    /// Releases ownership without dropping the value; [`TrailingBox::from_raw`] takes it back.
    pub fn into_raw(self) -> *mut T {
        let value = self.value.as_ptr();
        std::mem::forget(self);
        value
    }

    /// Takes back ownership of a value that [`TrailingBox::into_raw`] returned.
    ///
    /// # Safety
    /// `value` came from `into_raw` and was not passed to `from_raw` since.
    pub unsafe fn from_raw(value: *mut T) -> TrailingBox<T> {
        TrailingBox {
            // SAFETY: `into_raw` never returns NULL.
            value: unsafe { NonNull::new_unchecked(value) },
            owns: PhantomData,
        }
    }
}

impl<T> Deref for TrailingBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the box owns an initialised `T`.
        unsafe { self.value.as_ref() }
    }
}

impl<T> DerefMut for TrailingBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the box owns an initialised `T`, and is borrowed exclusively.
        unsafe { self.value.as_mut() }
    }
}

impl<T> Drop for TrailingBox<T> {
    fn drop(&mut self) {
        // SAFETY: the box owns the value and its block.
        unsafe {
            self.value.drop_in_place();
            reserve::free(self.value.as_ptr().cast());
        }
    }
}

// SAFETY: the box owns its value, as `Box` does.
unsafe impl<T: Send> Send for TrailingBox<T> {}
// SAFETY: a shared box gives out nothing but `&T`.
unsafe impl<T: Sync> Sync for TrailingBox<T> {}

/// A `malloc` block of `size` (not 0) bytes.
pub(super) fn malloc(size: usize) -> Result<NonNull<u8>, OutOfMemory> {
    // SAFETY: malloc takes any size.
    block(size, |size| unsafe { libc::malloc(size) }.cast())
}

/// Calls `allocate`, unless `size` is larger than any allocation can be.
#[inline]
fn block(size: usize, allocate: impl FnOnce(usize) -> *mut u8) -> Result<NonNull<u8>, OutOfMemory> {
    if isize::try_from(size).is_err() {
        return Err(OutOfMemory);
    }
    NonNull::new(allocate(size)).ok_or(OutOfMemory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn drops_its_value_once() {
        let witness = Rc::new(());
        let boxed = TrailingBox::new(Rc::clone(&witness), 100).unwrap();
        assert_eq!(Rc::strong_count(&boxed), 2);
        let raw = boxed.into_raw();
        assert_eq!(Rc::strong_count(&witness), 2);
        // SAFETY: `raw` is fresh from into_raw.
        drop(unsafe { TrailingBox::from_raw(raw) });
        assert_eq!(Rc::strong_count(&witness), 1);
    }

    #[test]
    fn the_space_follows_the_value() {
        let mut seen = None;
        let boxed = TrailingBox::with_space(24, |space| {
            // SAFETY: the space is 24 bytes long.
            unsafe { space.start.write_bytes(0xAB, space.len) };
            seen = Some(space.start);
            7u64
        })
        .unwrap();
        assert_eq!(*boxed, 7);
        // SAFETY: the space lives as long as the box and was filled above.
        let last = unsafe { seen.unwrap().add(23).read() };
        assert_eq!(last, 0xAB);
    }

    #[test]
    fn an_impossible_size_is_an_error() {
        assert!(TrailingBox::new(1u8, usize::MAX).is_err());
        assert!(TrailingBox::new(1u8, isize::MAX as usize).is_err());
    }
}
