//! Safe functions around OpenLDAP's library.

use std::ffi::{CStr, c_char, c_int, c_ulong, c_void};
use std::ptr::{null, null_mut};
use std::slice;
use std::time::Duration;

use crate::mem::error_text::ErrorText;

use super::library::functions;

/// OpenLDAP 2.6's file name, and the one that Debian gave to 2.5.
const FILES: [&str; 2] = ["libldap.so.2", "libldap-2.5.so.0"];

const LDAP_SUCCESS: c_int = 0;
const LDAP_MSG_ALL: c_int = 1;
const LDAP_OPT_NETWORK_TIMEOUT: c_int = 0x5005;
/// No time limit.
const FOR_EVER: libc::timeval = libc::timeval {
    tv_sec: -1,
    tv_usec: 0,
};

/// struct berval
#[repr(C)]
struct Value {
    length: c_ulong,
    bytes: *const u8,
}

type Handle = *mut c_void;
type Time = libc::timeval;

functions! {
    Functions of &FILES;
    ldap_init(*const c_char, c_int) -> Handle;
    ldap_set_option(Handle, c_int, *const c_void) -> c_int;
    ldap_simple_bind(Handle, *const c_char, *const c_char) -> c_int;
    ldap_result(Handle, c_int, c_int, *mut Time, *mut Handle) -> c_int;
    ldap_search_st(Handle, *const c_char, c_int, *const c_char, *mut *const c_char, c_int, *mut Time,
                   *mut Handle) -> c_int;
    ldap_err2string(c_int) -> *const c_char;
    ldap_count_entries(Handle, Handle) -> c_int;
    ldap_first_entry(Handle, Handle) -> Handle;
    ldap_get_values_len(Handle, Handle, *const c_char) -> *mut *mut Value;
    ldap_value_free_len(*mut *mut Value) -> ();
    ldap_msgfree(Handle) -> c_int;
    ldap_unbind(Handle) -> c_int;
}

/// The loaded library.
#[derive(Clone, Copy)]
pub struct Ldap(&'static Functions);

/// A search request.
#[derive(Debug)]
pub struct Search<'a> {
    pub base: &'a CStr,
    /// LDAP_SCOPE_BASE, LDAP_SCOPE_ONELEVEL or LDAP_SCOPE_SUBTREE: 0, 1 or 2.
    pub scope: c_int,
    pub filter: &'a CStr,
    pub attribute: &'a CStr,
}

impl Ldap {
    /// The library, loaded on first use; Err says why it cannot be loaded.
    pub fn load() -> Result<Ldap, String> {
        Functions::get().map(Ldap)
    }

    /// A session that is not connected yet; None if the library cannot create one.
    pub fn session(self, host: &CStr, port: u16) -> Option<Session> {
        // SAFETY: the library copies the name.
        let handle = unsafe { (self.0.ldap_init)(host.as_ptr(), port.into()) };
        (!handle.is_null()).then_some(Session(self.0, handle))
    }
}

/// A session with a directory server.
pub struct Session(&'static Functions, Handle);

impl Session {
    /// Limits the time to connect (None: no limit). False if the library does not accept that.
    pub fn limit_connecting(&self, limit: Option<Duration>) -> bool {
        let time = limit.map_or(FOR_EVER, seconds);
        // SAFETY: the option is a timeval, which the library copies.
        let code = unsafe {
            (self.0.ldap_set_option)(self.1, LDAP_OPT_NETWORK_TIMEOUT, (&raw const time).cast())
        };
        code == LDAP_SUCCESS
    }

    /// Connects and binds anonymously. True if the server replied within `limit`, whatever the reply.
    pub fn bind_anonymously(&self, limit: Duration) -> bool {
        let mut time = seconds(limit);
        let mut answer = Message(self.0, null_mut());
        // SAFETY: NULL is no name and no password; the time and the answer are writable.
        unsafe {
            let request = (self.0.ldap_simple_bind)(self.1, null(), null());
            request != -1
                && (self.0.ldap_result)(self.1, request, LDAP_MSG_ALL, &mut time, &mut answer.1)
                    != -1
                && !answer.1.is_null()
        }
    }

    /// Runs the search; Err is the library's text.
    pub fn search(&self, search: &Search<'_>) -> Result<Found<'_>, ErrorText> {
        let mut attributes = [search.attribute.as_ptr(), null()];
        let mut time = FOR_EVER;
        let mut message = Message(self.0, null_mut());
        // SAFETY: the strings and the NULL-terminated list are readable during the call; the rest is writable.
        let code = unsafe {
            (self.0.ldap_search_st)(
                self.1,
                search.base.as_ptr(),
                search.scope,
                search.filter.as_ptr(),
                attributes.as_mut_ptr(),
                0,
                &mut time,
                &mut message.1,
            )
        };
        match code {
            LDAP_SUCCESS => Ok(Found(self, message)),
            // SAFETY: the library answers a text of its own that stays.
            _ => Err(unsafe { CStr::from_ptr((self.0.ldap_err2string)(code)) }
                .to_bytes()
                .into()),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: the session is this object's own.
        unsafe { (self.0.ldap_unbind)(self.1) };
    }
}

/// A reply of the server, or none.
struct Message(&'static Functions, Handle);

impl Drop for Message {
    fn drop(&mut self) {
        if !self.1.is_null() {
            // SAFETY: the message is this object's own.
            unsafe { (self.0.ldap_msgfree)(self.1) };
        }
    }
}

/// The entries that a search found.
pub struct Found<'a>(&'a Session, Message);

impl Found<'_> {
    /// How many entries there are.
    pub fn count(&self) -> usize {
        let Found(Session(functions, session), message) = self;
        // SAFETY: both are alive.
        let count = unsafe { (functions.ldap_count_entries)(*session, message.1) };
        usize::try_from(count).unwrap_or(0)
    }

    /// The values of an attribute of the first entry; empty without one.
    pub fn first_values(&self, attribute: &CStr) -> Vec<Vec<u8>> {
        let Found(Session(functions, session), message) = self;
        // SAFETY: the session and the message are alive, and an entry is a part of the message.
        let values = unsafe {
            let entry = (functions.ldap_first_entry)(*session, message.1);
            match entry.is_null() {
                true => null_mut(),
                false => (functions.ldap_get_values_len)(*session, entry, attribute.as_ptr()),
            }
        };
        if values.is_null() {
            return Vec::new();
        }
        // SAFETY: the list is NULL-terminated, and its values stay until it is freed.
        unsafe {
            let each = (0..)
                .map(|at| *values.add(at))
                .take_while(|at| !at.is_null());
            let copies = each.map(|value| copy(&*value)).collect();
            (functions.ldap_value_free_len)(values);
            copies
        }
    }
}

/// # Safety
/// `value` points to as many bytes as it says.
unsafe fn copy(value: &Value) -> Vec<u8> {
    match value.length as usize {
        0 => Vec::new(),
        // SAFETY: the caller's promise.
        length => unsafe { slice::from_raw_parts(value.bytes, length) }.to_vec(),
    }
}

fn seconds(limit: Duration) -> Time {
    libc::timeval {
        tv_sec: i32::try_from(limit.as_secs()).unwrap_or(i32::MAX).into(),
        tv_usec: 0,
    }
}
