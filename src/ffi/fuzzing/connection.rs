//! A whole connection: what a server sends, and any calls of a program.

use std::ffi::{CStr, c_char, c_int};
use std::ptr::{null, null_mut};
use std::slice;
use std::sync::OnceLock;

use super::server::{Server, welcome};
use crate::ffi::asynchronous::*;
use crate::ffi::clear::PQclear;
use crate::ffi::conn::pg_conn;
use crate::ffi::copy::*;
use crate::ffi::exec::{PQclosePortal, PQdescribePrepared, PQexec, PQprepare};
use crate::ffi::function::PQfn;
use crate::ffi::large_object::{lo_open, lo_read};
use crate::ffi::misc::PQfreemem;
use crate::ffi::pipeline::{PQenterPipelineMode, PQexitPipelineMode, PQpipelineSync};
use crate::ffi::result::*;
use crate::ffi::status::session::{PQgoAwayReceived, PQparameterStatus};
use crate::ffi::trace::{PQtrace, PQuntrace};
use crate::ffi::types::PGresult;

/// The most results, rows or columns that are read.
const MOST: c_int = 64;

const QUERY: *const c_char = c"SELECT 1".as_ptr();
const NAME: *const c_char = c"s".as_ptr();

/// Reads everything in a result and frees it.
unsafe fn read(result: *mut PGresult) {
    // SAFETY: a result, or NULL, which all functions accept.
    unsafe {
        for column in 0..PQnfields(result).min(MOST) {
            // COPY has columns without names.
            let name = PQfname(result, column);
            if !name.is_null() {
                let _ = CStr::from_ptr(name).to_bytes().to_vec();
            }
            for row in 0..PQntuples(result).min(MOST) {
                let length = PQgetlength(result, row, column) as usize;
                let value = PQgetvalue(result, row, column);
                assert_eq!(*value.add(length), 0, "a value ends in a NUL");
                let _ = slice::from_raw_parts(value.cast::<u8>(), length).to_vec();
            }
        }
        let _ = CStr::from_ptr(PQcmdTuples(result)).to_bytes().to_vec();
        let _ = CStr::from_ptr(PQresultErrorMessage(result))
            .to_bytes()
            .to_vec();
        PQfreemem(PQresultVerboseErrorMessage(result, 2, 2).cast());
        PQclear(PQcopyResult(result, 0xf));
        PQclear(result);
    }
}

unsafe fn results(conn: *mut pg_conn) {
    for _ in 0..MOST {
        // SAFETY: the caller's connection.
        unsafe {
            let result = PQgetResult(conn);
            if result.is_null() {
                break;
            }
            read(result);
        }
    }
}

unsafe fn rows(conn: *mut pg_conn, asynchronous: c_int) {
    for _ in 0..MOST {
        let mut row = null_mut();
        // SAFETY: the caller's connection.
        unsafe {
            let length = PQgetCopyData(conn, &mut row, asynchronous);
            if length <= 0 {
                assert!(row.is_null());
                break;
            }
            assert_eq!(*row.add(length as usize), 0, "a row ends in a NUL");
            PQfreemem(row.cast());
        }
    }
}

/// The kinds of calls in [`query`].
const QUERIES: u8 = 12;

unsafe fn query(conn: *mut pg_conn, kind: u8) {
    // SAFETY: the caller's connection, C strings, and arrays without elements.
    unsafe {
        match kind {
            0 => read(PQexec(conn, QUERY)),
            1 => drop(PQsendQuery(conn, QUERY)),
            2 => drop(PQsetSingleRowMode(conn)),
            3 => drop(PQsetChunkedRowsMode(conn, 2)),
            4 => results(conn),
            5 => {
                PQsendQueryParams(conn, QUERY, 0, null(), null(), null(), null(), 1);
            }
            6 => read(PQprepare(conn, NAME, QUERY, 0, null())),
            7 => read(PQdescribePrepared(conn, NAME)),
            8 => read(PQclosePortal(conn, NAME)),
            9 => drop(PQenterPipelineMode(conn)),
            10 => drop(PQpipelineSync(conn)),
            _ => drop(PQexitPipelineMode(conn)),
        }
    }
}

/// The kinds of calls in [`other`].
const OTHERS: u8 = 14;

unsafe fn other(conn: *mut pg_conn, kind: u8, flag: bool) {
    // SAFETY: the caller's connection, C strings, and buffers with the lengths that are given.
    unsafe {
        match kind {
            0 => drop(PQputCopyData(conn, QUERY, 8)),
            1 => drop(PQputCopyEnd(conn, null())),
            2 => rows(conn, 0),
            3 => rows(conn, 1),
            4 => {
                let mut line = [0; 16];
                PQgetline(conn, line.as_mut_ptr(), 16);
            }
            5 => drop(PQendcopy(conn)),
            6 => {
                let (mut value, mut length) = (0, 0);
                read(PQfn(conn, 1, &mut value, &mut length, 1, null(), 0));
            }
            7 => {
                let mut buffer = [0; 32];
                lo_read(conn, lo_open(conn, 1, 0x40000), buffer.as_mut_ptr(), 8);
                assert_eq!(buffer[8..], [0; 24], "more than the caller asked for");
            }
            8 => PQfreemem(PQnotifies(conn).cast()),
            9 => {
                PQconsumeInput(conn);
                PQisBusy(conn);
            }
            10 => drop(PQflush(conn)),
            11 => drop(PQsetnonblocking(conn, c_int::from(flag))),
            12 => {
                PQparameterStatus(conn, c"server_version".as_ptr());
                PQgoAwayReceived(conn);
            }
            _ => PQtrace(conn, nowhere()),
        }
    }
}

unsafe fn call(conn: *mut pg_conn, kind: u8) {
    let number = kind % (QUERIES + OTHERS);
    // SAFETY: the caller's connection.
    unsafe {
        match number.checked_sub(QUERIES) {
            None => query(conn, number),
            Some(number) => other(conn, number, kind & 64 != 0),
        }
    }
}

fn nowhere() -> *mut libc::FILE {
    static FILE: OnceLock<usize> = OnceLock::new();
    // SAFETY: C strings.
    let file =
        FILE.get_or_init(|| unsafe { libc::fopen(c"/dev/null".as_ptr(), c"w".as_ptr()) as usize });
    *file as *mut libc::FILE
}

/// Takes the number of calls (and, as the highest bit, whether the server starts the session as it should), the calls, and
/// the server's bytes.
pub fn connection(data: &[u8]) {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let Some((&first, rest)) = data.split_first() else {
        return;
    };
    let (calls, bytes) = rest.split_at(usize::from(first & 31).min(rest.len()));
    let mut reply = Vec::new();
    if first & 128 != 0 {
        reply = welcome(&[("client_encoding", "UTF8"), ("server_version", "18.0")]);
    }
    reply.extend_from_slice(bytes);
    let session = SERVER.get_or_init(Server::start).session(&reply);
    // SAFETY: the connection is live, and only this thread uses it.
    unsafe {
        for kind in calls {
            call(session.conn, *kind);
        }
        results(session.conn);
        PQuntrace(session.conn);
    }
}
