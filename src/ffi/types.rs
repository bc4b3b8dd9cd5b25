//! The public C types of `libpq-fe.h`, `libpq-events.h` and `pqexpbuffer.h`, with libpq's names.
//!
//! A struct has the tag that programs use in forward declarations (`pgNotify`); an alias has the usual name (`PGnotify`).

use std::ffi::{c_char, c_int, c_uint, c_void};

pub use super::conn::{PGoauthBearerRequest, PGoauthBearerRequestName, PGoauthBearerRequestV2};
pub use super::enums::*;

/// A connection.
pub type PGconn = super::conn::pg_conn;

/// The result of a command.
pub type PGresult = crate::result::store::PgResult;

/// The identifier of an object of the server.
pub type Oid = c_uint;

/// A point in time, in microseconds since 1970-01-01 00:00 UTC.
pub type pg_usec_time_t = i64;

/// A Boolean of `PQprintOpt`: 0 is false.
pub type pqbool = c_char;

/// Flag of `PQcopyResult`: copy the descriptions of the columns.
pub const PG_COPYRES_ATTRS: c_int = 0x01;
/// Flag of `PQcopyResult`: copy the rows and the descriptions of the columns.
pub const PG_COPYRES_TUPLES: c_int = 0x02;
/// Flag of `PQcopyResult`: copy the event procedures.
pub const PG_COPYRES_EVENTS: c_int = 0x04;
/// Flag of `PQcopyResult`: copy the notice receiver and the notice processor.
pub const PG_COPYRES_NOTICEHOOKS: c_int = 0x08;

/// Flag of `PQsetTraceFlags`: omit the timestamp of each line.
pub const PQTRACE_SUPPRESS_TIMESTAMPS: c_int = 1;
/// Flag of `PQsetTraceFlags`: omit values that differ from run to run, such as OIDs.
pub const PQTRACE_REGRESS_MODE: c_int = 2;

/// The maximum number of parameters of a command.
pub const PQ_QUERY_PARAM_MAX_LIMIT: c_int = 65535;

/// A notification. It is one block of memory: free it with `PQfreemem`.
#[repr(C)]
pub struct pgNotify {
    /// The name of the channel.
    pub relname: *mut c_char,
    /// The process ID of the server process that sent it.
    pub be_pid: c_int,
    /// The payload; may be empty.
    pub extra: *mut c_char,
    /// Private to the library.
    pub next: *mut pgNotify,
}
/// The usual name of `struct pgNotify`.
pub type PGnotify = pgNotify;

/// The options of `PQprint`.
#[repr(C)]
pub struct _PQprintOpt {
    /// Print the column names and the number of rows.
    pub header: pqbool,
    /// Pad the values so that columns are aligned.
    pub align: pqbool,
    /// Use an old format.
    pub standard: pqbool,
    /// Print an HTML table.
    pub html3: pqbool,
    /// Print each value on a line of its own.
    pub expanded: pqbool,
    /// Use a pager if stdout is a terminal and the output is long.
    pub pager: pqbool,
    /// The separator between values.
    pub fieldSep: *mut c_char,
    /// Attributes of the HTML element table, or NULL.
    pub tableOpt: *mut c_char,
    /// The caption of the HTML table, or NULL.
    pub caption: *mut c_char,
    /// An array of column names to print, which ends with NULL; or NULL.
    pub fieldName: *mut *mut c_char,
}
/// The usual name of `struct _PQprintOpt`.
pub type PQprintOpt = _PQprintOpt;

/// A connection option. All strings except `val` are constants.
#[repr(C)]
pub struct _PQconninfoOption {
    /// The name; NULL ends the array.
    pub keyword: *mut c_char,
    /// The environment variable that sets the default, or NULL.
    pub envvar: *mut c_char,
    /// The compiled default, or NULL.
    pub compiled: *mut c_char,
    /// The value, or NULL.
    pub val: *mut c_char,
    /// The label for an input field.
    pub label: *mut c_char,
    /// How an input field shows it: "" as text, "*" hidden like a password, "D" only on request.
    pub dispchar: *mut c_char,
    /// The width of an input field in characters.
    pub dispsize: c_int,
}
/// The usual name of `struct _PQconninfoOption`.
pub type PQconninfoOption = _PQconninfoOption;

/// The value of an argument of `PQfn`.
#[repr(C)]
pub union PQArgValue {
    /// A pointer to the bytes.
    pub ptr: *mut c_int,
    /// An integer.
    pub integer: c_int,
}

/// An argument of `PQfn`.
#[repr(C)]
pub struct _PQArgBlock {
    /// The length of the value in bytes; -1 for an SQL NULL.
    pub len: c_int,
    /// Not 0 if `u` is an integer (2 or 4 bytes), 0 if it is a pointer.
    pub isint: c_int,
    /// The value.
    pub u: PQArgValue,
}
/// The usual name of `struct _PQArgBlock`.
pub type PQArgBlock = _PQArgBlock;

/// The description of a column, for `PQsetResultAttrs`.
#[repr(C)]
pub struct pgresAttDesc {
    /// The name; NULL counts as an empty string.
    pub name: *mut c_char,
    /// The OID of the table, or 0.
    pub tableid: Oid,
    /// The number of the column in the table, or 0.
    pub columnid: c_int,
    /// 0 for text, 1 for binary.
    pub format: c_int,
    /// The OID of the type.
    pub typid: Oid,
    /// The size of the type in bytes; negative if it varies.
    pub typlen: c_int,
    /// The type modifier.
    pub atttypmod: c_int,
}
/// The usual name of `struct pgresAttDesc`.
pub type PGresAttDesc = pgresAttDesc;

/// A growing string (see pqexpbuffer.h).
#[repr(C)]
pub struct PQExpBufferData {
    /// The text, which ends with a NUL byte. It comes from malloc, or is a constant empty string if
    /// the buffer is broken.
    pub data: *mut c_char,
    /// The length without the NUL byte.
    pub len: usize,
    /// The number of bytes allocated; 0 if the buffer is broken.
    pub maxlen: usize,
}
/// A pointer to a growing string.
pub type PQExpBuffer = *mut PQExpBufferData;

/// Data of PGEVT_REGISTER: an event procedure was registered.
#[repr(C)]
pub struct PGEventRegister {
    /// The connection.
    pub conn: *mut PGconn,
}

/// Data of PGEVT_CONNRESET: a connection was reset.
#[repr(C)]
pub struct PGEventConnReset {
    /// The connection.
    pub conn: *mut PGconn,
}

/// Data of PGEVT_CONNDESTROY: a connection is about to be freed.
#[repr(C)]
pub struct PGEventConnDestroy {
    /// The connection.
    pub conn: *mut PGconn,
}

/// Data of PGEVT_RESULTCREATE: a result was created.
#[repr(C)]
pub struct PGEventResultCreate {
    /// The connection that the result comes from.
    pub conn: *mut PGconn,
    /// The result.
    pub result: *mut PGresult,
}

/// Data of PGEVT_RESULTCOPY: a result was copied.
#[repr(C)]
pub struct PGEventResultCopy {
    /// The original.
    pub src: *const PGresult,
    /// The copy.
    pub dest: *mut PGresult,
}

/// Data of PGEVT_RESULTDESTROY: a result is about to be freed.
#[repr(C)]
pub struct PGEventResultDestroy {
    /// The result.
    pub result: *mut PGresult,
}

/// Data of `PQAUTHDATA_PROMPT_OAUTH_DEVICE`: what to show to the user. The strings are valid during
/// the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _PGpromptOAuthDevice {
    /// The URI that the user has to visit.
    pub verification_uri: *const c_char,
    /// The code that the user has to enter there.
    pub user_code: *const c_char,
    /// A URI that includes the code, or NULL.
    pub verification_uri_complete: *const c_char,
    /// The number of seconds until the code expires.
    pub expires_in: c_int,
}
/// The usual name of `struct _PGpromptOAuthDevice`.
pub type PGpromptOAuthDevice = _PGpromptOAuthDevice;

/// Receives a notice as a result, which is valid only during the call and must not be cleared.
pub type PQnoticeReceiver =
    Option<unsafe extern "C-unwind" fn(arg: *mut c_void, res: *const PGresult)>;

/// Receives a notice as text, which ends with a newline and is valid only during the call.
pub type PQnoticeProcessor =
    Option<unsafe extern "C-unwind" fn(arg: *mut c_void, message: *const c_char)>;

/// Acquires (if `acquire` is not 0) or releases (if it is 0) the lock for libraries that are not
/// thread-safe.
pub type pgthreadlock_t = Option<unsafe extern "C-unwind" fn(acquire: c_int)>;

/// Writes the password of the client key to `buf` of `size` bytes, with a final NUL byte. Returns
/// its length, or 0 if there is none.
pub type PQsslKeyPassHook_OpenSSL_type =
    Option<unsafe extern "C-unwind" fn(buf: *mut c_char, size: c_int, conn: *mut PGconn) -> c_int>;

/// Provides data for authentication. Returns a positive number if it has, 0 for the default method,
/// and a negative number for an error.
pub type PQauthDataHook_type = Option<
    unsafe extern "C-unwind" fn(
        r#type: AuthDataCode,
        conn: *mut PGconn,
        data: *mut c_void,
    ) -> c_int,
>;

/// An event procedure. `evtInfo` points to the data of the event. Returns 0 for a failure.
pub type PGEventProc = Option<
    unsafe extern "C-unwind" fn(
        evtId: EventIdCode,
        evtInfo: *mut c_void,
        passThrough: *mut c_void,
    ) -> c_int,
>;

/// Fails the build if the size of a struct or the offset of a field differs from libpq's (64-bit).
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
