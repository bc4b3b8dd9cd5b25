//! Information about TLS, and the hook for the password of a client key.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::io::{self, Write};
use std::ptr::{self, null};

use zeroize::Zeroize;

use super::call::call;
use super::conn::pg_conn;
use super::function_slot::FunctionSlot;
use super::ptr::{shared, text};
use super::registers::wiped_after;
use super::types::PQsslKeyPassHook_OpenSSL_type;
use crate::conninfo::options::Opt;

type KeyPassHook = unsafe extern "C-unwind" fn(*mut c_char, c_int, *mut pg_conn) -> c_int;

// SAFETY: KeyPassHook is a function pointer type.
static KEY_PASS_HOOK: FunctionSlot<KeyPassHook> = unsafe { FunctionSlot::empty() };

/// The size of the password buffer, including the NUL byte (OpenSSL's PEM_BUFSIZE).
const PASSWORD_ROOM: usize = 1024;

/// Gets the password of the client key from the hook or, by default, from the option sslpassword.
///
/// # Safety
/// `conn` is a live connection that nobody else uses or borrows.
pub(super) unsafe fn ask_key_password(conn: *mut pg_conn) {
    let mut room = [0u8; PASSWORD_ROOM];
    let hook = KEY_PASS_HOOK
        .get()
        .unwrap_or(PQdefaultSSLKeyPassHook_OpenSSL);
    // SAFETY: the buffer has that size; nothing borrows the connection, and nothing here must be dropped.
    let length = unsafe { hook(room.as_mut_ptr().cast(), PASSWORD_ROOM as c_int, conn) };
    // libpq: an empty password counts as no password.
    let length = usize::try_from(length).ok().filter(|length| *length > 0);
    let password = length.and_then(|length| room.get(..length));
    // SAFETY: the caller's promise.
    unsafe {
        call(conn, (), |conn| {
            wiped_after(|| conn.client.answer_key_password(password))
        });
    }
    room.zeroize();
}

/// Returns 1 if the connection is encrypted with TLS, otherwise 0. Returns 0 for NULL.
///
/// # Safety
/// `conn` is NULL or a connection that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsslInUse(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { shared(conn) }
        .is_some_and(|conn| conn.client.tls().is_some())
        .into()
}

/// Returns NULL: this library does not use OpenSSL and has no objects of it.
///
/// # Safety
/// `conn` is NULL or a connection that no other thread uses; `struct_name` is NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsslStruct(
    conn: *mut pg_conn,
    struct_name: *const c_char,
) -> *mut c_void {
    let _ = (conn, struct_name);
    ptr::null_mut()
}

const LIBRARY: &CStr = c"rustls";

/// Returns an attribute of the connection's TLS session: "library" ("rustls"), "protocol" (such as
/// "TLSv1.3"), "cipher" (OpenSSL's name for it), "key_bits", "compression" ("off") or "alpn" (empty
/// if the server did not select a protocol). The string belongs to the connection.
///
/// Returns NULL if the attribute is unknown or NULL, and if the connection does not use TLS. If
/// `conn` is NULL, only "library" is known.
///
/// # Safety
/// `conn` is NULL or a connection that no other thread uses; `attribute_name` is NULL or a
/// string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsslAttribute(
    conn: *mut pg_conn,
    attribute_name: *const c_char,
) -> *const c_char {
    // SAFETY: the caller's promise.
    let (conn, name) = unsafe { (shared(conn), text(attribute_name)) };
    match (conn, name) {
        (None, Some(b"library")) => LIBRARY.as_ptr(),
        (Some(conn), Some(name)) => super::guard::guard(null(), || attribute(conn, name)),
        _ => null(),
    }
}

fn attribute(conn: &pg_conn, name: &[u8]) -> *const c_char {
    let Some(tls) = conn.client.tls() else {
        return null();
    };
    let key_bits;
    let value: Option<&[u8]> = match name {
        b"library" => return LIBRARY.as_ptr(),
        b"compression" => return c"off".as_ptr(),
        b"protocol" => tls.version().map(str::as_bytes),
        b"cipher" => tls.cipher().map(str::as_bytes),
        b"alpn" => Some(tls.protocol().unwrap_or_default()),
        b"key_bits" => {
            key_bits = tls.key_bits().unwrap_or_default().to_string();
            Some(key_bits.as_bytes())
        }
        _ => None,
    };
    value.map_or(null(), |value| conn.intern(value).cast_const())
}

/// Returns the names of the attributes of PQsslAttribute, as a constant array that ends with NULL.
/// The array is empty for a connection without TLS. If `conn` is NULL, returns all names.
///
/// # Safety
/// `conn` is NULL or a connection that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsslAttributeNames(conn: *mut pg_conn) -> *const *const c_char {
    struct Names<const N: usize>([*const c_char; N]);
    // SAFETY: constants, never written to.
    unsafe impl<const N: usize> Sync for Names<N> {}
    static NONE: Names<1> = Names([null()]);
    static ALL: Names<7> = Names([
        c"library".as_ptr(),
        c"key_bits".as_ptr(),
        c"cipher".as_ptr(),
        c"compression".as_ptr(),
        c"protocol".as_ptr(),
        c"alpn".as_ptr(),
        null(),
    ]);

    // SAFETY: the caller's promise.
    match unsafe { shared(conn) } {
        Some(conn) if conn.client.tls().is_none() => NONE.0.as_ptr(),
        _ => ALL.0.as_ptr(),
    }
}

/// Returns NULL: this library does not use OpenSSL.
///
/// # Safety
/// `conn` is NULL or a connection that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQgetssl(conn: *mut pg_conn) -> *mut c_void {
    let _ = conn;
    ptr::null_mut()
}

/// Does nothing: this library does not use OpenSSL.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn PQinitSSL(do_init: c_int) {
    let _ = do_init;
}

/// Does nothing: this library does not use OpenSSL.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn PQinitOpenSSL(do_ssl: c_int, do_crypto: c_int) {
    let _ = (do_ssl, do_crypto);
}

/// Returns the function that PQsetSSLKeyPassHook_OpenSSL has set, or NULL.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn PQgetSSLKeyPassHook_OpenSSL() -> PQsslKeyPassHook_OpenSSL_type {
    KEY_PASS_HOOK.get()
}

/// Sets the function that provides the password of an encrypted client key, for the whole process.
/// NULL restores PQdefaultSSLKeyPassHook_OpenSSL.
///
/// # Safety
/// `hook` is NULL or can be called as the type says, as long as it is set.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQsetSSLKeyPassHook_OpenSSL(hook: PQsslKeyPassHook_OpenSSL_type) {
    KEY_PASS_HOOK.replace(hook);
}

/// Copies the connection option `sslpassword` to `buf` of `size` bytes, with a final NUL byte. A
/// longer password is truncated, with a warning on stderr. Returns its length, or 0 if the option
/// is not set or an argument is NULL.
///
/// # Safety
/// `buf` is NULL or has room for `size` bytes; `conn` is NULL or a connection that no other
/// thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQdefaultSSLKeyPassHook_OpenSSL(
    buf: *mut c_char,
    size: c_int,
    conn: *mut pg_conn,
) -> c_int {
    let Some(room) = usize::try_from(size).ok().filter(|room| *room > 0) else {
        return 0;
    };
    if buf.is_null() {
        return 0;
    }
    // SAFETY: the caller's promise.
    let conn = unsafe { shared(conn) };
    let password = conn.and_then(|conn| conn.client.option(Opt::SslPassword));
    let password = password.unwrap_or_default();
    if password.len() >= room {
        let _ = io::stderr().write_all(b"WARNING: sslpassword truncated\n");
    }
    let password = password.get(..room - 1).unwrap_or(password);
    // SAFETY: not NULL, and room for the password and a NUL by the caller's promise.
    wiped_after(|| unsafe {
        buf.copy_from_nonoverlapping(password.as_ptr().cast(), password.len());
        buf.add(password.len()).write(0);
    });
    password.len() as c_int
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C-unwind" fn seven(_: *mut c_char, _: c_int, _: *mut pg_conn) -> c_int {
        7
    }

    #[test]
    fn returns_the_key_pass_hook_that_was_set() {
        // SAFETY: `seven` reads none of its arguments.
        unsafe {
            PQsetSSLKeyPassHook_OpenSSL(Some(seven));
            let hook = PQgetSSLKeyPassHook_OpenSSL().expect("a hook was set");
            assert_eq!(hook(ptr::null_mut(), 0, ptr::null_mut()), 7);
            PQsetSSLKeyPassHook_OpenSSL(None);
        }
        assert!(PQgetSSLKeyPassHook_OpenSSL().is_none());
    }

    #[test]
    fn the_default_hook_copies_the_option() {
        use crate::ffi::connect::{PQconnectStart, PQfinish};
        let mut buf: [c_char; 3] = [1; 3];
        // SAFETY: `buf` has the size given; the connection is live until PQfinish.
        unsafe {
            let text = c"sslpassword=abc port=none";
            let conn = PQconnectStart(text.as_ptr());
            let room = buf.as_mut_ptr();
            assert_eq!(PQdefaultSSLKeyPassHook_OpenSSL(room, 3, conn), 2);
            assert_eq!(buf, [b'a' as c_char, b'b' as c_char, 0]);
            PQfinish(conn);
        }
    }

    #[test]
    fn the_default_hook_returns_0_without_a_password() {
        let mut buf: [c_char; 3] = [1; 3];
        let conn = ptr::null_mut();
        // SAFETY: `buf` has the size given; NULL is allowed.
        unsafe {
            let room = buf.as_mut_ptr();
            assert_eq!(PQdefaultSSLKeyPassHook_OpenSSL(room, 0, conn), 0);
            assert_eq!(buf, [1; 3]);
            let room = buf.as_mut_ptr();
            assert_eq!(PQdefaultSSLKeyPassHook_OpenSSL(room, 3, conn), 0);
            assert_eq!(PQdefaultSSLKeyPassHook_OpenSSL(ptr::null_mut(), 3, conn), 0);
        }
        assert_eq!(buf, [0, 1, 1]);
    }

    #[test]
    fn without_a_connection_only_the_library_is_known() {
        let conn = ptr::null_mut();
        // SAFETY: NULL is allowed everywhere, and the arrays are ended by NULL.
        unsafe {
            assert_eq!(PQsslInUse(conn), 0);
            assert!(PQgetssl(conn).is_null());
            assert!(PQsslStruct(conn, c"OpenSSL".as_ptr()).is_null());
            let library = PQsslAttribute(conn, c"library".as_ptr());
            assert_eq!(CStr::from_ptr(library), LIBRARY);
            assert!(PQsslAttribute(conn, c"cipher".as_ptr()).is_null());
            let names = PQsslAttributeNames(conn);
            assert_eq!(CStr::from_ptr(*names), c"library");
            assert!((*names.add(6)).is_null());
        }
    }
}
