//! New connections, not yet started, with the options that a program gives. Like libpq, these functions return one even if
//! the options are invalid. They return NULL only if memory ran out.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use super::conn::pg_conn;
use super::registers::wiped_after;
use super::{guard, ptr};
use crate::client::{Connection, Purpose};
use crate::conninfo::keyvalue;
use crate::conninfo::options::{Opt, Options};
use crate::mem::error_text::ErrorText;
use crate::mem::reserve;

fn new_connection(
    parse: impl FnOnce() -> Result<Options, ErrorText>,
    purpose: Purpose,
) -> *mut pg_conn {
    guard::begin(null_mut(), || {
        let mut conn = Box::new(pg_conn::new(Connection::new()));
        // The connection has the error message.
        let taken = wiped_after(|| conn.client.configure(parse(), purpose));
        if taken.is_err() && !reserve::is_ready() {
            // A connection without options could not be reset.
            return null_mut();
        }
        Box::into_raw(conn)
    })
}

/// A connection with the options in a connection string or URI.
///
/// # Safety
/// `conninfo` is NULL or a C string.
pub unsafe fn from_text(conninfo: *const c_char, purpose: Purpose) -> *mut pg_conn {
    // SAFETY: the caller's promise.
    let text = unsafe { ptr::text(conninfo) }.unwrap_or_default();
    new_connection(|| keyvalue::parse(text), purpose)
}

/// A connection with the options in two arrays, the keywords and the values.
///
/// # Safety
/// Same as for [`pairs`].
pub unsafe fn from_arrays(
    keywords: *const *const c_char,
    values: *const *const c_char,
    expand_dbname: c_int,
    purpose: Purpose,
) -> *mut pg_conn {
    new_connection(
        || {
            // SAFETY: the caller's promise.
            let pairs = unsafe { pairs(keywords, values) };
            keyvalue::parse_arrays(&pairs, expand_dbname != 0)
        },
        purpose,
    )
}

/// The pairs of keywords and values. The last keyword is NULL.
///
/// # Safety
/// Both are NULL or such arrays of C strings; a value may be NULL.
unsafe fn pairs<'a>(
    keywords: *const *const c_char,
    values: *const *const c_char,
) -> Vec<(&'a [u8], Option<&'a [u8]>)> {
    let mut pairs = Vec::new();
    if keywords.is_null() || values.is_null() {
        return pairs;
    }
    for index in 0.. {
        // SAFETY: the keywords are C strings up to the NULL, which was not read yet.
        let Some(keyword) = (unsafe { ptr::text(*keywords.add(index)) }) else {
            break;
        };
        // SAFETY: there is a value, a C string or NULL, for each keyword. There may be none for the NULL that ends the
        // keywords: ECPG does not allocate it.
        let value = unsafe { ptr::text(*values.add(index)) };
        pairs.push((keyword, value));
    }
    pairs
}

/// A connection with the arguments of PQsetdbLogin. `database` is a name, a connection string or a URI.
pub fn from_login<const N: usize>(
    database: &[u8],
    arguments: [(Opt, Option<&[u8]>); N],
) -> *mut pg_conn {
    new_connection(|| login_options(database, arguments), Purpose::Session)
}

fn login_options<const N: usize>(
    database: &[u8],
    arguments: [(Opt, Option<&[u8]>); N],
) -> Result<Options, ErrorText> {
    let mut options = if keyvalue::recognized_connection_string(database) {
        keyvalue::parse(database)?
    } else {
        let mut options = Options::default();
        options.set(
            Opt::DbName,
            (!database.is_empty()).then(|| database.to_vec()),
        );
        options
    };
    for (opt, value) in arguments {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            options.set(opt, Some(value.to_vec()));
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_no_value_for_the_last_keyword() {
        let keywords = [c"user".as_ptr(), c"port".as_ptr(), std::ptr::null()];
        // The third value is not a valid address.
        let values = [
            c"me".as_ptr(),
            std::ptr::null(),
            std::ptr::without_provenance(1),
        ];
        // SAFETY: both arrays hold what is read of them.
        let pairs = unsafe { pairs(keywords.as_ptr(), values.as_ptr()) };
        assert_eq!(pairs, [(&b"user"[..], Some(&b"me"[..])), (b"port", None)]);
    }
}
