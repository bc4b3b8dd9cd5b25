//! Information about GSSAPI encryption.

use std::ffi::{c_int, c_void};
use std::ptr;

use super::call::call;
use super::conn::pg_conn;

/// Returns 1 if the connection is encrypted with GSSAPI, otherwise 0. Returns 0 for NULL.
///
/// # Safety
/// `conn` is NULL or a connection that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQgssEncInUse(conn: *mut pg_conn) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { call(conn, false, |conn| conn.client.gss_encrypted()) }.into()
}

/// Returns the GSSAPI context of the connection, a `gss_ctx_id_t`. It belongs to the connection.
/// Returns NULL if there is none, and for NULL.
///
/// # Safety
/// `conn` is NULL or a connection that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQgetgssctx(conn: *mut pg_conn) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { call(conn, ptr::null_mut(), |conn| conn.client.gss_context()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_null() {
        // SAFETY: NULL is allowed.
        unsafe {
            assert_eq!(PQgssEncInUse(ptr::null_mut()), 0);
            assert!(PQgetgssctx(ptr::null_mut()).is_null());
        }
    }
}
