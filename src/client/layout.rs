//! Finds programs that read results in memory.

use super::env;
use crate::net::dl::loaded::Search;
use crate::result::store::Layout;

/// With the value `libpq`, results use C libpq's memory layout; other values are ignored.
const VARIABLE: &str = "LIBPQ_OXIDE_RESULTS";

/// The memory layout for results, as far as it is known now.
pub fn now() -> Layout {
    static READER: Search = Search::new(reads_results);
    if READER.is_loaded() || env::variable(VARIABLE).is_some_and(|value| value == b"libpq") {
        Layout::Libpq
    } else {
        Layout::Compact
    }
}

/// Whether the object at `path` is the C part of psycopg 3, built locally or from the wheel `psycopg-binary`. It reads rows
/// in the memory of results. psycopg 2's module has the same name, but does not do that.
fn reads_results(path: &[u8]) -> bool {
    [&b"psycopg_c"[..], b"psycopg_binary"]
        .iter()
        .any(|package| is_module(path, package))
}

/// Whether `path` ends with the module `_psycopg` of the package: in the package's folder or, as bundlers name it, with the
/// package in the file name.
fn is_module(path: &[u8], package: &[u8]) -> bool {
    let Some(at) = memchr::memmem::rfind(path, b"_psycopg.") else {
        return false;
    };
    let front = &path[..at];
    let folder = front
        .strip_suffix(b"/")
        .or_else(|| front.strip_suffix(b"."));
    let rest = folder.and_then(|folder| folder.strip_suffix(package));
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn psycopg_3_is_recognized_by_its_path() {
        for path in [
            "/venv/lib/python3.11/site-packages/psycopg_c/_psycopg.cpython-311-x86_64-linux-gnu.so",
            "/app/psycopg_binary/_psycopg.cpython-313t-aarch64-linux-gnu.so",
            "psycopg_binary/_psycopg.so",
            "/app/psycopg_c._psycopg.so",
        ] {
            assert!(reads_results(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn other_objects_are_not_taken_for_psycopg() {
        for path in [
            "",
            "/venv/lib/python3.11/site-packages/psycopg2/_psycopg.cpython-311-x86_64-linux-gnu.so",
            "/venv/lib/python3.11/site-packages/psycopg_c/pq.cpython-311-x86_64-linux-gnu.so",
            "/venv/psycopg_binary.libs/libpq-6a0c3ecd.so.5.17",
            "/my_psycopg_c/_psycopg.so",
            "/psycopg_c_psycopg.so",
            "_psycopg.so",
        ] {
            assert!(!reads_results(path.as_bytes()), "{path}");
        }
    }
}
