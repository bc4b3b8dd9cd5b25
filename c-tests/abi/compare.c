/*
 * Prints every public value, macro and struct of the headers it is compiled with, one a line. Features that an older
 * libpq lacks are inside #ifdefs of their feature macros.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef pg_attribute_printf
#define pg_attribute_printf(f, a)
#endif

#include "libpq-fe.h"
#include "libpq-events.h"
#include "libpq/libpq-fs.h"
#include "pqexpbuffer.h"

#define SHOWN(x) #x
#define VALUE(name) printf("%s = %ld\n", #name, (long) (name))
#define TEXT(name) printf("%s = %s\n", #name, name)
/* Values and tokens: the name of the parameter in the output shows how the macro expands. */
#define MACRO(call) printf("%s expands to %s\n", #call, SHOWN(call))
#define TYPE(type) \
    printf("sizeof(%s) = %lu, signed: %d\n", #type, (unsigned long) sizeof(type), (type) -1 < (type) 0)
#define STRUCT(type) \
    printf("sizeof(%s) = %lu, alignment %lu\n", #type, (unsigned long) sizeof(type), \
        (unsigned long) __alignof__(type))
#define FIELD(type, field) \
    printf("%s.%s at %lu, %lu bytes\n", #type, #field, (unsigned long) offsetof(type, field), \
        (unsigned long) sizeof(((type *) NULL)->field))

/* Struct tags that C++ programs forward-declare. */
static void tags(struct pg_conn *conn, struct pg_result *result, struct pg_cancel *cancel)
{
    PGconn *same_conn = conn;
    PGresult *same_result = result;
    PGcancel *same_cancel = cancel;
    struct pgNotify *notify = (PGnotify *) NULL;
    struct _PQprintOpt *print = (PQprintOpt *) NULL;
    struct _PQconninfoOption *option = (PQconninfoOption *) NULL;
    struct pgresAttDesc *column = (PGresAttDesc *) NULL;
    struct PQExpBufferData *buffer = (PQExpBuffer) NULL;

    (void) same_conn, (void) same_result, (void) same_cancel;
    (void) notify, (void) print, (void) option, (void) column, (void) buffer;
#ifdef LIBPQ_HAS_ASYNC_CANCEL
    {
        struct pg_cancel_conn *cancel_conn = (PGcancelConn *) NULL;

        (void) cancel_conn;
    }
#endif
#ifdef LIBPQ_HAS_PROMPT_OAUTH_DEVICE
    {
        struct _PGpromptOAuthDevice *prompt = (PGpromptOAuthDevice *) NULL;
        struct PGoauthBearerRequest *request = (PGoauthBearerRequest *) NULL;

        (void) prompt, (void) request;
    }
#endif
    printf("struct tags are libpq's\n");
}

static void features(void)
{
#ifdef LIBPQ_HAS_PIPELINING
    VALUE(LIBPQ_HAS_PIPELINING);
#endif
#ifdef LIBPQ_HAS_TRACE_FLAGS
    VALUE(LIBPQ_HAS_TRACE_FLAGS);
#endif
#ifdef LIBPQ_HAS_SSL_LIBRARY_DETECTION
    VALUE(LIBPQ_HAS_SSL_LIBRARY_DETECTION);
#endif
#ifdef LIBPQ_HAS_ASYNC_CANCEL
    VALUE(LIBPQ_HAS_ASYNC_CANCEL);
#endif
#ifdef LIBPQ_HAS_CHANGE_PASSWORD
    VALUE(LIBPQ_HAS_CHANGE_PASSWORD);
#endif
#ifdef LIBPQ_HAS_CHUNK_MODE
    VALUE(LIBPQ_HAS_CHUNK_MODE);
#endif
#ifdef LIBPQ_HAS_CLOSE_PREPARED
    VALUE(LIBPQ_HAS_CLOSE_PREPARED);
#endif
#ifdef LIBPQ_HAS_SEND_PIPELINE_SYNC
    VALUE(LIBPQ_HAS_SEND_PIPELINE_SYNC);
#endif
#ifdef LIBPQ_HAS_SOCKET_POLL
    VALUE(LIBPQ_HAS_SOCKET_POLL);
#endif
#ifdef LIBPQ_HAS_FULL_PROTOCOL_VERSION
    VALUE(LIBPQ_HAS_FULL_PROTOCOL_VERSION);
#endif
#ifdef LIBPQ_HAS_PROMPT_OAUTH_DEVICE
    VALUE(LIBPQ_HAS_PROMPT_OAUTH_DEVICE);
#endif
#ifdef LIBPQ_HAS_GET_THREAD_LOCK
    VALUE(LIBPQ_HAS_GET_THREAD_LOCK);
#endif
#ifdef LIBPQ_HAS_OAUTH_BEARER_TOKEN_V2
    VALUE(LIBPQ_HAS_OAUTH_BEARER_TOKEN_V2);
#endif
#ifdef LIBPQ_HAS_GOAWAY
    VALUE(LIBPQ_HAS_GOAWAY);
#endif
}

static void macros(void)
{
    VALUE(PG_COPYRES_ATTRS);
    VALUE(PG_COPYRES_TUPLES);
    VALUE(PG_COPYRES_EVENTS);
    VALUE(PG_COPYRES_NOTICEHOOKS);
    VALUE(PQTRACE_SUPPRESS_TIMESTAMPS);
    VALUE(PQTRACE_REGRESS_MODE);
    VALUE(PQ_QUERY_PARAM_MAX_LIMIT);
    TEXT(PQnoPasswordSupplied);
    MACRO(PQfreeNotify(a));
    MACRO(PQsetdb(a, b, c, d, e));
    VALUE(InvalidOid);
    VALUE(OID_MAX);
    VALUE(atooid("4294967295"));
    VALUE(INV_WRITE);
    VALUE(INV_READ);
    VALUE(INITIAL_EXPBUFFER_SIZE);
    VALUE(PQExpBufferBroken((PQExpBuffer) NULL));
    VALUE(PG_DIAG_SEVERITY);
    VALUE(PG_DIAG_SEVERITY_NONLOCALIZED);
    VALUE(PG_DIAG_SQLSTATE);
    VALUE(PG_DIAG_MESSAGE_PRIMARY);
    VALUE(PG_DIAG_MESSAGE_DETAIL);
    VALUE(PG_DIAG_MESSAGE_HINT);
    VALUE(PG_DIAG_STATEMENT_POSITION);
    VALUE(PG_DIAG_INTERNAL_POSITION);
    VALUE(PG_DIAG_INTERNAL_QUERY);
    VALUE(PG_DIAG_CONTEXT);
    VALUE(PG_DIAG_SCHEMA_NAME);
    VALUE(PG_DIAG_TABLE_NAME);
    VALUE(PG_DIAG_COLUMN_NAME);
    VALUE(PG_DIAG_DATATYPE_NAME);
    VALUE(PG_DIAG_CONSTRAINT_NAME);
    VALUE(PG_DIAG_SOURCE_FILE);
    VALUE(PG_DIAG_SOURCE_LINE);
    VALUE(PG_DIAG_SOURCE_FUNCTION);
}

static void connection_enums(void)
{
    VALUE(CONNECTION_OK);
    VALUE(CONNECTION_BAD);
    VALUE(CONNECTION_STARTED);
    VALUE(CONNECTION_MADE);
    VALUE(CONNECTION_AWAITING_RESPONSE);
    VALUE(CONNECTION_AUTH_OK);
    VALUE(CONNECTION_SETENV);
    VALUE(CONNECTION_SSL_STARTUP);
    VALUE(CONNECTION_NEEDED);
    VALUE(CONNECTION_CHECK_WRITABLE);
    VALUE(CONNECTION_CONSUME);
    VALUE(CONNECTION_GSS_STARTUP);
    VALUE(CONNECTION_CHECK_TARGET);
    VALUE(CONNECTION_CHECK_STANDBY);
#ifdef LIBPQ_HAS_ASYNC_CANCEL
    VALUE(CONNECTION_ALLOCATED);
#endif
#ifdef LIBPQ_HAS_PROMPT_OAUTH_DEVICE
    VALUE(CONNECTION_AUTHENTICATING);
    VALUE(PQAUTHDATA_PROMPT_OAUTH_DEVICE);
    VALUE(PQAUTHDATA_OAUTH_BEARER_TOKEN);
    TYPE(PGauthData);
#endif
#ifdef LIBPQ_HAS_OAUTH_BEARER_TOKEN_V2
    VALUE(PQAUTHDATA_OAUTH_BEARER_TOKEN_V2);
#endif
    TYPE(ConnStatusType);
    VALUE(PGRES_POLLING_FAILED);
    VALUE(PGRES_POLLING_READING);
    VALUE(PGRES_POLLING_WRITING);
    VALUE(PGRES_POLLING_OK);
    VALUE(PGRES_POLLING_ACTIVE);
    TYPE(PostgresPollingStatusType);
    VALUE(PQPING_OK);
    VALUE(PQPING_REJECT);
    VALUE(PQPING_NO_RESPONSE);
    VALUE(PQPING_NO_ATTEMPT);
    TYPE(PGPing);
    VALUE(PGEVT_REGISTER);
    VALUE(PGEVT_CONNRESET);
    VALUE(PGEVT_CONNDESTROY);
    VALUE(PGEVT_RESULTCREATE);
    VALUE(PGEVT_RESULTCOPY);
    VALUE(PGEVT_RESULTDESTROY);
    TYPE(PGEventId);
}

static void query_enums(void)
{
    VALUE(PGRES_EMPTY_QUERY);
    VALUE(PGRES_COMMAND_OK);
    VALUE(PGRES_TUPLES_OK);
    VALUE(PGRES_COPY_OUT);
    VALUE(PGRES_COPY_IN);
    VALUE(PGRES_BAD_RESPONSE);
    VALUE(PGRES_NONFATAL_ERROR);
    VALUE(PGRES_FATAL_ERROR);
    VALUE(PGRES_COPY_BOTH);
    VALUE(PGRES_SINGLE_TUPLE);
    VALUE(PGRES_PIPELINE_SYNC);
    VALUE(PGRES_PIPELINE_ABORTED);
#ifdef LIBPQ_HAS_CHUNK_MODE
    VALUE(PGRES_TUPLES_CHUNK);
#endif
    TYPE(ExecStatusType);
    VALUE(PQTRANS_IDLE);
    VALUE(PQTRANS_ACTIVE);
    VALUE(PQTRANS_INTRANS);
    VALUE(PQTRANS_INERROR);
    VALUE(PQTRANS_UNKNOWN);
    TYPE(PGTransactionStatusType);
    VALUE(PQERRORS_TERSE);
    VALUE(PQERRORS_DEFAULT);
    VALUE(PQERRORS_VERBOSE);
    VALUE(PQERRORS_SQLSTATE);
    TYPE(PGVerbosity);
    VALUE(PQSHOW_CONTEXT_NEVER);
    VALUE(PQSHOW_CONTEXT_ERRORS);
    VALUE(PQSHOW_CONTEXT_ALWAYS);
    TYPE(PGContextVisibility);
    VALUE(PQ_PIPELINE_OFF);
    VALUE(PQ_PIPELINE_ON);
    VALUE(PQ_PIPELINE_ABORTED);
    TYPE(PGpipelineStatus);
}

static void types(void)
{
    TYPE(Oid);
    TYPE(pg_int64);
    TYPE(pqbool);
    STRUCT(PQnoticeReceiver);
    STRUCT(PQnoticeProcessor);
    STRUCT(pgthreadlock_t);
    STRUCT(PQsslKeyPassHook_OpenSSL_type);
    STRUCT(PGEventProc);
    STRUCT(PQExpBuffer);
#ifdef LIBPQ_HAS_SOCKET_POLL
    TYPE(pg_usec_time_t);
#endif
#ifdef LIBPQ_HAS_PROMPT_OAUTH_DEVICE
    STRUCT(PQauthDataHook_type);
#endif
}

static void structs(void)
{
    STRUCT(PGnotify);
    FIELD(PGnotify, relname);
    FIELD(PGnotify, be_pid);
    FIELD(PGnotify, extra);
    FIELD(PGnotify, next);
    STRUCT(PQprintOpt);
    FIELD(PQprintOpt, header);
    FIELD(PQprintOpt, align);
    FIELD(PQprintOpt, standard);
    FIELD(PQprintOpt, html3);
    FIELD(PQprintOpt, expanded);
    FIELD(PQprintOpt, pager);
    FIELD(PQprintOpt, fieldSep);
    FIELD(PQprintOpt, tableOpt);
    FIELD(PQprintOpt, caption);
    FIELD(PQprintOpt, fieldName);
    STRUCT(PQconninfoOption);
    FIELD(PQconninfoOption, keyword);
    FIELD(PQconninfoOption, envvar);
    FIELD(PQconninfoOption, compiled);
    FIELD(PQconninfoOption, val);
    FIELD(PQconninfoOption, label);
    FIELD(PQconninfoOption, dispchar);
    FIELD(PQconninfoOption, dispsize);
    STRUCT(PQArgBlock);
    FIELD(PQArgBlock, len);
    FIELD(PQArgBlock, isint);
    FIELD(PQArgBlock, u);
    FIELD(PQArgBlock, u.ptr);
    FIELD(PQArgBlock, u.integer);
    STRUCT(PGresAttDesc);
    FIELD(PGresAttDesc, name);
    FIELD(PGresAttDesc, tableid);
    FIELD(PGresAttDesc, columnid);
    FIELD(PGresAttDesc, format);
    FIELD(PGresAttDesc, typid);
    FIELD(PGresAttDesc, typlen);
    FIELD(PGresAttDesc, atttypmod);
    STRUCT(PQExpBufferData);
    FIELD(PQExpBufferData, data);
    FIELD(PQExpBufferData, len);
    FIELD(PQExpBufferData, maxlen);
}

static void event_structs(void)
{
    STRUCT(PGEventRegister);
    FIELD(PGEventRegister, conn);
    STRUCT(PGEventConnReset);
    FIELD(PGEventConnReset, conn);
    STRUCT(PGEventConnDestroy);
    FIELD(PGEventConnDestroy, conn);
    STRUCT(PGEventResultCreate);
    FIELD(PGEventResultCreate, conn);
    FIELD(PGEventResultCreate, result);
    STRUCT(PGEventResultCopy);
    FIELD(PGEventResultCopy, src);
    FIELD(PGEventResultCopy, dest);
    STRUCT(PGEventResultDestroy);
    FIELD(PGEventResultDestroy, result);
}

static void oauth_structs(void)
{
#ifdef LIBPQ_HAS_PROMPT_OAUTH_DEVICE
    STRUCT(PGpromptOAuthDevice);
    FIELD(PGpromptOAuthDevice, verification_uri);
    FIELD(PGpromptOAuthDevice, user_code);
    FIELD(PGpromptOAuthDevice, verification_uri_complete);
    FIELD(PGpromptOAuthDevice, expires_in);
    STRUCT(PGoauthBearerRequest);
    FIELD(PGoauthBearerRequest, openid_configuration);
    FIELD(PGoauthBearerRequest, scope);
    FIELD(PGoauthBearerRequest, async);
    FIELD(PGoauthBearerRequest, cleanup);
    FIELD(PGoauthBearerRequest, token);
    FIELD(PGoauthBearerRequest, user);
#endif
#ifdef LIBPQ_HAS_OAUTH_BEARER_TOKEN_V2
    STRUCT(PGoauthBearerRequestV2);
    FIELD(PGoauthBearerRequestV2, v1);
    FIELD(PGoauthBearerRequestV2, issuer);
    FIELD(PGoauthBearerRequestV2, error);
#endif
}

int main(void)
{
    tags(NULL, NULL, NULL);
    features();
    macros();
    connection_enums();
    query_enums();
    types();
    structs();
    event_structs();
    oauth_structs();
    return 0;
}
