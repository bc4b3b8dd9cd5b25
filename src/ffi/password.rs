//! Passwords hashed before they are sent.

use std::ffi::c_char;
use std::ptr::null_mut;

use super::call::call;
use super::clear::PQclear;
use super::conn::pg_conn;
use super::escape::{PQescapeIdentifier, PQescapeLiteral};
use super::exec::PQexec;
use super::misc::PQfreemem;
use super::{alloc, guard, ptr};
use crate::client::password;
use crate::result::store::PgResult;

/// The MD5 form of a password, as servers store it; to be freed with PQfreemem. NULL for a NULL argument or
/// lack of memory. Deprecated: PQencryptPasswordConn does what the server wants.
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
        alloc::string(&password::md5_stored(user, password))
    })
}

/// What servers store for a password, for use in ALTER USER without telling them the password; to be freed
/// with PQfreemem. It needs no escaping.
///
/// `algorithm` is md5 or scram-sha-256; for NULL the server is asked for its `password_encryption`. NULL for
/// a NULL connection, or with an error text, also for a NULL password, and for a NULL name with md5.
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
    // SAFETY: the caller's promises; the answer lives until it is cleared.
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
            name.map_or(null_mut(), |name| handed_out(conn, name))
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

/// A text that C frees; NULL, with an error text, when memory ran out.
fn handed_out(conn: &mut pg_conn, text: &[u8]) -> *mut c_char {
    let copy = alloc::string(text);
    if copy.is_null() {
        conn.client.add_error("out of memory");
    }
    copy
}

/// # Safety
/// As for [`PQencryptPasswordConn`].
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
            let encrypted = conn.client.encrypt_password(password, user, algorithm);
            encrypted.map_or(null_mut(), |text| handed_out(conn, &text))
        })
    }
}

/// Gives a user another password, hashed here as the server's `password_encryption` says: the result of the
/// ALTER USER, to be freed with PQclear, or NULL with an error text, also for a NULL name or password.
///
/// # Safety
/// As for PQencryptPasswordConn.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQchangePassword(
    conn: *mut pg_conn,
    user: *const c_char,
    passwd: *const c_char,
) -> *mut PgResult {
    // SAFETY: the caller's promises. What is on the way is malloc'ed: the notice receiver may longjmp.
    unsafe {
        // Without a name, SCRAM would encrypt the password all the same.
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

/// The command, to be freed; NULL if there is no encrypted password, or with an error text.
///
/// # Safety
/// As for [`PQencryptPasswordConn`].
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
