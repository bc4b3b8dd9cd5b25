//! Which shared objects the process has loaded.

use std::ffi::{CStr, c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};

/// Searches the loaded objects, and again only after others were loaded.
pub struct Search {
    /// Whether an object with this path is the one.
    is_wanted: fn(&[u8]) -> bool,
    /// The number of objects loaded so far at the last failed search, or [`FOUND`].
    searched: AtomicU64,
}

const FOUND: u64 = u64::MAX;

struct Round {
    is_wanted: fn(&[u8]) -> bool,
    /// The result of the last search.
    searched: u64,
    loaded: u64,
    found: bool,
}

impl Search {
    pub const fn new(is_wanted: fn(&[u8]) -> bool) -> Search {
        Search {
            is_wanted,
            searched: AtomicU64::new(0),
        }
    }

    /// Whether the object is loaded, or was at an earlier call.
    pub fn is_loaded(&self) -> bool {
        let searched = self.searched.load(Ordering::Relaxed);
        if searched == FOUND {
            return true;
        }
        let mut round = Round {
            is_wanted: self.is_wanted,
            searched,
            loaded: searched,
            found: false,
        };
        // SAFETY: `look_at` takes a round as its argument, which outlives the call.
        unsafe { libc::dl_iterate_phdr(Some(look_at), (&raw mut round).cast()) };
        let searched = if round.found { FOUND } else { round.loaded };
        self.searched.store(searched, Ordering::Relaxed);
        round.found
    }
}

/// Checks one object; not 0 ends the search.
unsafe extern "C" fn look_at(
    object: *mut libc::dl_phdr_info,
    _size: usize,
    round: *mut c_void,
) -> c_int {
    // SAFETY: the loader gives an object, and the round that it was given.
    let (object, round) = unsafe { (&*object, &mut *round.cast::<Round>()) };
    if object.dlpi_adds == round.searched {
        return 1;
    }
    round.loaded = object.dlpi_adds;
    // SAFETY: the name is NULL or a string that the loader keeps while it calls.
    let path = (!object.dlpi_name.is_null()).then(|| unsafe { CStr::from_ptr(object.dlpi_name) });
    round.found = path.is_some_and(|path| (round.is_wanted)(path.to_bytes()));
    round.found.into()
}

#[cfg(all(test, any(feature = "gss", feature = "ldap")))]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    static LOOKS: AtomicUsize = AtomicUsize::new(0);

    fn is_libcrypt(path: &[u8]) -> bool {
        LOOKS.fetch_add(1, Ordering::Relaxed);
        path.ends_with(b"/libcrypt.so.1")
    }

    #[test]
    fn an_object_is_found_once_it_is_loaded() {
        let search = Search::new(is_libcrypt);
        assert!(!search.is_loaded());
        let looks = LOOKS.load(Ordering::Relaxed);
        assert!(looks > 2, "{looks}");
        let _library = super::super::library::open(&["libcrypt.so.1"]).expect("Debian's libcrypt");
        assert!(search.is_loaded());
        let looks = LOOKS.load(Ordering::Relaxed);
        assert!(search.is_loaded());
        assert_eq!(LOOKS.load(Ordering::Relaxed), looks);
    }
}
