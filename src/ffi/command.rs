//! Commands with the arguments that C passes, for functions that wait and for those that do not.

use std::ffi::{c_char, c_int};

use super::conn::pg_conn;
use super::params::{ParamArrays, text_or_empty};
use super::ptr;
use super::types::Oid;
use crate::client::io::Sent;

/// Appends a command to the output buffer, or returns `No` with an error message. The arguments are read only then.
pub trait Command: FnOnce(&mut pg_conn) -> Sent + Copy {}

impl<F: FnOnce(&mut pg_conn) -> Sent + Copy> Command for F {}

/// One or more commands, as a simple query.
///
/// # Safety
/// Until the command is sent, `query` is NULL or a C string.
pub unsafe fn query(query: *const c_char) -> impl Command {
    // SAFETY: the caller's promise.
    move |conn: &mut pg_conn| conn.client.send_query(unsafe { ptr::text(query) })
}

/// One command with parameters.
///
/// # Safety
/// Until the command is sent, `command` is NULL or a C string, `types` is NULL or has `arrays.count` entries, and `arrays`
/// is valid for [`ParamArrays::parameters`].
pub unsafe fn with_parameters(
    command: *const c_char,
    arrays: ParamArrays,
    types: *const Oid,
    result_format: c_int,
) -> impl Command {
    move |conn: &mut pg_conn| {
        // SAFETY: the caller's promise.
        let command = unsafe { ptr::text(command) };
        let missing = command.is_none().then_some("command string");
        if !conn.client.begin_with_parameters(missing, arrays.count) {
            return Sent::No;
        }
        // SAFETY: as above.
        let types = unsafe { arrays.types(types) };
        // SAFETY: as above.
        let Some(parameters) = (unsafe { arrays.parameters(&mut conn.client) }) else {
            return Sent::No;
        };
        let query = command.unwrap_or_default();
        let format = result_format as i16;
        conn.client
            .send_query_params(query, types, parameters, format)
    }
}

/// A request to prepare a statement.
///
/// # Safety
/// Until the command is sent, the texts are NULL or C strings, and `types` is NULL or has `count` entries.
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
        let types = unsafe { ParamArrays::only_types(count).types(types) };
        let (name, query) = (name.unwrap_or_default(), query.unwrap_or_default());
        conn.client.send_prepare(name, query, types)
    }
}

/// A request to execute a prepared statement.
///
/// # Safety
/// Until the command is sent, `name` is NULL or a C string, and `arrays` is valid for [`ParamArrays::parameters`].
pub unsafe fn prepared(
    name: *const c_char,
    arrays: ParamArrays,
    result_format: c_int,
) -> impl Command {
    move |conn: &mut pg_conn| {
        // SAFETY: the caller's promise.
        let name = unsafe { ptr::text(name) };
        let missing = name.is_none().then_some("statement name");
        if !conn.client.begin_with_parameters(missing, arrays.count) {
            return Sent::No;
        }
        // SAFETY: as above.
        let Some(parameters) = (unsafe { arrays.parameters(&mut conn.client) }) else {
            return Sent::No;
        };
        let format = result_format as i16;
        let name = name.unwrap_or_default();
        conn.client.send_query_prepared(name, parameters, format)
    }
}

/// A request to describe a prepared statement (`S`) or portal (`P`). NULL names the unnamed one.
///
/// # Safety
/// Until the command is sent, `name` is NULL or a C string.
pub unsafe fn describe(kind: u8, name: *const c_char) -> impl Command {
    move |conn: &mut pg_conn| {
        // SAFETY: the caller's promise.
        let name = unsafe { text_or_empty(name) };
        conn.client.send_target(true, kind, name)
    }
}

/// A request to close a prepared statement (`S`) or portal (`P`).
///
/// # Safety
/// Same as for [`describe`].
pub unsafe fn close(kind: u8, name: *const c_char) -> impl Command {
    move |conn: &mut pg_conn| {
        // SAFETY: the caller's promise.
        let name = unsafe { text_or_empty(name) };
        conn.client.send_target(false, kind, name)
    }
}
