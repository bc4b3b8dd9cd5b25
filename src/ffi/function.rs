//! Calls of the server's functions with the fast-path protocol.

use std::ffi::c_int;
use std::ptr::null_mut;

use super::asynchronous::into_c;
use super::call::call;
use super::conn::pg_conn;
use super::drive::drive;
use super::sending::ensure_sent;
use super::types::{Oid, PQArgBlock};
use super::{notice, ptr};
use crate::client::function::{Argument, Returns};
use crate::client::io::Sent;
use crate::result::store::PgResult;

/// The outcome of a call.
#[derive(Clone, Copy)]
pub(super) struct FunctionReply {
    /// The result, to be freed with PQclear; NULL if the call was not sent.
    pub result: *mut PgResult,
    /// The number of bytes returned; -1 for an SQL NULL, 0 if there was no value.
    pub length: c_int,
    pub integer: Option<c_int>,
}

impl FunctionReply {
    const NONE: FunctionReply = FunctionReply {
        result: null_mut(),
        length: 0,
        integer: None,
    };
}

/// Calls `function`, waits for the reply and copies its value to `place`, unless it is NULL.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call. `place` is NULL or has room for the value,
/// whose size only `returns` limits.
pub(super) unsafe fn invoke(
    conn: *mut pg_conn,
    function: Oid,
    arguments: &[Argument<'_>],
    returns: Returns,
    place: *mut u8,
) -> FunctionReply {
    // SAFETY: the caller's promise.
    unsafe {
        let start = |conn: &mut pg_conn| {
            let client = &mut conn.client;
            if !client.begin_function() {
                return Sent::No;
            }
            client.start_function(function, arguments, returns)
        };
        let sent = call(conn, Sent::No, start);
        finish(conn, sent, place)
    }
}

/// Sends a call that was started and waits for the reply.
///
/// # Safety
/// Same as for [`invoke`].
unsafe fn finish(conn: *mut pg_conn, sent: Sent, place: *mut u8) -> FunctionReply {
    if sent == Sent::No {
        return FunctionReply::NONE;
    }
    // A notice processor may end this call and begin another command.
    // SAFETY: the caller's promise.
    let number = unsafe { call(conn, 0, |conn| conn.client.function_number()) };
    // SAFETY: as above.
    if !unsafe { ensure_sent(conn, sent) } {
        // SAFETY: as above.
        unsafe { call(conn, (), |conn| conn.client.take_back_function(number)) };
        return FunctionReply::NONE;
    }
    let step = |conn: &mut pg_conn| {
        conn.client.await_function(number).map(|(collected, call)| {
            if let (Some(value), false) = (&call.value, place.is_null()) {
                // SAFETY: room enough by the caller's promise; a value of ours cannot overlap it.
                unsafe { place.copy_from_nonoverlapping(value.as_ptr(), value.len()) };
            }
            FunctionReply {
                length: call.length(),
                integer: call.integer(),
                result: into_c(collected),
            }
        })
    };
    // SAFETY: the caller's promise.
    unsafe { drive(conn, FunctionReply::NONE, step) }
}

/// Calls a function of the server by its OID, with binary arguments, and waits for the result.
/// Deprecated: prepared statements do the same safely.
///
/// Returns a PGRES_COMMAND_OK or an error result, to be freed with PQclear, or NULL with an error
/// message. NULL for NULL.
///
/// If `result_is_int` is not 0, an integer of 2 or 4 bytes is stored in `*result_buf`. Otherwise
/// `result_buf` receives all bytes that the server sends; there is no limit, so do not use this
/// with a server that you do not trust. `*result_len` is set to the number of bytes, or to -1 for
/// an SQL NULL. Either pointer may be NULL.
///
/// `nargs` is 0 to 65535, and an argument's length is -1 for an SQL NULL or at least 0. Other
/// values, a NULL `args` and a NULL pointer to a value that is not empty are refused.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `result_buf` is NULL or large
/// enough; `result_len` is NULL or writable; `args` has `nargs` entries, whose pointers hold their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PQfn(
    conn: *mut pg_conn,
    fnid: c_int,
    result_buf: *mut c_int,
    result_len: *mut c_int,
    result_is_int: c_int,
    args: *const PQArgBlock,
    nargs: c_int,
) -> *mut PgResult {
    let (returns, place) = match result_is_int {
        0 => (Returns::Anything, result_buf.cast()),
        _ => (Returns::Integer, null_mut()),
    };
    // SAFETY: the caller's promises.
    unsafe {
        put(result_len, 0);
        let start = |conn: &mut pg_conn| start(conn, fnid as Oid, args, nargs, returns);
        let reply = match call(conn, Started::Begun(Sent::No), start) {
            Started::Begun(sent) => finish(conn, sent, place),
            Started::Warning(warning) => {
                notice::deliver(warning);
                return null_mut();
            }
        };
        put(result_len, reply.length);
        if let Some(value) = reply.integer.filter(|_| result_is_int != 0) {
            put(result_buf, value);
        }
        reply.result
    }
}

#[derive(Clone, Copy)]
enum Started {
    Begun(Sent),
    /// The call was not sent; the notice has the reason.
    Warning(*mut PgResult),
}

/// # Safety
/// `args` is as for [`PQfn`].
unsafe fn start(
    conn: &mut pg_conn,
    function: Oid,
    args: *const PQArgBlock,
    nargs: c_int,
    returns: Returns,
) -> Started {
    let client = &mut conn.client;
    if !client.begin_function() {
        return Started::Begun(Sent::No);
    }
    // SAFETY: the caller's promise.
    let sent = match unsafe { arguments(args, nargs) } {
        Ok(arguments) => client.start_function(function, &arguments, returns),
        Err(ArgumentError::Invalid(reason)) => {
            client.refuse(reason);
            Sent::No
        }
        Err(ArgumentError::IntegerSize(size)) => {
            // libpq: a warning, and no error text.
            let text = format!("integer of size {size} not supported by pqPutInt");
            let warning = client.internal_notice(text.as_bytes());
            return warning.map_or(Started::Begun(Sent::No), |w| Started::Warning(w.into_raw()));
        }
    };
    Started::Begun(sent)
}

const COUNT: &str = "number of parameters must be between 0 and 65535";

/// The reason why arguments cannot be sent.
#[derive(Debug, PartialEq, Eq)]
enum ArgumentError {
    Invalid(&'static str),
    IntegerSize(c_int),
}

/// # Safety
/// `args` is NULL or has `nargs` entries, whose pointers are NULL or hold their lengths.
unsafe fn arguments<'a>(
    args: *const PQArgBlock,
    nargs: c_int,
) -> Result<Vec<Argument<'a>>, ArgumentError> {
    // libpq sends the number modulo 65536.
    let count = u16::try_from(nargs).map_err(|_| ArgumentError::Invalid(COUNT))?;
    let count = usize::from(count);
    if args.is_null() && count > 0 {
        return Err(ArgumentError::Invalid("arguments are a null pointer"));
    }
    // SAFETY: `args` is not NULL, and has as many entries as the caller says.
    (0..count)
        .map(|index| unsafe { argument(&*args.add(index)) })
        .collect()
}

/// # Safety
/// The pointer in `given` is NULL or holds `len` bytes.
unsafe fn argument<'a>(given: &PQArgBlock) -> Result<Argument<'a>, ArgumentError> {
    if given.len == -1 {
        return Ok(Argument::Null);
    }
    if given.isint != 0 {
        // SAFETY: `isint` says that it is the integer.
        let value = unsafe { given.u.integer };
        return match given.len {
            2 => Ok(Argument::Int2((value as i16).to_be_bytes())),
            4 => Ok(Argument::from(value)),
            size => Err(ArgumentError::IntegerSize(size)),
        };
    }
    let Ok(length) = usize::try_from(given.len) else {
        return Err(ArgumentError::Invalid(
            "cannot allocate memory for output buffer",
        ));
    };
    // SAFETY: `isint` says that it is the pointer.
    let pointer = unsafe { given.u.ptr };
    if pointer.is_null() && length > 0 {
        return Err(ArgumentError::Invalid("argument is a null pointer"));
    }
    // SAFETY: NULL or as long as the caller says.
    let value = unsafe { ptr::bytes(pointer.cast(), length) };
    Ok(Argument::Bytes(value))
}

/// # Safety
/// `place` is NULL or writable.
unsafe fn put(place: *mut c_int, value: c_int) {
    // SAFETY: the caller's promise.
    if let Some(place) = unsafe { ptr::exclusive(place) } {
        *place = value;
    }
}
