//! Finds the headers of a C libpq: those of the oracle, or else Debian's.

use std::env;
use std::path::{Path, PathBuf};

/// The preprocessor lines that a C file needs for the headers in `headers`.
pub const INCLUDES: &str = "\
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#define pg_attribute_printf(f, a)
#define PQ_LIKE_PRINTF(f, a)
#include \"libpq-fe.h\"
#include \"libpq-events.h\"
#include \"pqexpbuffer.h\"
";

/// The include directories for the compiler. libpq-fe.h is in the first, pqexpbuffer.h in the second.
pub fn include_folders() -> [PathBuf; 2] {
    let candidates = [
        cache().join("postgresql-18/include"),
        PathBuf::from("/usr/include/postgresql"),
    ];
    let found = candidates.iter().find_map(|folder| {
        let main = folder.join("libpq-fe.h").exists().then(|| folder.clone())?;
        let internal = [folder.join("internal"), folder.join("postgresql/internal")];
        let internal = internal
            .into_iter()
            .find(|f| f.join("pqexpbuffer.h").exists())?;
        Some([main, internal])
    });
    found.unwrap_or_else(|| {
        panic!("no C libpq's headers in any of {candidates:?}: install libpq-dev")
    })
}

/// The headers that declare functions.
pub fn headers([main, internal]: &[PathBuf; 2]) -> [PathBuf; 3] {
    [
        main.join("libpq-fe.h"),
        main.join("libpq-events.h"),
        internal.join("pqexpbuffer.h"),
    ]
}

/// As in c-tests/lib/cache.sh.
fn cache() -> PathBuf {
    let from = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(cache) = from("LIBPQ_OXIDE_CACHE") {
        return cache;
    }
    let shared = Path::new("/var/cache/libpq-oxide");
    if shared.exists() {
        return shared.to_owned();
    }
    let own = from("XDG_CACHE_HOME").or_else(|| from("HOME").map(|home| home.join(".cache")));
    own.unwrap_or_default().join("libpq-oxide")
}
