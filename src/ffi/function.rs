//! Fast-path calls of the server's functions.

use std::ffi::c_int;
use std::ptr::null_mut;

use super::asynchronous::raw;
use super::call::call;
use super::conn::pg_conn;
use super::drive::drive;
use super::sending::complete;
use super::types::{Oid, PQArgBlock};
use super::{notice, ptr};
use crate::client::function::{Argument, Returns};
use crate::client::io::Sent;
use crate::result::store::PgResult;

/// What a call came to.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    /// To be freed with PQclear; NULL when the call was not made.
    pub result: *mut PgResult,
    /// How many bytes came back: -1 for NULL, 0 when nothing came.
    pub length: c_int,
    pub integer: Option<c_int>,
}

impl Answer {
    const NONE: Answer = Answer {
        result: null_mut(),
        length: 0,
        integer: None,
    };
}

/// Calls `function` and waits for the answer, whose bytes go to `place` unless it is NULL.
///
/// # Safety
/// `conn` is NULL or a live connection that nobody else uses during the call; `place` is NULL or has room
/// for what comes back, which only `returns` limits.
pub(super) unsafe fn invoke(
    conn: *mut pg_conn,
    function: Oid,
    arguments: &[Argument<'_>],
    returns: Returns,
    place: *mut u8,
) -> Answer {
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

/// Sends a call that was started, and waits for its answer.
///
/// # Safety
/// As for [`invoke`].
unsafe fn finish(conn: *mut pg_conn, sent: Sent, place: *mut u8) -> Answer {
    if sent == Sent::No {
        return Answer::NONE;
    }
    // SAFETY: the caller's promise.
    if !unsafe { complete(conn, sent) } {
        // SAFETY: as above.
        unsafe { call(conn, (), |conn| conn.client.take_back_function()) };
        return Answer::NONE;
    }
    let step = |conn: &mut pg_conn| {
        conn.client.await_function().map(|(collected, call)| {
            if let (Some(value), false) = (&call.value, place.is_null()) {
                // SAFETY: room enough by the caller's promise; a value of ours cannot overlap it.
                unsafe { place.copy_from_nonoverlapping(value.as_ptr(), value.len()) };
            }
            Answer {
                length: call.length(),
                integer: call.integer(),
                result: raw(collected),
            }
        })
    };
    // SAFETY: the caller's promise.
    unsafe { drive(conn, Answer::NONE, step) }
}

/// Calls a function of the server by its OID, with binary arguments and a binary result, and waits for it.
///
/// Answers PGRES_COMMAND_OK or an error, to be freed with PQclear, or NULL with an error text. With
/// `result_is_int`, an integer of 2 or 4 bytes is stored in `result_buf`; else all the bytes the server
/// sends, however many: the buffer must be large enough for a server that is not trusted, too.
/// `result_len` gets their number, -1 for NULL. What a NULL `result_buf` or `result_len` would get is left
/// out, and a NULL value of an argument is empty; NULL `args`, more than 65535 and lengths under -1 are
/// refused. Deprecated: prepared statements do the same safely.
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
        let answer = match call(conn, Started::Begun(Sent::No), start) {
            Started::Begun(sent) => finish(conn, sent, place),
            Started::Warning(warning) => {
                notice::deliver(warning);
                return null_mut();
            }
        };
        put(result_len, answer.length);
        if let Some(value) = answer.integer.filter(|_| result_is_int != 0) {
            put(result_buf, value);
        }
        answer.result
    }
}

#[derive(Clone, Copy)]
enum Started {
    Begun(Sent),
    /// Not, and the notice receiver is told why.
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
        Err(Unfit::Argument(reason)) => {
            client.refuse(reason);
            Sent::No
        }
        Err(Unfit::Integer(size)) => {
            // libpq: a warning, and no error text.
            let text = format!("integer of size {size} not supported by pqPutInt");
            let warning = client.internal_notice(text.as_bytes());
            return warning.map_or(Started::Begun(Sent::No), |w| Started::Warning(w.into_raw()));
        }
    };
    Started::Begun(sent)
}

const COUNT: &str = "number of parameters must be between 0 and 65535";

/// Why arguments cannot be sent.
#[derive(Debug, PartialEq, Eq)]
enum Unfit {
    Argument(&'static str),
    /// Its size.
    Integer(c_int),
}

/// # Safety
/// `args` is NULL or has `nargs` entries, whose pointers are NULL or hold their lengths.
unsafe fn arguments<'a>(args: *const PQArgBlock, nargs: c_int) -> Result<Vec<Argument<'a>>, Unfit> {
    // libpq sends the number modulo 65536.
    let count = u16::try_from(nargs).map_err(|_| Unfit::Argument(COUNT))?;
    let count = usize::from(count);
    if args.is_null() && count > 0 {
        return Err(Unfit::Argument("arguments are a null pointer"));
    }
    // SAFETY: `args` is not NULL, and has as many entries as the caller says.
    (0..count)
        .map(|index| unsafe { argument(&*args.add(index)) })
        .collect()
}

/// # Safety
/// The pointer in `given` is NULL or holds `len` bytes.
unsafe fn argument<'a>(given: &PQArgBlock) -> Result<Argument<'a>, Unfit> {
    if given.len == -1 {
        return Ok(Argument::Null);
    }
    if given.isint != 0 {
        // SAFETY: the caller says that it is the integer.
        let value = unsafe { given.u.integer };
        return match given.len {
            2 => Ok(Argument::Int2((value as i16).to_be_bytes())),
            4 => Ok(Argument::from(value)),
            size => Err(Unfit::Integer(size)),
        };
    }
    let Ok(length) = usize::try_from(given.len) else {
        return Err(Unfit::Argument("cannot allocate memory for output buffer"));
    };
    // SAFETY: the caller says that it is the pointer.
    let pointer = unsafe { given.u.ptr };
    if pointer.is_null() && length > 0 {
        return Err(Unfit::Argument("argument is a null pointer"));
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
