//! A server in the same thread: it sends bytes before the client reads them.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::ffi::conn::pg_conn;
use crate::ffi::connect::{PQconnectPoll, PQconnectStart, PQfinish};
use crate::ffi::enums::ConnStatusType::CONNECTION_OK;
use crate::ffi::enums::PostgresPollingStatusType::{PGRES_POLLING_FAILED, PGRES_POLLING_OK};
use crate::ffi::notice::PQsetNoticeProcessor;
use crate::ffi::status::{PQerrorMessage, PQstatus};
use crate::ffi::types::PQnoticeProcessor;

/// The most bytes of a server. A socket takes more without waiting.
pub const MOST: usize = 60_000;

/// More calls of PQconnectPoll than a connection attempt to this server needs.
const MOST_POLLS: usize = 300;

/// The functions with which a libpq connects and disconnects.
#[derive(Clone, Copy)]
pub struct Connector {
    pub start: unsafe extern "C-unwind" fn(*const c_char) -> *mut pg_conn,
    pub poll: unsafe extern "C-unwind" fn(*mut pg_conn) -> c_int,
    pub set_notices: unsafe extern "C-unwind" fn(
        *mut pg_conn,
        PQnoticeProcessor,
        *mut c_void,
    ) -> PQnoticeProcessor,
    pub finish: unsafe extern "C-unwind" fn(*mut pg_conn),
}

pub const OURS: Connector = Connector {
    start: PQconnectStart,
    poll: PQconnectPoll,
    set_notices: PQsetNoticeProcessor,
    finish: PQfinish,
};

unsafe extern "C-unwind" fn ignore(_: *mut c_void, _: *const c_char) {}

/// The server's messages at the start of a session, with these parameters.
pub fn welcome(parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = b"R\0\0\0\x08\0\0\0\0".to_vec();
    for (name, value) in parameters {
        let body = format!("{name}\0{value}\0");
        bytes.push(b'S');
        bytes.extend((body.len() as u32 + 4).to_be_bytes());
        bytes.extend(body.as_bytes());
    }
    bytes.extend(b"Z\0\0\0\x05I");
    bytes
}

pub struct Server {
    listener: UnixListener,
    conninfo: CString,
}

impl Server {
    pub fn start() -> Server {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // An abstract socket: nothing to delete.
        let host = format!("libpq-oxide-fuzz-{}-{number}", std::process::id());
        let address = SocketAddr::from_abstract_name(format!("{host}/.s.PGSQL.1")).expect("a name");
        let listener = UnixListener::bind_addr(&address).expect("a socket");
        listener.set_nonblocking(true).expect("a listener");
        let conninfo = format!(
            "host=@{host} port=1 user=u dbname=d password=p sslmode=disable gssencmode=disable client_encoding=''"
        );
        Server {
            listener,
            conninfo: CString::new(conninfo).expect("no NUL"),
        }
    }

    /// Connects to a server that sends the start of the session, and then nothing.
    pub fn connect(&self, library: Connector, bytes: &[u8]) -> (*mut pg_conn, Option<UnixStream>) {
        // SAFETY: a C string, and a connection that only this function uses.
        unsafe {
            let conn = (library.start)(self.conninfo.as_ptr());
            (library.set_notices)(conn, Some(ignore), null_mut());
            let stream = self.listener.accept().ok().map(|(stream, _)| stream);
            if let Some(stream) = &stream {
                send(stream, bytes);
            }
            for _ in 0..MOST_POLLS {
                let state = (library.poll)(conn);
                if state == PGRES_POLLING_OK as c_int || state == PGRES_POLLING_FAILED as c_int {
                    break;
                }
            }
            (conn, stream)
        }
    }

    /// Connects with this library to a server that sends `bytes` and the end of the stream. What follows the first
    /// ReadyForQuery comes when the client has connected: a client discards the answers to commands that it has not sent.
    pub fn session(&self, bytes: &[u8]) -> Session {
        let bytes = &bytes[..bytes.len().min(MOST)];
        let (start, answers) = bytes.split_at(start_of_session(bytes));
        let (conn, stream) = self.connect(OURS, start);
        if let Some(stream) = &stream {
            send(stream, answers);
            let _ = stream.shutdown(Shutdown::Write);
        }
        // An attempt that still waits sees the end. The next attempts get no answer.
        for _ in 0..MOST_POLLS {
            while self.listener.accept().is_ok() {}
            // SAFETY: a connection that only this function uses.
            let is_open = unsafe { PQstatus(conn) == CONNECTION_OK as c_int };
            // SAFETY: as above.
            if is_open || unsafe { PQconnectPoll(conn) } == PGRES_POLLING_FAILED as c_int {
                break;
            }
        }
        Session {
            conn,
            _stream: stream,
        }
    }
}

/// The length of the messages up to the first ReadyForQuery, or of all bytes.
fn start_of_session(bytes: &[u8]) -> usize {
    let mut end = 0;
    while let Some((kind, length)) = bytes[end..].split_first_chunk::<5>().map(|(head, _)| {
        let [kind, length @ ..] = *head;
        (kind, u32::from_be_bytes(length) as usize)
    }) {
        end = bytes.len().min(end + 1 + length);
        if kind == b'Z' {
            return end;
        }
    }
    bytes.len()
}

/// Sends bytes for which the socket has room. Does nothing if the client has closed the connection.
fn send(stream: &UnixStream, bytes: &[u8]) {
    // SAFETY: an open descriptor and a slice.
    unsafe {
        libc::send(
            stream.as_raw_fd(),
            bytes.as_ptr().cast(),
            bytes.len(),
            libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT,
        );
    }
}

/// A connection that is closed when it is dropped.
pub struct Session {
    pub conn: *mut pg_conn,
    _stream: Option<UnixStream>,
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: nobody uses the connection after this.
        unsafe {
            let text = CStr::from_ptr(PQerrorMessage(self.conn)).to_bytes();
            assert!(text.is_empty() || text.ends_with(b"\n"), "{text:?}");
            PQfinish(self.conn);
        }
    }
}
