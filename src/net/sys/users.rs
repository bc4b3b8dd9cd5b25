//! Users: their ids, and the password database.

use crate::mem::error_text::ErrorText;
use std::ffi::{OsString, c_char, c_int};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::ptr;

use super::{copy_of, strerror};

/// The name of the effective user, or libpq's text for the failure.
pub fn user_name_of_euid() -> Result<Vec<u8>, ErrorText> {
    user_name_or_complaint(effective_user())
}

/// The name of user `uid`, or libpq's text for the failure.
pub fn user_name_or_complaint(uid: libc::uid_t) -> Result<Vec<u8>, ErrorText> {
    match passwd_entry(uid, |entry| entry.pw_name) {
        Ok(Some(name)) => Ok(name),
        Ok(None) => Err(format!("local user with ID {uid} does not exist").into()),
        Err(code) => {
            let what = format!("could not look up local user ID {uid}: ");
            Err(ErrorText::concat(&[what.as_bytes(), &strerror(code)]))
        }
    }
}

/// The effective user's home directory in the password database (not `$HOME`).
pub fn home_directory() -> Option<PathBuf> {
    let home = passwd_entry(effective_user(), |entry| entry.pw_dir).ok()??;
    Some(PathBuf::from(OsString::from_vec(home)))
}

/// The real user id.
#[cfg(feature = "gss")]
pub fn user_id() -> libc::uid_t {
    // SAFETY: getuid has no preconditions.
    unsafe { libc::getuid() }
}

/// The effective user id.
pub fn effective_user() -> libc::uid_t {
    // SAFETY: geteuid has no preconditions.
    unsafe { libc::geteuid() }
}

/// One field of the entry for `uid`; `Err` is an errno.
fn passwd_entry(
    uid: libc::uid_t,
    field: fn(&libc::passwd) -> *mut c_char,
) -> Result<Option<Vec<u8>>, c_int> {
    const LARGEST: usize = 1 << 20;
    let mut buffer = vec![0_u8; 1 << 12];
    loop {
        match passwd_lookup(uid, &mut buffer, field) {
            Err(libc::ERANGE) if buffer.len() < LARGEST => buffer.resize(buffer.len() * 2, 0),
            Err(libc::EINTR) => continue,
            outcome => return outcome,
        }
    }
}

fn passwd_lookup(
    uid: libc::uid_t,
    buffer: &mut [u8],
    field: fn(&libc::passwd) -> *mut c_char,
) -> Result<Option<Vec<u8>>, c_int> {
    let mut entry = MaybeUninit::<libc::passwd>::uninit();
    let mut found = ptr::null_mut();
    let (text, size) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: all pointers are valid; `buffer` is writable for `size` bytes.
    let rc = unsafe { libc::getpwuid_r(uid, entry.as_mut_ptr(), text, size, &mut found) };
    if rc != 0 {
        return Err(rc);
    }
    // SAFETY: `found` is NULL or points to `entry`, which then is filled in.
    let Some(entry) = (unsafe { found.as_ref() }) else {
        return Ok(None);
    };
    // SAFETY: NULL, or a C string inside `buffer`.
    Ok(unsafe { copy_of(field(entry)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_passwd_entry_is_found_or_reported_missing() {
        let name = user_name_of_euid().unwrap();
        assert_eq!(user_name_or_complaint(effective_user()).unwrap(), name);
        assert!(home_directory().unwrap().is_absolute());
        // -1 is never a user id: chown takes it as "unchanged".
        let complaint = user_name_or_complaint(libc::uid_t::MAX).unwrap_err();
        assert_eq!(complaint, b"local user with ID 4294967295 does not exist");
    }

    #[test]
    fn a_long_passwd_entry_grows_the_buffer() {
        let mut small = [0_u8; 2];
        let outcome = passwd_lookup(effective_user(), &mut small, |entry| entry.pw_name);
        assert_eq!(outcome, Err(libc::ERANGE));
    }
}
