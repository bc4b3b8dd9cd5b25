//! Questions about TLS. The library has none yet, and answers as a libpq built without it.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use super::connect::pg_conn;
use super::hook::Hook;
use super::types::PQsslKeyPassHook_OpenSSL_type;

type KeyPassHook = unsafe extern "C" fn(*mut c_char, c_int, *mut pg_conn) -> c_int;

// SAFETY: KeyPassHook is a function pointer type.
static KEY_PASS_HOOK: Hook<KeyPassHook> = unsafe { Hook::empty() };

/// Answers 1 if the connection is encrypted with TLS, else 0; 0 for NULL.
///
/// # Safety
/// `conn` is NULL or a connection that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQsslInUse(conn: *mut pg_conn) -> c_int {
    let _ = conn;
    0
}

/// Answers the TLS library's own object called `struct_name`, or NULL. It is NULL always: the
/// library uses no OpenSSL.
///
/// # Safety
/// `conn` is NULL or a connection that no other thread uses; `struct_name` is NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQsslStruct(
    conn: *mut pg_conn,
    struct_name: *const c_char,
) -> *mut c_void {
    let _ = (conn, struct_name);
    ptr::null_mut()
}

/// Answers a fact about the connection's TLS: "library", "protocol", "cipher", "key_bits",
/// "compression" or "alpn". NULL if it is not known or NULL, or the connection is not encrypted. The
/// string belongs to the library.
///
/// # Safety
/// `conn` is NULL or a connection that no other thread uses; `attribute_name` is NULL or a
/// string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQsslAttribute(
    conn: *mut pg_conn,
    attribute_name: *const c_char,
) -> *const c_char {
    let _ = (conn, attribute_name);
    ptr::null()
}

/// Answers the names `PQsslAttribute` knows for this connection, ended by NULL. The array is a
/// constant of the library, and empty for a connection without TLS.
///
/// # Safety
/// `conn` is NULL or a connection that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQsslAttributeNames(conn: *mut pg_conn) -> *const *const c_char {
    struct Names([*const c_char; 1]);
    // SAFETY: constants, never written to.
    unsafe impl Sync for Names {}
    static NONE: Names = Names([ptr::null()]);

    let _ = conn;
    NONE.0.as_ptr()
}

/// Answers the OpenSSL object of the connection: NULL always, as the library uses no OpenSSL.
///
/// # Safety
/// `conn` is NULL or a connection that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQgetssl(conn: *mut pg_conn) -> *mut c_void {
    let _ = conn;
    ptr::null_mut()
}

/// Does nothing: there is no OpenSSL that would have to be initialized.
#[unsafe(no_mangle)]
pub extern "C" fn PQinitSSL(do_init: c_int) {
    let _ = do_init;
}

/// Does nothing: there is no OpenSSL that would have to be initialized.
#[unsafe(no_mangle)]
pub extern "C" fn PQinitOpenSSL(do_ssl: c_int, do_crypto: c_int) {
    let _ = (do_ssl, do_crypto);
}

/// Answers the function set by `PQsetSSLKeyPassHook_OpenSSL`, or NULL.
#[unsafe(no_mangle)]
pub extern "C" fn PQgetSSLKeyPassHook_OpenSSL() -> PQsslKeyPassHook_OpenSSL_type {
    KEY_PASS_HOOK.get()
}

/// Sets, for the whole process, the function that is asked for the password of a client key;
/// NULL for the default.
///
/// # Safety
/// `hook` is NULL or can be called as the type says, as long as it is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQsetSSLKeyPassHook_OpenSSL(hook: PQsslKeyPassHook_OpenSSL_type) {
    KEY_PASS_HOOK.replace(hook);
}

/// Writes the connection's option sslpassword into `buf` of `size` bytes, cut if it is too long
/// and ended by NUL, and answers its length. 0 if there is none, or if an argument is NULL.
///
/// # Safety
/// `buf` is NULL or has room for `size` bytes; `conn` is NULL or a connection that no other
/// thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQdefaultSSLKeyPassHook_OpenSSL(
    buf: *mut c_char,
    size: c_int,
    conn: *mut pg_conn,
) -> c_int {
    let _ = conn;
    if !buf.is_null() && size > 0 {
        // SAFETY: not NULL, and at least one byte by the caller's promise.
        unsafe { buf.write(0) };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" fn seven(_: *mut c_char, _: c_int, _: *mut pg_conn) -> c_int {
        7
    }

    #[test]
    fn the_key_pass_hook_is_kept() {
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
    fn the_default_hook_finds_no_password() {
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
    fn without_tls_there_is_nothing_to_tell() {
        let conn = ptr::null_mut();
        // SAFETY: NULL is allowed everywhere, and the array is never empty.
        unsafe {
            assert_eq!(PQsslInUse(conn), 0);
            assert!(PQgetssl(conn).is_null());
            assert!(PQsslStruct(conn, c"OpenSSL".as_ptr()).is_null());
            assert!(PQsslAttribute(conn, c"library".as_ptr()).is_null());
            assert!((*PQsslAttributeNames(conn)).is_null());
        }
    }
}
