/*
 * libpq-fe.h
 *     The C interface of libpq-oxide, source-compatible with that of libpq 19.
 *
 * Strings end in NUL. Answers 1 stand for yes or success, 0 for no or failure, unless said otherwise.
 *
 * Generated from src/ffi by cbindgen: change the Rust there, then regenerate.
 */

#ifndef LIBPQ_FE_H
#define LIBPQ_FE_H

#include <stdint.h>
#include <stdio.h>

#include "postgres_ext.h"

/*
 * What the library can do, for #ifdef. As of libpq 14:
 */
/* PQenterPipelineMode and what belongs to it */
#define LIBPQ_HAS_PIPELINING 1
/* PQsetTraceFlags, and the format of trace lines that came with it */
#define LIBPQ_HAS_TRACE_FLAGS 1

/* As of libpq 15: */
/* PQsslAttribute(NULL, "library") */
#define LIBPQ_HAS_SSL_LIBRARY_DETECTION 1

/* As of libpq 17: */
/* PGcancelConn and its functions */
#define LIBPQ_HAS_ASYNC_CANCEL 1
/* PQchangePassword */
#define LIBPQ_HAS_CHANGE_PASSWORD 1
/* PQsetChunkedRowsMode, PGRES_TUPLES_CHUNK */
#define LIBPQ_HAS_CHUNK_MODE 1
/* PQclosePrepared, PQclosePortal and their PQsend forms */
#define LIBPQ_HAS_CLOSE_PREPARED 1
/* PQsendPipelineSync */
#define LIBPQ_HAS_SEND_PIPELINE_SYNC 1
/* PQsocketPoll, PQgetCurrentTimeUSec */
#define LIBPQ_HAS_SOCKET_POLL 1

/* As of libpq 18: */
/* PQfullProtocolVersion */
#define LIBPQ_HAS_FULL_PROTOCOL_VERSION 1
/* PQAUTHDATA_PROMPT_OAUTH_DEVICE */
#define LIBPQ_HAS_PROMPT_OAUTH_DEVICE 1

/* As of libpq 19: */
/* PQgetThreadLock */
#define LIBPQ_HAS_GET_THREAD_LOCK 1
/* PQAUTHDATA_OAUTH_BEARER_TOKEN_V2 */
#define LIBPQ_HAS_OAUTH_BEARER_TOKEN_V2 1

/* Not in libpq 19: */
/* PQgoAwayReceived, the connection option goaway */
#define LIBPQ_HAS_GOAWAY 1

#ifdef __cplusplus
extern "C" {
#endif

/* A connection. Its content is the library's alone, as is that of the next three. */
typedef struct pg_conn PGconn;

/* A connection that cancels what another one runs. */
typedef struct pg_cancel_conn PGcancelConn;

/* The result of one command. */
typedef struct pg_result PGresult;

/* What PQcancel needs to know of a connection. */
typedef struct pg_cancel PGcancel;


/* Option of PQcopyResult: copy the columns' descriptions. */
#define PG_COPYRES_ATTRS 1

/* Option of PQcopyResult: copy the rows, and with them the columns' descriptions. */
#define PG_COPYRES_TUPLES 2

/* Option of PQcopyResult: copy the event procedures. */
#define PG_COPYRES_EVENTS 4

/* Option of PQcopyResult: copy the notice receiver and processor. */
#define PG_COPYRES_NOTICEHOOKS 8

/* Flag of PQsetTraceFlags: no time at the start of a line. */
#define PQTRACE_SUPPRESS_TIMESTAMPS 1

/* Flag of PQsetTraceFlags: values that differ from run to run are left out. */
#define PQTRACE_REGRESS_MODE 2

/* The most parameters one statement can have. */
#define PQ_QUERY_PARAM_MAX_LIMIT 65535

/*
 * State of a connection. A blocking connect ends in one of the first two; programs should not
 * depend on when the others occur.
 */
typedef enum ConnStatusType {
    /* The connection is ready. */
    CONNECTION_OK,
    /* The connection failed or was lost. */
    CONNECTION_BAD,
    /* The socket is being connected. */
    CONNECTION_STARTED,
    /* The socket is connected; the first message is to be sent. */
    CONNECTION_MADE,
    /* The server's answer is awaited. */
    CONNECTION_AWAITING_RESPONSE,
    /* Authentication succeeded; the server is starting the session. */
    CONNECTION_AUTH_OK,
    /* Not used any more. */
    CONNECTION_SETENV,
    /* A TLS handshake is under way. */
    CONNECTION_SSL_STARTUP,
    /* Internal: the next address is to be tried. */
    CONNECTION_NEEDED,
    /* Asking whether the session may write. */
    CONNECTION_CHECK_WRITABLE,
    /* Reading the remaining messages of such a question. */
    CONNECTION_CONSUME,
    /* GSSAPI encryption is being negotiated. */
    CONNECTION_GSS_STARTUP,
    /* Internal: comparing the server with target_session_attrs. */
    CONNECTION_CHECK_TARGET,
    /* Asking whether the server is a standby. */
    CONNECTION_CHECK_STANDBY,
    /* Created, but not started. */
    CONNECTION_ALLOCATED,
    /* Authentication waits for something outside the connection. */
    CONNECTION_AUTHENTICATING,
} ConnStatusType;

/* What a step of a nonblocking operation needs next. */
typedef enum PostgresPollingStatusType {
    /* The operation failed. */
    PGRES_POLLING_FAILED = 0,
    /* Call again when the socket is readable. */
    PGRES_POLLING_READING,
    /* Call again when the socket is writable. */
    PGRES_POLLING_WRITING,
    /* The operation is complete. */
    PGRES_POLLING_OK,
    /* Not used any more. */
    PGRES_POLLING_ACTIVE,
} PostgresPollingStatusType;

/* What a result is. */
typedef enum ExecStatusType {
    /* The query string was empty. */
    PGRES_EMPTY_QUERY = 0,
    /* A command that returns no rows succeeded. */
    PGRES_COMMAND_OK,
    /* A command that returns rows succeeded; they are in the result. */
    PGRES_TUPLES_OK,
    /* COPY to the client has started. */
    PGRES_COPY_OUT,
    /* COPY from the client has started. */
    PGRES_COPY_IN,
    /* The server's answer was not understood. */
    PGRES_BAD_RESPONSE,
    /* A notice or warning. */
    PGRES_NONFATAL_ERROR,
    /* The command failed. */
    PGRES_FATAL_ERROR,
    /* COPY in both directions (replication) has started. */
    PGRES_COPY_BOTH,
    /* One row of a result that arrives row by row. */
    PGRES_SINGLE_TUPLE,
    /* A synchronization point of a pipeline. */
    PGRES_PIPELINE_SYNC,
    /* A command skipped because an earlier one of its pipeline failed. */
    PGRES_PIPELINE_ABORTED,
    /* Some rows of a result that arrives in chunks. */
    PGRES_TUPLES_CHUNK,
} ExecStatusType;

/* Where a session stands between transactions. */
typedef enum PGTransactionStatusType {
    /* Idle, outside a transaction. */
    PQTRANS_IDLE,
    /* A command is running. */
    PQTRANS_ACTIVE,
    /* Idle, in a transaction. */
    PQTRANS_INTRANS,
    /* Idle, in a failed transaction. */
    PQTRANS_INERROR,
    /* The connection is not usable. */
    PQTRANS_UNKNOWN,
} PGTransactionStatusType;

/* How much of an error is put into its message. */
typedef enum PGVerbosity {
    /* Severity, text and position, on one line. */
    PQERRORS_TERSE,
    /* Also detail, hint, query and context. */
    PQERRORS_DEFAULT,
    /* Every field. */
    PQERRORS_VERBOSE,
    /* Severity and SQLSTATE only. */
    PQERRORS_SQLSTATE,
} PGVerbosity;

/* Which messages show the CONTEXT field. */
typedef enum PGContextVisibility {
    /* None. */
    PQSHOW_CONTEXT_NEVER,
    /* Errors, not notices. */
    PQSHOW_CONTEXT_ERRORS,
    /* All. */
    PQSHOW_CONTEXT_ALWAYS,
} PGContextVisibility;

/* The answer of PQping; the exit code of pg_isready. */
typedef enum PGPing {
    /* The server accepts connections. */
    PQPING_OK,
    /* The server is there but refuses connections for now. */
    PQPING_REJECT,
    /* No server was reached. */
    PQPING_NO_RESPONSE,
    /* Nothing was tried: the parameters are wrong. */
    PQPING_NO_ATTEMPT,
} PGPing;

/* Whether a connection is in pipeline mode. */
typedef enum PGpipelineStatus {
    /* No. */
    PQ_PIPELINE_OFF,
    /* Yes. */
    PQ_PIPELINE_ON,
    /* Yes, and commands are skipped up to the next synchronization point. */
    PQ_PIPELINE_ABORTED,
} PGpipelineStatus;

/* What a PQauthDataHook_type is called for, and thereby what its data points to. */
typedef enum PGauthData {
    /* The user has to visit an address: a PGpromptOAuthDevice. */
    PQAUTHDATA_PROMPT_OAUTH_DEVICE,
    /* A bearer token is needed: a PGoauthBearerRequest. */
    PQAUTHDATA_OAUTH_BEARER_TOKEN,
    /* The same, asked first: a PGoauthBearerRequestV2. */
    PQAUTHDATA_OAUTH_BEARER_TOKEN_V2,
} PGauthData;

/* One connection option. All strings but val are constants. */
struct _PQconninfoOption {
    /* Its name; NULL ends the array. */
    char *keyword;
    /* The environment variable that gives it, or NULL. */
    char *envvar;
    /* The default, or NULL. */
    char *compiled;
    /* Its value, from malloc, or NULL. */
    char *val;
    /* Its label in a dialog. */
    char *label;
    /* How a dialog shows it: "" plainly, "*" hidden as a password is, "D" not unless asked. */
    char *dispchar;
    /* Width in a dialog, in characters. */
    int dispsize;
};

/* struct _PQconninfoOption, by the name programs use. */
typedef struct _PQconninfoOption PQconninfoOption;

/* A notification, in one block of memory for PQfreemem. */
struct pgNotify {
    /* The channel. */
    char *relname;
    /* The server process that sent it. */
    int be_pid;
    /* The payload, perhaps empty. */
    char *extra;
    /* Private to the library. */
    struct pgNotify *next;
};

/* struct pgNotify, by the name programs use. */
typedef struct pgNotify PGnotify;

/* The value of an argument of PQfn. */
union PQArgValue {
    /* Where its bytes are. */
    int *ptr;
    /* The integer itself. */
    int integer;
};

/* One argument of PQfn. */
struct _PQArgBlock {
    /* Its length in bytes. */
    int len;
    /* Whether it is an integer rather than a pointer to bytes. */
    int isint;
    /* The value. */
    union PQArgValue u;
};

/* struct _PQArgBlock, by the name programs use. */
typedef struct _PQArgBlock PQArgBlock;

/* A column of a result, as PQsetResultAttrs takes it. */
struct pgresAttDesc {
    /* Its name. */
    char *name;
    /* The table it is from, or 0. */
    Oid tableid;
    /* Its number in that table, or 0. */
    int columnid;
    /* 0 for text, 1 for binary. */
    int format;
    /* The type. */
    Oid typid;
    /* The type's size in bytes, negative if it varies. */
    int typlen;
    /* The type's modifier. */
    int atttypmod;
};

/* struct pgresAttDesc, by the name programs use. */
typedef struct pgresAttDesc PGresAttDesc;

/* Takes each notice as a result, which it must neither keep nor clear. */
typedef void (*PQnoticeReceiver)(void *arg, const PGresult *res);

/* Takes each notice as text that ends in a newline. */
typedef void (*PQnoticeProcessor)(void *arg, const char *message);

/* A truth value of PQprintOpt: zero is false. */
typedef char pqbool;

/* How PQprint is to print. */
struct _PQprintOpt {
    /* Print column names, and the number of rows. */
    pqbool header;
    /* Pad the values to columns. */
    pqbool align;
    /* The format of old. */
    pqbool standard;
    /* An HTML table. */
    pqbool html3;
    /* A line for each value. */
    pqbool expanded;
    /* Through a pager, when standard output is a terminal and the text is long. */
    pqbool pager;
    /* Between two values; must not be NULL. */
    char *fieldSep;
    /* Attributes of the HTML table. */
    char *tableOpt;
    /* Caption of the HTML table. */
    char *caption;
    /* Names to print for the columns, ended by NULL. */
    char **fieldName;
};

/* struct _PQprintOpt, by the name programs use. */
typedef struct _PQprintOpt PQprintOpt;

/*
 * Writes the password of a client key, NUL-terminated, into buf of size bytes and answers
 * its length; 0 if there is none.
 */
typedef int (*PQsslKeyPassHook_OpenSSL_type)(char *buf, int size, PGconn *conn);

/*
 * Answers a need of authentication: more than 0 when done, 0 for the default way, less than 0
 * for an error.
 */
typedef int (*PQauthDataHook_type)(PGauthData type, PGconn *conn, void *data);

/* A point in time: microseconds since the start of 1970, UTC. */
typedef int64_t pg_usec_time_t;

/* Takes (not 0) or releases (0) the lock around libraries that are not thread-safe. */
typedef void (*pgthreadlock_t)(int acquire);

/* Data of PQAUTHDATA_PROMPT_OAUTH_DEVICE: where the user has to go. */
struct _PGpromptOAuthDevice {
    /* The address to visit. */
    const char *verification_uri;
    /* The code to enter there. */
    const char *user_code;
    /* An address that has the code in it, or NULL. */
    const char *verification_uri_complete;
    /* Seconds until the code expires. */
    int expires_in;
};

/* struct _PGpromptOAuthDevice, by the name programs use. */
typedef struct _PGpromptOAuthDevice PGpromptOAuthDevice;

/* Data of PQAUTHDATA_OAUTH_BEARER_TOKEN: the hook sets token at once, or async. */
struct PGoauthBearerRequest {
    /* In: the address of the provider's discovery document. */
    const char *openid_configuration;
    /* In: the scopes that are needed, or NULL. */
    const char *scope;
    /*
     * Out, optional: called until the token is there. Answers PGRES_POLLING_READING or
     * PGRES_POLLING_WRITING after storing the descriptor to wait for in *altsock,
     * PGRES_POLLING_OK after setting token, PGRES_POLLING_FAILED to give up.
     */
    PostgresPollingStatusType (*async)(PGconn *conn,
                                       struct PGoauthBearerRequest *request,
                                       int *altsock);
    /* Out, optional: called once the token is not needed any more, to free what the hook made. */
    void (*cleanup)(PGconn *conn, struct PGoauthBearerRequest *request);
    /* Out: the token. It has to stay until cleanup is called. */
    char *token;
    /* The hook's own; never touched by the library. */
    void *user;
};

typedef struct PGoauthBearerRequest PGoauthBearerRequest;

/*
 * Data of PQAUTHDATA_OAUTH_BEARER_TOKEN_V2. The callbacks of v1 may cast the request they
 * get to this type.
 */
struct _PGoauthBearerRequestV2 {
    /* All that version 1 has. */
    struct PGoauthBearerRequest v1;
    /* In: the issuer, as the option oauth_issuer names it. */
    const char *issuer;
    /* Out, optional: why the flow failed, for PQerrorMessage. Freed by v1.cleanup, if at all. */
    const char *error;
};

/* struct _PGoauthBearerRequestV2, by the name programs use. */
typedef struct _PGoauthBearerRequestV2 PGoauthBearerRequestV2;

/*
 * Opens a connection with the parameters of a connection string or URI, waiting until it stands or failed.
 *
 * Answers a connection in every case but lack of memory, to be closed with PQfinish; PQstatus tells
 * whether it stands and PQerrorMessage why not. NULL is taken as an empty string (libpq crashes).
 */
PGconn *PQconnectdb(const char *conninfo);

/*
 * Opens a connection with the parameters in two arrays of the same length, the keywords ended by NULL.
 *
 * NULL and empty values are skipped, and later entries win over earlier ones of the same keyword. With
 * expand_dbname, the first dbname that holds a connection string or URI is expanded. If one of the
 * arrays is NULL, both count as empty. Otherwise as PQconnectdb.
 */
PGconn *PQconnectdbParams(const char *const *keywords,
                          const char *const *values,
                          int expand_dbname);

/*
 * Opens a connection with parameters given one by one; NULL and empty ones mean the default.
 *
 * dbName may be a connection string or URI, whose values the other arguments override. pgtty is
 * ignored. Otherwise as PQconnectdb.
 */
PGconn *PQsetdbLogin(const char *pghost,
                     const char *pgport,
                     const char *pgoptions,
                     const char *pgtty,
                     const char *dbName,
                     const char *login,
                     const char *pwd);

/*
 * Begins to open a connection without waiting for the server; name resolution may block.
 *
 * Answers a connection as PQconnectdb does, for NULL too. Unless PQstatus says CONNECTION_BAD, wait until PQsocket is
 * writable, then call PQconnectPoll until it is done.
 */
PGconn *PQconnectStart(const char *conninfo);

/*
 * Begins to open a connection with the parameters in two arrays; see PQconnectdbParams and PQconnectStart.
 */
PGconn *PQconnectStartParams(const char *const *keywords,
                             const char *const *values,
                             int expand_dbname);

/*
 * Goes on with opening a connection as far as that is possible without waiting.
 *
 * Answers what to wait for before the next call (PGRES_POLLING_READING or PGRES_POLLING_WRITING),
 * PGRES_POLLING_OK or PGRES_POLLING_FAILED. PQsocket may change from call to call. connect_timeout is
 * not applied. NULL answers PGRES_POLLING_FAILED.
 */
PostgresPollingStatusType PQconnectPoll(PGconn *conn);

/*
 * Closes a connection and frees it; NULL is ignored. Results and cancel objects made from it stay valid.
 *
 * An open connection says goodbye to the server, except in a process forked after it was opened: there
 * only the descriptor is closed, and the parent's session goes on.
 */
void PQfinish(PGconn *conn);

/*
 * Closes the connection and opens it anew with the same parameters, waiting for the outcome.
 *
 * All hosts are tried again, from the first on. NULL is ignored.
 */
void PQreset(PGconn *conn);

/*
 * Closes the connection and begins to open it anew; go on with PQresetPoll.
 *
 * 1 when it began, 0 when it failed or conn is NULL.
 */
int PQresetStart(PGconn *conn);

/* Goes on with a reset as PQconnectPoll does with opening. */
PostgresPollingStatusType PQresetPoll(PGconn *conn);

/*
 * Asks whether a server accepts connections; user name and password need not be right. NULL is an empty
 * string.
 */
PGPing PQping(const char *conninfo);

/* Asks whether a server accepts connections, with parameters as PQconnectdbParams takes them. */
PGPing PQpingParams(const char *const *keywords, const char *const *values, int expand_dbname);

/*
 * The options of a connection with the values in force, ended by an entry of zeroes; free with
 * PQconninfoFree. NULL for a NULL connection or lack of memory.
 */
PQconninfoOption *PQconninfo(PGconn *conn);

/*
 * All connection options with the values they have by default: from the service, the environment, the compiled
 * defaults and the operating system. A service that cannot be read is ignored.
 *
 * Answers an array that ends with an entry whose keyword is NULL, to be released with
 * [PQconninfoFree]; NULL when memory ran out.
 */
PQconninfoOption *PQconndefaults(void);

/*
 * The options that a connection string or URI gives, without defaults.
 *
 * Answers an array that ends with an entry whose keyword is NULL, to be released with [PQconninfoFree]. On
 * failure answers NULL and, if errmsg is not NULL, stores a message there that ends with a newline and is to be
 * released with PQfreemem; on success, and when memory ran out, NULL is stored there. A NULL conninfo
 * is read as an empty string.
 */
PQconninfoOption *PQconninfoParse(const char *conninfo,
                                  char **errmsg);

/* Releases an array of connection options and the values in it; NULL is nothing to release. */
void PQconninfoFree(PQconninfoOption *connOptions);

/*
 * The state of a connection: CONNECTION_OK, CONNECTION_BAD, or while it is being opened one of the
 * others. CONNECTION_BAD for NULL.
 */
ConnStatusType PQstatus(const PGconn *conn);

/*
 * The text of what went wrong in the current operation, each message ending in a newline; empty if
 * nothing did.
 *
 * It belongs to the connection and is good until the next call with it. For NULL, a text that says so.
 */
char *PQerrorMessage(const PGconn *conn);

/*
 * The descriptor to wait on, which may change while the connection is being opened; -1 if there is none.
 */
int PQsocket(const PGconn *conn);

/*
 * The name of the database; it belongs to the connection. NULL for NULL, or when the options were bad.
 */
char *PQdb(const PGconn *conn);

/*
 * The name of the user; it belongs to the connection. NULL for NULL, or when the options were bad.
 */
char *PQuser(const PGconn *conn);

/*
 * The backend options; they belong to the connection. NULL for NULL, or when the options were bad.
 */
char *PQoptions(const PGconn *conn);

/*
 * The password for the current host, perhaps from the password file; empty if there is none. It belongs
 * to the connection. NULL for NULL.
 */
char *PQpass(const PGconn *conn);

/*
 * The name, socket directory or else the address of the host being tried or connected to; empty if there
 * is none. It belongs to the connection. NULL for NULL.
 */
char *PQhost(const PGconn *conn);

/*
 * The numeric address connected to; empty for a Unix socket or if there is none. It belongs to the
 * connection. NULL for NULL.
 */
char *PQhostaddr(const PGconn *conn);

/* The port of the host being tried or connected to. It belongs to the connection. NULL for NULL. */
char *PQport(const PGconn *conn);

/* Always empty: terminals of servers are no more. NULL for NULL. */
char *PQtty(const PGconn *conn);

/*
 * Whether the command in progress, or the transaction it is in, is idle or failed:
 * PQTRANS_UNKNOWN for NULL or a bad connection.
 */
PGTransactionStatusType PQtransactionStatus(const PGconn *conn);

/* Whether pipeline mode is off, on, or aborted by an error; off for NULL. */
PGpipelineStatus PQpipelineStatus(const PGconn *conn);

/*
 * The last value the server reported for a parameter, or NULL; good until it reports another.
 *
 * Names are case-sensitive. disconnect_requested is "on" once a GoAway message came: asking for it
 * looks at messages that were read but not yet parsed, and so may call the notice receiver; it belongs
 * to the connection's thread. NULL for a NULL connection or name.
 */
const char *PQparameterStatus(const PGconn *conn,
                              const char *paramName);

/*
 * Whether the server asked its clients to leave: 1 after a GoAway message, or while it reports
 * disconnect_requested as on; else 0, also for NULL.
 *
 * The session stays usable; close it when nobody uses it and open a new one when one is needed. Only
 * what was read already is looked at: on an idle connection call PQconsumeInput first. Messages that
 * were read but not yet parsed are parsed, so notice receivers may be called; the call belongs to the
 * connection's thread. The answer is forgotten when a new connection is made (PQreset), not when one
 * is lost.
 */
int PQgoAwayReceived(const PGconn *conn);

/* The version of the protocol in use, 3; 0 for NULL or a bad connection. */
int PQprotocolVersion(const PGconn *conn);

/* The full version of the protocol in use, 30000 or 30002; 0 for NULL or a bad connection. */
int PQfullProtocolVersion(const PGconn *conn);

/*
 * The server's version as a number, 180006 for 18.6; 0 if it is not known, and for NULL or a bad
 * connection.
 */
int PQserverVersion(const PGconn *conn);

/*
 * The id of the server process; 0 for NULL, while the connection is not open, or if the server told none.
 */
int PQbackendPID(const PGconn *conn);

/* 1 if the server asked for a password and none was there to give, else 0; 0 for NULL. */
int PQconnectionNeedsPassword(const PGconn *conn);

/* 1 if the server asked for a password, else 0; 0 for NULL. */
int PQconnectionUsedPassword(const PGconn *conn);

/* 1 if GSSAPI authenticated the connection, or encrypts it, else 0. */
int PQconnectionUsedGSSAPI(const PGconn *conn);

/*
 * Chooses how much error texts say from now on, and answers what was chosen before; for NULL,
 * PQERRORS_DEFAULT. An unknown number is taken as PQERRORS_DEFAULT.
 */
PGVerbosity PQsetErrorVerbosity(PGconn *conn, PGVerbosity verbosity);

/*
 * Chooses when error texts include their context from now on, and answers what was chosen before; for
 * NULL, PQSHOW_CONTEXT_ERRORS. An unknown number is taken as PQSHOW_CONTEXT_NEVER.
 */
PGContextVisibility PQsetErrorContextVisibility(PGconn *conn, PGContextVisibility show_context);

/*
 * The id of the encoding of texts from and to the server; -1 for NULL or while the connection is not open.
 */
int PQclientEncoding(const PGconn *conn);

/*
 * Runs one or more commands as a simple query and answers the result of the last, to be freed with PQclear.
 *
 * Results of earlier commands that were not collected are dropped, and a COPY in progress is ended. A
 * COPY result is answered at once. NULL for a NULL connection, when the command could not be sent, or in
 * pipeline mode; PQerrorMessage then tells why.
 */
PGresult *PQexec(PGconn *conn,
                 const char *query);

/* Runs one command with parameters and answers its result; see PQexec and PQsendQueryParams. */
PGresult *PQexecParams(PGconn *conn,
                       const char *command,
                       int nParams,
                       const Oid *paramTypes,
                       const char *const *paramValues,
                       const int *paramLengths,
                       const int *paramFormats,
                       int resultFormat);

/* Prepares a statement and answers the result; see PQexec and PQsendPrepare. */
PGresult *PQprepare(PGconn *conn,
                    const char *stmtName,
                    const char *query,
                    int nParams,
                    const Oid *paramTypes);

/* Executes a prepared statement and answers its result; see PQexec and PQsendQueryPrepared. */
PGresult *PQexecPrepared(PGconn *conn,
                         const char *stmtName,
                         int nParams,
                         const char *const *paramValues,
                         const int *paramLengths,
                         const int *paramFormats,
                         int resultFormat);

/*
 * The parameters and columns of a prepared statement, in a PGRES_COMMAND_OK result; a NULL name is the
 * unnamed statement. See PQexec.
 */
PGresult *PQdescribePrepared(PGconn *conn,
                             const char *stmt);

/*
 * The columns of a portal, in a PGRES_COMMAND_OK result; a NULL name is the unnamed portal. See PQexec.
 */
PGresult *PQdescribePortal(PGconn *conn,
                           const char *portal);

/* Closes a prepared statement; no error if there is none of the name. See PQexec. */
PGresult *PQclosePrepared(PGconn *conn, const char *stmt);

/* Closes a portal; no error if there is none of the name. See PQexec. */
PGresult *PQclosePortal(PGconn *conn, const char *portal);

/*
 * An empty result of the given status, to be freed with PQclear; NULL when memory ran out.
 *
 * With a connection, it takes over its encoding, notice hooks and event procedures, and for the status
 * of an error its error text. A number that is no status is taken as PGRES_FATAL_ERROR.
 */
PGresult *PQmakeEmptyPGresult(PGconn *conn,
                              ExecStatusType status);

/*
 * The next result of the commands sent, waiting for it; to be freed with PQclear.
 *
 * NULL when the command is over, and for a NULL connection. Call it until it answers NULL before
 * sending the next command (in pipeline mode: once a command, and a PGRES_PIPELINE_SYNC has no NULL).
 */
PGresult *PQgetResult(PGconn *conn);

/* Sends one or more commands as a simple query, without waiting: 1, or 0 with an error text. */
int PQsendQuery(PGconn *conn,
                const char *query);

/*
 * Sends one command with parameters, without waiting: 1, or 0 with an error text.
 *
 * The arrays have nParams entries or are NULL: types the server infers, text parameters, SQL NULLs.
 * resultFormat is 0 for text, 1 for binary results. A negative length of a binary value counts as 0.
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
 * Sends a command to prepare a statement, without waiting: 1, or 0 with an error text.
 *
 * stmtName may be empty; paramTypes has nParams entries or is NULL.
 */
int PQsendPrepare(PGconn *conn,
                  const char *stmtName,
                  const char *query,
                  int nParams,
                  const Oid *paramTypes);

/* Sends the execution of a prepared statement, without waiting: 1, or 0 with an error text. */
int PQsendQueryPrepared(PGconn *conn,
                        const char *stmtName,
                        int nParams,
                        const char *const *paramValues,
                        const int *paramLengths,
                        const int *paramFormats,
                        int resultFormat);

/*
 * Asks for the parameters and columns of a prepared statement, without waiting: 1, or 0 with an error
 * text. A NULL name is the unnamed statement.
 */
int PQsendDescribePrepared(PGconn *conn,
                           const char *stmt);

/*
 * Asks for the columns of a portal, without waiting: 1, or 0 with an error text. A NULL name is the
 * unnamed portal.
 */
int PQsendDescribePortal(PGconn *conn, const char *portal);

/* Closes a prepared statement, without waiting: 1, or 0 with an error text. */
int PQsendClosePrepared(PGconn *conn, const char *stmt);

/* Closes a portal, without waiting: 1, or 0 with an error text. */
int PQsendClosePortal(PGconn *conn, const char *portal);

/*
 * Asks for a result a row for the command just sent: 1, or 0 when it is too late or NULL is given.
 */
int PQsetSingleRowMode(PGconn *conn);

/*
 * Asks for results of at most chunkSize rows for the command just sent: 1, or 0 when it is too late,
 * chunkSize is not positive, or NULL is given.
 */
int PQsetChunkedRowsMode(PGconn *conn,
                         int chunkSize);

/*
 * Reads what has come from the server, without waiting: 1, or 0 with an error text.
 *
 * In nonblocking mode, output is sent as far as it goes first.
 */
int PQconsumeInput(PGconn *conn);

/* Whether PQgetResult would wait: 1 or 0. Looks only at what PQconsumeInput has read. */
int PQisBusy(PGconn *conn);

/*
 * Sends what is buffered: 0 when all is sent, 1 when some is left (in nonblocking mode only), -1 for an
 * error, a bad or a NULL connection.
 */
int PQflush(PGconn *conn);

/*
 * Switches nonblocking mode on or off: 0, or -1 for a bad or NULL connection or when output could not be
 * sent first.
 */
int PQsetnonblocking(PGconn *conn,
                     int arg);

/* Whether nonblocking mode is on: 1 or 0; 0 for a bad or NULL connection. */
int PQisnonblocking(const PGconn *conn);

/*
 * The oldest notification not yet taken, or NULL; to be freed with PQfreemem.
 *
 * Looks only at what PQconsumeInput and other calls have read.
 */
PGnotify *PQnotifies(PGconn *conn);

/*
 * Begins to queue commands without waiting for each one's results: 1, also when the mode is on already;
 * 0 when a command is in progress, or NULL is given.
 */
int PQenterPipelineMode(PGconn *conn);

/*
 * Ends pipeline mode: 1, also when it is off; 0 while results are to be collected, or NULL is given.
 */
int PQexitPipelineMode(PGconn *conn);

/* Marks a sync point, and sends all that is queued: 1, or 0 with an error text. */
int PQpipelineSync(PGconn *conn);

/* Marks a sync point without sending what is queued: 1, or 0 with an error text. */
int PQsendPipelineSync(PGconn *conn);

/*
 * Asks the server to send the results it has; call PQflush afterwards. 1, or 0 with an error text.
 */
int PQsendFlushRequest(PGconn *conn);

/*
 * Calls a function of the server by its OID, with binary arguments and a binary result, and waits for it.
 *
 * Answers PGRES_COMMAND_OK or an error, to be freed with PQclear, or NULL with an error text. With
 * result_is_int, an integer of 2 or 4 bytes is stored in result_buf; else all the bytes the server
 * sends, however many: the buffer must be large enough for a server that is not trusted, too.
 * result_len gets their number, -1 for NULL. What a NULL result_buf or result_len would get is left
 * out, and a NULL value of an argument is empty; NULL args, more than 65535 and lengths under -1 are
 * refused. Deprecated: prepared statements do the same safely.
 */
PGresult *PQfn(PGconn *conn,
               int fnid,
               int *result_buf,
               int *result_len,
               int result_is_int,
               const PQArgBlock *args,
               int nargs);

/* The status of a result; PGRES_FATAL_ERROR for NULL. */
ExecStatusType PQresultStatus(const PGresult *res);

/* The name of a status, a constant string; a sentence saying so for numbers that are none. */
char *PQresStatus(ExecStatusType status);

/* The error text of a result, owned by it; an empty string if there is none, and for NULL. */
char *PQresultErrorMessage(const PGresult *res);

/*
 * The error text in another style, for PQfreemem; NULL when memory ran out.
 *
 * For NULL, and results that are no errors, it is a sentence that says so.
 */
char *PQresultVerboseErrorMessage(const PGresult *res,
                                  PGVerbosity verbosity,
                                  PGContextVisibility show_context);

/*
 * The text of a field (PG_DIAG_...) of the server's error, owned by the result; NULL if it
 * has no such field, and for NULL.
 */
char *PQresultErrorField(const PGresult *res, int fieldcode);

/* The number of rows; 0 for NULL. */
int PQntuples(const PGresult *res);

/* The number of columns; 0 for NULL. */
int PQnfields(const PGresult *res);

/*
 * 1 if all columns are binary, 0 if not, if there are none, and for NULL; the overall format
 * for the result of a COPY.
 */
int PQbinaryTuples(const PGresult *res);

/*
 * A value, owned by the result, with a NUL behind it; an empty string for SQL's NULL.
 *
 * Binary values are aligned to 8 bytes. NULL, and a notice, if there is no such row or column;
 * NULL for NULL.
 */
char *PQgetvalue(const PGresult *res, int tup_num, int field_num);

/*
 * A value's length in bytes; 0 for SQL's NULL, for NULL, and, with a notice, if there is no
 * such row or column.
 */
int PQgetlength(const PGresult *res, int tup_num, int field_num);

/*
 * Whether a value is SQL's NULL: 1 or 0; 1 for NULL, and, with a notice, if there is no such
 * row or column.
 */
int PQgetisnull(const PGresult *res, int tup_num, int field_num);

/* The bytes allocated for a result; 0 for NULL. */
size_t PQresultMemorySize(const PGresult *res);

/* Frees a result, after telling the event procedures that watch it; nothing for NULL. */
void PQclear(PGresult *res);

/*
 * A column's name, owned by the result; NULL for NULL, and, with a notice, if there is no such
 * column. Columns of a COPY have none.
 */
char *PQfname(const PGresult *res, int field_num);

/*
 * The number of the first column of that name, from 0 on; -1 if there is none, for NULL and
 * for an empty name.
 *
 * The name is read as SQL reads it: in lower case but for what stands in double quotes.
 */
int PQfnumber(const PGresult *res, const char *field_name);

/*
 * The OID of the table a column is from; 0 if it is from none, for NULL, and, with a notice, if
 * there is no such column.
 */
Oid PQftable(const PGresult *res, int field_num);

/*
 * A column's number in its table, from 1 on; 0 if it is from none, for NULL, and, with a
 * notice, if there is no such column.
 */
int PQftablecol(const PGresult *res, int field_num);

/*
 * A column's format, 0 for text and 1 for binary; 0 for NULL, and, with a notice, if there is
 * no such column.
 */
int PQfformat(const PGresult *res, int field_num);

/* The OID of a column's type; 0 for NULL, and, with a notice, if there is no such column. */
Oid PQftype(const PGresult *res, int field_num);

/*
 * The size of a column's type in bytes, negative if it varies; 0 for NULL, and, with a notice,
 * if there is no such column.
 */
int PQfsize(const PGresult *res, int field_num);

/*
 * The modifier of a column's type, -1 if it has none; 0 for NULL, and, with a notice, if there
 * is no such column.
 */
int PQfmod(const PGresult *res, int field_num);

/* The number of a prepared statement's parameters; 0 for NULL and other results. */
int PQnparams(const PGresult *res);

/*
 * The OID of the type of a prepared statement's parameter; 0 for NULL, and, with a notice, if
 * there is no such parameter.
 */
Oid PQparamtype(const PGresult *res, int param_num);

/* The tag of the command, owned by the result; empty if it has none, NULL for NULL. */
char *PQcmdStatus(PGresult *res);

/*
 * The digits of the OID of the row an INSERT made, in a buffer that the thread's next call
 * overwrites; an empty string for other commands and NULL.
 */
char *PQoidStatus(const PGresult *res);

/* The OID of the row an INSERT made; 0 if it made none, for other commands and NULL. */
Oid PQoidValue(const PGresult *res);

/*
 * The digits of the number of rows a command affected, owned by the result.
 *
 * An empty string for commands that do not count, for NULL, and, with a notice, if the server's
 * tag makes no sense.
 */
char *PQcmdTuples(PGresult *res);

/*
 * A copy of a result's parts named by flags (PG_COPYRES_...), for PQclear.
 *
 * Its status is PGRES_TUPLES_OK. NULL when memory ran out, and for NULL.
 */
PGresult *PQcopyResult(const PGresult *src, int flags);

/*
 * Describes the columns of a result that has neither columns nor rows: 1, or 0 if it has, when
 * memory ran out, and for NULL. Names are copied. No columns at all (numAttributes under 1 or NULL) change nothing.
 */
int PQsetResultAttrs(PGresult *res,
                     int numAttributes,
                     PGresAttDesc *attDescs);

/*
 * Sets a value to a copy of the len bytes at value, to SQL's NULL if len is -1 or value
 * NULL: 1, or 0 with a notice if there is no such row or column or memory ran out; 0 for NULL.
 *
 * The row behind the last one is added, with NULLs in its other columns.
 */
int PQsetvalue(PGresult *res, int tup_num, int field_num, char *value, int len);

/*
 * nBytes bytes that are freed with the result, aligned for any type; a pointer that must not
 * be written through for 0. NULL when memory ran out, and for NULL.
 */
void *PQresultAlloc(PGresult *res, size_t nBytes);

/*
 * Sends nbytes of COPY data: 1 when they are queued, -1 with an error text, or for NULL.
 *
 * A NULL buffer and a negative nbytes count as no data.
 *
 * In nonblocking mode all of it is queued whatever the server takes: call PQflush now and then.
 */
int PQputCopyData(PGconn *conn, const char *buffer, int nbytes);

/*
 * Ends COPY data, as a failure with the text errormsg if that is not NULL: 1, or -1 with an error text,
 * or for NULL. The outcome of the COPY itself comes from PQgetResult.
 *
 * In nonblocking mode, call PQflush until all is sent.
 */
int PQputCopyEnd(PGconn *conn,
                 const char *errormsg);

/*
 * Receives a row of COPY data into *buffer, to be freed with PQfreemem, and answers its length.
 *
 * 0 when none has come yet and r#async is not 0; -1 when the COPY is over (its outcome comes from
 * PQgetResult); -2 with an error text, or for a NULL connection or buffer.
 */
int PQgetCopyData(PGconn *conn,
                  char **buffer,
                  int async);

/*
 * Reads a line of text COPY data, without its newline, as a C string into buffer of length bytes.
 *
 * 0 when the line is whole, 1 when more of it follows, EOF (-1) for an error. The line \. ends the
 * data. Deprecated: use PQgetCopyData.
 */
int PQgetline(PGconn *conn, char *buffer, int length);

/*
 * Reads COPY data that has come into buffer, of bufsize bytes, without a NUL behind it: its length,
 * 0 when there is none yet, -1 when the COPY is over. Long rows come in pieces. Deprecated: use
 * PQgetCopyData.
 */
int PQgetlineAsync(PGconn *conn,
                   char *buffer,
                   int bufsize);

/*
 * Sends a C string as COPY data: 0, or EOF (-1). NULL is an empty one. Deprecated: use PQputCopyData.
 */
int PQputline(PGconn *conn,
              const char *string);

/*
 * Sends bytes as COPY data: 0, or EOF (-1). Otherwise as PQputCopyData, which is to be used instead.
 */
int PQputnbytes(PGconn *conn, const char *buffer, int nbytes);

/*
 * Ends a COPY and waits for its outcome: 0 when it succeeded, 1 when not; the error text then also goes
 * to the notice receiver. 0 for NULL. Deprecated: use PQputCopyEnd and PQgetResult.
 */
int PQendcopy(PGconn *conn);

/*
 * A snapshot of what is needed to cancel conn's queries, also from another thread or a signal handler.
 *
 * The caller gives it back with PQfreeCancel; it outlives the connection. NULL when conn is NULL or
 * not open, when one of its keepalive options is not an integer, or when memory ran out. If the server
 * sent no cancellation key there is an object, and PQcancel fails on it.
 */
PGcancel *PQgetCancel(PGconn *conn);

/* Frees an object of PQgetCancel; NULL is ignored. */
void PQfreeCancel(PGcancel *cancel);

/*
 * Asks the server to give up what the connection is doing: 1 when the request was sent, else 0 and the
 * reason in errbuf, of errbufsize bytes (256 are recommended; NULL for no text).
 *
 * Blocks until the server has taken the request, and never uses encryption. Async-signal-safe: neither
 * memory, locks nor the C library's streams are used, and errno stays as it was.
 */
int PQcancel(PGcancel *cancel,
             char *errbuf,
             int errbufsize);

/*
 * PQgetCancel and PQcancel at once: 1 when the request was sent, else 0 and the reason in
 * PQerrorMessage. Deprecated: neither thread-safe nor fit for a signal handler. NULL gives 0.
 */
int PQrequestCancel(PGconn *conn);

/*
 * A connection that can cancel what conn runs, to be closed with PQcancelFinish; NULL only for lack of
 * memory.
 *
 * It uses the options, the encryption and the very address of conn, and outlives it. PQcancelStatus is
 * CONNECTION_ALLOCATED, or CONNECTION_BAD when conn is NULL, not open or has no key to cancel with.
 */
PGcancelConn *PQcancelCreate(PGconn *conn);

/*
 * Sends the cancel request and waits until the server has taken it: 1, or 0 with an error text.
 *
 * connect_timeout is honoured. 1 does not say that there was something to cancel.
 */
int PQcancelBlocking(PGcancelConn *cancelConn);

/*
 * Begins to send the cancel request, without waiting; go on with PQcancelPoll. 1, or 0 with an error text,
 * also where a request was begun already and PQcancelReset not called.
 */
int PQcancelStart(PGcancelConn *cancelConn);

/*
 * Goes on with the cancel request as PQconnectPoll does with a connection. PGRES_POLLING_OK: the server has
 * taken it.
 */
PostgresPollingStatusType PQcancelPoll(PGcancelConn *cancelConn);

/* Where the request stands; CONNECTION_OK once the server has taken it, CONNECTION_BAD for NULL. */
ConnStatusType PQcancelStatus(const PGcancelConn *cancelConn);

/*
 * The descriptor of the socket to wait for, which may change from poll to poll; -1 when there is none.
 */
int PQcancelSocket(const PGcancelConn *cancelConn);

/* Why the request failed; the object's own, good until it is used again. */
char *PQcancelErrorMessage(const PGcancelConn *cancelConn);

/* Closes what is open and readies the object for another request. NULL is ignored. */
void PQcancelReset(PGcancelConn *cancelConn);

/* Closes what is open and frees the object; NULL is ignored. */
void PQcancelFinish(PGcancelConn *cancelConn);

/*
 * Sets who takes the notices of a connection, and answers who did.
 *
 * With a NULL proc nothing changes. NULL for a NULL connection. The receiver must not use the
 * connection, whose results made from now on it serves too. If it leaves by longjmp, the connection
 * stays usable: the call it interrupted can be followed by PQgetResult; only the notice is leaked.
 */
PQnoticeReceiver PQsetNoticeReceiver(PGconn *conn, PQnoticeReceiver proc, void *arg);

/*
 * Sets who takes the text of notices, as the receiver of a new connection passes them on, and answers who
 * did. Otherwise as PQsetNoticeReceiver; the processor of a new connection writes to stderr.
 */
PQnoticeProcessor PQsetNoticeProcessor(PGconn *conn,
                                       PQnoticeProcessor proc,
                                       void *arg);

/*
 * Writes a line for each message from now on to debug_port, which the application keeps open.
 *
 * Ends an earlier trace and clears its flags. A NULL stream only ends; a NULL connection is ignored.
 * Passwords are shown as they are sent.
 */
void PQtrace(PGconn *conn, FILE *debug_port);

/* Ends a trace and flushes its stream. */
void PQuntrace(PGconn *conn);

/*
 * Chooses how trace lines look: PQTRACE_SUPPRESS_TIMESTAMPS, PQTRACE_REGRESS_MODE, or both.
 *
 * Without a trace nothing changes.
 */
void PQsetTraceFlags(PGconn *conn, int flags);

/*
 * Escapes a string for use between single quotes, by the connection's encoding and settings, into to,
 * which must have room for twice length and one more byte.
 *
 * Stops at a NUL. Answers the length written, without the NUL behind it. Text that is invalid in the
 * encoding sets *error (unless error is NULL) and the connection's error text, and makes the output
 * invalid too, so that the server refuses it. With a NULL connection, nothing is escaped and *error set.
 * A NULL from is an empty one; with a NULL to nothing is done, and the answer is 0.
 */
size_t PQescapeStringConn(PGconn *conn,
                          char *to,
                          const char *from,
                          size_t length,
                          int *error);

/*
 * Escapes a string by the encoding and settings that the server of any connection reported last.
 *
 * Deprecated: use PQescapeStringConn. to must have room for twice length and one more byte.
 */
size_t PQescapeString(char *to, const char *from, size_t length);

/*
 * A string as an SQL literal, with its quotes; to be freed with PQfreemem.
 *
 * Stops at a NUL or after len bytes. A string with backslashes becomes  E'...', with a blank before.
 * NULL, with an error text, for text that is invalid in the connection's encoding and for lack of memory; NULL for a
 * NULL connection. A NULL str is an empty one.
 */
char *PQescapeLiteral(PGconn *conn,
                      const char *str,
                      size_t len);

/* A name as an SQL identifier, with its double quotes; otherwise as PQescapeLiteral. */
char *PQescapeIdentifier(PGconn *conn, const char *str, size_t len);

/*
 * Bytes escaped as a bytea value, to be put between single quotes and freed with PQfreemem.
 *
 * Hexadecimal for servers from 9.0 on, else the older form. *to_length becomes the length with the
 * NUL, unless to_length is NULL. NULL for a NULL connection, or with an error text when memory ran out.
 * A NULL from is empty.
 */
unsigned char *PQescapeByteaConn(PGconn *conn,
                                 const unsigned char *from,
                                 size_t from_length,
                                 size_t *to_length);

/*
 * Bytes escaped as a bytea value in the older form, by the settings that the server of any connection
 * reported last. Deprecated: use PQescapeByteaConn.
 */
unsigned char *PQescapeBytea(const unsigned char *from, size_t from_length, size_t *to_length);

/*
 * The bytes that a bytea value in text form stands for, with a NUL behind them, to be freed with
 * PQfreemem; *retbuflen becomes their number, unless retbuflen is NULL.
 *
 * Both forms are understood; pairs that are not hexadecimal are skipped. NULL for NULL or lack of memory.
 */
unsigned char *PQunescapeBytea(const unsigned char *strtext,
                               size_t *retbuflen);

/*
 * The length in bytes (1 to 4) of the character at s, by its first byte (in GB18030: its first two).
 *
 * It may reach beyond the end of a string that is not valid; [PQmblenBounded] does not. An encoding that is
 * no encoding counts as SQL_ASCII. NULL has length 1.
 */
int PQmblen(const char *s,
            int encoding);

/*
 * As [PQmblen], but no more than the number of bytes before the NUL that ends the string: 0 to 4. 0 for NULL.
 */
int PQmblenBounded(const char *s,
                   int encoding);

/*
 * The columns that the character at s takes on a terminal: 0, 1 or 2, or -1 for a control character. 0 for
 * NULL.
 */
int PQdsplen(const char *s,
             int encoding);

/*
 * The encoding that the environment variable PGCLIENTENCODING names; SQL_ASCII (0) when it is not set or names
 * none.
 */
int PQenv2encoding(void);

/*
 * The number of the encoding called name, case and punctuation ignored; -1 for an unknown name and for NULL.
 */
int pg_char_to_encoding(const char *name);

/* The name of encoding, a static string; empty for a number that is no encoding. */
const char *pg_encoding_to_char(int encoding);

/* 1 when a database can have encoding, else 0. */
int pg_valid_server_encoding_id(int encoding);

/*
 * Asks the server to talk in encoding, waiting for its answer: 0, or -1.
 *
 * auto stands for the encoding of the process's locale. -1 without asking for a NULL or bad connection,
 * a NULL name and one of more than 100 bytes. The name goes into the command as it is, without quoting.
 */
int PQsetClientEncoding(PGconn *conn,
                        const char *encoding);

/*
 * The MD5 form of a password, as servers store it; to be freed with PQfreemem. NULL for a NULL argument or
 * lack of memory. Deprecated: PQencryptPasswordConn does what the server wants.
 */
char *PQencryptPassword(const char *passwd,
                        const char *user);

/*
 * What servers store for a password, for use in ALTER USER without telling them the password; to be freed
 * with PQfreemem. It needs no escaping.
 *
 * algorithm is md5 or scram-sha-256; for NULL the server is asked for its password_encryption. NULL for
 * a NULL connection, or with an error text, also for a NULL password, and for a NULL name with md5.
 */
char *PQencryptPasswordConn(PGconn *conn,
                            const char *passwd,
                            const char *user,
                            const char *algorithm);

/*
 * Gives a user another password, hashed here as the server's password_encryption says: the result of the
 * ALTER USER, to be freed with PQclear, or NULL with an error text, also for a NULL name or password.
 */
PGresult *PQchangePassword(PGconn *conn,
                           const char *user,
                           const char *passwd);

/*
 * Opens a large object for INV_READ, INV_WRITE or both: a descriptor, good until the transaction ends, or
 * -1 with an error text.
 */
int lo_open(PGconn *conn,
            Oid lobjId,
            int mode);

/* Closes a descriptor of lo_open: 0, or -1 with an error text. */
int lo_close(PGconn *conn, int fd);

/*
 * Reads up to len bytes into buf: how many there were, or -1 with an error text. A server that sends
 * more than was asked for loses the connection.
 */
int lo_read(PGconn *conn,
            int fd,
            char *buf,
            size_t len);

/* Writes len bytes: how many were written, or -1 with an error text, also for a NULL buf. */
int lo_write(PGconn *conn, int fd, const char *buf, size_t len);

/*
 * Moves the place at which a descriptor reads and writes, as lseek does (whence is SEEK_SET, SEEK_CUR
 * or SEEK_END): the new place, or -1 with an error text, also for one beyond 2 GB.
 */
int lo_lseek(PGconn *conn,
             int fd,
             int offset,
             int whence);

/* As lo_lseek, for places of any size. Servers older than 9.3 cannot do it. */
int64_t lo_lseek64(PGconn *conn, int fd, int64_t offset, int whence);

/*
 * Makes a large object with an OID of the server's choice: the OID, or 0 with an error text. mode is
 * ignored.
 */
Oid lo_creat(PGconn *conn,
             int mode);

/*
 * Makes a large object with the OID lobjId, or one of the server's choice for 0: the OID, or 0 with an
 * error text.
 */
Oid lo_create(PGconn *conn,
              Oid lobjId);

/*
 * The place at which a descriptor reads and writes, or -1 with an error text, also for one beyond 2 GB.
 */
int lo_tell(PGconn *conn,
            int fd);

/* As lo_tell, for places of any size. Servers older than 9.3 cannot do it. */
int64_t lo_tell64(PGconn *conn, int fd);

/* Cuts a large object to len bytes, or fills it up with zeroes: 0, or -1 with an error text. */
int lo_truncate(PGconn *conn, int fd, size_t len);

/* As lo_truncate, for any size. Servers older than 9.3 cannot do it. */
int lo_truncate64(PGconn *conn, int fd, int64_t len);

/* Deletes a large object: 1, or -1 with an error text. */
int lo_unlink(PGconn *conn, Oid lobjId);

/*
 * Makes a large object of a file on this machine: its OID, or 0 with an error text, also for a NULL name.
 */
Oid lo_import(PGconn *conn,
              const char *filename);

/* As lo_import, with the OID lobjId, or one of the server's choice for 0. */
Oid lo_import_with_oid(PGconn *conn, const char *filename, Oid lobjId);

/* Writes a large object into a file on this machine, made anew: 1, or -1 with an error text. */
int lo_export(PGconn *conn, Oid lobjId, const char *filename);

/*
 * Prints a result to fout (NULL: standard output) as po says; nothing if it has no columns,
 * and for NULL.
 *
 * A NULL po->fieldSep is an empty one. With po->pager, a long result goes to the program that PAGER names, if standard input and
 * output are terminals.
 */
void PQprint(FILE *fout,
             const PGresult *res,
             const PQprintOpt *po);

/*
 * Prints a result to fp (NULL: standard output), the columns separated by fieldSep (NULL: a
 * blank), padded if fillAlign, with names if printHeader, with the number of rows unless
 * quiet. NULL prints as a result without rows.
 */
void PQdisplayTuples(const PGresult *res,
                     FILE *fp,
                     int fillAlign,
                     const char *fieldSep,
                     int printHeader,
                     int quiet);

/*
 * Prints a result to fout, with names if PrintAttNames, without rules if TerseOutput, padded
 * to colWidth bytes if that is above 0. Nothing for NULL, for a NULL stream, and for results
 * without columns.
 */
void PQprintTuples(const PGresult *res,
                   FILE *fout,
                   int PrintAttNames,
                   int TerseOutput,
                   int colWidth);

/* Answers 1 if the connection is encrypted with TLS, else 0; 0 for NULL. */
int PQsslInUse(PGconn *conn);

/*
 * Answers the TLS library's own object called struct_name, or NULL. It is NULL always: the
 * library uses no OpenSSL.
 */
void *PQsslStruct(PGconn *conn, const char *struct_name);

/*
 * Answers a fact about the connection's TLS: "library" (rustls), "protocol" (such as TLSv1.3), "cipher" (its
 * name as OpenSSL has it), "key_bits", "compression" (off) or "alpn" (empty if the server does not know it). NULL
 * if the attribute is another or NULL, or the connection is not encrypted with TLS. A NULL conn answers "library" alone.
 * The string belongs to the connection.
 */
const char *PQsslAttribute(PGconn *conn,
                           const char *attribute_name);

/*
 * Answers the names PQsslAttribute knows for this connection, ended by NULL. The array is a
 * constant of the library, and empty for a connection without TLS. For NULL, all names are answered.
 */
const char *const *PQsslAttributeNames(PGconn *conn);

/* Answers the OpenSSL object of the connection: NULL always, as the library uses no OpenSSL. */
void *PQgetssl(PGconn *conn);

/* Does nothing: there is no OpenSSL that would have to be initialized. */
void PQinitSSL(int do_init);

/* Does nothing: there is no OpenSSL that would have to be initialized. */
void PQinitOpenSSL(int do_ssl, int do_crypto);

/* Answers the function set by PQsetSSLKeyPassHook_OpenSSL, or NULL. */
PQsslKeyPassHook_OpenSSL_type PQgetSSLKeyPassHook_OpenSSL(void);

/*
 * Sets, for the whole process, the function that is asked for the password of a client key;
 * NULL for the default.
 */
void PQsetSSLKeyPassHook_OpenSSL(PQsslKeyPassHook_OpenSSL_type hook);

/*
 * Writes the connection's option sslpassword into buf of size bytes, cut with a warning on stderr if it is too
 * long and ended by NUL, and answers its length. 0 if there is none, or if an argument is NULL.
 */
int PQdefaultSSLKeyPassHook_OpenSSL(char *buf,
                                    int size,
                                    PGconn *conn);

/* Answers 1 if the connection is encrypted with GSSAPI, else 0; 0 for NULL. */
int PQgssEncInUse(PGconn *conn);

/*
 * Answers the connection's GSSAPI context (a gss_ctx_id_t), which stays the connection's.
 * NULL if it has none, and for NULL.
 */
void *PQgetgssctx(PGconn *conn);

/*
 * Sets, for the whole process, the function that is asked for what authentication needs; NULL
 * for the default, PQdefaultAuthDataHook.
 */
void PQsetAuthDataHook(PQauthDataHook_type hook);

/* Answers the function in use, never NULL. */
PQauthDataHook_type PQgetAuthDataHook(void);

/*
 * The hook in use when none was set: handles nothing and answers 0, so that the built-in way
 * is taken.
 */
int PQdefaultAuthDataHook(PGauthData type, PGconn *conn, void *data);

/*
 * Frees memory that this library allocated for the program. Does nothing for NULL. free() has the same effect.
 *
 * The memory of the last row of PQgetCopyData (up to 4 kB) is kept for the next row, until the COPY ends. So do not pass such
 * a row to realloc().
 */
void PQfreemem(void *ptr);

/* Answers the API level of the library: 190000 stands for libpq 19.0. */
int PQlibVersion(void);

/*
 * Answers 1: different connections may be used by different threads at the same time, one
 * connection by one thread at a time.
 */
int PQisthreadsafe(void);

/* Answers the time in microseconds since the start of 1970, UTC, as PQsocketPoll takes it. */
pg_usec_time_t PQgetCurrentTimeUSec(void);

/*
 * Waits until sock is readable (forRead not 0) or writable (forWrite not 0), at most until
 * end_time: microseconds since the start of 1970, UTC; 0 not to wait, -1 to wait for ever.
 *
 * Answers more than 0 when the socket is ready, 0 when the time is over or neither direction was
 * asked for, and less than 0 for an error, which errno names (EINTR after a signal).
 */
int PQsocketPoll(int sock, int forRead, int forWrite, pg_usec_time_t end_time);

/*
 * Sets, for the whole process, the function that locks and unlocks around libraries that are
 * not thread-safe (Kerberos, old versions of Curl); NULL for the library's own lock. Needed only
 * where the program uses such a library itself, from another thread. Answers the function
 * before, never NULL.
 */
pgthreadlock_t PQregisterThreadLock(pgthreadlock_t newhandler);

/* Answers the function PQregisterThreadLock set, or the library's own; never NULL. */
pgthreadlock_t PQgetThreadLock(void);

/* PQsetdbLogin without a user name and a password. */
#define PQsetdb(M_PGHOST, M_PGPORT, M_PGOPT, M_PGTTY, M_DBNAME) \
    PQsetdbLogin(M_PGHOST, M_PGPORT, M_PGOPT, M_PGTTY, M_DBNAME, NULL, NULL)

/* Frees what PQnotifies answered; an old name. */
#define PQfreeNotify(ptr) PQfreemem(ptr)

/* The message of a connection that lacks a password; better ask PQconnectionNeedsPassword. */
#define PQnoPasswordSupplied "fe_sendauth: no password supplied\n"

#ifdef __cplusplus
}
#endif

#endif /* LIBPQ_FE_H */
