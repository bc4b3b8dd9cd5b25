/*
 * libpq-events.h
 *     Procedures that are called for events of a connection and of its results.
 */

#ifndef LIBPQ_EVENTS_H
#define LIBPQ_EVENTS_H

#include "libpq-fe.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The event, and the struct that the second argument of the procedure points to. */
typedef enum {
    /* The procedure was registered: PGEventRegister. Return 0 to cancel this. */
    PGEVT_REGISTER,
    /* The connection was reset: PGEventConnReset. */
    PGEVT_CONNRESET,
    /* The connection is about to be freed: PGEventConnDestroy. The return value is ignored. */
    PGEVT_CONNDESTROY,
    /* A result was created: PGEventResultCreate. */
    PGEVT_RESULTCREATE,
    /* A result was copied: PGEventResultCopy. Only procedures that accepted the original are called. */
    PGEVT_RESULTCOPY,
    /* A result is about to be freed: PGEventResultDestroy. The return value is ignored. */
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
 * An event procedure. Its address identifies it: a connection has it at most once, and it selects
 * the instance data. passThrough is the argument of PQregisterEventProc. Returns 0 for a failure and
 * another value for success.
 */
typedef int (*PGEventProc)(PGEventId evtId, void *evtInfo, void *passThrough);

/*
 * Registers an event procedure for a connection and for the results created from it. Returns 1.
 * Returns 0 if an argument other than passThrough is NULL, if the name is empty, if the procedure is
 * already registered, or if it returns 0 for PGEVT_REGISTER.
 */
int PQregisterEventProc(PGconn *conn, PGEventProc proc, const char *name, void *passThrough);

/* Stores a pointer for proc in the connection. Returns 1, or 0 if proc is not registered. */
int PQsetInstanceData(PGconn *conn, PGEventProc proc, void *data);

/* Returns the pointer of PQsetInstanceData, or NULL. */
void *PQinstanceData(const PGconn *conn, PGEventProc proc);

/* Stores a pointer for proc in the result. Returns 1, or 0 if the result does not have proc. */
int PQresultSetInstanceData(PGresult *result, PGEventProc proc, void *data);

/* Returns the pointer of PQresultSetInstanceData, or NULL. */
void *PQresultInstanceData(const PGresult *result, PGEventProc proc);

/*
 * Calls the event procedures of a result that the program created, with PGEVT_RESULTCREATE, except
 * those that have already accepted it. conn may be NULL. Returns 1 if all return success, otherwise
 * 0.
 */
int PQfireResultCreateEvents(PGconn *conn, PGresult *res);

#ifdef __cplusplus
}
#endif

#endif /* LIBPQ_EVENTS_H */
