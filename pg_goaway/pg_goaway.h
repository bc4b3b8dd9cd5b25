/*-------------------------------------------------------------------------
 *
 * pg_goaway.h
 *	  Declarations that the files of pg_goaway share.
 *
 * A client is asked to disconnect: by a function, or by the background worker
 * when the server is in smart shutdown.  Its backend then tells it, as soon as
 * it waits for a command outside a transaction, or at the end of a
 * transaction.  What is known of each client stands in shared memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_GOAWAY_H
#define PG_GOAWAY_H

#include <time.h>

#include "port/atomics.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#if PG_VERSION_NUM < 140000
#error "pg_goaway needs PostgreSQL 14 or newer"
#endif

/* How far a client is on its way out.  The order matters. */
typedef enum GoAwayState
{
	GOAWAY_NONE,				/* nobody asked it to go */
	GOAWAY_REQUESTED,			/* the worker is to ask it, in its turn */
	GOAWAY_ASKED,				/* its backend is to tell it */
	GOAWAY_TOLD					/* its backend has told it */
} GoAwayState;

/* One for each client's backend, in shared memory. */
typedef struct GoAwaySlot
{
	slock_t		mutex;			/* protects all of it, but see state */
	bool		ended;			/* whether the worker terminated it */
	int			pid;			/* the backend's, or 0 if this is free */
	pg_atomic_uint32 state;		/* its backend reads it without the mutex */
	TimestampTz asked_at;
	TimestampTz told_at;
	int64		asked_ms;		/* asked_at as goaway_now() has it */
	int64		signalled_ms;	/* when its backend was last reminded */
} GoAwaySlot;

/* A copy of a slot. */
typedef struct GoAwayClient
{
	int			pid;
	bool		ended;
	GoAwayState state;
	TimestampTz asked_at;
	TimestampTz told_at;
	int64		asked_ms;
	int64		signalled_ms;
} GoAwayClient;

/*
 * What became of those who were asked, since the worker last reported it.  All
 * but the first count clients that have gone.
 */
typedef struct GoAwayCounts
{
	uint32		asked;
	uint32		told;
	uint32		left;			/* by themselves */
	uint32		ended;			/* by the worker */
} GoAwayCounts;

/* pg_goaway.c */
extern bool goaway_is_active;	/* false if not preloaded, or stood aside */
extern bool goaway_message;
extern bool goaway_on_shutdown;
extern int	goaway_spread;
extern int	goaway_poll;
extern int	goaway_deadline;

#define GOAWAY_PARAMETER "disconnect_requested"

/*
 * Milliseconds of a clock that nobody sets.  When the time of day jumps,
 * nobody is terminated too early, and nothing waits for too long.
 */
static inline int64
goaway_now(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* clients.c */
extern GoAwaySlot *MyGoAwaySlot;	/* NULL if this is no client's backend */

extern void goaway_install_shmem_hooks(void);
extern void goaway_register_client(void);
extern void goaway_mark_told(void);
extern int	goaway_slot_count(void);
extern int	goaway_find_client(int pid);
extern bool goaway_read_client(int number, GoAwayClient *client);
extern bool goaway_request_client(int number, int pid);
extern bool goaway_ask_client(int number, int pid);
extern bool goaway_end_client(int number, int pid);
extern bool goaway_has_counts(void);
extern bool goaway_take_counts(GoAwayCounts *counts);
extern bool goaway_wake_worker(void);
extern int64 goaway_worker_starts(void);
extern int64 *goaway_drain_begin(void);

/* tell.c */
extern void goaway_install_client_hook(void);

/* worker.c */
extern void goaway_register_worker(void);

#endif							/* PG_GOAWAY_H */
