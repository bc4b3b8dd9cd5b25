//! Hashed passwords for ALTER USER.

use std::ffi::c_char;
use std::ptr::null_mut;

use super::call::call;
use super::clear::PQclear;
use super::conn::pg_conn;
use super::escape::{PQescapeIdentifier, PQescapeLiteral};
use super::exec::PQexec;
use super::misc::PQfreemem;
use super::registers::wiped_after;
use super::{alloc, guard, ptr};
use crate::client::password;
use crate::result::store::PgResult;

/// Returns the MD5 hash of a password in the format that servers store; free it with PQfreemem.
/// Returns NULL if an argument is NULL or memory ran out. Deprecated: use PQencryptPasswordConn.
///
/// # Safety
/// Both are NULL or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQencryptPassword(
    passwd: *const c_char,
    user: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    let (Some(password), Some(user)) = (unsafe { (ptr::text(passwd), ptr::text(user)) }) else {
        return null_mut();
    };
    guard::guard(null_mut(), || {
        wiped_after(|| alloc::string(&password::md5_stored(user, password)))
    })
}

/// Returns a password, hashed in the format that servers store, for use in ALTER USER; free it with
/// PQfreemem. It needs no escaping.
///
/// `algorithm` is "md5", "scram-sha-256", or NULL for the server's setting `password_encryption`,
/// which is queried. Returns NULL with an error message, also if `passwd` is NULL, and if `user` is
/// NULL with "md5". Returns NULL for a NULL connection.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; the others are NULL or C
/// strings.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQencryptPasswordConn(
    conn: *mut pg_conn,
    passwd: *const c_char,
    user: *const c_char,
    algorithm: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller's promises; the result is live until PQclear.
    unsafe {
        call(conn, (), |conn| conn.client.clear_errors());
        if !algorithm.is_null() {
            return encrypt(conn, passwd, user, algorithm);
        }
        let answer = PQexec(conn, c"show password_encryption".as_ptr());
        if answer.is_null() {
            return null_mut();
        }
        let algorithm = call(conn, null_mut(), |conn| {
            let name = conn.client.shown_algorithm(&*answer);
            name.map_or(null_mut(), |name| string_for_c(conn, name))
        });
        PQclear(answer);
        if algorithm.is_null() {
            return null_mut();
        }
        let encrypted = encrypt(conn, passwd, user, algorithm);
        alloc::free(algorithm.cast());
        encrypted
    }
}

/// A string that the application frees; NULL with an error message if memory ran out.
fn string_for_c(conn: &mut pg_conn, text: &[u8]) -> *mut c_char {
    let copy = alloc::string(text);
    if copy.is_null() {
        conn.client.add_error("out of memory");
    }
    copy
}

/// # Safety
/// Same as for [`PQencryptPasswordConn`].
unsafe fn encrypt(
    conn: *mut pg_conn,
    password: *const c_char,
    user: *const c_char,
    algorithm: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller's promises.
    unsafe {
        let (password, user) = (ptr::text(password), ptr::text(user));
        let algorithm = ptr::text(algorithm).unwrap_or_default();
        call(conn, null_mut(), |conn| {
            let encrypted = wiped_after(|| conn.client.encrypt_password(password, user, algorithm));
            encrypted.map_or(null_mut(), |text| string_for_c(conn, &text))
        })
    }
}

/// Changes the password of a user, hashed as the server's setting `password_encryption` says.
/// Blocks. Returns the result of ALTER USER, to be freed with PQclear. Returns NULL with an error
/// message, also if `user` or `passwd` is NULL.
///
/// # Safety
/// Same as for PQencryptPasswordConn.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQchangePassword(
    conn: *mut pg_conn,
    user: *const c_char,
    passwd: *const c_char,
) -> *mut PgResult {
    // SAFETY: the caller's promises. The strings are from malloc, because the notice receiver may longjmp.
    unsafe {
        // SCRAM does not need the name, so the hash would not fail without one.
        let secret = if user.is_null() {
            std::ptr::null()
        } else {
            passwd
        };
        let encrypted = PQencryptPasswordConn(conn, secret, user, std::ptr::null());
        let command = alter_user(conn, user, encrypted);
        PQfreemem(encrypted.cast());
        if command.is_null() {
            return null_mut();
        }
        let result = PQexec(conn, command);
        PQfreemem(command.cast());
        result
    }
}

/// The command, to be freed; NULL with an error message, also if there is no hashed password.
///
/// # Safety
/// Same as for [`PQencryptPasswordConn`].
unsafe fn alter_user(
    conn: *mut pg_conn,
    user: *const c_char,
    encrypted: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller's promises.
    unsafe {
        let Some(secret) = ptr::text(encrypted) else {
            return null_mut();
        };
        let Some(length) = ptr::text(user).map(<[u8]>::len) else {
            call(conn, false, |conn| {
                conn.client.refuse("user name is a null pointer")
            });
            return null_mut();
        };
        let literal = PQescapeLiteral(conn, encrypted, secret.len());
        let name = if literal.is_null() {
            null_mut()
        } else {
            PQescapeIdentifier(conn, user, length)
        };
        let command = match (ptr::text(name), ptr::text(literal)) {
            (Some(name), Some(literal)) => guard::guard(null_mut(), || {
                alloc::string(&[b"ALTER USER ", name, b" PASSWORD ", literal].concat())
            }),
            _ => null_mut(),
        };
        PQfreemem(literal.cast());
        PQfreemem(name.cast());
        command
    }
}
