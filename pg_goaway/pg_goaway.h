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
	int			pid;			/* the backend's, or 0 if this is free */
	pg_atomic_uint32 state;		/* its backend reads it without the mutex */
	TimestampTz asked_at;
	TimestampTz signalled_at;	/* when its backend was last reminded */
	TimestampTz told_at;
	TimestampTz ended_at;		/* when the worker terminated it, or 0 */
} GoAwaySlot;

/* A copy of a slot. */
typedef struct GoAwayClient
{
	int			pid;
	GoAwayState state;
	TimestampTz asked_at;
	TimestampTz signalled_at;
	TimestampTz told_at;
	TimestampTz ended_at;
} GoAwayClient;

/* What became of those who were asked, since the worker last reported it. */
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
extern GoAwayCounts goaway_take_counts(void);
extern bool goaway_wake_worker(void);
extern TimestampTz goaway_worker_starts(void);
extern TimestampTz *goaway_drain_begin(void);

/* tell.c */
extern void goaway_install_client_hook(void);

/* worker.c */
extern void goaway_register_worker(void);

#endif							/* PG_GOAWAY_H */
