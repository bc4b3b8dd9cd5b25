//! The enums of `libpq-fe.h` and `libpq-events.h`.
//!
//! C programs may pass any int as an enum, so the functions take and return the `...Code` aliases. In the header, these have
//! the name of the enum.

use std::ffi::c_int;

/// The state of a connection. A blocking connect ends with one of the first two. Programs should
/// not rely on the order of the others.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnStatusType {
    /// The connection is ready.
    CONNECTION_OK,
    /// The connection has failed or was lost.
    CONNECTION_BAD,
    /// Waiting until the socket is connected.
    CONNECTION_STARTED,
    /// The socket is connected; the first message is to be sent.
    CONNECTION_MADE,
    /// Waiting for the response of the server.
    CONNECTION_AWAITING_RESPONSE,
    /// Authentication has succeeded; the server is starting the session.
    CONNECTION_AUTH_OK,
    /// No longer used.
    CONNECTION_SETENV,
    /// TLS handshake in progress.
    CONNECTION_SSL_STARTUP,
    /// Internal: the next address is to be tried.
    CONNECTION_NEEDED,
    /// Checking whether the session can write.
    CONNECTION_CHECK_WRITABLE,
    /// Reading the remaining messages of such a check.
    CONNECTION_CONSUME,
    /// GSSAPI handshake in progress.
    CONNECTION_GSS_STARTUP,
    /// Internal: checking the server against `target_session_attrs`.
    CONNECTION_CHECK_TARGET,
    /// Checking whether the server is a standby.
    CONNECTION_CHECK_STANDBY,
    /// Created, but not started.
    CONNECTION_ALLOCATED,
    /// Authentication is waiting for something outside the connection.
    CONNECTION_AUTHENTICATING,
}

/// The next step of a nonblocking operation.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostgresPollingStatusType {
    /// The operation has failed.
    PGRES_POLLING_FAILED = 0,
    /// Call again when the socket is readable.
    PGRES_POLLING_READING,
    /// Call again when the socket is writable.
    PGRES_POLLING_WRITING,
    /// The operation is complete.
    PGRES_POLLING_OK,
    /// No longer used.
    PGRES_POLLING_ACTIVE,
}

/// The status of a result.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecStatusType {
    /// The query string was empty.
    PGRES_EMPTY_QUERY = 0,
    /// A command that returns no rows has succeeded.
    PGRES_COMMAND_OK,
    /// A command that returns rows has succeeded.
    PGRES_TUPLES_OK,
    /// A COPY to the client has started.
    PGRES_COPY_OUT,
    /// A COPY from the client has started.
    PGRES_COPY_IN,
    /// The response of the server was not understood.
    PGRES_BAD_RESPONSE,
    /// A notice or warning.
    PGRES_NONFATAL_ERROR,
    /// The command has failed.
    PGRES_FATAL_ERROR,
    /// A COPY in both directions (replication) has started.
    PGRES_COPY_BOTH,
    /// One row, in single-row mode.
    PGRES_SINGLE_TUPLE,
    /// A synchronization point of a pipeline.
    PGRES_PIPELINE_SYNC,
    /// The command was skipped because an earlier command of the pipeline failed.
    PGRES_PIPELINE_ABORTED,
    /// Some rows, in chunked mode.
    PGRES_TUPLES_CHUNK,
}

/// The state of a transaction.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PGTransactionStatusType {
    /// Idle, not in a transaction.
    PQTRANS_IDLE,
    /// A command is in progress.
    PQTRANS_ACTIVE,
    /// Idle, in a transaction.
    PQTRANS_INTRANS,
    /// Idle, in a failed transaction.
    PQTRANS_INERROR,
    /// The connection is bad.
    PQTRANS_UNKNOWN,
}

/// The level of detail of an error message.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PGVerbosity {
    /// Severity, text and position, on one line.
    PQERRORS_TERSE,
    /// Also detail, hint, query and context.
    PQERRORS_DEFAULT,
    /// All fields.
    PQERRORS_VERBOSE,
    /// Only severity and SQLSTATE.
    PQERRORS_SQLSTATE,
}

/// The messages that include the CONTEXT field.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PGContextVisibility {
    /// None.
    PQSHOW_CONTEXT_NEVER,
    /// Errors, but not notices.
    PQSHOW_CONTEXT_ERRORS,
    /// All.
    PQSHOW_CONTEXT_ALWAYS,
}

/// The result of `PQping`; also the exit status of pg_isready.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PGPing {
    /// The server accepts connections.
    PQPING_OK,
    /// The server runs but rejects connections, for example during startup.
    PQPING_REJECT,
    /// No server responded.
    PQPING_NO_RESPONSE,
    /// No attempt was made, because the parameters are invalid.
    PQPING_NO_ATTEMPT,
}

/// The state of pipeline mode.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PGpipelineStatus {
    /// Disabled.
    PQ_PIPELINE_OFF,
    /// Enabled.
    PQ_PIPELINE_ON,
    /// Enabled; commands are skipped until the next synchronization point.
    PQ_PIPELINE_ABORTED,
}

/// What the data of a PQauthDataHook_type points to.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PGauthData {
    /// The user has to visit a URI: a `PGpromptOAuthDevice`.
    PQAUTHDATA_PROMPT_OAUTH_DEVICE,
    /// A bearer token is required: a `PGoauthBearerRequest`.
    PQAUTHDATA_OAUTH_BEARER_TOKEN,
    /// The same, tried first: a `PGoauthBearerRequestV2`.
    PQAUTHDATA_OAUTH_BEARER_TOKEN_V2,
}

/// The event that an event procedure is called for.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PGEventId {
    /// The procedure was registered: a `PGEventRegister`.
    PGEVT_REGISTER,
    /// The connection was reset: a `PGEventConnReset`.
    PGEVT_CONNRESET,
    /// The connection is about to be freed: a `PGEventConnDestroy`.
    PGEVT_CONNDESTROY,
    /// A result was created: a `PGEventResultCreate`.
    PGEVT_RESULTCREATE,
    /// A result was copied: a `PGEventResultCopy`.
    PGEVT_RESULTCOPY,
    /// A result is about to be freed: a `PGEventResultDestroy`.
    PGEVT_RESULTDESTROY,
}

/// The value of a `ConnStatusType`.
pub type ConnStatusCode = c_int;
/// The value of a `PostgresPollingStatusType`.
pub type PollingStatusCode = c_int;
/// The value of a `ExecStatusType`.
pub type ExecStatusCode = c_int;
/// The value of a `PGTransactionStatusType`.
pub type TransactionStatusCode = c_int;
/// The value of a `PGVerbosity`.
pub type VerbosityCode = c_int;
/// The value of a `PGContextVisibility`.
pub type ContextVisibilityCode = c_int;
/// The value of a `PGPing`.
pub type PingCode = c_int;
/// The value of a `PGpipelineStatus`.
pub type PipelineStatusCode = c_int;
/// The value of a `PGauthData`.
pub type AuthDataCode = c_int;
/// The value of a `PGEventId`.
pub type EventIdCode = c_int;
