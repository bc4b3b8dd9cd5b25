//! What a connection reads from its environment: variables, service and password files, user, locale, random bytes.

use std::ffi::{CStr, OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use zeroize::Zeroizing;

use super::oauth_debug::OAuthDebug;
use crate::conninfo::options::{Opt, Options};
use crate::conninfo::params::{Host, Params};
use crate::conninfo::service::{self, Lookup, Read, Surroundings};
use crate::conninfo::{directory, hosts, passfile, validate};
use crate::mem::error_text::ErrorText;
use crate::net::{ldap, sys};
use crate::text::encoding;

/// The directory of the system's service file unless `PGSYSCONFDIR` names another one (Debian's).
const SYSCONFDIR: &[u8] = b"/etc/postgresql-common";

/// The largest file that is read; a larger one counts as unreadable.
const LARGEST_FILE: u64 = 64 << 20;

/// The value of an environment variable.
pub fn variable(name: &str) -> Option<Vec<u8>> {
    std::env::var_os(name).map(OsString::into_vec)
}

/// The value of an environment variable that is valid UTF-8.
#[cfg(feature = "oauth")]
pub fn text(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Writes to stderr, where libpq does.
pub fn complain(text: impl AsRef<[u8]>) {
    // A failure to write does not matter.
    let _ = sys::without_cancellation(|| io::stderr().write_all(text.as_ref()));
}

/// The settings of PGOAUTHDEBUG. With `warn`, prints a warning for each unknown word.
pub fn oauth_debug(warn: bool) -> OAuthDebug {
    let (debug, warnings) = OAuthDebug::parse(&variable("PGOAUTHDEBUG").unwrap_or_default());
    if warn {
        warnings.iter().for_each(complain);
    }
    debug
}

fn c_variable(name: &CStr) -> Option<Vec<u8>> {
    std::env::var_os(OsStr::from_bytes(name.to_bytes())).map(OsString::into_vec)
}

/// Fills in options without a value from the service, the environment, the compiled defaults and the
/// operating system. The error, libpq's text, is always about the service.
pub fn add_defaults(options: &mut Options) -> Result<(), ErrorText> {
    add_service(options)?;
    add_other_defaults(options);
    Ok(())
}

/// The options of a connection for which nothing was given. Ignores a service that cannot be read.
pub fn default_options() -> Options {
    let mut options = Options::default();
    sys::without_cancellation(|| {
        // libpq: the lines of a service file before an error count
        let _ = add_service(&mut options);
        add_other_defaults(&mut options);
    });
    options
}

fn add_other_defaults(options: &mut Options) {
    // libpq: a missing user name is an error later, and only if no name was given
    options.add_defaults(c_variable, || sys::user_name_of_euid().ok());
}

/// Fills in options without a value from the service, if one is named.
fn add_service(options: &mut Options) -> Result<(), ErrorText> {
    let surroundings = Surroundings {
        service: variable("PGSERVICE"),
        service_file: variable("PGSERVICEFILE"),
        home: home(),
        sysconfdir: variable("PGSYSCONFDIR").unwrap_or_else(|| SYSCONFDIR.to_vec()),
    };
    let Some(lookup) = Lookup::plan(options, &surroundings) else {
        return Ok(());
    };
    for file in &lookup.files {
        if defines_service(file, &lookup.service, options)? {
            return Ok(());
        }
    }
    Err(lookup.not_found())
}

/// Applies `file`. False if it does not define the service, or is optional and missing.
fn defines_service(
    file: &service::File,
    service: &[u8],
    options: &mut Options,
) -> Result<bool, ErrorText> {
    let path = path(&file.path);
    if !file.must_exist && fs::metadata(path).is_err() {
        return Ok(false);
    }
    let contents = read_file(path).map_err(|_| file.not_found())?;
    let mut reading = file.reading(&contents, service);
    loop {
        match reading.advance(options)? {
            Read::Undefined => return Ok(false),
            Read::Defined => return Ok(true),
            Read::LookUp(query) => {
                if let Some(values) = ldap::look_up(&query)? {
                    directory::apply(&values, options)?;
                    reading.defined(options);
                    return Ok(true);
                }
            }
        }
    }
}

fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// The contents of `file`, up to a read error.
fn read(file: &File) -> io::Result<Zeroizing<Vec<u8>>> {
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let mut contents = Zeroizing::new(Vec::new());
    // allocated at once, because growing would leave copies of secrets in freed memory
    let room = usize::try_from(size.min(LARGEST_FILE)).unwrap_or(usize::MAX);
    let reserved = contents.try_reserve_exact(room.saturating_add(1));
    reserved.map_err(|_| io::Error::from_raw_os_error(libc::ENOMEM))?;
    // libpq: a read error is the end of the file
    let _ = file.take(LARGEST_FILE + 1).read_to_end(&mut contents);
    if contents.len() as u64 > LARGEST_FILE {
        return Err(io::Error::from_raw_os_error(libc::EFBIG));
    }
    Ok(contents)
}

/// The contents of a file of at most 64 MB.
pub fn read_file(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    read(&File::open(path)?)
}

/// Whether a file may be there and valid, but could not be read for lack of memory or descriptors, or because it is too
/// large.
pub fn is_limit(error: &io::Error) -> bool {
    let limits = [libc::EFBIG, libc::ENOMEM, libc::EMFILE, libc::ENFILE];
    error
        .raw_os_error()
        .is_some_and(|code| limits.contains(&code))
}

/// The user's home directory: `HOME`, or the entry of the password database.
pub fn home() -> Option<Vec<u8>> {
    let home = variable("HOME").filter(|home| !home.is_empty());
    home.or_else(|| Some(sys::home_directory()?.into_os_string().into_vec()))
}

/// Completes and checks the options of a connection (libpq's `pqConnectOptions2`): host list, user, database,
/// passwords from the password file, enumerations. The error is libpq's text.
pub fn derive(options: &mut Options) -> Result<Params, ErrorText> {
    let mut hosts = hosts::list(options)?;
    default_user_and_dbname(options)?;
    find_passwords(options, &mut hosts);
    let mut params = validate::params(options, hosts)?;
    if params.shuffle_addresses {
        shuffle(&mut params.hosts);
    }
    if options.get(Opt::ClientEncoding) == Some(b"auto") {
        let encoding = client_encoding_of_locale().to_vec();
        options.set(Opt::ClientEncoding, Some(encoding));
    }
    Ok(params)
}

fn default_user_and_dbname(options: &mut Options) -> Result<(), ErrorText> {
    if options.non_empty(Opt::User).is_none() {
        options.set(Opt::User, Some(sys::user_name_of_euid()?));
    }
    if options.non_empty(Opt::DbName).is_none() {
        let user = options.get(Opt::User).map(<[u8]>::to_vec);
        options.set(Opt::DbName, user);
    }
    Ok(())
}

/// Looks up the password of each host, unless a password was given.
fn find_passwords(options: &mut Options, hosts: &mut [Host]) {
    if options.non_empty(Opt::Password).is_some() {
        return;
    }
    if options.non_empty(Opt::PassFile).is_none()
        && let Some(home) = home()
    {
        options.set(Opt::PassFile, Some([&home[..], b"/.pgpass"].concat()));
    }
    let Some(file) = options.non_empty(Opt::PassFile) else {
        return;
    };
    let dbname = options.get(Opt::DbName).unwrap_or_default();
    let user = options.get(Opt::User).unwrap_or_default();
    for host in hosts {
        // libpq: reads the file again for each host, with its warnings
        let contents = read_password_file(file);
        host.password = contents
            .and_then(|contents| passfile::password(&contents, host, dbname, user))
            .map(Zeroizing::new);
    }
}

/// The contents of the password file; None, with a warning on stderr, if other users could read it.
fn read_password_file(name: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let file = File::open(path(name)).ok()?;
    let metadata = file.metadata().ok()?;
    let complaint: &[u8] = match metadata.mode() & 0o077 {
        _ if !metadata.is_file() => b"is not a plain file",
        0 => return read(&file).ok(),
        _ => b"has group or world access; permissions should be u=rw (0600) or less",
    };
    let warning = [b"WARNING: password file \"", name, b"\" ", complaint, b"\n"].concat();
    complain(warning);
    None
}

/// The parameters of the startup packet that come from environment variables.
pub fn startup_environment() -> Vec<(&'static [u8], Vec<u8>)> {
    let known: [(&str, &[u8]); 3] = [
        ("PGDATESTYLE", b"datestyle"),
        ("PGTZ", b"timezone"),
        ("PGGEQO", b"geqo"),
    ];
    let set = known.into_iter().filter_map(|(name, parameter)| {
        let value = variable(name)?;
        (!value.eq_ignore_ascii_case(b"default")).then_some((parameter, value))
    });
    set.collect()
}

/// The encoding of the process's locale, for `client_encoding=auto`; empty if unknown.
pub fn client_encoding_of_locale() -> &'static [u8] {
    let encoding = sys::without_cancellation(|| encoding_of(&sys::character_locale()));
    encoding.map_or(b"", |id| encoding::to_name(id).to_bytes())
}

fn encoding_of(locale: &[u8]) -> Option<i32> {
    if locale.eq_ignore_ascii_case(b"C") || locale.eq_ignore_ascii_case(b"POSIX") {
        return Some(encoding::SQL_ASCII);
    }
    let codeset = sys::codeset(locale)?;
    let encoding = encoding::from_codeset(&codeset);
    if encoding.is_none() {
        // libpq: prints this and continues.
        let (prefix, middle) = (
            "could not determine encoding for locale \"",
            "\": codeset is \"",
        );
        let parts = [
            prefix.as_bytes(),
            locale,
            middle.as_bytes(),
            &codeset,
            b"\"\n",
        ];
        complain(parts.concat());
    }
    encoding
}

/// Fills `out` with random bytes from the operating system; false if it has none.
#[must_use]
pub fn random_bytes(out: &mut [u8]) -> bool {
    sys::without_cancellation(|| getrandom::fill(out).is_ok())
}

/// Random bytes that need not be secret: from the clock if the system has none, as in libpq.
fn arbitrary_bytes(out: &mut [u8]) {
    if !random_bytes(out) {
        scatter(seed(out), out);
    }
}

/// A number from the time, the process id and an address.
fn seed(place: &[u8]) -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let time = since.map_or(0, |since| since.as_nanos() as u64);
    time ^ u64::from(std::process::id()) << 32 ^ place.as_ptr() as u64
}

/// Fills `out` with the output of splitmix64 for `state`.
fn scatter(mut state: u64, out: &mut [u8]) {
    for chunk in out.chunks_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bytes = (mixed ^ mixed >> 31).to_ne_bytes();
        chunk.copy_from_slice(&bytes[..chunk.len()]);
    }
}

/// Shuffles `items`; each order is equally likely.
pub fn shuffle<T>(items: &mut [T]) {
    for last in 1..items.len() {
        items.swap(last, random_up_to(last));
    }
}

/// A random number from 0 to `most`; each is equally likely.
fn random_up_to(most: usize) -> usize {
    let count = most as u64 + 1;
    let fair = u64::MAX - u64::MAX % count;
    loop {
        let mut bytes = [0; 8];
        arbitrary_bytes(&mut bytes);
        let number = u64::from_ne_bytes(bytes);
        if number < fair {
            return (number % count) as usize;
        }
    }
}

#[cfg(test)]
mod tests;
