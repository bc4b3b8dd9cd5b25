//! Connection options as C structs: `PQconninfo`, `PQconndefaults`, `PQconninfoParse`, `PQconninfoFree`.

use std::ffi::{CStr, c_char};
use std::mem::size_of;
use std::ptr;

use super::call::call;
use super::conn::pg_conn;
use super::guard;
use super::registers::wiped_after;
use super::types::PQconninfoOption;
use super::{alloc, ptr as pointer};
use crate::client::env;
use crate::conninfo::keyvalue;
use crate::conninfo::options::{COUNT, Opt, OptionDef, Options};
use crate::mem;

/// `options` as an array from malloc that ends with an entry of zeros; NULL if memory ran out.
pub fn option_array(options: &Options) -> *mut PQconninfoOption {
    wiped_after(|| copy_options(options))
}

fn copy_options(options: &Options) -> *mut PQconninfoOption {
    let size = (COUNT + 1) * size_of::<PQconninfoOption>();
    let array = alloc::zeroed(size).cast::<PQconninfoOption>();
    if array.is_null() {
        return array;
    }
    for (place, opt) in Opt::ALL.into_iter().enumerate() {
        let value = options.get(opt).map(alloc::string);
        if value.is_some_and(|value| value.is_null()) {
            // SAFETY: the entries so far are complete, and the next one is zero.
            unsafe { PQconninfoFree(array) };
            return ptr::null_mut();
        }
        let entry = entry(opt.def(), value.unwrap_or(ptr::null_mut()));
        // SAFETY: the array has COUNT + 1 entries and is aligned as malloc aligns.
        unsafe { array.add(place).write(entry) };
    }
    array
}

fn entry(def: &OptionDef, val: *mut c_char) -> PQconninfoOption {
    let constant = |text: &'static CStr| text.as_ptr().cast_mut();
    let optional = |text: Option<&'static CStr>| text.map_or(ptr::null_mut(), constant);
    PQconninfoOption {
        keyword: constant(def.keyword),
        envvar: optional(def.envvar),
        compiled: optional(def.compiled),
        val,
        label: constant(def.label),
        dispchar: constant(def.dispchar),
        dispsize: def.dispsize,
    }
}

/// Returns the connection's options with their current values, passwords included. An entry whose
/// `keyword` is NULL ends the array. Free it with PQconninfoFree.
///
/// Returns NULL if memory ran out, and for NULL.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQconninfo(conn: *mut pg_conn) -> *mut PQconninfoOption {
    // SAFETY: the caller's promise.
    unsafe {
        call(conn, ptr::null_mut(), |conn| {
            let none = Options::default();
            option_array(conn.client.options().unwrap_or(&none))
        })
    }
}

/// Returns all connection options with their default values: from the service file, the
/// environment, the compiled defaults and the operating system. A service that cannot be read is
/// ignored.
///
/// An entry whose `keyword` is NULL ends the array. Free it with PQconninfoFree. Returns NULL if
/// memory ran out.
#[unsafe(no_mangle)]
pub extern "C" fn PQconndefaults() -> *mut PQconninfoOption {
    guard::begin(ptr::null_mut(), || option_array(&env::default_options()))
}

/// Parses a connection string or URI. Returns all connection options; `val` is NULL for those that
/// the string does not set. NULL counts as an empty string.
///
/// An entry whose `keyword` is NULL ends the array. Free it with PQconninfoFree. Returns NULL on
/// failure and sets `*errmsg` to a message that ends with a newline; free it with PQfreemem. After
/// success, or if memory ran out, `*errmsg` is NULL. `errmsg` may be NULL.
///
/// # Safety
/// `conninfo` is NULL or a NUL-terminated string; `errmsg` is NULL or points to a writable pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQconninfoParse(
    conninfo: *const c_char,
    errmsg: *mut *mut c_char,
) -> *mut PQconninfoOption {
    // SAFETY: the caller's promise.
    let (conninfo, mut errmsg) = unsafe { (pointer::text(conninfo), pointer::exclusive(errmsg)) };
    set(&mut errmsg, ptr::null_mut());
    let parse = || match keyvalue::parse(conninfo.unwrap_or_default()) {
        Ok(options) => option_array(&options),
        Err(message) => {
            if errmsg.is_some() {
                set(&mut errmsg, line(&message));
            }
            ptr::null_mut()
        }
    };
    // The message can quote a password.
    guard::begin(ptr::null_mut(), || wiped_after(parse))
}

/// A text followed by a newline, to be freed by the application.
fn line(text: &[u8]) -> *mut c_char {
    let line = mem::concat(&[text, b"\n"]);
    line.map_or(ptr::null_mut(), |line| alloc::string(&line))
}

fn set(errmsg: &mut Option<&mut *mut c_char>, text: *mut c_char) {
    if let Some(errmsg) = errmsg {
        **errmsg = text;
    }
}

/// Frees an array of connection options and its values, which it overwrites first, because they can
/// have passwords. Does nothing for NULL.
///
/// # Safety
/// `connOptions` is NULL or an array from this library that was not released yet.
#[allow(non_snake_case)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQconninfoFree(connOptions: *mut PQconninfoOption) {
    if connOptions.is_null() {
        return;
    }
    let mut option = connOptions;
    // SAFETY: by the caller's promise the array is whole and ends with an entry without a keyword.
    while let Some(entry) = unsafe { pointer::shared(option) }.filter(|o| !o.keyword.is_null()) {
        // SAFETY: the array owns its values; the entry read was not the last.
        option = unsafe {
            alloc::wipe_and_free(entry.val);
            option.add(1)
        };
    }
    // SAFETY: the array came from malloc and is not used again.
    unsafe { alloc::free(connOptions.cast()) };
}

#[cfg(test)]
mod tests;
