//! Service files: which files to read for a service, and the parser of their contents.

use super::directory::Query;
use super::options::{Opt, Options};
use super::trim;
use crate::mem::error_text::ErrorText;

/// The settings for service files in the environment.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// `PGSERVICE`
    pub service: Option<Vec<u8>>,
    /// `PGSERVICEFILE`
    pub service_file: Option<Vec<u8>>,
    /// The user's home directory.
    pub home: Option<Vec<u8>>,
    /// `PGSYSCONFDIR`, or the directory compiled in.
    pub sysconfdir: Vec<u8>,
}

/// A service to look up, and the files that may define it. The first definition is used.
#[derive(Debug, PartialEq, Eq)]
pub struct Lookup {
    pub service: Vec<u8>,
    pub files: Vec<File>,
}

/// A file that may define a service.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    pub path: Vec<u8>,
    /// True for a file that the user named: then it must exist.
    pub must_exist: bool,
}

impl Lookup {
    /// The lookup for `options`; None if neither they nor the environment name a service.
    pub fn plan(options: &Options, surroundings: &Surroundings) -> Option<Lookup> {
        let service = options.get(Opt::Service);
        let service = service.or(surroundings.service.as_deref())?;
        let named = options.get(Opt::ServiceFile);
        let named = named.or(surroundings.service_file.as_deref());
        let user_file = match (named, surroundings.home.as_deref()) {
            (Some(path), _) => Some(File::new(path.to_vec(), true)),
            (None, Some(home)) => Some(File::new([home, b"/.pg_service.conf"].concat(), false)),
            (None, None) => None,
        };
        let system_file = [&surroundings.sysconfdir[..], b"/pg_service.conf"].concat();
        Some(Lookup {
            service: service.to_vec(),
            files: user_file
                .into_iter()
                .chain([File::new(system_file, false)])
                .collect(),
        })
    }

    /// The error if no file defines the service.
    pub fn not_found(&self) -> ErrorText {
        ErrorText::concat(&[
            b"definition of service \"",
            &self.service[..],
            b"\" not found",
        ])
    }
}

impl File {
    fn new(path: Vec<u8>, must_exist: bool) -> File {
        File { path, must_exist }
    }

    /// The error for a file that cannot be read.
    pub fn not_found(&self) -> ErrorText {
        ErrorText::concat(&[b"service file \"", &self.path, b"\" not found"])
    }

    /// Begins to parse `contents`, the file's contents, for `service`.
    pub fn reading<'a>(&'a self, contents: &'a [u8], service: &'a [u8]) -> Reading<'a> {
        Reading {
            file: self,
            service,
            lines: (1..).zip(Lines(contents)),
            in_group: false,
        }
    }

    fn apply_setting(
        &self,
        setting: &[u8],
        number: usize,
        options: &mut Options,
    ) -> Result<(), ErrorText> {
        let mut halves = setting.splitn(2, |&byte| byte == b'=');
        let (Some(keyword), Some(value)) = (halves.next(), halves.next()) else {
            return Err(self.at(b"syntax error", number));
        };
        match Options::find(keyword) {
            None => return Err(self.at(b"syntax error", number)),
            Some(Opt::Service | Opt::ServiceFile) => return Err(self.nested(keyword, number)),
            Some(opt) => options.set_default(opt, value),
        }
        Ok(())
    }

    fn nested(&self, keyword: &[u8], number: usize) -> ErrorText {
        let rest: &[u8] = b"\" specifications not supported";
        self.at(&[b"nested \"", keyword, rest].concat(), number)
    }

    fn at(&self, complaint: &[u8], number: usize) -> ErrorText {
        let place = format!("\", line {number}");
        ErrorText::concat(&[
            complaint,
            b" in service file \"",
            &self.path,
            place.as_bytes(),
        ])
    }

    fn line_too_long(&self, number: usize) -> ErrorText {
        let start = format!("line {number} too long in service file \"");
        ErrorText::concat(&[start.as_bytes(), &self.path, b"\""])
    }
}

/// A service file that is being parsed.
pub struct Reading<'a> {
    file: &'a File,
    service: &'a [u8],
    lines: std::iter::Zip<std::ops::RangeFrom<usize>, Lines<'a>>,
    in_group: bool,
}

/// How far parsing got.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// The end of the file. It does not define the service.
    Undefined,
    /// The end of the service's definition.
    Defined,
    /// A line with the URL of a directory. If the directory has an entry, that ends the definition: call
    /// [`Reading::defined`]. If the directory's server is down, continue parsing.
    LookUp(Query),
}

impl Reading<'_> {
    /// Sets options that have no value from the service's definition. As in libpq, options before an error stay set.
    pub fn advance(&mut self, options: &mut Options) -> Result<Read, ErrorText> {
        for (number, line) in self.lines.by_ref() {
            if line.len() >= LINE_BUFFER {
                return Err(self.file.line_too_long(number));
            }
            match trim(line) {
                [] | [b'#', ..] => {}
                [b'[', ..] if self.in_group => break,
                [b'[', name @ ..] => self.in_group = is_group(name, self.service),
                url if cfg!(feature = "ldap") && self.in_group && url.starts_with(b"ldap") => {
                    return Query::parse(url).map(Read::LookUp);
                }
                setting if self.in_group => self.file.apply_setting(setting, number, options)?,
                _ => {}
            }
        }
        if !self.in_group {
            return Ok(Read::Undefined);
        }
        self.defined(options);
        Ok(Read::Defined)
    }

    /// Records where the definition was found.
    pub fn defined(&self, options: &mut Options) {
        options.set_default(Opt::ServiceFile, &self.file.path);
    }
}

/// libpq: a bracket directly after the name is enough; what follows it is ignored.
fn is_group(name: &[u8], service: &[u8]) -> bool {
    name.strip_prefix(service)
        .is_some_and(|rest| rest.starts_with(b"]"))
}

/// libpq: a line, newline included, must be shorter than this.
const LINE_BUFFER: usize = 1023;

/// The lines that libpq gets from C's `fgets`: newline included, at most [`LINE_BUFFER`] bytes, truncated at a NUL.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let limit = self.0.len().min(LINE_BUFFER);
        let newline = self.0[..limit].iter().position(|&byte| byte == b'\n');
        let (line, rest) = self.0.split_at(newline.map_or(limit, |at| at + 1));
        self.0 = rest;
        let text = line.split(|&byte| byte == 0).next();
        text.filter(|_| !line.is_empty())
    }
}

#[cfg(test)]
mod tests;
