//! The escaping functions, beside those of C libpq if the environment variable LIBPQ_ORACLE names its file.

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_int, c_uchar, c_void};
use std::mem::transmute_copy;
use std::os::unix::net::UnixStream;
use std::slice;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::server::{Connector, OURS, Server, welcome};
use crate::ffi::conn::pg_conn;
use crate::ffi::encoding::pg_encoding_to_char;
use crate::ffi::escape::*;
use crate::ffi::misc::PQfreemem;

type EscapeString =
    unsafe extern "C" fn(*mut pg_conn, *mut c_char, *const c_char, usize, *mut c_int) -> usize;
type Quote = unsafe extern "C" fn(*mut pg_conn, *const c_char, usize) -> *mut c_char;
type EscapeBytea =
    unsafe extern "C" fn(*mut pg_conn, *const c_uchar, usize, *mut usize) -> *mut c_uchar;
type UnescapeBytea = unsafe extern "C" fn(*const c_uchar, *mut usize) -> *mut c_uchar;

#[derive(Clone, Copy)]
struct Library {
    connector: Connector,
    string: EscapeString,
    literal: Quote,
    identifier: Quote,
    escape: EscapeBytea,
    unescape: UnescapeBytea,
    free: unsafe extern "C-unwind" fn(*mut c_void),
}

const THIS: Library = Library {
    connector: OURS,
    string: PQescapeStringConn,
    literal: PQescapeLiteral,
    identifier: PQescapeIdentifier,
    escape: PQescapeByteaConn,
    unescape: PQunescapeBytea,
    free: PQfreemem,
};

/// The function with this name and the type `F`.
unsafe fn find<F>(handle: *mut c_void, name: &CStr) -> F {
    // SAFETY: an open library, a C string, and a symbol whose type the caller knows.
    unsafe {
        let symbol = libc::dlsym(handle, name.as_ptr());
        assert!(!symbol.is_null(), "{name:?}");
        transmute_copy(&symbol)
    }
}

fn oracle() -> Option<Library> {
    let path = std::env::var("LIBPQ_ORACLE").ok()?;
    let path = CString::new(path).expect("no NUL");
    // SAFETY: a C string; the symbols have these types in every libpq.so.5.
    unsafe {
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
        assert!(!handle.is_null(), "{path:?} cannot be loaded");
        let library = Library {
            connector: Connector {
                start: find(handle, c"PQconnectStart"),
                poll: find(handle, c"PQconnectPoll"),
                set_notices: find(handle, c"PQsetNoticeProcessor"),
                finish: find(handle, c"PQfinish"),
            },
            string: find(handle, c"PQescapeStringConn"),
            literal: find(handle, c"PQescapeLiteral"),
            identifier: find(handle, c"PQescapeIdentifier"),
            escape: find(handle, c"PQescapeByteaConn"),
            unescape: find(handle, c"PQunescapeBytea"),
            free: find(handle, c"PQfreemem"),
        };
        assert_ne!(library.string as usize, THIS.string as usize);
        Some(library)
    }
}

/// The error message of a connection grows with each error. After so many uses, a new connection replaces it.
const MOST_USES: usize = 10_000;

/// A connection of a library.
struct Connection {
    library: Library,
    conn: *mut pg_conn,
    _stream: Option<UnixStream>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: nobody uses the connection after this.
        unsafe { (self.library.connector.finish)(self.conn) };
    }
}

impl Connection {
    fn open(server: &Server, library: Library, reply: &[u8]) -> Connection {
        let (conn, stream) = server.connect(library.connector, reply);
        Connection {
            library,
            conn,
            _stream: stream,
        }
    }

    /// What the library makes of a text.
    fn outcome(&self, text: &[u8]) -> Outcome {
        // SAFETY: the connection is live; the buffer has the size that libpq demands.
        unsafe {
            let from = text.as_ptr().cast();
            let mut string = vec![0_u8; 2 * text.len() + 1];
            let mut error = -1;
            let to = string.as_mut_ptr().cast();
            let size = (self.library.string)(self.conn, to, from, text.len(), &mut error);
            string.truncate(size);
            let quoted = [self.library.literal, self.library.identifier].map(|quote| {
                let quoted = quote(self.conn, from, text.len());
                let copy = (!quoted.is_null()).then(|| CStr::from_ptr(quoted).to_owned());
                (self.library.free)(quoted.cast());
                copy
            });
            let mut size = 0;
            let escaped = (self.library.escape)(self.conn, text.as_ptr(), text.len(), &mut size);
            let bytea = slice::from_raw_parts(escaped, size).to_vec();
            (self.library.free)(escaped.cast());
            Outcome {
                string,
                error,
                quoted,
                bytea,
                unescaped: self.unescape(text),
            }
        }
    }

    /// The bytes of a bytea value, up to its first NUL.
    fn unescape(&self, text: &[u8]) -> Option<Vec<u8>> {
        let end = text.iter().position(|byte| *byte == 0);
        let text = CString::new(&text[..end.unwrap_or(text.len())]).expect("no NUL");
        let mut size = 0;
        // SAFETY: a C string, and a size for what is returned.
        unsafe {
            let bytes = (self.library.unescape)(text.as_ptr().cast(), &mut size);
            let copy = (!bytes.is_null()).then(|| slice::from_raw_parts(bytes, size).to_vec());
            (self.library.free)(bytes.cast());
            copy
        }
    }
}

#[derive(Debug, PartialEq)]
struct Outcome {
    string: Vec<u8>,
    error: c_int,
    /// As a literal and as an identifier.
    quoted: [Option<CString>; 2],
    bytea: Vec<u8>,
    /// The text as an escaped bytea value.
    unescaped: Option<Vec<u8>>,
}

/// The connections of both libraries to a server with one encoding.
struct Pair {
    ours: Connection,
    oracle: Option<Connection>,
    uses: usize,
}

/// An encoding, and whether strings conform to the standard.
type Key = (c_int, bool);

struct World {
    server: Server,
    oracle: Option<Library>,
    pairs: HashMap<Key, Pair>,
}

// SAFETY: the mutex lets one thread at a time use the connections.
unsafe impl Send for World {}

impl World {
    fn new() -> World {
        World {
            server: Server::start(),
            oracle: oracle(),
            pairs: HashMap::new(),
        }
    }

    fn pair(&mut self, key: Key) -> &Pair {
        if self
            .pairs
            .get(&key)
            .is_some_and(|pair| pair.uses >= MOST_USES)
        {
            self.pairs.remove(&key);
        }
        let (server, oracle) = (&self.server, self.oracle);
        let pair = self.pairs.entry(key).or_insert_with(|| {
            let reply = reply(key);
            Pair {
                ours: Connection::open(server, THIS, &reply),
                oracle: oracle.map(|library| Connection::open(server, library, &reply)),
                uses: 0,
            }
        });
        pair.uses += 1;
        pair
    }
}

fn reply((encoding, conforming): Key) -> Vec<u8> {
    // SAFETY: returns a string for every number.
    let name = unsafe { CStr::from_ptr(pg_encoding_to_char(encoding)) };
    welcome(&[
        ("client_encoding", name.to_str().expect("ASCII")),
        (
            "standard_conforming_strings",
            if conforming { "on" } else { "off" },
        ),
        ("server_version", "18.0"),
    ])
}

/// Takes the number of an encoding (and, as bit 6, whether strings conform to the standard), and a text.
pub fn escape(data: &[u8]) {
    static WORLD: OnceLock<Mutex<World>> = OnceLock::new();
    let [first, text @ ..] = data else {
        return;
    };
    // Number 7 is unused since libpq 19.
    let encoding = c_int::from(first & 63);
    if encoding == 7 || encoding > 41 {
        return;
    }
    let key = (encoding, first & 64 != 0);
    let world = WORLD.get_or_init(|| Mutex::new(World::new()));
    let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
    let Pair { ours, oracle, .. } = world.pair(key);
    let outcome = ours.outcome(text);
    if key.1 {
        assert_eq!(ours.unescape(&outcome.bytea).as_deref(), Some(text));
    }
    if let Some(oracle) = oracle {
        assert_eq!(outcome, oracle.outcome(text), "encoding {encoding}");
    }
}
