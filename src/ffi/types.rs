//! The public C types of `libpq-fe.h`, `libpq-events.h` and `pqexpbuffer.h`, with libpq's names.
//!
//! A struct carries the tag that programs forward-declare (`pgNotify`), an alias the name they
//! otherwise use (`PGnotify`).

use std::ffi::{c_char, c_int, c_uint, c_void};

pub use super::conn::{PGoauthBearerRequest, PGoauthBearerRequestName, PGoauthBearerRequestV2};
pub use super::enums::*;

/// A connection.
pub type PGconn = super::conn::pg_conn;

/// The result of a command.
pub type PGresult = crate::result::store::PgResult;

/// An object identifier of the server.
pub type Oid = c_uint;

/// A point in time: microseconds since the start of 1970, UTC.
pub type pg_usec_time_t = i64;

/// A truth value of `PQprintOpt`: zero is false.
pub type pqbool = c_char;

/// Option of `PQcopyResult`: copy the columns' descriptions.
pub const PG_COPYRES_ATTRS: c_int = 0x01;
/// Option of `PQcopyResult`: copy the rows, and with them the columns' descriptions.
pub const PG_COPYRES_TUPLES: c_int = 0x02;
/// Option of `PQcopyResult`: copy the event procedures.
pub const PG_COPYRES_EVENTS: c_int = 0x04;
/// Option of `PQcopyResult`: copy the notice receiver and processor.
pub const PG_COPYRES_NOTICEHOOKS: c_int = 0x08;

/// Flag of `PQsetTraceFlags`: no time at the start of a line.
pub const PQTRACE_SUPPRESS_TIMESTAMPS: c_int = 1;
/// Flag of `PQsetTraceFlags`: values that differ from run to run are left out.
pub const PQTRACE_REGRESS_MODE: c_int = 2;

/// The most parameters one statement can have.
pub const PQ_QUERY_PARAM_MAX_LIMIT: c_int = 65535;

/// A notification, in one block of memory for `PQfreemem`.
#[repr(C)]
pub struct pgNotify {
    /// The channel.
    pub relname: *mut c_char,
    /// The server process that sent it.
    pub be_pid: c_int,
    /// The payload, perhaps empty.
    pub extra: *mut c_char,
    /// Private to the library.
    pub next: *mut pgNotify,
}
/// `struct pgNotify`, by the name programs use.
pub type PGnotify = pgNotify;

/// How `PQprint` is to print.
#[repr(C)]
pub struct _PQprintOpt {
    /// Print column names, and the number of rows.
    pub header: pqbool,
    /// Pad the values to columns.
    pub align: pqbool,
    /// The format of old.
    pub standard: pqbool,
    /// An HTML table.
    pub html3: pqbool,
    /// A line for each value.
    pub expanded: pqbool,
    /// Through a pager, when standard output is a terminal and the text is long.
    pub pager: pqbool,
    /// Between two values; must not be NULL.
    pub fieldSep: *mut c_char,
    /// Attributes of the HTML table.
    pub tableOpt: *mut c_char,
    /// Caption of the HTML table.
    pub caption: *mut c_char,
    /// Names to print for the columns, ended by NULL.
    pub fieldName: *mut *mut c_char,
}
/// `struct _PQprintOpt`, by the name programs use.
pub type PQprintOpt = _PQprintOpt;

/// One connection option. All strings but `val` are constants.
#[repr(C)]
pub struct _PQconninfoOption {
    /// Its name; NULL ends the array.
    pub keyword: *mut c_char,
    /// The environment variable that gives it, or NULL.
    pub envvar: *mut c_char,
    /// The default, or NULL.
    pub compiled: *mut c_char,
    /// Its value, from `malloc`, or NULL.
    pub val: *mut c_char,
    /// Its label in a dialog.
    pub label: *mut c_char,
    /// How a dialog shows it: "" plainly, "*" hidden as a password is, "D" not unless asked.
    pub dispchar: *mut c_char,
    /// Width in a dialog, in characters.
    pub dispsize: c_int,
}
/// `struct _PQconninfoOption`, by the name programs use.
pub type PQconninfoOption = _PQconninfoOption;

/// The value of an argument of `PQfn`.
#[repr(C)]
pub union PQArgValue {
    /// Where its bytes are.
    pub ptr: *mut c_int,
    /// The integer itself.
    pub integer: c_int,
}

/// One argument of `PQfn`.
#[repr(C)]
pub struct _PQArgBlock {
    /// Its length in bytes.
    pub len: c_int,
    /// Whether it is an integer rather than a pointer to bytes.
    pub isint: c_int,
    /// The value.
    pub u: PQArgValue,
}
/// `struct _PQArgBlock`, by the name programs use.
pub type PQArgBlock = _PQArgBlock;

/// A column of a result, as `PQsetResultAttrs` takes it.
#[repr(C)]
pub struct pgresAttDesc {
    /// Its name.
    pub name: *mut c_char,
    /// The table it is from, or 0.
    pub tableid: Oid,
    /// Its number in that table, or 0.
    pub columnid: c_int,
    /// 0 for text, 1 for binary.
    pub format: c_int,
    /// The type.
    pub typid: Oid,
    /// The type's size in bytes, negative if it varies.
    pub typlen: c_int,
    /// The type's modifier.
    pub atttypmod: c_int,
}
/// `struct pgresAttDesc`, by the name programs use.
pub type PGresAttDesc = pgresAttDesc;

/// A growing string (see pqexpbuffer.h).
#[repr(C)]
pub struct PQExpBufferData {
    /// The text, NUL-terminated, from `malloc`; a constant empty string when broken.
    pub data: *mut c_char,
    /// Its length without the NUL.
    pub len: usize,
    /// Bytes allocated; 0 when broken.
    pub maxlen: usize,
}
/// A pointer to a growing string.
pub type PQExpBuffer = *mut PQExpBufferData;

/// Event data: an event procedure was registered.
#[repr(C)]
pub struct PGEventRegister {
    /// The connection.
    pub conn: *mut PGconn,
}

/// Event data: a connection was reset.
#[repr(C)]
pub struct PGEventConnReset {
    /// The connection.
    pub conn: *mut PGconn,
}

/// Event data: a connection is about to be freed.
#[repr(C)]
pub struct PGEventConnDestroy {
    /// The connection.
    pub conn: *mut PGconn,
}

/// Event data: a result was made.
#[repr(C)]
pub struct PGEventResultCreate {
    /// The connection it is from.
    pub conn: *mut PGconn,
    /// The result.
    pub result: *mut PGresult,
}

/// Event data: a result was copied.
#[repr(C)]
pub struct PGEventResultCopy {
    /// The original.
    pub src: *const PGresult,
    /// The copy.
    pub dest: *mut PGresult,
}

/// Event data: a result is about to be freed.
#[repr(C)]
pub struct PGEventResultDestroy {
    /// The result.
    pub result: *mut PGresult,
}

/// Data of `PQAUTHDATA_PROMPT_OAUTH_DEVICE`: where the user has to go.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _PGpromptOAuthDevice {
    /// The address to visit.
    pub verification_uri: *const c_char,
    /// The code to enter there.
    pub user_code: *const c_char,
    /// An address that has the code in it, or NULL.
    pub verification_uri_complete: *const c_char,
    /// Seconds until the code expires.
    pub expires_in: c_int,
}
/// `struct _PGpromptOAuthDevice`, by the name programs use.
pub type PGpromptOAuthDevice = _PGpromptOAuthDevice;

/// Takes each notice as a result, which it must neither keep nor clear.
pub type PQnoticeReceiver =
    Option<unsafe extern "C-unwind" fn(arg: *mut c_void, res: *const PGresult)>;

/// Takes each notice as text that ends in a newline.
pub type PQnoticeProcessor =
    Option<unsafe extern "C-unwind" fn(arg: *mut c_void, message: *const c_char)>;

/// Takes (not 0) or releases (0) the lock around libraries that are not thread-safe.
pub type pgthreadlock_t = Option<unsafe extern "C-unwind" fn(acquire: c_int)>;

/// Writes the password of a client key, NUL-terminated, into `buf` of `size` bytes and answers
/// its length; 0 if there is none.
pub type PQsslKeyPassHook_OpenSSL_type =
    Option<unsafe extern "C-unwind" fn(buf: *mut c_char, size: c_int, conn: *mut PGconn) -> c_int>;

/// Answers a need of authentication: more than 0 when done, 0 for the default way, less than 0
/// for an error.
pub type PQauthDataHook_type = Option<
    unsafe extern "C-unwind" fn(
        r#type: AuthDataCode,
        conn: *mut PGconn,
        data: *mut c_void,
    ) -> c_int,
>;

/// Called for events; 0 means failure. `evtInfo` points to the event's data.
pub type PGEventProc = Option<
    unsafe extern "C-unwind" fn(
        evtId: EventIdCode,
        evtInfo: *mut c_void,
        passThrough: *mut c_void,
    ) -> c_int,
>;

/// Fails the build when a struct's size or a field's place is not libpq's (64-bit).
macro_rules! check_layout {
    ($type:ident, $size:literal, $($field:ident: $offset:literal),+ $(,)?) => {
        const _: () = {
            assert!(std::mem::size_of::<$type>() == $size);
            $(assert!(std::mem::offset_of!($type, $field) == $offset);)+
        };
    };
}

check_layout!(PGnotify, 32, relname: 0, be_pid: 8, extra: 16, next: 24);
check_layout!(PQprintOpt, 40, header: 0, align: 1, standard: 2, html3: 3, expanded: 4, pager: 5,
    fieldSep: 8, tableOpt: 16, caption: 24, fieldName: 32);
check_layout!(PQconninfoOption, 56, keyword: 0, envvar: 8, compiled: 16, val: 24, label: 32,
    dispchar: 40, dispsize: 48);
check_layout!(PQArgBlock, 16, len: 0, isint: 4, u: 8);
check_layout!(PGresAttDesc, 32, name: 0, tableid: 8, columnid: 12, format: 16, typid: 20,
    typlen: 24, atttypmod: 28);
check_layout!(PQExpBufferData, 24, data: 0, len: 8, maxlen: 16);
check_layout!(PGEventRegister, 8, conn: 0);
check_layout!(PGEventConnReset, 8, conn: 0);
check_layout!(PGEventConnDestroy, 8, conn: 0);
check_layout!(PGEventResultCreate, 16, conn: 0, result: 8);
check_layout!(PGEventResultCopy, 16, src: 0, dest: 8);
check_layout!(PGEventResultDestroy, 8, result: 0);
check_layout!(PGpromptOAuthDevice, 32, verification_uri: 0, user_code: 8,
    verification_uri_complete: 16, expires_in: 24);
check_layout!(PGoauthBearerRequest, 48, openid_configuration: 0, scope: 8, r#async: 16,
    cleanup: 24, token: 32, user: 40);
check_layout!(PGoauthBearerRequestV2, 64, v1: 0, issuer: 48, error: 56);
