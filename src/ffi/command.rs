//! Commands as C gives them: what is to be sent, for the calls that wait and for those that do not.

use std::ffi::{c_char, c_int};

use super::conn::pg_conn;
use super::params::{Given, text_or_empty};
use super::ptr;
use super::types::Oid;
use crate::client::io::Sent;

/// Puts a command into the output buffer; `No` with an error text. Its arguments are looked at only then.
pub trait Command: FnOnce(&mut pg_conn) -> Sent + Copy {}

impl<F: FnOnce(&mut pg_conn) -> Sent + Copy> Command for F {}

/// One or more commands as a simple query.
///
/// # Safety
/// While the command is sent, `query` is NULL or a C string.
pub unsafe fn query(query: *const c_char) -> impl Command {
    // SAFETY: the caller's promise.
    move |conn: &mut pg_conn| conn.client.send_query(unsafe { ptr::text(query) })
}

/// One command with parameters.
///
/// # Safety
/// While the command is sent, `command` is NULL or a C string, `types` NULL or as long as `given` says, which is as
/// for [`Given::parameters`].
pub unsafe fn with_parameters(
    command: *const c_char,
    given: Given,
    types: *const Oid,
    result_format: c_int,
) -> impl Command {
    move |conn: &mut pg_conn| {
        // SAFETY: the caller's promise.
        let command = unsafe { ptr::text(command) };
        let missing = command.is_none().then_some("command string");
        if !conn.client.begin_with_parameters(missing, given.count) {
            return Sent::No;
        }
        // SAFETY: as above.
        let types = unsafe { given.types(types) };
        // SAFETY: as above.
        let Some(parameters) = (unsafe { given.parameters(&mut conn.client) }) else {
            return Sent::No;
        };
        let query = command.unwrap_or_default();
        let format = result_format as i16;
        conn.client
            .send_query_params(query, types, parameters, format)
    }
}

/// A statement to prepare.
///
/// # Safety
/// While the command is sent, the texts are NULL or C strings, and `types` is NULL or has `count` entries.
pub unsafe fn prepare(
    name: *const c_char,
    query: *const c_char,
    count: c_int,
    types: *const Oid,
) -> impl Command {
    move |conn: &mut pg_conn| {
        // SAFETY: the caller's promise.
        let (name, query) = unsafe { (ptr::text(name), ptr::text(query)) };
        let missing = match (name, query) {
            (None, _) => Some("statement name"),
            (_, None) => Some("command string"),
            _ => None,
        };
        if !conn.client.begin_with_parameters(missing, count) {
            return Sent::No;
        }
        // SAFETY: as above.
        let types = unsafe { Given::only_types(count).types(types) };
        let (name, query) = (name.unwrap_or_default(), query.unwrap_or_default());
        conn.client.send_prepare(name, query, types)
    }
}

/// The execution of a prepared statement.
///
/// # Safety
/// While the command is sent, `name` is NULL or a C string, and `given` is as for [`Given::parameters`].
pub unsafe fn prepared(name: *const c_char, given: Given, result_format: c_int) -> impl Command {
    move |conn: &mut pg_conn| {
        // SAFETY: the caller's promise.
        let name = unsafe { ptr::text(name) };
        let missing = name.is_none().then_some("statement name");
        if !conn.client.begin_with_parameters(missing, given.count) {
            return Sent::No;
        }
        // SAFETY: as above.
        let Some(parameters) = (unsafe { given.parameters(&mut conn.client) }) else {
            return Sent::No;
        };
        let format = result_format as i16;
        let name = name.unwrap_or_default();
        conn.client.send_query_prepared(name, parameters, format)
    }
}

/// The question for the columns of a prepared statement (`S`) or portal (`P`); a NULL name is the unnamed one.
///
/// # Safety
/// While the command is sent, `name` is NULL or a C string.
pub unsafe fn describe(kind: u8, name: *const c_char) -> impl Command {
    move |conn: &mut pg_conn| {
        // SAFETY: the caller's promise.
        let name = unsafe { text_or_empty(name) };
        conn.client.send_target(true, kind, name)
    }
}

/// The end of a prepared statement (`S`) or portal (`P`).
///
/// # Safety
/// As for [`describe`].
pub unsafe fn close(kind: u8, name: *const c_char) -> impl Command {
    move |conn: &mut pg_conn| {
        // SAFETY: the caller's promise.
        let name = unsafe { text_or_empty(name) };
        conn.client.send_target(false, kind, name)
    }
}
