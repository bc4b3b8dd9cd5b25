//! Directories prepared with `openssl rehash`: certificates in `HASH.0`, `HASH.1`, ..., named for the hash of the subject,
//! and revocation lists in `HASH.r0`, `HASH.r1`, ..., named for the hash of the issuer.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::env;
use crate::verify::pem::{self, Roots};
use crate::verify::{issuer_hash, subject_hash};

/// The file or directory that met a limit (see [`env::is_limit`]).
pub type Unread = (PathBuf, io::Error);

/// Adds the files of `directories`, a list separated by colons, to `roots`. OpenSSL: uses later directories only for names
/// that are not found yet. Lists in the first directory always count.
pub fn add(directories: &[u8], roots: &mut Roots) -> Result<(), Unread> {
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
        let entries = unless_limit(directory, fs::read_dir(directory))?;
        let entries = entries.into_iter().flatten().flatten();
        for name in entries.map(|entry| entry.file_name()) {
            if let Some(hash) = hash_of(&name, ".0").filter(|hash| !subjects.contains(hash)) {
                add_certificates(directory, hash, roots)?;
            }
            if let Some(hash) = hash_of(&name, ".r0").filter(|hash| !issuers.contains(hash)) {
                add_lists(directory, hash, roots)?;
            }
        }
    }
    Ok(())
}

/// None if there is no such file or it cannot be opened.
fn unless_limit<T>(path: &Path, result: io::Result<T>) -> Result<Option<T>, Unread> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if env::is_limit(&error) => Err((path.to_owned(), error)),
        Err(_) => Ok(None),
    }
}

/// The hash in the name of a first file, which ends with `end`.
fn hash_of(name: &OsStr, end: &str) -> Option<u32> {
    let text = name.to_str()?.strip_suffix(end)?;
    let hash = u32::from_str_radix(text, 16).ok()?;
    // OpenSSL: eight lower-case digits.
    (format!("{hash:08x}") == text).then_some(hash)
}

/// The contents of the files of one hash, in order.
fn files(
    directory: &Path,
    hash: u32,
    kind: &str,
) -> impl Iterator<Item = Result<Zeroizing<Vec<u8>>, Unread>> {
    let path = move |number: u32| directory.join(format!("{hash:08x}.{kind}{number}"));
    (0..).map_while(move |number| {
        let path = path(number);
        unless_limit(&path, env::read_file(&path)).transpose()
    })
}

/// OpenSSL: opens a file only to look for a certificate with that name. A damaged file hides those after it.
fn add_certificates(directory: &Path, hash: u32, roots: &mut Roots) -> Result<(), Unread> {
    for contents in files(directory, hash, "") {
        let Ok(mut found) = Roots::read_with_any_lists(&contents?) else {
            break;
        };
        // OpenSSL: ignores lists in these files.
        found.lists.clear();
        let mut all = found.trusted.iter().chain(&found.distrusted);
        if all.any(|certificate| subject_hash(certificate) == Some(hash)) {
            roots.extend(found);
        }
    }
    Ok(())
}

/// A damaged file does not hide those after it, because they may contain a revocation.
fn add_lists(directory: &Path, hash: u32, roots: &mut Roots) -> Result<(), Unread> {
    for contents in files(directory, hash, "r") {
        let lists = pem::lists(&contents?);
        if lists.iter().any(|list| issuer_hash(list) == Some(hash)) {
            roots.add_lists(lists);
        }
    }
    Ok(())
}
