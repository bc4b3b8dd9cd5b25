//! Escaping of strings, identifiers and bytea.

use std::ffi::{c_char, c_int, c_uchar};
use std::ptr::null_mut;
use std::slice;

use super::call::call;
use super::conn::pg_conn;
use super::{alloc, guard, ptr};
use crate::client::state::last_escaping;
use crate::text::escape::{
    ByteaRules, EscapeError, EscapeRules, Quote, Quoted, Room, escape_string, unescaped_limit,
    write_unescaped,
};

/// The first version of the server that understands the hexadecimal format of bytea.
const FIRST_HEX_VERSION: c_int = 90_000;

/// The bytes of `from`, up to a NUL byte or `length`.
///
/// # Safety
/// `from` is NULL or has `length` readable bytes or a NUL before that.
unsafe fn bounded<'a>(from: *const c_char, length: usize) -> &'a [u8] {
    if from.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise; strnlen reads no further than the NUL.
    unsafe { ptr::bytes(from, libc::strnlen(from, length)) }
}

/// Writes the escaped string and a NUL byte to `to`. Returns the length without the NUL byte.
///
/// # Safety
/// `to` has room for twice the length of `from` and a NUL.
unsafe fn write_escaped(
    to: *mut c_char,
    from: &[u8],
    rules: EscapeRules,
) -> (usize, Option<EscapeError>) {
    let room = from.len().saturating_mul(2);
    // SAFETY: the caller made room for twice the input, which the output never exceeds, and a NUL.
    let mut room = Room::new(unsafe { slice::from_raw_parts_mut(to.cast(), room) });
    let error = escape_string(rules, from, &mut room);
    let length = room.filled();
    // SAFETY: as above.
    unsafe { to.add(length).write(0) };
    (length, error)
}

/// Escapes a string for use between single quotes in an SQL command. `to` must have room for 2 *
/// `length` + 1 bytes. Stops at a NUL byte or after `length` bytes. Returns the number of bytes
/// written, without the final NUL byte.
///
/// If the string is not valid in the client encoding, sets `*error` to 1 and the connection's error
/// message, and writes a string that the server rejects. Otherwise sets `*error` to 0. `error` may
/// be NULL. A NULL `from` counts as an empty string. If `conn` is NULL, writes an empty string,
/// sets `*error` to 1 and returns 0. If `to` is NULL, returns 0.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `to` and `from` are as said,
/// or NULL; `error` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQescapeStringConn(
    conn: *mut pg_conn,
    to: *mut c_char,
    from: *const c_char,
    length: usize,
    error: *mut c_int,
) -> usize {
    // SAFETY: the caller's promise.
    unsafe {
        if !error.is_null() {
            *error = conn.is_null().into();
        }
        if to.is_null() {
            return 0;
        }
        *to = 0;
        let from = bounded(from, length);
        let (written, problem) = call(conn, (0, None), |conn| {
            conn.client.begin_call();
            let rules = EscapeRules {
                encoding: conn.client.encoding(),
                std_strings: conn.client.std_strings(),
            };
            let (written, problem) = write_escaped(to, from, rules);
            if let Some(problem) = &problem {
                conn.client.add_error(problem.message());
            }
            (written, problem)
        });
        if problem.is_some() && !error.is_null() {
            *error = 1;
        }
        written
    }
}

/// Like PQescapeStringConn, with the encoding and the settings that the server of any of the
/// process's connections reported last. Deprecated: use PQescapeStringConn.
///
/// # Safety
/// Same as for PQescapeStringConn.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQescapeString(
    to: *mut c_char,
    from: *const c_char,
    length: usize,
) -> usize {
    if to.is_null() {
        return 0;
    }
    let (encoding, std_strings) = last_escaping();
    let rules = EscapeRules {
        encoding,
        std_strings,
    };
    // SAFETY: the caller's promise.
    guard::guard(0, || unsafe {
        write_escaped(to, bounded(from, length), rules).0
    })
}

/// # Safety
/// Same as for PQescapeLiteral.
unsafe fn quoted(conn: *mut pg_conn, str: *const c_char, len: usize, quote: Quote) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe {
        let text = bounded(str, len);
        call(conn, null_mut(), |conn| {
            conn.client.begin_call();
            match Quoted::new(conn.client.encoding(), text, quote) {
                Ok(quoted) => {
                    let (text, _) = alloc::filled(quoted.size(), |room| quoted.write(room));
                    if text.is_null() {
                        conn.client.add_error(EscapeError::OutOfMemory.message());
                    }
                    text
                }
                Err(problem) => {
                    conn.client.add_error(problem.message());
                    null_mut()
                }
            }
        })
    }
}

/// Returns a string as an SQL literal in single quotes; free it with PQfreemem. Stops at a NUL byte
/// or after `len` bytes.
///
/// A string with backslashes is returned as ` E'...'`, with a leading space. A NULL `str` counts as
/// an empty string. Returns NULL with an error message if the string is not valid in the client
/// encoding or memory ran out. Returns NULL for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `str` is NULL or has `len`
/// readable bytes, or a NUL before that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQescapeLiteral(
    conn: *mut pg_conn,
    str: *const c_char,
    len: usize,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { quoted(conn, str, len, Quote::Literal) }
}

/// Returns a name as an SQL identifier in double quotes; free it with PQfreemem. Otherwise like
/// PQescapeLiteral.
///
/// # Safety
/// Same as for PQescapeLiteral.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQescapeIdentifier(
    conn: *mut pg_conn,
    str: *const c_char,
    len: usize,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { quoted(conn, str, len, Quote::Identifier) }
}

/// Returns binary data as a bytea string for use between single quotes in an SQL command; free it
/// with PQfreemem.
///
/// The format is hexadecimal for servers since version 9.0, otherwise the older escape format.
/// `*to_length` is set to the length in bytes, including the NUL byte, unless it is NULL. A NULL
/// `from` counts as empty. Returns NULL with an error message if memory ran out, and NULL for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `from` has `from_length`
/// readable bytes or is NULL; `to_length` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQescapeByteaConn(
    conn: *mut pg_conn,
    from: *const c_uchar,
    from_length: usize,
    to_length: *mut usize,
) -> *mut c_uchar {
    // SAFETY: the caller's promise.
    unsafe {
        call(conn, null_mut(), |conn| {
            conn.client.begin_call();
            let Some(from) = checked_bytes(from, from_length) else {
                conn.client.add_error(EscapeError::ByteaTooLong.message());
                return null_mut();
            };
            let rules = ByteaRules {
                hex: conn.client.raw_server_version() >= FIRST_HEX_VERSION,
                std_strings: conn.client.std_strings(),
            };
            let (escaped, problem) = escaped_bytea(rules, from, to_length);
            if let Some(problem) = problem {
                conn.client.add_error(problem.message());
            }
            escaped
        })
    }
}

/// The bytes at `from`; None if the length exceeds that of any object.
///
/// # Safety
/// `from` is NULL or has `length` readable bytes.
unsafe fn checked_bytes<'a>(from: *const c_uchar, length: usize) -> Option<&'a [u8]> {
    isize::try_from(length).ok()?;
    // SAFETY: the caller's promise.
    Some(unsafe { ptr::bytes(from.cast(), length) })
}

/// `from` as an escaped string. Sets `*to_length` to its length, including the NUL byte.
///
/// # Safety
/// `to_length` is NULL or writable.
unsafe fn escaped_bytea(
    rules: ByteaRules,
    from: &[u8],
    to_length: *mut usize,
) -> (*mut c_uchar, Option<EscapeError>) {
    let size = match rules.size(from) {
        Ok(size) => size,
        Err(problem) => return (null_mut(), Some(problem)),
    };
    let (text, length) = alloc::filled(size, |room| rules.write(from, room));
    if text.is_null() {
        return (null_mut(), Some(EscapeError::OutOfMemory));
    }
    if !to_length.is_null() {
        // SAFETY: the caller's promise.
        unsafe { *to_length = length + 1 };
    }
    (text.cast(), None)
}

/// Like PQescapeByteaConn, in the older escape format and with the settings that the server of any
/// of the process's connections reported last. Deprecated: use PQescapeByteaConn.
///
/// # Safety
/// Same as for PQescapeByteaConn.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQescapeBytea(
    from: *const c_uchar,
    from_length: usize,
    to_length: *mut usize,
) -> *mut c_uchar {
    guard::guard(null_mut(), || {
        let rules = ByteaRules {
            hex: false,
            std_strings: last_escaping().1,
        };
        // SAFETY: the caller's promise.
        unsafe {
            let Some(from) = checked_bytes(from, from_length) else {
                return null_mut();
            };
            escaped_bytea(rules, from, to_length).0
        }
    })
}

/// Converts a bytea string in the hexadecimal or the escape format to binary data, followed by a
/// NUL byte; free it with PQfreemem. `*retbuflen` is set to the length in bytes, without the NUL
/// byte, unless it is NULL.
///
/// Pairs of characters that are not hexadecimal digits are skipped. Returns NULL if memory ran out,
/// and for NULL.
///
/// # Safety
/// `strtext` is NULL or a C string; `retbuflen` NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQunescapeBytea(
    strtext: *const c_uchar,
    retbuflen: *mut usize,
) -> *mut c_uchar {
    guard::guard(null_mut(), || {
        // SAFETY: the caller's promise.
        unsafe {
            let Some(text) = ptr::text(strtext.cast()) else {
                return null_mut();
            };
            let limit = unescaped_limit(text);
            let (bytes, length) = alloc::filled(limit, |room| write_unescaped(text, room));
            if !bytes.is_null() && !retbuflen.is_null() {
                *retbuflen = length;
            }
            bytes.cast()
        }
    })
}
