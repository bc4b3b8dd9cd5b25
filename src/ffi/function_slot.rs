//! A process-wide slot for a function of the application, which any thread may read and set.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Holds a C function pointer of type `F`, or none.
pub struct FunctionSlot<F> {
    function: AtomicPtr<c_void>,
    kind: PhantomData<F>,
}

impl<F: Copy> FunctionSlot<F> {
    const IS_POINTER: () = assert!(mem::size_of::<F>() == mem::size_of::<*mut c_void>());

    /// An empty slot.
    ///
    /// # Safety
    /// `F` is a function pointer type.
    pub const unsafe fn empty() -> FunctionSlot<F> {
        let () = Self::IS_POINTER;
        FunctionSlot {
            function: AtomicPtr::new(ptr::null_mut()),
            kind: PhantomData,
        }
    }

    /// The current function.
    pub fn get(&self) -> Option<F> {
        from_pointer(self.function.load(Ordering::Acquire))
    }

    /// Stores `function` and returns the previous one.
    pub fn replace(&self, function: Option<F>) -> Option<F> {
        from_pointer(self.function.swap(to_pointer(function), Ordering::AcqRel))
    }
}

fn to_pointer<F: Copy>(function: Option<F>) -> *mut c_void {
    // SAFETY: `FunctionSlot::empty` promises that F is a function pointer, which has this size.
    function.map_or(ptr::null_mut(), |f| unsafe { mem::transmute_copy(&f) })
}

fn from_pointer<F: Copy>(pointer: *mut c_void) -> Option<F> {
    // SAFETY: a pointer that is not NULL was made from an F by `to_pointer`.
    (!pointer.is_null()).then(|| unsafe { mem::transmute_copy(&pointer) })
}

#[cfg(test)]
mod tests {
    use super::*;

    extern "C-unwind" fn double(number: i32) -> i32 {
        2 * number
    }

    #[test]
    fn returns_the_function_that_was_stored() {
        type Function = extern "C-unwind" fn(i32) -> i32;
        // SAFETY: Function is a function pointer type.
        static SLOT: FunctionSlot<Function> = unsafe { FunctionSlot::empty() };
        assert!(SLOT.get().is_none());
        assert!(SLOT.replace(Some(double)).is_none());
        assert_eq!(SLOT.get().map(|f| f(21)), Some(42));
        assert!(SLOT.replace(None).is_some());
        assert!(SLOT.get().is_none());
    }
}
