//! The enums of `libpq-fe.h` and `libpq-events.h`.
//!
//! C hands over any int where an enum is declared, so entry points take and return the `...Code`
//! aliases; the header calls those by the enum's name.

use std::ffi::c_int;

/// State of a connection. A blocking connect ends in one of the first two; programs should not
/// depend on when the others occur.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnStatusType {
    /// The connection is ready.
    CONNECTION_OK,
    /// The connection failed or was lost.
    CONNECTION_BAD,
    /// The socket is being connected.
    CONNECTION_STARTED,
    /// The socket is connected; the first message is to be sent.
    CONNECTION_MADE,
    /// The server's answer is awaited.
    CONNECTION_AWAITING_RESPONSE,
    /// Authentication succeeded; the server is starting the session.
    CONNECTION_AUTH_OK,
    /// Not used any more.
    CONNECTION_SETENV,
    /// A TLS handshake is under way.
    CONNECTION_SSL_STARTUP,
    /// Internal: the next address is to be tried.
    CONNECTION_NEEDED,
    /// Asking whether the session may write.
    CONNECTION_CHECK_WRITABLE,
    /// Reading the remaining messages of such a question.
    CONNECTION_CONSUME,
    /// GSSAPI encryption is being negotiated.
    CONNECTION_GSS_STARTUP,
    /// Internal: comparing the server with `target_session_attrs`.
    CONNECTION_CHECK_TARGET,
    /// Asking whether the server is a standby.
    CONNECTION_CHECK_STANDBY,
    /// Created, but not started.
    CONNECTION_ALLOCATED,
    /// Authentication waits for something outside the connection.
    CONNECTION_AUTHENTICATING,
}

/// What a step of a nonblocking operation needs next.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostgresPollingStatusType {
    /// The operation failed.
    PGRES_POLLING_FAILED = 0,
    /// Call again when the socket is readable.
    PGRES_POLLING_READING,
    /// Call again when the socket is writable.
    PGRES_POLLING_WRITING,
    /// The operation is complete.
    PGRES_POLLING_OK,
    /// Not used any more.
    PGRES_POLLING_ACTIVE,
}

/// What a result is.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecStatusType {
    /// The query string was empty.
    PGRES_EMPTY_QUERY = 0,
    /// A command that returns no rows succeeded.
    PGRES_COMMAND_OK,
    /// A command that returns rows succeeded; they are in the result.
    PGRES_TUPLES_OK,
    /// COPY to the client has started.
    PGRES_COPY_OUT,
    /// COPY from the client has started.
    PGRES_COPY_IN,
    /// The server's answer was not understood.
    PGRES_BAD_RESPONSE,
    /// A notice or warning.
    PGRES_NONFATAL_ERROR,
    /// The command failed.
    PGRES_FATAL_ERROR,
    /// COPY in both directions (replication) has started.
    PGRES_COPY_BOTH,
    /// One row of a result that arrives row by row.
    PGRES_SINGLE_TUPLE,
    /// A synchronization point of a pipeline.
    PGRES_PIPELINE_SYNC,
    /// A command skipped because an earlier one of its pipeline failed.
    PGRES_PIPELINE_ABORTED,
    /// Some rows of a result that arrives in chunks.
    PGRES_TUPLES_CHUNK,
}

/// Where a session stands between transactions.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PGTransactionStatusType {
    /// Idle, outside a transaction.
    PQTRANS_IDLE,
    /// A command is running.
    PQTRANS_ACTIVE,
    /// Idle, in a transaction.
    PQTRANS_INTRANS,
    /// Idle, in a failed transaction.
    PQTRANS_INERROR,
    /// The connection is not usable.
    PQTRANS_UNKNOWN,
}

/// How much of an error is put into its message.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PGVerbosity {
    /// Severity, text and position, on one line.
    PQERRORS_TERSE,
    /// Also detail, hint, query and context.
    PQERRORS_DEFAULT,
    /// Every field.
    PQERRORS_VERBOSE,
    /// Severity and SQLSTATE only.
    PQERRORS_SQLSTATE,
}

/// Which messages show the CONTEXT field.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PGContextVisibility {
    /// None.
    PQSHOW_CONTEXT_NEVER,
    /// Errors, not notices.
    PQSHOW_CONTEXT_ERRORS,
    /// All.
    PQSHOW_CONTEXT_ALWAYS,
}

/// The answer of `PQping`; the exit code of pg_isready.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PGPing {
    /// The server accepts connections.
    PQPING_OK,
    /// The server is there but refuses connections for now.
    PQPING_REJECT,
    /// No server was reached.
    PQPING_NO_RESPONSE,
    /// Nothing was tried: the parameters are wrong.
    PQPING_NO_ATTEMPT,
}

/// Whether a connection is in pipeline mode.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PGpipelineStatus {
    /// No.
    PQ_PIPELINE_OFF,
    /// Yes.
    PQ_PIPELINE_ON,
    /// Yes, and commands are skipped up to the next synchronization point.
    PQ_PIPELINE_ABORTED,
}

/// What a `PQauthDataHook_type` is called for, and thereby what its `data` points to.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PGauthData {
    /// The user has to visit an address: a `PGpromptOAuthDevice`.
    PQAUTHDATA_PROMPT_OAUTH_DEVICE,
    /// A bearer token is needed: a `PGoauthBearerRequest`.
    PQAUTHDATA_OAUTH_BEARER_TOKEN,
    /// The same, asked first: a `PGoauthBearerRequestV2`.
    PQAUTHDATA_OAUTH_BEARER_TOKEN_V2,
}

/// What an event procedure is called for.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PGEventId {
    /// It was registered: a `PGEventRegister`.
    PGEVT_REGISTER,
    /// The connection was reset: a `PGEventConnReset`.
    PGEVT_CONNRESET,
    /// The connection is about to be freed: a `PGEventConnDestroy`.
    PGEVT_CONNDESTROY,
    /// A result was made: a `PGEventResultCreate`.
    PGEVT_RESULTCREATE,
    /// A result was copied: a `PGEventResultCopy`.
    PGEVT_RESULTCOPY,
    /// A result is about to be freed: a `PGEventResultDestroy`.
    PGEVT_RESULTDESTROY,
}

/// A `ConnStatusType` as C passes it.
pub type ConnStatusCode = c_int;
/// A `PostgresPollingStatusType` as C passes it.
pub type PollingStatusCode = c_int;
/// An `ExecStatusType` as C passes it.
pub type ExecStatusCode = c_int;
/// A `PGTransactionStatusType` as C passes it.
pub type TransactionStatusCode = c_int;
/// A `PGVerbosity` as C passes it.
pub type VerbosityCode = c_int;
/// A `PGContextVisibility` as C passes it.
pub type ContextVisibilityCode = c_int;
/// A `PGPing` as C passes it.
pub type PingCode = c_int;
/// A `PGpipelineStatus` as C passes it.
pub type PipelineStatusCode = c_int;
/// A `PGauthData` as C passes it.
pub type AuthDataCode = c_int;
/// A `PGEventId` as C passes it.
pub type EventIdCode = c_int;
