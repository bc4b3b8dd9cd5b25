//! Functions for encodings that need no connection.

use std::ffi::{c_char, c_int, c_uchar};
use std::slice;

use super::ptr;
use crate::client::env;
use crate::text::encoding;

/// The bytes that determine the length of the character at `s`: one, or two for a GB18030 lead byte. Empty for NULL.
///
/// # Safety
/// `s` is NULL or readable for one byte, and for a second one after a byte above 0x7F in GB18030.
unsafe fn lead<'a>(s: *const c_char, id: c_int) -> &'a [u8] {
    // SAFETY: the first byte is readable by the caller's promise.
    let first = unsafe { ptr::bytes(s, 1) };
    if id != encoding::GB18030 || first.first().is_none_or(u8::is_ascii) {
        return first;
    }
    // SAFETY: not NULL, and a second byte is readable after such a first one.
    unsafe { ptr::bytes(s, 2) }
}

/// The bytes of the character at `s`, at most up to a NUL byte. Empty for NULL.
///
/// # Safety
/// `s` is NULL, or readable up to the end of its first character or up to a NUL.
unsafe fn character<'a>(s: *const c_char, id: c_int) -> &'a [u8] {
    if s.is_null() {
        return &[];
    }
    // SAFETY: the lead bytes are part of the character, or the second one is the NUL.
    let length = encoding::mblen(id, unsafe { lead(s, id) });
    // SAFETY: strnlen stops at the NUL or at the character's end.
    let length = unsafe { libc::strnlen(s, length) };
    // SAFETY: strnlen has read these bytes.
    unsafe { slice::from_raw_parts(s.cast(), length) }
}

/// Returns the length of the character at `s` in bytes, 1 to 4, as its first byte says (in GB18030:
/// its first two bytes). Returns 1 for NULL.
///
/// In a string that is not valid, the character may extend beyond the final NUL byte: see
/// PQmblenBounded. An unknown `encoding` counts as SQL_ASCII.
///
/// # Safety
/// `s` is NULL or points to a NUL-terminated string, or to one complete character.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQmblen(s: *const c_char, encoding: c_int) -> c_int {
    // SAFETY: the caller's promise.
    let lead = unsafe { lead(s, encoding) };
    encoding::mblen(encoding, lead) as c_int
}

/// Like PQmblen, but at most the number of bytes before the next NUL byte: 0 to 4. Returns 0 for
/// NULL.
///
/// # Safety
/// `s` is NULL or points to a NUL-terminated string, or to one complete character.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQmblenBounded(s: *const c_char, encoding: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { character(s, encoding) }.len() as c_int
}

/// Returns the number of columns that the character at `s` takes on a terminal: 0, 1 or 2, and -1
/// for a control character. Returns 0 for NULL.
///
/// # Safety
/// `s` is NULL or points to a NUL-terminated string, or to one complete character.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQdsplen(s: *const c_char, encoding: c_int) -> c_int {
    // SAFETY: the caller's promise.
    encoding::dsplen(encoding, unsafe { character(s, encoding) })
}

/// Returns the length of the UTF-8 character at `s` in bytes, 1 to 4, as its first byte says.
/// Returns 1 if the byte is not valid as a first byte, and for NULL.
///
/// # Safety
/// `s` is NULL or points to at least one byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pg_utf_mblen(s: *const c_uchar) -> c_int {
    // SAFETY: the caller's promise.
    let lead = unsafe { ptr::bytes(s.cast(), 1) };
    encoding::mblen(encoding::UTF8, lead) as c_int
}

/// Returns the number of the encoding named in the environment variable PGCLIENTENCODING. Returns 0
/// (SQL_ASCII) if it is not set or not known.
#[unsafe(no_mangle)]
pub extern "C" fn PQenv2encoding() -> c_int {
    let name = env::variable("PGCLIENTENCODING").unwrap_or_default();
    encoding::from_name(&name).unwrap_or(encoding::SQL_ASCII)
}

/// Returns the number of an encoding. Case and punctuation in the name do not matter. Returns -1
/// for an unknown name and for NULL.
///
/// # Safety
/// `name` is NULL or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pg_char_to_encoding(name: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    let name = unsafe { ptr::text(name) }.unwrap_or_default();
    encoding::from_name(name).unwrap_or(-1)
}

/// Returns the name of an encoding as a constant string; an empty string if there is no such
/// encoding.
#[unsafe(no_mangle)]
pub extern "C" fn pg_encoding_to_char(encoding: c_int) -> *const c_char {
    encoding::to_name(encoding).as_ptr()
}

/// Like pg_char_to_encoding, but also returns -1 for an encoding that a database cannot have.
///
/// # Safety
/// `name` is NULL or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pg_valid_server_encoding(name: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    let encoding = unsafe { pg_char_to_encoding(name) };
    if encoding::is_server_encoding(encoding) {
        encoding
    } else {
        -1
    }
}

/// Returns 1 if a database can have this encoding, otherwise 0.
#[unsafe(no_mangle)]
pub extern "C" fn pg_valid_server_encoding_id(encoding: c_int) -> c_int {
    encoding::is_server_encoding(encoding).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mblen(text: &[u8], id: c_int) -> (c_int, c_int, c_int) {
        let terminated = [text, b"\0"].concat();
        let s = terminated.as_ptr().cast();
        // SAFETY: NUL-terminated.
        unsafe { (PQmblen(s, id), PQmblenBounded(s, id), PQdsplen(s, id)) }
    }

    #[test]
    fn bounded_length_ends_at_the_nul_byte() {
        assert_eq!(mblen("あ".as_bytes(), encoding::UTF8), (3, 3, 2));
        assert_eq!(mblen(b"\xE3\x82", encoding::UTF8), (3, 2, 2));
        assert_eq!(mblen(b"\x81", encoding::GB18030), (2, 1, 2));
        assert_eq!(mblen(b"\x810", encoding::GB18030), (4, 2, 2));
        assert_eq!(mblen(b"\x8E", encoding::EUC_TW), (4, 1, 2));
        assert_eq!(mblen(b"", encoding::UTF8), (1, 0, 0));
        assert_eq!(mblen(b"\xFF", 12345), (1, 1, 1));
    }

    #[test]
    fn reads_one_byte_except_in_gb18030() {
        let byte = [0xF0u8];
        // SAFETY: only GB18030 may look at a second byte.
        let lengths = (0..42)
            .filter(|&id| id != encoding::GB18030)
            .map(|id| unsafe { PQmblen(byte.as_ptr().cast(), id) });
        assert_eq!(lengths.max(), Some(4));
        // SAFETY: one byte.
        assert_eq!(unsafe { pg_utf_mblen(byte.as_ptr()) }, 4);
    }

    #[test]
    fn accepts_null() {
        let null = std::ptr::null();
        // SAFETY: NULL is allowed everywhere.
        unsafe {
            assert_eq!(
                (PQmblen(null, 6), PQmblenBounded(null, 6), PQdsplen(null, 6)),
                (1, 0, 0)
            );
            assert_eq!((PQmblen(null, 39), pg_utf_mblen(null.cast())), (1, 1));
            assert_eq!(
                (pg_char_to_encoding(null), pg_valid_server_encoding(null)),
                (-1, -1)
            );
        }
    }

    #[test]
    fn finds_encodings_by_name() {
        // SAFETY: NUL-terminated strings.
        unsafe {
            assert_eq!(pg_char_to_encoding(c"utf-8".as_ptr()), 6);
            assert_eq!(pg_char_to_encoding(c"SJIS".as_ptr()), 35);
            assert_eq!(pg_valid_server_encoding(c"SJIS".as_ptr()), -1);
            assert_eq!(pg_valid_server_encoding(c"koi8-u".as_ptr()), 34);
        }
        assert_eq!(
            [-1, 0, 7, 34, 35].map(|id| pg_valid_server_encoding_id(id)),
            [0, 1, 0, 1, 0]
        );
    }
}
