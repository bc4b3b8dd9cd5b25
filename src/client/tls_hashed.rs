//! Directories that `openssl rehash` prepared: certificates in `HASH.0`, `HASH.1` and so on, where the hash is of the
//! subject's name, and revocation lists in `HASH.r0`, `HASH.r1` and so on, where it is of their issuer's.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::env;
use crate::verify::pem::{self, Roots};
use crate::verify::{issuer_hash, subject_hash};

/// Adds what stands in `directories`, a list with colons, to `roots`. OpenSSL: certificates of a name are looked for while
/// there are none of that name, and so are lists, but for those in the first directory, which count in any case.
pub fn add(directories: &[u8], roots: &mut Roots) {
    let directories = directories.split(|byte| *byte == b':');
    let directories = directories.filter(|directory| !directory.is_empty());
    for (place, directory) in directories.enumerate() {
        let directory = Path::new(OsStr::from_bytes(directory));
        let certificates = roots.trusted.iter().chain(&roots.distrusted);
        let subjects: HashSet<u32> = certificates.filter_map(subject_hash).collect();
        let issuers: HashSet<u32> = match place {
            0 => HashSet::new(),
            _ => roots.lists.iter().filter_map(issuer_hash).collect(),
        };
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        for name in entries.map(|entry| entry.file_name()) {
            if let Some(hash) = hash_of(&name, ".0").filter(|hash| !subjects.contains(hash)) {
                add_certificates(directory, hash, roots);
            }
            if let Some(hash) = hash_of(&name, ".r0").filter(|hash| !issuers.contains(hash)) {
                add_lists(directory, hash, roots);
            }
        }
    }
}

/// What stands before `end` in the name of a first file.
fn hash_of(name: &OsStr, end: &str) -> Option<u32> {
    let text = name.to_str()?.strip_suffix(end)?;
    let hash = u32::from_str_radix(text, 16).ok()?;
    // OpenSSL: eight digits, in small letters.
    (format!("{hash:08x}") == text).then_some(hash)
}

/// The contents of the files of a hash, one number after the other.
fn files(directory: &Path, hash: u32, kind: &str) -> impl Iterator<Item = impl AsRef<[u8]>> {
    let path = move |number: u32| directory.join(format!("{hash:08x}.{kind}{number}"));
    (0..).map_while(move |number| env::read_file(&path(number)).ok())
}

/// OpenSSL: a file is opened only when a certificate of that name is looked for, and a damaged one hides those behind it.
fn add_certificates(directory: &Path, hash: u32, roots: &mut Roots) {
    let files = files(directory, hash, "");
    for mut found in files.map_while(|contents| Roots::read_with_any_lists(contents.as_ref()).ok())
    {
        // OpenSSL: in such a file, lists do not count.
        found.lists.clear();
        let mut all = found.trusted.iter().chain(&found.distrusted);
        if all.any(|certificate| subject_hash(certificate) == Some(hash)) {
            roots.extend(found);
        }
    }
}

/// A damaged file hides none behind it: that may be the one that tells what is revoked.
fn add_lists(directory: &Path, hash: u32, roots: &mut Roots) {
    for contents in files(directory, hash, "r") {
        let lists = pem::lists(contents.as_ref());
        if lists.iter().any(|list| issuer_hash(list) == Some(hash)) {
            roots.add_lists(lists);
        }
    }
}
