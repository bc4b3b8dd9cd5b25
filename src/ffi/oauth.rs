//! The hook that answers needs of authentication.

use std::ffi::{c_int, c_void};

use super::connect::pg_conn;
use super::hook::Hook;
use super::types::{AuthDataCode, PQauthDataHook_type};

type AuthDataHook = unsafe extern "C" fn(AuthDataCode, *mut pg_conn, *mut c_void) -> c_int;

// SAFETY: AuthDataHook is a function pointer type.
static AUTH_DATA_HOOK: Hook<AuthDataHook> = unsafe { Hook::empty() };

/// Sets, for the whole process, the function that is asked for what authentication needs; NULL
/// for the default, `PQdefaultAuthDataHook`.
///
/// # Safety
/// `hook` is NULL or can be called as the type says, as long as it is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQsetAuthDataHook(hook: PQauthDataHook_type) {
    AUTH_DATA_HOOK.replace(hook);
}

/// Answers the function in use, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn PQgetAuthDataHook() -> PQauthDataHook_type {
    Some(AUTH_DATA_HOOK.get().unwrap_or(PQdefaultAuthDataHook))
}

/// The hook in use when none was set: handles nothing and answers 0, so that the built-in way
/// is taken.
///
/// # Safety
/// No argument is read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQdefaultAuthDataHook(
    r#type: AuthDataCode,
    conn: *mut pg_conn,
    data: *mut c_void,
) -> c_int {
    let _ = (r#type, conn, data);
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    unsafe extern "C" fn handled(_: AuthDataCode, _: *mut pg_conn, _: *mut c_void) -> c_int {
        1
    }

    fn answer() -> c_int {
        let hook = PQgetAuthDataHook().expect("never NULL");
        // SAFETY: both hooks of this test read no argument.
        unsafe { hook(0, ptr::null_mut(), ptr::null_mut()) }
    }

    #[test]
    fn null_brings_the_default_back() {
        assert_eq!(answer(), 0);
        // SAFETY: `handled` reads no argument.
        unsafe { PQsetAuthDataHook(Some(handled)) };
        assert_eq!(answer(), 1);
        // SAFETY: NULL is allowed.
        unsafe { PQsetAuthDataHook(None) };
        assert_eq!(answer(), 0);
    }
}
