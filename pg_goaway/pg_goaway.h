/*-------------------------------------------------------------------------
 *
 * pg_goaway.h
 *	  Declarations that the files of pg_goaway share.
 *
 * "Asked" means that a function, or the background worker during a smart
 * shutdown, has marked a client to disconnect.  "Told" means that its backend
 * has sent this to the client.  The backend does so when it waits for a
 * command outside a transaction, or at the end of a transaction.  The state of
 * each client is in shared memory.
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

/* The stages of asking a client to disconnect.  Their order matters. */
typedef enum GoAwayState
{
	GOAWAY_NONE,				/* not asked */
	GOAWAY_REQUESTED,			/* the worker will ask it */
	GOAWAY_ASKED,				/* its backend will tell it */
	GOAWAY_TOLD					/* its backend has told it */
} GoAwayState;

/* One for each client's backend, in shared memory. */
typedef struct GoAwaySlot
{
	slock_t		mutex;			/* protects all but state */
	bool		ended;			/* whether the worker terminated it */
	int			pid;			/* the backend's, or 0 if this is free */
	pg_atomic_uint32 state;		/* its backend reads it without the mutex */
	TimestampTz asked_at;
	TimestampTz told_at;
	int64		asked_ms;		/* asked_at in goaway_now() time */
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
 * The number of clients that were asked since the worker's last report, and
 * what happened to them.  All but the first count clients that have
 * disconnected.
 */
typedef struct GoAwayCounts
{
	uint32		asked;
	uint32		told;
	uint32		left;			/* disconnected by themselves */
	uint32		ended;			/* terminated by the worker */
} GoAwayCounts;

/* pg_goaway.c */
extern bool goaway_is_active;	/* false if not preloaded, or not needed */
extern bool goaway_message;
extern bool goaway_on_shutdown;
extern int	goaway_spread;
extern int	goaway_poll;
extern int	goaway_deadline;

#define GOAWAY_PARAMETER "disconnect_requested"

/*
 * Milliseconds of a monotonic clock.  If the time of day is changed, no
 * client is terminated too early and nothing waits too long.
 */
static inline int64
goaway_now(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* clients.c */
extern GoAwaySlot *MyGoAwaySlot;	/* NULL if the backend has no client */

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
