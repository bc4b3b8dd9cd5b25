//! Large objects: the server's functions for them, and the files for import and export.

use std::ffi::{CStr, OsStr, c_int};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;

use super::{Connection, without_cancellation};
use crate::conn::session::server::LARGE_OBJECT_FUNCTIONS;
use crate::net::sys;
use crate::result::status::Status;
use crate::result::store::PgResult;

/// The chunk size of import and export.
pub const CHUNK: usize = 8192;

/// Returns the functions' names and OIDs.
pub const FUNCTIONS_QUERY: &CStr =
    c"select proname, oid from pg_catalog.pg_proc where proname in (\
    'lo_open', 'lo_close', 'lo_creat', 'lo_create', 'lo_unlink', 'lo_lseek', 'lo_lseek64', \
    'lo_tell', 'lo_tell64', 'lo_truncate', 'lo_truncate64', 'loread', 'lowrite') \
    and pronamespace = (select oid from pg_catalog.pg_namespace where nspname = 'pg_catalog')";

/// A function of the server; an index into [`NAMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    Open,
    Close,
    Creat,
    Unlink,
    Lseek,
    Tell,
    Read,
    Write,
    Create,
    Lseek64,
    Tell64,
    Truncate,
    Truncate64,
}

/// The names in the order of [`Function`], in which libpq checks them.
const NAMES: [&str; LARGE_OBJECT_FUNCTIONS] = [
    "lo_open",
    "lo_close",
    "lo_creat",
    "lo_unlink",
    "lo_lseek",
    "lo_tell",
    "loread",
    "lowrite",
    "lo_create",
    "lo_lseek64",
    "lo_tell64",
    "lo_truncate",
    "lo_truncate64",
];

/// Every server has this many of them; the others are checked when they are called.
const REQUIRED: usize = 8;

/// The OIDs by [`Function`], 0 for those not found. Err is the name of a required function.
fn oids<'a>(
    rows: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<[u32; LARGE_OBJECT_FUNCTIONS], &'static str> {
    let mut oids = [0; LARGE_OBJECT_FUNCTIONS];
    for (name, oid) in rows {
        let known = NAMES.iter().zip(&mut oids);
        for (_, place) in known.filter(|(known, _)| known.as_bytes() == name) {
            *place = number(oid);
        }
    }
    let missing = NAMES.iter().zip(oids).take(REQUIRED);
    match missing.into_iter().find(|(_, oid)| *oid == 0) {
        Some((name, _)) => Err(name),
        None => Ok(oids),
    }
}

fn number(text: &[u8]) -> u32 {
    let text = std::str::from_utf8(text).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn rows(result: &PgResult) -> impl Iterator<Item = (&[u8], &[u8])> {
    (0..result.nrows()).filter_map(|row| {
        let text = |column| result.bytes(row, column).flatten();
        Some((text(0)?, text(1)?))
    })
}

impl Connection {
    /// Starts an operation. Returns whether the functions' OIDs are known.
    pub fn begin_large_object(&mut self) -> bool {
        self.session.clear_errors();
        self.session.server().large_object_functions.is_some()
    }

    /// Stores the OIDs that [`FUNCTIONS_QUERY`] returned. False if one is missing.
    pub fn learn_functions(&mut self, answer: &PgResult) -> bool {
        if answer.status() != Status::TuplesOk {
            return self.refuse("query to initialize large object functions did not return data");
        }
        match oids(rows(answer)) {
            Ok(oids) => self.session.server_mut().large_object_functions = Some(oids),
            Err(name) => return self.refuse(&undetermined(name)),
        }
        true
    }

    /// The OID of a function; None with an error text.
    pub fn large_object_function(&mut self, function: Function) -> Option<u32> {
        let place = function as usize;
        let oid = self.session.server().large_object_functions?[place];
        if oid == 0 {
            self.refuse(&undetermined(NAMES[place]));
            return None;
        }
        Some(oid)
    }

    /// Opens the file of an import. False with an error text.
    pub fn open_import_file(&mut self, name: Option<&[u8]>) -> bool {
        self.session.clear_errors();
        let Some(name) = name else {
            // libpq: this is the text of the system and the C library for a null pointer.
            self.blame_file("open", b"(null)", libc::EFAULT);
            return false;
        };
        // This closes a file that an earlier call left open.
        let open = || File::open(OsStr::from_bytes(name)).map(|file| self.file = Some(file));
        let opened = without_cancellation(open);
        let failed = opened.map_err(|error| self.blame_file("open", name, code(&error)));
        failed.is_ok()
    }

    /// Creates the file of an export; Err is an errno.
    pub fn create_export_file(&mut self, name: Option<&[u8]>) -> Result<(), c_int> {
        let name = name.ok_or(libc::EFAULT)?;
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true);
        let mut open = || {
            self.file = Some(options.open(OsStr::from_bytes(name))?);
            Ok(())
        };
        without_cancellation(&mut open).map_err(|error| code(&error))
    }

    /// Reads from the file being imported; 0 bytes at its end. Err is an errno.
    pub fn read_file(&mut self, chunk: &mut [u8]) -> Result<usize, c_int> {
        let Some(file) = &mut self.file else {
            return Err(libc::EBADF);
        };
        loop {
            match without_cancellation(|| file.read(chunk)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return outcome.map_err(|error| code(&error)),
            }
        }
    }

    /// Appends to the file being exported. Err is an errno.
    pub fn write_file(&mut self, chunk: &[u8]) -> Result<(), c_int> {
        let Some(file) = &mut self.file else {
            return Err(libc::EBADF);
        };
        without_cancellation(|| file.write_all(chunk)).map_err(|error| code(&error))
    }

    /// Closes the file; Err is an errno.
    pub fn close_file(&mut self) -> Result<(), c_int> {
        let file = self.file.take();
        without_cancellation(|| file.map_or(Ok(()), sys::close_file))
    }

    /// Adds an error text like `could not open file "NAME": ...`; `action` is the verb.
    pub fn blame_file(&mut self, action: &str, name: &[u8], errno: c_int) {
        let (reason, action) = (sys::strerror(errno), format!("could not {action} file \""));
        let text = [action.as_bytes(), name, b"\": ", &reason].concat();
        self.session.add_error(text);
    }
}

fn undetermined(name: &str) -> String {
    format!("cannot determine OID of function {name}")
}

/// The errno; 0 if the write took no bytes without one.
fn code(error: &io::Error) -> c_int {
    error.raw_os_error().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<(&'static [u8], &'static [u8])> {
        let mut rows: Vec<_> = NAMES
            .iter()
            .map(|name| (name.as_bytes(), &b"7"[..]))
            .collect();
        rows.reverse();
        rows
    }

    #[test]
    fn every_function_has_its_name_and_oid() {
        assert_eq!(NAMES[Function::Truncate64 as usize], "lo_truncate64");
        assert_eq!(NAMES[Function::Write as usize], "lowrite");
        assert_eq!(NAMES[Function::Create as usize], "lo_create");
        for name in NAMES {
            let query = FUNCTIONS_QUERY.to_str().unwrap();
            assert!(query.contains(&format!("'{name}'")));
        }
        let mut rows = all();
        rows.push((b"lowrite", b"4294967295"));
        rows.push((b"lo_other", b"1"));
        let oids = oids(rows.into_iter()).unwrap();
        assert_eq!(oids[Function::Write as usize], u32::MAX);
        assert_eq!(oids.iter().filter(|oid| **oid == 7).count(), 12);
    }

    #[test]
    fn only_the_oldest_functions_are_required() {
        let without = |gone: &[u8]| oids(all().into_iter().filter(|(name, _)| *name != gone));
        assert_eq!(without(b"loread"), Err("loread"));
        assert_eq!(without(b"lo_close"), Err("lo_close"));
        assert_eq!(without(b"lo_tell64").unwrap()[Function::Tell64 as usize], 0);
        let mut rows = all();
        rows.push((b"lo_open", b"-1"));
        assert_eq!(oids(rows.into_iter()), Err("lo_open"));
        assert_eq!(oids([].into_iter()), Err("lo_open"));
    }

    #[test]
    fn file_errors_use_libpqs_texts() {
        let mut connection = Connection::new();
        assert!(!connection.open_import_file(Some(b"/nonexistent/file")));
        assert_eq!(
            connection.errors().to_bytes(),
            b"could not open file \"/nonexistent/file\": No such file or directory\n"
        );
        assert_eq!(connection.read_file(&mut [0; 4]), Err(libc::EBADF));
        assert!(connection.open_import_file(Some(b"/")));
        assert_eq!(connection.read_file(&mut [0; 4]), Err(libc::EISDIR));
        assert_eq!(connection.close_file(), Ok(()));
        assert_eq!(connection.create_export_file(Some(b"/")), Err(libc::EISDIR));
        assert_eq!(connection.create_export_file(Some(b"/dev/full")), Ok(()));
        assert_eq!(connection.write_file(b"x"), Err(libc::ENOSPC));
    }
}
