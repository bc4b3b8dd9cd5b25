/*
 * libpq-events.h
 *     Procedures that are told of a connection's life and of its results.
 */

#ifndef LIBPQ_EVENTS_H
#define LIBPQ_EVENTS_H

#include "libpq-fe.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What happened, and what the second argument of the procedure points to. */
typedef enum {
    /* The procedure was registered: PGEventRegister. Answering 0 takes it back. */
    PGEVT_REGISTER,
    /* The connection was reset: PGEventConnReset. */
    PGEVT_CONNRESET,
    /* The connection is about to be freed: PGEventConnDestroy. The answer does not matter. */
    PGEVT_CONNDESTROY,
    /* A result was made: PGEventResultCreate. */
    PGEVT_RESULTCREATE,
    /* A result was copied: PGEventResultCopy. Only told to those who know the original. */
    PGEVT_RESULTCOPY,
    /* A result is about to be freed: PGEventResultDestroy. The answer does not matter. */
    PGEVT_RESULTDESTROY
} PGEventId;

typedef struct {
    PGconn *conn;
} PGEventRegister;

typedef struct {
    PGconn *conn;
} PGEventConnReset;

typedef struct {
    PGconn *conn;
} PGEventConnDestroy;

typedef struct {
    PGconn *conn;
    PGresult *result;
} PGEventResultCreate;

typedef struct {
    const PGresult *src;
    PGresult *dest;
} PGEventResultCopy;

typedef struct {
    PGresult *result;
} PGEventResultDestroy;

/*
 * An event procedure. Its address is its identity: registered once for each connection, and the
 * key to the data kept for it. passThrough is what was given when it was registered. Answers not
 * 0 for success, 0 for failure.
 */
typedef int (*PGEventProc)(PGEventId evtId, void *evtInfo, void *passThrough);

/*
 * Registers proc with a connection; name, which is copied, stands in error messages. Answers 1;
 * 0 for a NULL argument (passThrough may be NULL), an empty name, a procedure that is registered
 * already, or one that answered 0 to PGEVT_REGISTER.
 */
int PQregisterEventProc(PGconn *conn, PGEventProc proc, const char *name, void *passThrough);

/* Keeps data with the connection for proc. Answers 1; 0 if proc is not registered. */
int PQsetInstanceData(PGconn *conn, PGEventProc proc, void *data);

/* What was kept, or NULL. */
void *PQinstanceData(const PGconn *conn, PGEventProc proc);

/* Keeps data with the result for proc. Answers 1; 0 if the result does not know proc. */
int PQresultSetInstanceData(PGresult *result, PGEventProc proc, void *data);

/* What was kept, or NULL. */
void *PQresultInstanceData(const PGresult *result, PGEventProc proc);

/*
 * Tells the procedures of a result of the program's own making, PGEVT_RESULTCREATE, those that
 * know it already left out. conn may be NULL. Answers 1 if all answered not 0, else 0.
 */
int PQfireResultCreateEvents(PGconn *conn, PGresult *res);

#ifdef __cplusplus
}
#endif

#endif /* LIBPQ_EVENTS_H */
