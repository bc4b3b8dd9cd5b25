//! The system's trusted root certificates, for `sslrootcert=system`.

use std::collections::HashSet;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::verify::pem::Roots;

/// The roots in the file `SSL_CERT_FILE` and in the directories `SSL_CERT_DIR`. OpenSSL: uses the system's defaults for those
/// that are not set, and silently ignores what it cannot read.
pub fn roots() -> Roots {
    let given = |name| env::var_os(name).map(PathBuf::from);
    let mut roots = Roots::default();
    let mut seen = Seen::default();
    if let Some(file) =
        given(openssl_probe::ENV_CERT_FILE).or_else(|| openssl_probe::probe().cert_file)
    {
        seen.read(&file, &mut roots);
    }
    let directories = match env::var_os(openssl_probe::ENV_CERT_DIR) {
        Some(given) => env::split_paths(&given).collect(),
        None => openssl_probe::candidate_cert_dirs()
            .map(Path::to_owned)
            .collect::<Vec<_>>(),
    };
    for directory in directories {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| is_hash(&entry.file_name())) {
            seen.read(&entry.path(), &mut roots);
        }
    }
    roots
}

/// Whether `openssl rehash` creates such names: OpenSSL ignores others.
fn is_hash(name: &OsStr) -> bool {
    let (hash, number) = match name.as_bytes().split_at_checked(8) {
        Some((hash, [b'.', number @ ..])) => (hash, number),
        _ => return false,
    };
    hash.iter().all(u8::is_ascii_hexdigit)
        && !number.is_empty()
        && number.iter().all(u8::is_ascii_digit)
}

/// Files that were read, by device and inode, because directories contain links to the same file.
#[derive(Default)]
struct Seen(HashSet<(u64, u64)>);

impl Seen {
    fn read(&mut self, file: &Path, roots: &mut Roots) {
        let is_new = |metadata: fs::Metadata| {
            metadata.is_file() && self.0.insert((metadata.dev(), metadata.ino()))
        };
        if !fs::metadata(file).is_ok_and(is_new) {
            return;
        }
        if let Ok(found) = fs::read(file).map(|contents| Roots::read(&contents))
            && let Ok(found) = found
        {
            roots.extend(found);
        }
    }
}
