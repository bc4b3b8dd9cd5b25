//! The size of memory from malloc.

use std::ffi::c_void;
use std::sync::OnceLock;

/// How many bytes `memory` has, at least as many as malloc was asked for.
///
/// # Safety
/// [`malloc_knows_sizes`], and `memory` came from malloc and was not freed.
#[inline]
pub unsafe fn usable_size(memory: *mut c_void) -> usize {
    // SAFETY: the caller's promise; the function belongs to the malloc that returned the memory.
    unsafe { libc::malloc_usable_size(memory) }
}

/// Whether malloc and malloc_usable_size are in the same library. A replacement of malloc that lacks the second leaves
/// libc's in place, which does not know the replacement's memory.
#[cold]
pub fn malloc_knows_sizes() -> bool {
    static KNOWS: OnceLock<bool> = OnceLock::new();
    *KNOWS.get_or_init(|| {
        let malloc = library_of(libc::malloc as *const c_void);
        malloc.is_some() && malloc == library_of(libc::malloc_usable_size as *const c_void)
    })
}

/// The address at which the library with a function is loaded.
fn library_of(function: *const c_void) -> Option<usize> {
    // SAFETY: a Dl_info is plain data.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: dladdr takes any address and fills in the struct.
    let found = unsafe { libc::dladdr(function, &mut info) } != 0;
    found.then(|| info.dli_fbase.addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libcs_malloc_knows_the_size_of_its_memory() {
        assert!(malloc_knows_sizes());
        // SAFETY: malloc takes any size, and the memory is freed once.
        unsafe {
            let memory = libc::malloc(100);
            assert!((100..200).contains(&usable_size(memory)));
            libc::free(memory);
        }
    }

    #[test]
    fn functions_of_two_libraries_differ() {
        let ours = library_of(functions_of_two_libraries_differ as *const c_void);
        assert!(ours.is_some());
        assert_ne!(ours, library_of(libc::malloc as *const c_void));
    }
}
