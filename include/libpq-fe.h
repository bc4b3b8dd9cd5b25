/*
 * libpq-fe.h
 *     The C interface of libpq-oxide, source-compatible with libpq 19.
 *
 * Unless a comment says otherwise:
 *   - Strings end with a NUL byte.
 *   - An int is 1 for yes or success, and 0 for no or failure.
 *   - "With an error message" means that PQerrorMessage returns the reason.
 *   - "For NULL" means that the connection, result or other object that the function is about is NULL.
 *   - A string or array that is returned belongs to the connection or the result: do not free it.
 *   - Only one thread at a time may use a connection and its results.
 *
 * Generated from src/ffi by cbindgen. Change the comments there.
 */

#ifndef LIBPQ_FE_H
#define LIBPQ_FE_H

#include <stdint.h>
#include <stdio.h>

#include "postgres_ext.h"

/*
 * Features of the library, for #ifdef. Since libpq 14:
 */
/* PQenterPipelineMode and the other functions of pipeline mode */
#define LIBPQ_HAS_PIPELINING 1
/* PQsetTraceFlags and its trace format */
#define LIBPQ_HAS_TRACE_FLAGS 1

/* Since libpq 15: */
/* PQsslAttribute(NULL, "library") */
#define LIBPQ_HAS_SSL_LIBRARY_DETECTION 1

/* Since libpq 17: */
/* PGcancelConn and its functions */
#define LIBPQ_HAS_ASYNC_CANCEL 1
/* PQchangePassword */
#define LIBPQ_HAS_CHANGE_PASSWORD 1
/* PQsetChunkedRowsMode, PGRES_TUPLES_CHUNK */
#define LIBPQ_HAS_CHUNK_MODE 1
/* PQclosePrepared, PQclosePortal, PQsendClosePrepared, PQsendClosePortal */
#define LIBPQ_HAS_CLOSE_PREPARED 1
/* PQsendPipelineSync */
#define LIBPQ_HAS_SEND_PIPELINE_SYNC 1
/* PQsocketPoll, PQgetCurrentTimeUSec */
#define LIBPQ_HAS_SOCKET_POLL 1

/* Since libpq 18: */
/* PQfullProtocolVersion */
#define LIBPQ_HAS_FULL_PROTOCOL_VERSION 1
/* PQAUTHDATA_PROMPT_OAUTH_DEVICE */
#define LIBPQ_HAS_PROMPT_OAUTH_DEVICE 1

/* Since libpq 19: */
/* PQgetThreadLock */
#define LIBPQ_HAS_GET_THREAD_LOCK 1
/* PQAUTHDATA_OAUTH_BEARER_TOKEN_V2 */
#define LIBPQ_HAS_OAUTH_BEARER_TOKEN_V2 1

/* Not in libpq 19: */
/* PQgoAwayReceived and the connection option goaway */
#define LIBPQ_HAS_GOAWAY 1

#ifdef __cplusplus
extern "C" {
#endif

/* A connection. The content of this struct and of the next three is private to the library. */
typedef struct pg_conn PGconn;

/* A connection that cancels the command of another connection. */
typedef struct pg_cancel_conn PGcancelConn;

/* The result of a command. */
typedef struct pg_result PGresult;

/* The data that PQcancel needs to cancel a command. */
typedef struct pg_cancel PGcancel;


/* Flag of PQcopyResult: copy the descriptions of the columns. */
#define PG_COPYRES_ATTRS 1

/* Flag of PQcopyResult: copy the rows and the descriptions of the columns. */
#define PG_COPYRES_TUPLES 2

/* Flag of PQcopyResult: copy the event procedures. */
#define PG_COPYRES_EVENTS 4

/* Flag of PQcopyResult: copy the notice receiver and the notice processor. */
#define PG_COPYRES_NOTICEHOOKS 8

/* Flag of PQsetTraceFlags: omit the timestamp of each line. */
#define PQTRACE_SUPPRESS_TIMESTAMPS 1

/* Flag of PQsetTraceFlags: omit values that differ from run to run, such as OIDs. */
#define PQTRACE_REGRESS_MODE 2

/* The maximum number of parameters of a command. */
#define PQ_QUERY_PARAM_MAX_LIMIT 65535

/*
 * The state of a connection. A blocking connect ends with one of the first two. Programs should
 * not rely on the order of the others.
 */
typedef enum ConnStatusType {
    /* The connection is ready. */
    CONNECTION_OK,
    /* The connection has failed or was lost. */
    CONNECTION_BAD,
    /* Waiting until the socket is connected. */
    CONNECTION_STARTED,
    /* The socket is connected; the first message is to be sent. */
    CONNECTION_MADE,
    /* Waiting for the response of the server. */
    CONNECTION_AWAITING_RESPONSE,
    /* Authentication has succeeded; the server is starting the session. */
    CONNECTION_AUTH_OK,
    /* No longer used. */
    CONNECTION_SETENV,
    /* TLS handshake in progress. */
    CONNECTION_SSL_STARTUP,
    /* Internal: the next address is to be tried. */
    CONNECTION_NEEDED,
    /* Checking whether the session can write. */
    CONNECTION_CHECK_WRITABLE,
    /* Reading the remaining messages of such a check. */
    CONNECTION_CONSUME,
    /* GSSAPI handshake in progress. */
    CONNECTION_GSS_STARTUP,
    /* Internal: checking the server against target_session_attrs. */
    CONNECTION_CHECK_TARGET,
    /* Checking whether the server is a standby. */
    CONNECTION_CHECK_STANDBY,
    /* Created, but not started. */
    CONNECTION_ALLOCATED,
    /* Authentication is waiting for something outside the connection. */
    CONNECTION_AUTHENTICATING,
} ConnStatusType;

/* The next step of a nonblocking operation. */
typedef enum PostgresPollingStatusType {
    /* The operation has failed. */
    PGRES_POLLING_FAILED = 0,
    /* Call again when the socket is readable. */
    PGRES_POLLING_READING,
    /* Call again when the socket is writable. */
    PGRES_POLLING_WRITING,
    /* The operation is complete. */
    PGRES_POLLING_OK,
    /* No longer used. */
    PGRES_POLLING_ACTIVE,
} PostgresPollingStatusType;

/* The status of a result. */
typedef enum ExecStatusType {
    /* The query string was empty. */
    PGRES_EMPTY_QUERY = 0,
    /* A command that returns no rows has succeeded. */
    PGRES_COMMAND_OK,
    /* A command that returns rows has succeeded. */
    PGRES_TUPLES_OK,
    /* A COPY to the client has started. */
    PGRES_COPY_OUT,
    /* A COPY from the client has started. */
    PGRES_COPY_IN,
    /* The response of the server was not understood. */
    PGRES_BAD_RESPONSE,
    /* A notice or warning. */
    PGRES_NONFATAL_ERROR,
    /* The command has failed. */
    PGRES_FATAL_ERROR,
    /* A COPY in both directions (replication) has started. */
    PGRES_COPY_BOTH,
    /* One row, in single-row mode. */
    PGRES_SINGLE_TUPLE,
    /* A synchronization point of a pipeline. */
    PGRES_PIPELINE_SYNC,
    /* The command was skipped because an earlier command of the pipeline failed. */
    PGRES_PIPELINE_ABORTED,
    /* Some rows, in chunked mode. */
    PGRES_TUPLES_CHUNK,
} ExecStatusType;

/* The state of a transaction. */
typedef enum PGTransactionStatusType {
    /* Idle, not in a transaction. */
    PQTRANS_IDLE,
    /* A command is in progress. */
    PQTRANS_ACTIVE,
    /* Idle, in a transaction. */
    PQTRANS_INTRANS,
    /* Idle, in a failed transaction. */
    PQTRANS_INERROR,
    /* The connection is bad. */
    PQTRANS_UNKNOWN,
} PGTransactionStatusType;

/* The level of detail of an error message. */
typedef enum PGVerbosity {
    /* Severity, text and position, on one line. */
    PQERRORS_TERSE,
    /* Also detail, hint, query and context. */
    PQERRORS_DEFAULT,
    /* All fields. */
    PQERRORS_VERBOSE,
    /* Only severity and SQLSTATE. */
    PQERRORS_SQLSTATE,
} PGVerbosity;

/* The messages that include the CONTEXT field. */
typedef enum PGContextVisibility {
    /* None. */
    PQSHOW_CONTEXT_NEVER,
    /* Errors, but not notices. */
    PQSHOW_CONTEXT_ERRORS,
    /* All. */
    PQSHOW_CONTEXT_ALWAYS,
} PGContextVisibility;

/* The result of PQping; also the exit status of pg_isready. */
typedef enum PGPing {
    /* The server accepts connections. */
    PQPING_OK,
    /* The server runs but rejects connections, for example during startup. */
    PQPING_REJECT,
    /* No server responded. */
    PQPING_NO_RESPONSE,
    /* No attempt was made, because the parameters are invalid. */
    PQPING_NO_ATTEMPT,
} PGPing;

/* The state of pipeline mode. */
typedef enum PGpipelineStatus {
    /* Disabled. */
    PQ_PIPELINE_OFF,
    /* Enabled. */
    PQ_PIPELINE_ON,
    /* Enabled; commands are skipped until the next synchronization point. */
    PQ_PIPELINE_ABORTED,
} PGpipelineStatus;

/* What the data of a PQauthDataHook_type points to. */
typedef enum PGauthData {
    /* The user has to visit a URI: a PGpromptOAuthDevice. */
    PQAUTHDATA_PROMPT_OAUTH_DEVICE,
    /* A bearer token is required: a PGoauthBearerRequest. */
    PQAUTHDATA_OAUTH_BEARER_TOKEN,
    /* The same, tried first: a PGoauthBearerRequestV2. */
    PQAUTHDATA_OAUTH_BEARER_TOKEN_V2,
} PGauthData;

/* A connection option. All strings except val are constants. */
struct _PQconninfoOption {
    /* The name; NULL ends the array. */
    char *keyword;
    /* The environment variable that sets the default, or NULL. */
    char *envvar;
    /* The compiled default, or NULL. */
    char *compiled;
    /* The value, or NULL. */
    char *val;
    /* The label for an input field. */
    char *label;
    /* How an input field shows it: "" as text, "*" hidden like a password, "D" only on request. */
    char *dispchar;
    /* The width of an input field in characters. */
    int dispsize;
};

/* The usual name of struct _PQconninfoOption. */
typedef struct _PQconninfoOption PQconninfoOption;

/* A notification. It is one block of memory: free it with PQfreemem. */
struct pgNotify {
    /* The name of the channel. */
    char *relname;
    /* The process ID of the server process that sent it. */
    int be_pid;
    /* The payload; may be empty. */
    char *extra;
    /* Private to the library. */
    struct pgNotify *next;
};

/* The usual name of struct pgNotify. */
typedef struct pgNotify PGnotify;

/* The value of an argument of PQfn. */
union PQArgValue {
    /* A pointer to the bytes. */
    int *ptr;
    /* An integer. */
    int integer;
};

/* An argument of PQfn. */
struct _PQArgBlock {
    /* The length of the value in bytes; -1 for an SQL NULL. */
    int len;
    /* Not 0 if u is an integer (2 or 4 bytes), 0 if it is a pointer. */
    int isint;
    /* The value. */
    union PQArgValue u;
};

/* The usual name of struct _PQArgBlock. */
typedef struct _PQArgBlock PQArgBlock;

/* The description of a column, for PQsetResultAttrs. */
struct pgresAttDesc {
    /* The name; NULL counts as an empty string. */
    char *name;
    /* The OID of the table, or 0. */
    Oid tableid;
    /* The number of the column in the table, or 0. */
    int columnid;
    /* 0 for text, 1 for binary. */
    int format;
    /* The OID of the type. */
    Oid typid;
    /* The size of the type in bytes; negative if it varies. */
    int typlen;
    /* The type modifier. */
    int atttypmod;
};

/* The usual name of struct pgresAttDesc. */
typedef struct pgresAttDesc PGresAttDesc;

/* Receives a notice as a result, which is valid only during the call and must not be cleared. */
typedef void (*PQnoticeReceiver)(void *arg, const PGresult *res);

/* Receives a notice as text, which ends with a newline and is valid only during the call. */
typedef void (*PQnoticeProcessor)(void *arg, const char *message);

/* A Boolean of PQprintOpt: 0 is false. */
typedef char pqbool;

/* The options of PQprint. */
struct _PQprintOpt {
    /* Print the column names and the number of rows. */
    pqbool header;
    /* Pad the values so that columns are aligned. */
    pqbool align;
    /* Use an old format. */
    pqbool standard;
    /* Print an HTML table. */
    pqbool html3;
    /* Print each value on a line of its own. */
    pqbool expanded;
    /* Use a pager if stdout is a terminal and the output is long. */
    pqbool pager;
    /* The separator between values. */
    char *fieldSep;
    /* Attributes of the HTML element table, or NULL. */
    char *tableOpt;
    /* The caption of the HTML table, or NULL. */
    char *caption;
    /* An array of column names to print, which ends with NULL; or NULL. */
    char **fieldName;
};

/* The usual name of struct _PQprintOpt. */
typedef struct _PQprintOpt PQprintOpt;

/*
 * Writes the password of the client key to buf of size bytes, with a final NUL byte. Returns
 * its length, or 0 if there is none.
 */
typedef int (*PQsslKeyPassHook_OpenSSL_type)(char *buf, int size, PGconn *conn);

/*
 * Provides data for authentication. Returns a positive number if it has, 0 for the default method,
 * and a negative number for an error.
 */
typedef int (*PQauthDataHook_type)(PGauthData type, PGconn *conn, void *data);

/* A point in time, in microseconds since 1970-01-01 00:00 UTC. */
typedef int64_t pg_usec_time_t;

/*
 * Acquires (if acquire is not 0) or releases (if it is 0) the lock for libraries that are not
 * thread-safe.
 */
typedef void (*pgthreadlock_t)(int acquire);

/*
 * Data of PQAUTHDATA_PROMPT_OAUTH_DEVICE: what to show to the user. The strings are valid during
 * the call.
 */
struct _PGpromptOAuthDevice {
    /* The URI that the user has to visit. */
    const char *verification_uri;
    /* The code that the user has to enter there. */
    const char *user_code;
    /* A URI that includes the code, or NULL. */
    const char *verification_uri_complete;
    /* The number of seconds until the code expires. */
    int expires_in;
};

/* The usual name of struct _PGpromptOAuthDevice. */
typedef struct _PGpromptOAuthDevice PGpromptOAuthDevice;

/*
 * Data of PQAUTHDATA_OAUTH_BEARER_TOKEN. The hook sets token, or async to get the token
 * without blocking.
 */
struct PGoauthBearerRequest {
    /* In: the URI of the provider's discovery document. */
    const char *openid_configuration;
    /* In: the required scopes, or NULL. */
    const char *scope;
    /*
     * Out, optional: called repeatedly until there is a token. Returns PGRES_POLLING_READING or
     * PGRES_POLLING_WRITING after it has stored the descriptor to wait for in *altsock,
     * PGRES_POLLING_OK after it has set token, or PGRES_POLLING_FAILED.
     */
    PostgresPollingStatusType (*async)(PGconn *conn,
                                       struct PGoauthBearerRequest *request,
                                       int *altsock);
    /*
     * Out, optional: called when the token is no longer needed, to free what the hook has
     * allocated.
     */
    void (*cleanup)(PGconn *conn, struct PGoauthBearerRequest *request);
    /* Out: the token. It must remain valid until cleanup is called. */
    char *token;
    /* For the hook; not used by the library. */
    void *user;
};

typedef struct PGoauthBearerRequest PGoauthBearerRequest;

/*
 * Data of PQAUTHDATA_OAUTH_BEARER_TOKEN_V2. The callbacks in v1 may cast their request to this
 * type.
 */
struct _PGoauthBearerRequestV2 {
    /* The members of version 1. */
    struct PGoauthBearerRequest v1;
    /* In: the issuer, as in the connection option oauth_issuer. */
    const char *issuer;
    /*
     * Out, optional: the reason for a failure, for PQerrorMessage. The library does not free it;
     * v1.cleanup may.
     */
    const char *error;
};

/* The usual name of struct _PGoauthBearerRequestV2. */
typedef struct _PGoauthBearerRequestV2 PGoauthBearerRequestV2;

/*
 * Opens a connection with the parameters in a connection string or URI. Blocks until the
 * connection is established or has failed.
 *
 * Returns NULL only when memory ran out. Otherwise returns a connection, also after a failure:
 * check PQstatus, read the reason with PQerrorMessage, and free it with PQfinish. NULL counts as
 * an empty string (libpq crashes).
 */
PGconn *PQconnectdb(const char *conninfo);

/*
 * Opens a connection with the parameters in two arrays of equal length. The last keyword is NULL.
 *
 * Entries with a NULL or empty value are ignored. If a keyword occurs twice, the later entry
 * applies. If expand_dbname is not 0, the first dbname may be a connection string or URI,
 * which is expanded. If one of the arrays is NULL, there are no parameters. Otherwise like
 * PQconnectdb.
 */
PGconn *PQconnectdbParams(const char *const *keywords,
                          const char *const *values,
                          int expand_dbname);

/*
 * Opens a connection with parameters given as arguments. NULL or an empty string selects the
 * default.
 *
 * dbName may be a connection string or URI; the other arguments override its values. pgtty is
 * ignored. Otherwise like PQconnectdb.
 */
PGconn *PQsetdbLogin(const char *pghost,
                     const char *pgport,
                     const char *pgoptions,
                     const char *pgtty,
                     const char *dbName,
                     const char *login,
                     const char *pwd);

/*
 * Starts to open a connection and does not wait for the server. Name resolution may block.
 *
 * Returns a connection like PQconnectdb. If PQstatus is not CONNECTION_BAD, wait until PQsocket is
 * writable, then call PQconnectPoll until it returns PGRES_POLLING_OK or PGRES_POLLING_FAILED.
 * NULL counts as an empty string.
 */
PGconn *PQconnectStart(const char *conninfo);

/* Like PQconnectStart, with the parameters in two arrays, as for PQconnectdbParams. */
PGconn *PQconnectStartParams(const char *const *keywords,
                             const char *const *values,
                             int expand_dbname);

/*
 * Continues to open a connection, without waiting.
 *
 * Returns PGRES_POLLING_READING or PGRES_POLLING_WRITING: wait until PQsocket is readable or
 * writable, then call again. Returns PGRES_POLLING_OK when the connection is ready, and
 * PGRES_POLLING_FAILED after a failure and for NULL. The socket may change with each call. The
 * option connect_timeout does not apply.
 */
PostgresPollingStatusType PQconnectPoll(PGconn *conn);

/*
 * Closes a connection and frees it. Does nothing for NULL. Results and cancel objects made from it
 * stay valid.
 *
 * In a process that was forked after the connection was opened, only the file descriptor is
 * closed; the session of the parent process continues.
 */
void PQfinish(PGconn *conn);

/*
 * Closes the connection and opens it again with the same parameters. Blocks until it is
 * established or has failed: check PQstatus.
 *
 * All hosts are tried again, starting with the first. Does nothing for NULL.
 */
void PQreset(PGconn *conn);

/*
 * Closes the connection and starts to open it again, without waiting. Continue with PQresetPoll.
 *
 * Returns 1 if it started, and 0 if it failed or conn is NULL.
 */
int PQresetStart(PGconn *conn);

/* Continues a reset, like PQconnectPoll. */
PostgresPollingStatusType PQresetPoll(PGconn *conn);

/*
 * Checks whether a server accepts connections. Takes a connection string or URI; NULL counts as an
 * empty string. The user name and the password need not be correct.
 */
PGPing PQping(const char *conninfo);

/* Like PQping, with the parameters in two arrays, as for PQconnectdbParams. */
PGPing PQpingParams(const char *const *keywords, const char *const *values, int expand_dbname);

/*
 * Returns the connection's options with their current values, passwords included. An entry whose
 * keyword is NULL ends the array. Free it with PQconninfoFree.
 *
 * Returns NULL if memory ran out, and for NULL.
 */
PQconninfoOption *PQconninfo(PGconn *conn);

/*
 * Returns all connection options with their default values: from the service file, the
 * environment, the compiled defaults and the operating system. A service that cannot be read is
 * ignored.
 *
 * An entry whose keyword is NULL ends the array. Free it with PQconninfoFree. Returns NULL if
 * memory ran out.
 */
PQconninfoOption *PQconndefaults(void);

/*
 * Parses a connection string or URI. Returns all connection options; val is NULL for those that
 * the string does not set. NULL counts as an empty string.
 *
 * An entry whose keyword is NULL ends the array. Free it with PQconninfoFree. Returns NULL on
 * failure and sets *errmsg to a message that ends with a newline; free it with PQfreemem. After
 * success, or if memory ran out, *errmsg is NULL. errmsg may be NULL.
 */
PQconninfoOption *PQconninfoParse(const char *conninfo, char **errmsg);

/*
 * Frees an array of connection options and its values, which it overwrites first, because they can
 * have passwords. Does nothing for NULL.
 */
void PQconninfoFree(PQconninfoOption *connOptions);

/*
 * Returns the state of a connection: CONNECTION_OK, CONNECTION_BAD or, while the connection is
 * being opened, one of the others. Returns CONNECTION_BAD for NULL.
 */
ConnStatusType PQstatus(const PGconn *conn);

/*
 * Returns the error messages of the last operation, each of which ends with a newline; an empty
 * string if there was no error.
 *
 * The string belongs to the connection and is valid until the next call with it. For NULL, returns
 * a message that says so.
 */
char *PQerrorMessage(const PGconn *conn);

/*
 * Returns the file descriptor of the connection's socket, or -1 if there is none and for NULL. It
 * may change while the connection is being opened.
 */
int PQsocket(const PGconn *conn);

/*
 * Returns the name of the database. Returns NULL if the connection options were invalid, and for
 * NULL.
 */
char *PQdb(const PGconn *conn);

/*
 * Returns the name of the user. Returns NULL if the connection options were invalid, and for NULL.
 */
char *PQuser(const PGconn *conn);

/*
 * Returns the command-line options for the server process, as set with the option options.
 * Returns NULL if the connection options were invalid, and for NULL.
 */
char *PQoptions(const PGconn *conn);

/*
 * Returns the password for the current host, which may come from the password file; an empty
 * string if there is none. Returns NULL for NULL.
 */
char *PQpass(const PGconn *conn);

/*
 * Returns the host that is connected or being tried: its name or the directory of the Unix socket,
 * otherwise its address. Empty if there is none. Returns NULL for NULL.
 */
char *PQhost(const PGconn *conn);

/*
 * Returns the numeric IP address of the server. Empty for a Unix socket or if there is none.
 * Returns NULL for NULL.
 */
char *PQhostaddr(const PGconn *conn);

/*
 * Returns the port of the host that is connected or being tried, as a string. Returns NULL for
 * NULL.
 */
char *PQport(const PGconn *conn);

/* Returns an empty string; servers have no debug terminal any more. Returns NULL for NULL. */
char *PQtty(const PGconn *conn);

/*
 * Returns the state of the session's transaction. Returns PQTRANS_UNKNOWN if the connection is
 * bad, and for NULL.
 */
PGTransactionStatusType PQtransactionStatus(const PGconn *conn);

/* Returns the state of pipeline mode. Returns PQ_PIPELINE_OFF for NULL. */
PGpipelineStatus PQpipelineStatus(const PGconn *conn);

/*
 * Returns the value that the server last reported for a parameter, such as server_version.
 * Returns NULL if the server has reported none, and if an argument is NULL. The name is
 * case-sensitive.
 *
 * The string belongs to the connection and is valid until the server reports another value.
 *
 * disconnect_requested is "on" after a GoAway message. To find out, this function parses
 * messages that were read but not parsed yet, so it may call the notice receiver: see
 * PQgoAwayReceived.
 */
const char *PQparameterStatus(const PGconn *conn,
                              const char *paramName);

/*
 * Returns 1 if the server has asked the client to disconnect, otherwise 0. Returns 0 for NULL.
 *
 * A server asks this before it shuts down, or when it wants its clients to connect to another
 * server. It sends a GoAway message, or reports the parameter disconnect_requested as "on". The
 * session stays fully usable, and the current transaction can complete. Close the connection with
 * PQfinish as soon as it is idle, and open a new one when you need it. A connection pool should
 * call this function when a connection is returned, and regularly while it is idle.
 *
 * This function does not read from the socket. If you have just read the results of a command, the
 * request has been read too. On an idle connection, call PQconsumeInput first, for example when
 * the socket becomes readable.
 *
 * After a GoAway message, this function returns 1 until PQreset or PQresetStart, even if the
 * connection is lost. Without the message, it returns what the server has last reported: 1 for
 * "on", 0 for "off".
 *
 * This function parses messages that were read but not parsed yet. So it may call the notice
 * receiver, and no other thread may use the connection during the call, although the argument is
 * const.
 *
 * The library tells servers that it understands GoAway messages, unless the connection option
 * goaway is "disable". C libpq does not have this function: programs that must compile with it
 * too can test #ifdef LIBPQ_HAS_GOAWAY.
 */
int PQgoAwayReceived(const PGconn *conn);

/*
 * Returns the major version of the protocol, 3. Returns 0 if the connection is bad, and for NULL.
 */
int PQprotocolVersion(const PGconn *conn);

/*
 * Returns the version of the protocol as a number: 30000 for 3.0, 30002 for 3.2. Returns 0 if the
 * connection is bad, and for NULL.
 */
int PQfullProtocolVersion(const PGconn *conn);

/*
 * Returns the version of the server as a number: 180006 for 18.6, 90603 for 9.6.3. Returns 0 if it
 * is not known, if the connection is bad, and for NULL.
 */
int PQserverVersion(const PGconn *conn);

/*
 * Returns the process ID of the server process. Returns 0 if the connection is not open, if the
 * server has sent no ID, and for NULL.
 */
int PQbackendPID(const PGconn *conn);

/*
 * Returns 1 if the server asked for a password and none was available, otherwise 0. Returns 0 for
 * NULL.
 */
int PQconnectionNeedsPassword(const PGconn *conn);

/* Returns 1 if the server asked for a password, otherwise 0. Returns 0 for NULL. */
int PQconnectionUsedPassword(const PGconn *conn);

/* Returns 1 if GSSAPI authenticates or encrypts the connection, otherwise 0. Returns 0 for NULL. */
int PQconnectionUsedGSSAPI(const PGconn *conn);

/*
 * Sets how detailed the error messages of later commands are. Returns the previous setting, and
 * PQERRORS_DEFAULT for NULL. An unknown value selects PQERRORS_DEFAULT.
 */
PGVerbosity PQsetErrorVerbosity(PGconn *conn, PGVerbosity verbosity);

/*
 * Sets whether the messages of later commands include the CONTEXT field. Returns the previous
 * setting, and PQSHOW_CONTEXT_ERRORS for NULL. An unknown value selects PQSHOW_CONTEXT_NEVER.
 */
PGContextVisibility PQsetErrorContextVisibility(PGconn *conn, PGContextVisibility show_context);

/*
 * Returns the number of the client encoding (see pg_encoding_to_char). Returns -1 if the
 * connection is not open, and for NULL.
 */
int PQclientEncoding(const PGconn *conn);

/*
 * Sends one or more SQL commands and blocks until the server has executed them. Returns the result
 * of the last command; free it with PQclear.
 *
 * Pending results of earlier commands are discarded, and a COPY in progress is ended. If a command
 * starts a COPY, its result is returned at once. Returns NULL for NULL, in pipeline mode, and if
 * the command could not be sent; PQerrorMessage has the reason.
 */
PGresult *PQexec(PGconn *conn,
                 const char *query);

/*
 * Executes one SQL command with parameters. For the arguments see PQsendQueryParams, otherwise
 * like PQexec.
 */
PGresult *PQexecParams(PGconn *conn,
                       const char *command,
                       int nParams,
                       const Oid *paramTypes,
                       const char *const *paramValues,
                       const int *paramLengths,
                       const int *paramFormats,
                       int resultFormat);

/* Prepares a statement. For the arguments see PQsendPrepare, otherwise like PQexec. */
PGresult *PQprepare(PGconn *conn,
                    const char *stmtName,
                    const char *query,
                    int nParams,
                    const Oid *paramTypes);

/*
 * Executes a prepared statement. For the arguments see PQsendQueryPrepared, otherwise like PQexec.
 */
PGresult *PQexecPrepared(PGconn *conn,
                         const char *stmtName,
                         int nParams,
                         const char *const *paramValues,
                         const int *paramLengths,
                         const int *paramFormats,
                         int resultFormat);

/*
 * Describes the parameters and columns of a prepared statement, in a PGRES_COMMAND_OK result. NULL
 * names the unnamed statement. Otherwise like PQexec.
 */
PGresult *PQdescribePrepared(PGconn *conn,
                             const char *stmt);

/*
 * Describes the columns of a portal, in a PGRES_COMMAND_OK result. NULL names the unnamed portal.
 * Otherwise like PQexec.
 */
PGresult *PQdescribePortal(PGconn *conn, const char *portal);

/*
 * Closes a prepared statement. NULL names the unnamed statement. It is not an error if there is no
 * such statement. Otherwise like PQexec.
 */
PGresult *PQclosePrepared(PGconn *conn, const char *stmt);

/*
 * Closes a portal. NULL names the unnamed portal. It is not an error if there is no such portal.
 * Otherwise like PQexec.
 */
PGresult *PQclosePortal(PGconn *conn, const char *portal);

/*
 * Creates an empty result with the given status; free it with PQclear. Returns NULL if memory ran
 * out.
 *
 * If conn is not NULL, the result gets its client encoding, notice functions and event
 * procedures and, if the status is an error, its error message. An unknown status counts as
 * PGRES_FATAL_ERROR.
 */
PGresult *PQmakeEmptyPGresult(PGconn *conn, ExecStatusType status);

/*
 * Waits for the next result of the commands sent and returns it; free it with PQclear. Returns
 * NULL when the command is complete, and for NULL.
 *
 * Call it until it returns NULL before you send the next command. In pipeline mode, NULL follows
 * the results of each command; no NULL follows PGRES_PIPELINE_SYNC.
 */
PGresult *PQgetResult(PGconn *conn);

/*
 * Sends one or more SQL commands and does not wait for the results. Returns 1, or 0 with an error
 * message, and 0 for NULL.
 */
int PQsendQuery(PGconn *conn,
                const char *query);

/*
 * Sends one SQL command with nParams parameters (0 to 65535) and does not wait for the results.
 * Returns 1, or 0 with an error message, and 0 for NULL.
 *
 * Each array has nParams elements or is NULL. paramTypes: type OIDs; the server infers the
 * type if the element is 0 or the array NULL. paramValues: the values; a NULL element, or a NULL
 * array, is an SQL NULL. paramLengths: the lengths of binary values in bytes; ignored for text
 * values, which end with a NUL byte. paramFormats: 0 for text, 1 for binary; NULL for text only.
 * resultFormat is 0 for text and 1 for binary results. A negative length counts as 0.
 */
int PQsendQueryParams(PGconn *conn,
                      const char *command,
                      int nParams,
                      const Oid *paramTypes,
                      const char *const *paramValues,
                      const int *paramLengths,
                      const int *paramFormats,
                      int resultFormat);

/*
 * Sends a request to prepare a statement and does not wait for the result. Returns 1, or 0 with an
 * error message, and 0 for NULL.
 *
 * An empty stmtName names the unnamed statement. paramTypes has nParams type OIDs or is
 * NULL; the server infers a type if its OID is 0.
 */
int PQsendPrepare(PGconn *conn,
                  const char *stmtName,
                  const char *query,
                  int nParams,
                  const Oid *paramTypes);

/*
 * Sends a request to execute a prepared statement and does not wait for the results. Returns 1, or
 * 0 with an error message, and 0 for NULL. For the arguments see PQsendQueryParams.
 */
int PQsendQueryPrepared(PGconn *conn,
                        const char *stmtName,
                        int nParams,
                        const char *const *paramValues,
                        const int *paramLengths,
                        const int *paramFormats,
                        int resultFormat);

/*
 * Sends a request to describe the parameters and columns of a prepared statement. Returns 1, or 0
 * with an error message, and 0 for NULL. A NULL name is the unnamed statement.
 */
int PQsendDescribePrepared(PGconn *conn,
                           const char *stmt);

/*
 * Sends a request to describe the columns of a portal. Returns 1, or 0 with an error message, and
 * 0 for NULL. A NULL name is the unnamed portal.
 */
int PQsendDescribePortal(PGconn *conn, const char *portal);

/*
 * Sends a request to close a prepared statement. Returns 1, or 0 with an error message, and 0 for
 * NULL. A NULL name is the unnamed statement.
 */
int PQsendClosePrepared(PGconn *conn, const char *stmt);

/*
 * Sends a request to close a portal. Returns 1, or 0 with an error message, and 0 for NULL. A NULL
 * name is the unnamed portal.
 */
int PQsendClosePortal(PGconn *conn, const char *portal);

/*
 * Selects single-row mode for the command just sent: PQgetResult returns one result for each row.
 * Returns 1, or 0 if no command was just sent, and for NULL.
 */
int PQsetSingleRowMode(PGconn *conn);

/*
 * Selects chunked mode for the command just sent: PQgetResult returns results of at most
 * chunkSize rows. Returns 1, or 0 if no command was just sent, if chunkSize is less than 1,
 * and for NULL.
 */
int PQsetChunkedRowsMode(PGconn *conn, int chunkSize);

/*
 * Reads available data from the server, without waiting. Returns 1, also if there was none, or 0
 * with an error message, and 0 for NULL.
 *
 * In nonblocking mode, first sends as much buffered output as possible. In blocking mode, if a
 * thread was cancelled while it sent a command, first sends the rest of it, and waits for that.
 */
int PQconsumeInput(PGconn *conn);

/*
 * Returns 1 if PQgetResult would block, otherwise 0. Returns 0 for NULL. Does not read from the
 * socket: call PQconsumeInput first.
 */
int PQisBusy(PGconn *conn);

/*
 * Sends buffered output. Returns 0 if all of it is sent and 1 if some is left, which only happens
 * in nonblocking mode. Returns -1 for an error, if the connection is bad, and for NULL.
 */
int PQflush(PGconn *conn);

/*
 * Enables nonblocking mode if arg is not 0, otherwise disables it. Returns 0, or -1 if buffered
 * output could not be sent first, if the connection is bad, and for NULL.
 */
int PQsetnonblocking(PGconn *conn, int arg);

/*
 * Returns 1 if nonblocking mode is enabled, otherwise 0. Returns 0 if the connection is bad, and
 * for NULL.
 */
int PQisnonblocking(const PGconn *conn);

/*
 * Returns the next notification from NOTIFY and removes it from the queue; free it with PQfreemem.
 * Returns NULL if there is none, if memory ran out, and for NULL.
 *
 * Does not read from the socket: call PQconsumeInput first.
 */
PGnotify *PQnotifies(PGconn *conn);

/*
 * Enables pipeline mode: commands can be sent before the results of earlier ones have arrived.
 * Returns 1, also if the mode is already enabled. Returns 0 if a command is in progress, and for
 * NULL.
 */
int PQenterPipelineMode(PGconn *conn);

/*
 * Disables pipeline mode. Returns 1, also if the mode is already disabled. Returns 0 if there are
 * results to collect, and for NULL.
 */
int PQexitPipelineMode(PGconn *conn);

/*
 * Adds a synchronization point to the pipeline and sends all buffered output. Returns 1, or 0 with
 * an error message, and 0 for NULL.
 */
int PQpipelineSync(PGconn *conn);

/*
 * Adds a synchronization point to the pipeline and does not send the buffered output. Returns 1,
 * or 0 with an error message, and 0 for NULL.
 */
int PQsendPipelineSync(PGconn *conn);

/*
 * Adds a request that the server send the results that it has. Call PQflush to send it. Returns 1,
 * or 0 with an error message, and 0 for NULL.
 */
int PQsendFlushRequest(PGconn *conn);

/*
 * Calls a function of the server by its OID, with binary arguments, and waits for the result.
 * Deprecated: prepared statements do the same safely.
 *
 * Returns a PGRES_COMMAND_OK or an error result, to be freed with PQclear, or NULL with an error
 * message. NULL for NULL.
 *
 * If result_is_int is not 0, an integer of 2 or 4 bytes is stored in *result_buf. Otherwise
 * result_buf receives all bytes that the server sends; there is no limit, so do not use this
 * with a server that you do not trust. *result_len is set to the number of bytes, or to -1 for
 * an SQL NULL. Either pointer may be NULL.
 *
 * nargs is 0 to 65535, and an argument's length is -1 for an SQL NULL or at least 0. Other
 * values, a NULL args and a NULL pointer to a value that is not empty are refused.
 */
PGresult *PQfn(PGconn *conn,
               int fnid,
               int *result_buf,
               int *result_len,
               int result_is_int,
               const PQArgBlock *args,
               int nargs);

/* Returns the status of a result. Returns PGRES_FATAL_ERROR for NULL. */
ExecStatusType PQresultStatus(const PGresult *res);

/*
 * Returns the name of a status, such as "PGRES_TUPLES_OK", as a constant string. Returns a message
 * if there is no such status.
 */
char *PQresStatus(ExecStatusType status);

/*
 * Returns the error message of a result; an empty string if there is none, and for NULL. The
 * string belongs to the result.
 */
char *PQresultErrorMessage(const PGresult *res);

/*
 * Returns the error message of a result, formatted with other settings; free it with PQfreemem.
 * Returns NULL if memory ran out.
 *
 * For NULL, and for a result that is not an error, returns a message that says so.
 */
char *PQresultVerboseErrorMessage(const PGresult *res,
                                  PGVerbosity verbosity,
                                  PGContextVisibility show_context);

/*
 * Returns one field of the server's error, such as PG_DIAG_SQLSTATE. Returns NULL if the error
 * does not have this field, and for NULL. The string belongs to the result.
 */
char *PQresultErrorField(const PGresult *res, int fieldcode);

/* Returns the number of rows. Returns 0 for NULL. */
int PQntuples(const PGresult *res);

/* Returns the number of columns. Returns 0 for NULL. */
int PQnfields(const PGresult *res);

/*
 * Returns 1 if all columns have the binary format; for a COPY, if its overall format is binary.
 * Otherwise returns 0, also without columns and for NULL.
 */
int PQbinaryTuples(const PGresult *res);

/*
 * Returns a value, followed by a NUL byte; an empty string for an SQL NULL. Rows and columns are
 * numbered from 0. The value belongs to the result.
 *
 * A binary value is aligned to 8 bytes. If there is no such row or column, returns NULL and raises
 * a notice. Returns NULL for NULL.
 */
char *PQgetvalue(const PGresult *res, int tup_num, int field_num);

/*
 * Returns the length of a value in bytes, without the NUL byte; 0 for an SQL NULL. If there is no
 * such row or column, returns 0 and raises a notice. Returns 0 for NULL.
 */
int PQgetlength(const PGresult *res, int tup_num, int field_num);

/*
 * Returns 1 if a value is an SQL NULL, otherwise 0. If there is no such row or column, returns 1
 * and raises a notice. Returns 1 for NULL.
 */
int PQgetisnull(const PGresult *res, int tup_num, int field_num);

/* Returns the number of bytes allocated for a result. Returns 0 for NULL. */
size_t PQresultMemorySize(const PGresult *res);

/*
 * Calls the event procedures of a result (PGEVT_RESULTDESTROY) and frees it. Does nothing for
 * NULL.
 */
void PQclear(PGresult *res);

/*
 * Returns the name of a column; it belongs to the result. Columns are numbered from 0. Columns of
 * a COPY have no name: returns NULL. If there is no such column, returns NULL and raises a notice.
 * Returns NULL for NULL.
 */
char *PQfname(const PGresult *res, int field_num);

/*
 * Returns the number of the first column with the given name, starting with 0. Returns -1 if there
 * is none, for an empty name and for NULL.
 *
 * The name is folded to lower case, except for parts in double quotes, as in SQL.
 */
int PQfnumber(const PGresult *res, const char *field_name);

/*
 * Returns the OID of the table that a column belongs to; 0 if it belongs to none. If there is no
 * such column, returns 0 and raises a notice. Returns 0 for NULL.
 */
Oid PQftable(const PGresult *res, int field_num);

/*
 * Returns the number of a column in its table, starting with 1; 0 if it belongs to no table. If
 * there is no such column, returns 0 and raises a notice. Returns 0 for NULL.
 */
int PQftablecol(const PGresult *res, int field_num);

/*
 * Returns the format of a column: 0 for text, 1 for binary. If there is no such column, returns 0
 * and raises a notice. Returns 0 for NULL.
 */
int PQfformat(const PGresult *res, int field_num);

/*
 * Returns the OID of the type of a column. If there is no such column, returns 0 and raises a
 * notice. Returns 0 for NULL.
 */
Oid PQftype(const PGresult *res, int field_num);

/*
 * Returns the size of the type of a column in bytes; a negative number if the size varies. If
 * there is no such column, returns 0 and raises a notice. Returns 0 for NULL.
 */
int PQfsize(const PGresult *res, int field_num);

/*
 * Returns the type modifier of a column, for example its precision; -1 if it has none. If there is
 * no such column, returns 0 and raises a notice. Returns 0 for NULL.
 */
int PQfmod(const PGresult *res, int field_num);

/*
 * Returns the number of parameters of a prepared statement, for a result of PQdescribePrepared.
 * Returns 0 for other results and for NULL.
 */
int PQnparams(const PGresult *res);

/*
 * Returns the OID of the type of a parameter of a prepared statement, for a result of
 * PQdescribePrepared. Parameters are numbered from 0. If there is no such parameter, returns 0 and
 * raises a notice. Returns 0 for NULL.
 */
Oid PQparamtype(const PGresult *res, int param_num);

/*
 * Returns the command tag of a result, such as "INSERT 0 1"; an empty string if it has none.
 * Returns NULL for NULL. The string belongs to the result.
 */
char *PQcmdStatus(PGresult *res);

/*
 * Returns the OID of the row that an INSERT created, as a string; an empty string if there is
 * none, and for NULL. The next call in the same thread overwrites the string. Deprecated: use
 * PQoidValue.
 */
char *PQoidStatus(const PGresult *res);

/* Returns the OID of the row that an INSERT created. Returns 0 if there is none, and for NULL. */
Oid PQoidValue(const PGresult *res);

/*
 * Returns the number of rows that a command affected, as a string that belongs to the result.
 * Returns an empty string if the command does not count rows, and for NULL. If the server's
 * command tag is malformed, returns an empty string and raises a notice.
 */
char *PQcmdTuples(PGresult *res);

/*
 * Returns a copy of a result with status PGRES_TUPLES_OK; free it with PQclear. flags
 * (PG_COPYRES_...) selects what else is copied. Returns NULL if memory ran out, and for NULL.
 */
PGresult *PQcopyResult(const PGresult *src, int flags);

/*
 * Sets the columns of a result that has neither columns nor rows. The names are copied. Returns 1,
 * also if numAttributes is less than 1 or attDescs is NULL, in which case nothing changes.
 * Returns 0 if the result has columns, if memory ran out, and for NULL.
 */
int PQsetResultAttrs(PGresult *res, int numAttributes, PGresAttDesc *attDescs);

/*
 * Sets a value to a copy of the len bytes at value, or to an SQL NULL if len is -1 or
 * value is NULL. If tup_num is the number of rows, a row is added, and its other values are
 * SQL NULLs.
 *
 * Returns 1. If there is no such row or column, or memory ran out, returns 0 and raises a notice.
 * Returns 0 for NULL.
 */
int PQsetvalue(PGresult *res, int tup_num, int field_num, char *value, int len);

/*
 * Allocates memory that is freed with the result. It is aligned for any type. If nBytes is 0,
 * the pointer must not be dereferenced. Returns NULL if memory ran out, and for NULL.
 */
void *PQresultAlloc(PGresult *res, size_t nBytes);

/*
 * Sends data to the server during a COPY IN. Returns 1 when it is buffered or sent, -1 with an
 * error message, and -1 for NULL. In nonblocking mode it can also return 0.
 *
 * A NULL buffer or a negative nbytes counts as no data. In nonblocking mode, the data is
 * buffered if the server reads slowly: call PQflush regularly. Returns 0, and takes no data, while
 * 256 MB wait to be sent: wait until the socket is writable and call it again.
 */
int PQputCopyData(PGconn *conn, const char *buffer, int nbytes);

/*
 * Ends a COPY IN. If errormsg is not NULL, makes the COPY fail with this message. Returns 1, -1
 * with an error message, and -1 for NULL. PQgetResult then returns the result of the COPY.
 *
 * In nonblocking mode, call PQflush until it returns 0.
 */
int PQputCopyEnd(PGconn *conn,
                 const char *errormsg);

/*
 * Receives the next row of a COPY OUT. Sets *buffer to the row, followed by a NUL byte, and
 * returns its length in bytes. Free the row with PQfreemem.
 *
 * Waits for a row if async is 0. Otherwise returns 0 if no row is available: call PQconsumeInput
 * when the socket is readable. Returns -1 when the COPY is complete: PQgetResult returns its
 * result. Returns -2 with an error message, and if conn or buffer is NULL. If no row is
 * returned, *buffer is NULL.
 */
int PQgetCopyData(PGconn *conn,
                  char **buffer,
                  int async);

/*
 * Reads a line of text COPY data into buffer of length bytes, as a string without the newline.
 * Deprecated: use PQgetCopyData.
 *
 * Returns 0 if the line is complete, 1 if the next call returns more of it, and -1 (EOF) for an
 * error and for NULL. The line \. ends the data.
 */
int PQgetline(PGconn *conn, char *buffer, int length);

/*
 * Reads available COPY data into buffer of bufsize bytes, without a NUL byte. A long row is
 * returned in several pieces. Deprecated: use PQgetCopyData.
 *
 * Returns the number of bytes, 0 if no data is available, and -1 when the COPY is complete, for an
 * error and for NULL.
 */
int PQgetlineAsync(PGconn *conn, char *buffer, int bufsize);

/*
 * Sends a string as COPY data. NULL counts as an empty string. Returns 0, or -1 (EOF) for an
 * error. Deprecated: use PQputCopyData.
 */
int PQputline(PGconn *conn,
              const char *string);

/* Sends bytes as COPY data. Returns 0, or -1 (EOF) for an error. Deprecated: use PQputCopyData. */
int PQputnbytes(PGconn *conn, const char *buffer, int nbytes);

/*
 * Ends a COPY and waits for its result. Returns 0 if it succeeded, and for NULL. Otherwise returns
 * 1 and passes the error message to the notice receiver. Deprecated: use PQputCopyEnd and
 * PQgetResult.
 */
int PQendcopy(PGconn *conn);

/*
 * Returns an object that PQcancel can use to cancel the command of conn, also in another thread
 * or a signal handler. It remains valid after PQfinish. Free it with PQfreeCancel. Deprecated: use
 * PQcancelCreate.
 *
 * Returns NULL if the connection is not open, if one of its keepalive options is not an integer,
 * if memory ran out, and for NULL. If the server has sent no cancel key, returns an object with
 * which PQcancel fails.
 */
PGcancel *PQgetCancel(PGconn *conn);

/* Frees an object of PQgetCancel. Does nothing for NULL. */
void PQfreeCancel(PGcancel *cancel);

/*
 * Asks the server to cancel the command in progress. Returns 1 if the request was sent, which does
 * not mean that there was a command to cancel. Otherwise returns 0 and writes the reason into
 * errbuf, unless it is NULL. errbufsize is its size in bytes; 256 is recommended.
 *
 * Blocks until the server has closed the connection for the request. Waits for the connection at
 * most for the seconds of the option connect_timeout, or 60 if it is not set, and for its end as
 * long, but not less than 12 seconds. Never encrypts the request. Safe in a signal handler:
 * uses no locks and allocates no memory, and preserves errno. Deprecated: use PQcancelBlocking.
 */
int PQcancel(PGcancel *cancel,
             char *errbuf,
             int errbufsize);

/*
 * Asks the server to cancel the command in progress. Returns 1 if the request was sent, 0 with an
 * error message, and 0 for NULL. Safe neither in a signal handler nor in another thread.
 * Deprecated: use PQcancelBlocking.
 */
int PQrequestCancel(PGconn *conn);

/*
 * Creates an object that can cancel the command of conn. It remains valid after PQfinish(conn).
 * Free it with PQcancelFinish. Returns NULL only if memory ran out.
 *
 * It uses the options, the encryption and the server address of conn. PQcancelStatus returns
 * CONNECTION_ALLOCATED, or CONNECTION_BAD if conn is not open, has no cancel key or is NULL.
 */
PGcancelConn *PQcancelCreate(PGconn *conn);

/*
 * Sends the cancel request and blocks until the server has received it. Returns 1, which does not
 * mean that there was a command to cancel; 0 with an error message (PQcancelErrorMessage); and 0
 * for NULL. The option connect_timeout applies.
 */
int PQcancelBlocking(PGcancelConn *cancelConn);

/*
 * Starts to send the cancel request, without waiting. Continue with PQcancelPoll. Returns 1, 0
 * with an error message, and 0 for NULL. It is an error to start a second request without a call
 * of PQcancelReset.
 */
int PQcancelStart(PGcancelConn *cancelConn);

/*
 * Continues the cancel request, like PQconnectPoll. PGRES_POLLING_OK means that the server has
 * received it. Returns PGRES_POLLING_FAILED for NULL.
 */
PostgresPollingStatusType PQcancelPoll(PGcancelConn *cancelConn);

/*
 * Returns the state of the cancel request; CONNECTION_OK means that the server has received it.
 * Returns CONNECTION_BAD for NULL.
 */
ConnStatusType PQcancelStatus(const PGcancelConn *cancelConn);

/*
 * Returns the file descriptor of the socket, which may change with each PQcancelPoll. Returns -1
 * if there is none, and for NULL.
 */
int PQcancelSocket(const PGcancelConn *cancelConn);

/*
 * Returns the error message of the cancel request. It belongs to the object and is valid until the
 * next call with it.
 */
char *PQcancelErrorMessage(const PGcancelConn *cancelConn);

/*
 * Closes the connection of the cancel request, so that the object can be used for another one.
 * Does nothing for NULL.
 */
void PQcancelReset(PGcancelConn *cancelConn);

/* Closes the connection of the cancel request and frees the object. Does nothing for NULL. */
void PQcancelFinish(PGcancelConn *cancelConn);

/*
 * Sets the function that receives notices and warnings as results, and returns the previous one.
 * If proc is NULL, only returns the current one. Returns NULL for NULL.
 *
 * Results created from now on use the function too. It must not use the connection. It may leave
 * with longjmp: the connection stays usable, PQgetResult continues the command, and only the
 * notice leaks.
 */
PQnoticeReceiver PQsetNoticeReceiver(PGconn *conn, PQnoticeReceiver proc, void *arg);

/*
 * Sets the function that receives notices and warnings as text, and returns the previous one. The
 * default notice receiver calls it; the default processor writes to stderr. If proc is NULL,
 * only returns the current one. Returns NULL for NULL. See PQsetNoticeReceiver.
 */
PQnoticeProcessor PQsetNoticeProcessor(PGconn *conn, PQnoticeProcessor proc, void *arg);

/*
 * Starts to write a line for each message sent or received to debug_port, which must stay open
 * until PQuntrace. Stops an earlier trace and clears its flags. Does nothing more if debug_port
 * is NULL, and nothing for a NULL connection.
 *
 * The trace shows passwords in the form in which they are sent.
 */
void PQtrace(PGconn *conn, FILE *debug_port);

/* Stops a trace and flushes its stream. Does nothing for NULL. */
void PQuntrace(PGconn *conn);

/*
 * Sets the format of the trace: 0, or a combination of PQTRACE_SUPPRESS_TIMESTAMPS and
 * PQTRACE_REGRESS_MODE. Does nothing if no trace is active, and for NULL. Call it after PQtrace.
 */
void PQsetTraceFlags(PGconn *conn, int flags);

/*
 * Escapes a string for use between single quotes in an SQL command. to must have room for 2 *
 * length + 1 bytes. Stops at a NUL byte or after length bytes. Returns the number of bytes
 * written, without the final NUL byte.
 *
 * If the string is not valid in the client encoding, sets *error to 1 and the connection's error
 * message, and writes a string that the server rejects. Otherwise sets *error to 0. error may
 * be NULL. A NULL from counts as an empty string. If conn is NULL, writes an empty string,
 * sets *error to 1 and returns 0. If to is NULL, returns 0.
 */
size_t PQescapeStringConn(PGconn *conn,
                          char *to,
                          const char *from,
                          size_t length,
                          int *error);

/*
 * Like PQescapeStringConn, with the encoding and the settings that the server of any of the
 * process's connections reported last. Deprecated: use PQescapeStringConn.
 */
size_t PQescapeString(char *to, const char *from, size_t length);

/*
 * Returns a string as an SQL literal in single quotes; free it with PQfreemem. Stops at a NUL byte
 * or after len bytes.
 *
 * A string with backslashes is returned as  E'...', with a leading space. A NULL str counts as
 * an empty string. Returns NULL with an error message if the string is not valid in the client
 * encoding or memory ran out. Returns NULL for NULL.
 */
char *PQescapeLiteral(PGconn *conn,
                      const char *str,
                      size_t len);

/*
 * Returns a name as an SQL identifier in double quotes; free it with PQfreemem. Otherwise like
 * PQescapeLiteral.
 */
char *PQescapeIdentifier(PGconn *conn, const char *str, size_t len);

/*
 * Returns binary data as a bytea string for use between single quotes in an SQL command; free it
 * with PQfreemem.
 *
 * The format is hexadecimal for servers since version 9.0, otherwise the older escape format.
 * *to_length is set to the length in bytes, including the NUL byte, unless it is NULL. A NULL
 * from counts as empty. Returns NULL with an error message if memory ran out, and NULL for NULL.
 */
unsigned char *PQescapeByteaConn(PGconn *conn,
                                 const unsigned char *from,
                                 size_t from_length,
                                 size_t *to_length);

/*
 * Like PQescapeByteaConn, in the older escape format and with the settings that the server of any
 * of the process's connections reported last. Deprecated: use PQescapeByteaConn.
 */
unsigned char *PQescapeBytea(const unsigned char *from, size_t from_length, size_t *to_length);

/*
 * Converts a bytea string in the hexadecimal or the escape format to binary data, followed by a
 * NUL byte; free it with PQfreemem. *retbuflen is set to the length in bytes, without the NUL
 * byte, unless it is NULL.
 *
 * Pairs of characters that are not hexadecimal digits are skipped. Returns NULL if memory ran out,
 * and for NULL.
 */
unsigned char *PQunescapeBytea(const unsigned char *strtext, size_t *retbuflen);

/*
 * Returns the length of the character at s in bytes, 1 to 4, as its first byte says (in GB18030:
 * its first two bytes). Returns 1 for NULL.
 *
 * In a string that is not valid, the character may extend beyond the final NUL byte: see
 * PQmblenBounded. An unknown encoding counts as SQL_ASCII.
 */
int PQmblen(const char *s, int encoding);

/*
 * Like PQmblen, but at most the number of bytes before the next NUL byte: 0 to 4. Returns 0 for
 * NULL.
 */
int PQmblenBounded(const char *s, int encoding);

/*
 * Returns the number of columns that the character at s takes on a terminal: 0, 1 or 2, and -1
 * for a control character. Returns 0 for NULL.
 */
int PQdsplen(const char *s, int encoding);

/*
 * Returns the number of the encoding named in the environment variable PGCLIENTENCODING. Returns 0
 * (SQL_ASCII) if it is not set or not known.
 */
int PQenv2encoding(void);

/*
 * Returns the number of an encoding. Case and punctuation in the name do not matter. Returns -1
 * for an unknown name and for NULL.
 */
int pg_char_to_encoding(const char *name);

/*
 * Returns the name of an encoding as a constant string; an empty string if there is no such
 * encoding.
 */
const char *pg_encoding_to_char(int encoding);

/* Returns 1 if a database can have this encoding, otherwise 0. */
int pg_valid_server_encoding_id(int encoding);

/*
 * Sets the client encoding and blocks until the server has confirmed it. Returns 0, or -1 for an
 * error. Returns -1 without a request to the server if the connection is bad or NULL, or if the
 * name is NULL or longer than 100 bytes.
 *
 * "auto" selects the encoding of the process's locale. The name is sent without escaping.
 */
int PQsetClientEncoding(PGconn *conn,
                        const char *encoding);

/*
 * Returns the MD5 hash of a password in the format that servers store; free it with PQfreemem.
 * Returns NULL if an argument is NULL or memory ran out. Deprecated: use PQencryptPasswordConn.
 */
char *PQencryptPassword(const char *passwd, const char *user);

/*
 * Returns a password, hashed in the format that servers store, for use in ALTER USER; free it with
 * PQfreemem. It needs no escaping.
 *
 * algorithm is "md5", "scram-sha-256", or NULL for the server's setting password_encryption,
 * which is queried. Returns NULL with an error message, also if passwd is NULL, and if user is
 * NULL with "md5". Returns NULL for a NULL connection.
 */
char *PQencryptPasswordConn(PGconn *conn,
                            const char *passwd,
                            const char *user,
                            const char *algorithm);

/*
 * Changes the password of a user, hashed as the server's setting password_encryption says.
 * Blocks. Returns the result of ALTER USER, to be freed with PQclear. Returns NULL with an error
 * message, also if user or passwd is NULL.
 */
PGresult *PQchangePassword(PGconn *conn, const char *user, const char *passwd);

/*
 * Opens a large object. mode is INV_READ, INV_WRITE or both. Returns a descriptor that is valid
 * until the end of the transaction, or -1 with an error message. All functions for large objects
 * must run in a transaction.
 */
int lo_open(PGconn *conn, Oid lobjId, int mode);

/* Closes a descriptor of lo_open. Returns 0, or -1 with an error message. */
int lo_close(PGconn *conn, int fd);

/*
 * Reads up to len bytes (at most INT_MAX) into buf. Returns the number of bytes read, 0 at the
 * end, or -1 with an error message. If the server sends more than len bytes, the connection is
 * closed.
 */
int lo_read(PGconn *conn, int fd, char *buf, size_t len);

/*
 * Writes len bytes (at most INT_MAX). Returns the number of bytes written, or -1 with an error
 * message, also if buf is NULL and len is not 0.
 */
int lo_write(PGconn *conn, int fd, const char *buf, size_t len);

/*
 * Sets the position of a descriptor, like lseek; whence is SEEK_SET, SEEK_CUR or SEEK_END.
 * Returns the new position in bytes, or -1 with an error message, also if the position is 2 GB or
 * more.
 */
int lo_lseek(PGconn *conn, int fd, int offset, int whence);

/* Like lo_lseek, without the limit of 2 GB. Needs a server since version 9.3. */
int64_t lo_lseek64(PGconn *conn, int fd, int64_t offset, int whence);

/*
 * Creates a large object; the server assigns the OID. Returns the OID, or 0 with an error message.
 * mode is ignored.
 */
Oid lo_creat(PGconn *conn, int mode);

/*
 * Creates a large object with the OID lobjId; if it is 0, the server assigns one. Returns the
 * OID, or 0 with an error message.
 */
Oid lo_create(PGconn *conn, Oid lobjId);

/*
 * Returns the position of a descriptor in bytes, or -1 with an error message, also if the position
 * is 2 GB or more.
 */
int lo_tell(PGconn *conn, int fd);

/* Like lo_tell, without the limit of 2 GB. Needs a server since version 9.3. */
int64_t lo_tell64(PGconn *conn, int fd);

/*
 * Sets the size of a large object to len bytes (at most INT_MAX); adds zero bytes if it was
 * smaller. Returns 0, or -1 with an error message.
 */
int lo_truncate(PGconn *conn, int fd, size_t len);

/* Like lo_truncate, without the limit of 2 GB. Needs a server since version 9.3. */
int lo_truncate64(PGconn *conn, int fd, int64_t len);

/* Deletes a large object. Returns 1, or -1 with an error message. */
int lo_unlink(PGconn *conn, Oid lobjId);

/*
 * Creates a large object from a file on the client. Returns its OID, or 0 with an error message,
 * also for a NULL name.
 */
Oid lo_import(PGconn *conn, const char *filename);

/* Like lo_import, with the OID lobjId; if it is 0, the server assigns one. */
Oid lo_import_with_oid(PGconn *conn, const char *filename, Oid lobjId);

/*
 * Writes a large object to a file on the client; an existing file is overwritten. Returns 1, or -1
 * with an error message.
 */
int lo_export(PGconn *conn, Oid lobjId, const char *filename);

/*
 * Prints a result to fout, or to stdout if it is NULL, as po says. Prints nothing if res or
 * po is NULL, or if the result has no columns.
 *
 * A NULL po->fieldSep counts as an empty string. If po->pager is not 0, stdin and stdout are
 * terminals and the output does not fit the screen, it is piped to the program in the environment
 * variable PAGER.
 */
void PQprint(FILE *fout, const PGresult *res, const PQprintOpt *po);

/*
 * Prints a result to fp, or to stdout if it is NULL. fieldSep separates the columns; NULL
 * selects a space. Values are padded if fillAlign is not 0, column names are printed if
 * printHeader is not 0, and the number of rows is printed if quiet is 0. A NULL result prints
 * as a result without rows. Deprecated: use PQprint.
 */
void PQdisplayTuples(const PGresult *res,
                     FILE *fp,
                     int fillAlign,
                     const char *fieldSep,
                     int printHeader,
                     int quiet);

/*
 * Prints a result to fout, with column names if PrintAttNames is not 0, and with lines between
 * rows if TerseOutput is 0. Values are padded to colWidth bytes if it is greater than 0.
 * Prints nothing if res or fout is NULL or the result has no columns. Deprecated: use PQprint.
 */
void PQprintTuples(const PGresult *res,
                   FILE *fout,
                   int PrintAttNames,
                   int TerseOutput,
                   int colWidth);

/* Returns 1 if the connection is encrypted with TLS, otherwise 0. Returns 0 for NULL. */
int PQsslInUse(PGconn *conn);

/* Returns NULL: this library does not use OpenSSL and has no objects of it. */
void *PQsslStruct(PGconn *conn, const char *struct_name);

/*
 * Returns an attribute of the connection's TLS session: "library" ("rustls"), "protocol" (such as
 * "TLSv1.3"), "cipher" (OpenSSL's name for it), "key_bits", "compression" ("off") or "alpn" (empty
 * if the server did not select a protocol). The string belongs to the connection.
 *
 * Returns NULL if the attribute is unknown or NULL, and if the connection does not use TLS. If
 * conn is NULL, only "library" is known.
 */
const char *PQsslAttribute(PGconn *conn, const char *attribute_name);

/*
 * Returns the names of the attributes of PQsslAttribute, as a constant array that ends with NULL.
 * The array is empty for a connection without TLS. If conn is NULL, returns all names.
 */
const char *const *PQsslAttributeNames(PGconn *conn);

/* Returns NULL: this library does not use OpenSSL. */
void *PQgetssl(PGconn *conn);

/* Does nothing: this library does not use OpenSSL. */
void PQinitSSL(int do_init);

/* Does nothing: this library does not use OpenSSL. */
void PQinitOpenSSL(int do_ssl, int do_crypto);

/* Returns the function that PQsetSSLKeyPassHook_OpenSSL has set, or NULL. */
PQsslKeyPassHook_OpenSSL_type PQgetSSLKeyPassHook_OpenSSL(void);

/*
 * Sets the function that provides the password of an encrypted client key, for the whole process.
 * NULL restores PQdefaultSSLKeyPassHook_OpenSSL.
 */
void PQsetSSLKeyPassHook_OpenSSL(PQsslKeyPassHook_OpenSSL_type hook);

/*
 * Copies the connection option sslpassword to buf of size bytes, with a final NUL byte. A
 * longer password is truncated, with a warning on stderr. Returns its length, or 0 if the option
 * is not set or an argument is NULL.
 */
int PQdefaultSSLKeyPassHook_OpenSSL(char *buf, int size, PGconn *conn);

/* Returns 1 if the connection is encrypted with GSSAPI, otherwise 0. Returns 0 for NULL. */
int PQgssEncInUse(PGconn *conn);

/*
 * Returns the GSSAPI context of the connection, a gss_ctx_id_t. It belongs to the connection.
 * Returns NULL if there is none, and for NULL.
 */
void *PQgetgssctx(PGconn *conn);

/*
 * Sets the function that provides data for authentication, for the whole process. NULL restores
 * PQdefaultAuthDataHook.
 */
void PQsetAuthDataHook(PQauthDataHook_type hook);

/* Returns the current function, never NULL. */
PQauthDataHook_type PQgetAuthDataHook(void);

/* The default function. Returns 0, so that the library's own method is used. */
int PQdefaultAuthDataHook(PGauthData type, PGconn *conn, void *data);

/*
 * Frees memory that this library allocated for the program. Does nothing for NULL. free() has the
 * same effect.
 *
 * The memory of the last row of PQgetCopyData (up to 4 kB) is kept for the next row, until the
 * COPY ends.
 */
void PQfreemem(void *ptr);

/* Returns the API level of the library, 190000 for libpq 19.0. */
int PQlibVersion(void);

/*
 * Returns 1. Threads can use different connections at the same time, but a connection only one at
 * a time.
 */
int PQisthreadsafe(void);

/* Returns the current time in microseconds since 1970-01-01 00:00 UTC, for PQsocketPoll. */
pg_usec_time_t PQgetCurrentTimeUSec(void);

/*
 * Waits until sock is readable (if forRead is not 0) or writable (if forWrite is not 0), or
 * until end_time, in microseconds since 1970-01-01 00:00 UTC. If end_time is 0, does not wait;
 * if it is -1, waits without a limit.
 *
 * Returns a positive number if the socket is ready, and 0 if the time is over or both flags are 0.
 * Returns a negative number for an error and sets errno; a signal causes EINTR.
 */
int PQsocketPoll(int sock, int forRead, int forWrite, pg_usec_time_t end_time);

/*
 * Sets the function that locks access to libraries that are not thread-safe (Kerberos, old
 * versions of Curl), for the whole process. NULL restores the library's own lock. Only needed if
 * the program uses such a library in another thread. Returns the previous function, never NULL.
 */
pgthreadlock_t PQregisterThreadLock(pgthreadlock_t newhandler);

/* Returns the current lock function, never NULL. */
pgthreadlock_t PQgetThreadLock(void);

/* PQsetdbLogin without a user name and a password. */
#define PQsetdb(M_PGHOST, M_PGPORT, M_PGOPT, M_PGTTY, M_DBNAME) \
    PQsetdbLogin(M_PGHOST, M_PGPORT, M_PGOPT, M_PGTTY, M_DBNAME, NULL, NULL)

/* Old name of PQfreemem, for notifications of PQnotifies. */
#define PQfreeNotify(ptr) PQfreemem(ptr)

/* The error message if a password is required and there is none. Use PQconnectionNeedsPassword instead. */
#define PQnoPasswordSupplied "fe_sendauth: no password supplied\n"

#ifdef __cplusplus
}
#endif

#endif /* LIBPQ_FE_H */
