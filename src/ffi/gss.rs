//! Questions about GSSAPI encryption. The library has none yet, and answers as a libpq built
//! without it.

use std::ffi::{c_int, c_void};
use std::ptr;

use super::connect::pg_conn;

/// Answers 1 if the connection is encrypted with GSSAPI, else 0; 0 for NULL.
///
/// # Safety
/// `conn` is NULL or a connection that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQgssEncInUse(conn: *mut pg_conn) -> c_int {
    let _ = conn;
    0
}

/// Answers the connection's GSSAPI context (a `gss_ctx_id_t`), which stays the connection's.
/// NULL if it has none, and for NULL.
///
/// # Safety
/// `conn` is NULL or a connection that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQgetgssctx(conn: *mut pg_conn) -> *mut c_void {
    let _ = conn;
    ptr::null_mut()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_gssapi_there_is_nothing_to_tell() {
        // SAFETY: NULL is allowed.
        unsafe {
            assert_eq!(PQgssEncInUse(ptr::null_mut()), 0);
            assert!(PQgetgssctx(ptr::null_mut()).is_null());
        }
    }
}
