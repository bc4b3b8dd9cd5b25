//! COPY data of a server, read in three ways. They must agree.

use std::ptr::null_mut;
use std::slice;
use std::sync::OnceLock;

use super::server::{MOST, Server, welcome};
use crate::ffi::asynchronous::PQconsumeInput;
use crate::ffi::clear::PQclear;
use crate::ffi::conn::pg_conn;
use crate::ffi::copy::{PQgetCopyData, PQgetlineAsync};
use crate::ffi::exec::PQexec;
use crate::ffi::misc::PQfreemem;

/// CopyOutResponse: text, no columns.
const COPY_OUT: &[u8] = b"H\0\0\0\x07\0\0\0";

/// The next row or piece, or None at the end.
type Read = unsafe fn(*mut pg_conn) -> Option<Vec<u8>>;

unsafe fn row(conn: *mut pg_conn, asynchronous: i32) -> Option<Vec<u8>> {
    let mut row = null_mut();
    // SAFETY: a live connection; a row has the length that was returned.
    unsafe {
        let mut length = PQgetCopyData(conn, &mut row, asynchronous);
        while length == 0 && PQconsumeInput(conn) == 1 {
            length = PQgetCopyData(conn, &mut row, asynchronous);
        }
        if length <= 0 {
            return None;
        }
        let bytes = slice::from_raw_parts(row.cast(), length as usize).to_vec();
        PQfreemem(row.cast());
        Some(bytes)
    }
}

unsafe fn blocking(conn: *mut pg_conn) -> Option<Vec<u8>> {
    // SAFETY: the caller's connection.
    unsafe { row(conn, 0) }
}

unsafe fn polling(conn: *mut pg_conn) -> Option<Vec<u8>> {
    // SAFETY: the caller's connection.
    unsafe { row(conn, 1) }
}

unsafe fn piece(conn: *mut pg_conn) -> Option<Vec<u8>> {
    let mut buffer = [0_u8; 7];
    // SAFETY: a live connection, and the buffer's size.
    unsafe {
        let mut length = PQgetlineAsync(conn, buffer.as_mut_ptr().cast(), 7);
        while length == 0 && PQconsumeInput(conn) == 1 {
            length = PQgetlineAsync(conn, buffer.as_mut_ptr().cast(), 7);
        }
        (length > 0).then(|| buffer[..length as usize].to_vec())
    }
}

fn read(reply: &[u8], next: Read) -> Vec<Vec<u8>> {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let session = SERVER.get_or_init(Server::start).session(reply);
    let mut rows = Vec::new();
    // SAFETY: a live connection, and a C string.
    unsafe {
        PQclear(PQexec(session.conn, c"COPY t TO STDOUT".as_ptr()));
        while let Some(row) = next(session.conn) {
            rows.push(row);
        }
    }
    rows
}

/// Takes what a server sends after CopyOutResponse.
pub fn copy(data: &[u8]) {
    let mut reply = [&welcome(&[]), COPY_OUT, data].concat();
    reply.truncate(MOST);
    let rows = read(&reply, blocking);
    assert_eq!(read(&reply, polling), rows);
    assert_eq!(read(&reply, piece).concat(), rows.concat());
}

/// If the server's data were not read, the target would not test much.
#[test]
fn the_three_ways_read_rows() {
    let data = b"d\0\0\0\x07ab\nd\0\0\0\x05\nc\0\0\0\x04";
    let reply = [&welcome(&[]), COPY_OUT, data].concat();
    for next in [blocking as Read, polling, piece] {
        assert_eq!(read(&reply, next), [b"ab\n".to_vec(), b"\n".to_vec()]);
    }
}
