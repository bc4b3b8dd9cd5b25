//! A value with spare bytes behind it, in one block of `malloc` or the reserve.

use super::{OutOfMemory, reserve};
use std::marker::PhantomData;
use std::mem::{align_of, size_of};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// What `malloc` aligns every block to on the platforms this crate builds for.
pub const MALLOC_ALIGN: usize = 16;

/// The spare bytes behind the value of a [`TailBox`].
///
/// They live as long as the box: whoever takes them must be stored in that box's value and stay there.
pub struct Tail {
    pub(super) start: NonNull<u8>,
    pub(super) len: usize,
}

impl Tail {
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The first `size` bytes at a multiple of `align` (a power of two), and what is behind them; None if they do not
    /// fit.
    #[inline(always)]
    pub(super) fn split(&self, size: usize, align: usize) -> Option<(NonNull<u8>, Tail)> {
        let pad = self.start.addr().get().wrapping_neg() & (align - 1);
        let len = self.len.checked_sub(pad)?.checked_sub(size)?;
        // SAFETY: `pad + size <= len`.
        let piece = unsafe { self.start.add(pad) };
        // SAFETY: as above.
        let start = unsafe { piece.add(size) };
        Some((piece, Tail { start, len }))
    }
}

/// An owning pointer to a `T` with further bytes behind it in the same block.
pub struct TailBox<T> {
    value: NonNull<T>,
    owns: PhantomData<T>,
}

impl<T> TailBox<T> {
    const FITS_MALLOC: () = assert!(align_of::<T>() <= MALLOC_ALIGN);

    /// Moves `value` to the heap, with `extra` unused bytes behind it.
    pub fn new(value: T, extra: usize) -> Result<TailBox<T>, OutOfMemory> {
        TailBox::with_tail(extra, |_| value)
    }

    /// Stores what `build` makes of the `extra` bytes that follow the value.
    pub fn with_tail(
        extra: usize,
        build: impl FnOnce(Tail) -> T,
    ) -> Result<TailBox<T>, OutOfMemory> {
        let () = Self::FITS_MALLOC;
        let size = size_of::<T>().checked_add(extra).ok_or(OutOfMemory)?;
        let value = block(size.max(1), reserve::malloc)?.cast::<T>();
        let tail = Tail {
            // SAFETY: the block is at least as long as a `T`.
            start: unsafe { value.add(1) }.cast(),
            len: extra,
        };
        // SAFETY: the block is fresh, long enough and, by FITS_MALLOC, aligned for a `T`.
        unsafe { value.write(build(tail)) };
        Ok(TailBox {
            value,
            owns: PhantomData,
        })
    }

    /// Gives up ownership; [`TailBox::from_raw`] takes it back.
    pub fn into_raw(self) -> *mut T {
        let value = self.value.as_ptr();
        std::mem::forget(self);
        value
    }

    /// Takes back what [`TailBox::into_raw`] gave up.
    ///
    /// # Safety
    /// `value` came from `into_raw` and was not taken back since.
    pub unsafe fn from_raw(value: *mut T) -> TailBox<T> {
        TailBox {
            // SAFETY: `into_raw` never returns NULL.
            value: unsafe { NonNull::new_unchecked(value) },
            owns: PhantomData,
        }
    }
}

impl<T> Deref for TailBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the box owns an initialised `T`.
        unsafe { self.value.as_ref() }
    }
}

impl<T> DerefMut for TailBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the box owns an initialised `T`, and is borrowed exclusively.
        unsafe { self.value.as_mut() }
    }
}

impl<T> Drop for TailBox<T> {
    fn drop(&mut self) {
        // SAFETY: the box owns the value and its block.
        unsafe {
            self.value.drop_in_place();
            reserve::free(self.value.as_ptr().cast());
        }
    }
}

// SAFETY: the box owns its value, as `Box` does.
unsafe impl<T: Send> Send for TailBox<T> {}
// SAFETY: a shared box gives out nothing but `&T`.
unsafe impl<T: Sync> Sync for TailBox<T> {}

/// A `malloc` block of `size` (not 0) bytes.
pub(super) fn malloc(size: usize) -> Result<NonNull<u8>, OutOfMemory> {
    // SAFETY: malloc takes any size.
    block(size, |size| unsafe { libc::malloc(size) }.cast())
}

/// What `allocate` answers; a size that no block has is not even asked for.
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
        let boxed = TailBox::new(Rc::clone(&witness), 100).unwrap();
        assert_eq!(Rc::strong_count(&boxed), 2);
        let raw = boxed.into_raw();
        assert_eq!(Rc::strong_count(&witness), 2);
        // SAFETY: `raw` is fresh from into_raw.
        drop(unsafe { TailBox::from_raw(raw) });
        assert_eq!(Rc::strong_count(&witness), 1);
    }

    #[test]
    fn the_tail_follows_the_value() {
        let mut seen = None;
        let boxed = TailBox::with_tail(24, |tail| {
            // SAFETY: the tail is 24 bytes long.
            unsafe { tail.start.write_bytes(0xAB, tail.len) };
            seen = Some(tail.start);
            7u64
        })
        .unwrap();
        assert_eq!(*boxed, 7);
        // SAFETY: the tail lives as long as the box and was filled above.
        let last = unsafe { seen.unwrap().add(23).read() };
        assert_eq!(last, 0xAB);
    }

    #[test]
    fn an_impossible_size_is_an_error() {
        assert!(TailBox::new(1u8, usize::MAX).is_err());
        assert!(TailBox::new(1u8, isize::MAX as usize).is_err());
    }
}
