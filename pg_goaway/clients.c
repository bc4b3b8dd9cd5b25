/*-------------------------------------------------------------------------
 *
 * clients.c
 *	  The state of each client, in shared memory.
 *
 * There is a slot for each PGPROC that a client's backend can have.  A backend
 * takes its slot when its client has authenticated, and frees it at exit.
 * Other processes find the slot by the backend's pid.  Each later operation
 * on the slot takes this pid again and checks it, because another backend may
 * have the slot by then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "pg_goaway.h"
#include "postmaster/autovacuum.h"
#include "postmaster/bgworker_internals.h"
#include "replication/walsender.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "storage/shmem.h"

typedef struct GoAwayShared
{
	slock_t		mutex;			/* protects the counts and the latch */
	GoAwayCounts counts;
	Latch	   *worker_latch;	/* NULL if the worker does not run */

	/*
	 * Only the worker reads and writes these; they are times of goaway_now().
	 */
	int64		worker_start;	/* of the last worker, or 0 */
	int64		drain_begin;	/* 0 if no client was asked */

	int			slot_count;
	GoAwaySlot	slots[FLEXIBLE_ARRAY_MEMBER];
} GoAwayShared;

GoAwaySlot *MyGoAwaySlot = NULL;

static GoAwayShared *shared = NULL;

static shmem_startup_hook_type prev_shmem_startup_hook = NULL;
#if PG_VERSION_NUM >= 150000
static shmem_request_hook_type prev_shmem_request_hook = NULL;
#endif

/* An invalid proc number; before 17 this was called a backend id. */
#if PG_VERSION_NUM >= 170000
#define NO_PROC INVALID_PROC_NUMBER
#define MY_PROC_NUMBER() GetNumberFromPGProc(MyProc)
#else
#define NO_PROC InvalidBackendId
#define MY_PROC_NUMBER() (MyProc->pgprocno)
#endif

/*
 * Backends of clients are among the first MaxBackends PGPROCs.  PostgreSQL 14
 * does not know that number yet when it loads modules, so there it is
 * computed as in InitializeMaxBackends().
 */
static int
max_backends(void)
{
#if PG_VERSION_NUM >= 150000
	return MaxBackends;
#else
	return MaxConnections + autovacuum_max_workers + 1 +
		max_worker_processes + max_wal_senders;
#endif
}

static Size
shmem_size(int slot_count)
{
	return add_size(offsetof(GoAwayShared, slots),
					mul_size(slot_count, sizeof(GoAwaySlot)));
}

static void
request_shmem(void)
{
#if PG_VERSION_NUM >= 150000
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
#endif
	RequestAddinShmemSpace(shmem_size(max_backends()));
}

static void
initialize_shmem(int slot_count)
{
	memset(shared, 0, shmem_size(slot_count));
	SpinLockInit(&shared->mutex);
	shared->slot_count = slot_count;
	for (int i = 0; i < slot_count; i++)
	{
		SpinLockInit(&shared->slots[i].mutex);
		pg_atomic_init_u32(&shared->slots[i].state, GOAWAY_NONE);
	}
}

static void
start_shmem(void)
{
	int			slot_count = max_backends();
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("pg_goaway", shmem_size(slot_count), &found);
	if (!found)
		initialize_shmem(slot_count);
	LWLockRelease(AddinShmemInitLock);
}

void
goaway_install_shmem_hooks(void)
{
#if PG_VERSION_NUM >= 150000
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shmem;
#else
	request_shmem();
#endif
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_shmem;
}

static void
set_state(GoAwaySlot *slot, GoAwayState state)
{
	pg_atomic_write_u32(&slot->state, state);
}

/*
 * Empties a slot.  The caller holds its mutex, or no other process can find
 * the slot.
 */
static void
reset_slot(GoAwaySlot *slot, int pid)
{
	slot->pid = pid;
	set_state(slot, GOAWAY_NONE);
	slot->asked_at = slot->told_at = 0;
	slot->asked_ms = slot->signalled_ms = 0;
	slot->ended = false;
}

/* Counts a client that was asked and has disconnected. */
static void
count_departure(bool told, bool ended)
{
	SpinLockAcquire(&shared->mutex);
	if (told)
		shared->counts.told++;
	if (ended)
		shared->counts.ended++;
	else
		shared->counts.left++;
	SpinLockRelease(&shared->mutex);
}

/*
 * Runs at exit, before the PGPROC is released, so that the next backend finds
 * the slot free.
 */
static void
free_my_slot(int code, Datum arg)
{
	GoAwaySlot *slot = MyGoAwaySlot;
	GoAwayState state;
	bool		ended;

	MyGoAwaySlot = NULL;
	SpinLockAcquire(&slot->mutex);
	state = pg_atomic_read_u32(&slot->state);
	ended = slot->ended;
	reset_slot(slot, 0);
	SpinLockRelease(&slot->mutex);
	if (state >= GOAWAY_ASKED)
		count_departure(state == GOAWAY_TOLD, ended);
}

/* Takes a slot when a client's backend starts. */
void
goaway_register_client(void)
{
	int			number = MY_PROC_NUMBER();

	if (MyGoAwaySlot != NULL || number < 0 || number >= shared->slot_count)
		return;
	MyGoAwaySlot = &shared->slots[number];
	SpinLockAcquire(&MyGoAwaySlot->mutex);
	reset_slot(MyGoAwaySlot, MyProcPid);
	SpinLockRelease(&MyGoAwaySlot->mutex);
	on_shmem_exit(free_my_slot, (Datum) 0);
}

/* Records that the backend has told its client. */
void
goaway_mark_told(void)
{
	TimestampTz now = GetCurrentTimestamp();

	SpinLockAcquire(&MyGoAwaySlot->mutex);
	MyGoAwaySlot->told_at = now;
	set_state(MyGoAwaySlot, GOAWAY_TOLD);
	SpinLockRelease(&MyGoAwaySlot->mutex);
}

int
goaway_slot_count(void)
{
	return shared->slot_count;
}

/* Copies a slot.  Returns false if it has no client. */
bool
goaway_read_client(int number, GoAwayClient *client)
{
	GoAwaySlot *slot = &shared->slots[number];

	SpinLockAcquire(&slot->mutex);
	client->pid = slot->pid;
	client->ended = slot->ended;
	client->state = pg_atomic_read_u32(&slot->state);
	client->asked_at = slot->asked_at;
	client->told_at = slot->told_at;
	client->asked_ms = slot->asked_ms;
	client->signalled_ms = slot->signalled_ms;
	SpinLockRelease(&slot->mutex);
	return client->pid != 0;
}

/* Returns the number of the client's slot, or -1. */
int
goaway_find_client(int pid)
{
	GoAwayClient client;

	for (int i = 0; i < shared->slot_count; i++)
	{
		if (goaway_read_client(i, &client) && client.pid == pid)
			return i;
	}
	return -1;
}

/*
 * Marks a client to be asked by the worker.  Returns false if it has been asked
 * already, or is no longer connected.
 */
bool
goaway_request_client(int number, int pid)
{
	GoAwaySlot *slot = &shared->slots[number];
	bool		done = false;

	SpinLockAcquire(&slot->mutex);
	if (slot->pid == pid && pg_atomic_read_u32(&slot->state) <= GOAWAY_REQUESTED)
	{
		set_state(slot, GOAWAY_REQUESTED);
		done = true;
	}
	SpinLockRelease(&slot->mutex);
	return done;
}

/*
 * Makes the backend tell its client, or reminds the backend.  Returns false
 * if the client is no longer connected.
 *
 * The signal wakes a backend that waits for a command outside a transaction,
 * and makes it run an empty transaction: see tell.c.
 */
bool
goaway_ask_client(int number, int pid)
{
	GoAwaySlot *slot = &shared->slots[number];
	TimestampTz now = GetCurrentTimestamp();
	int64		now_ms = goaway_now();
	GoAwayState before = GOAWAY_NONE;
	bool		there;

	SpinLockAcquire(&slot->mutex);
	there = slot->pid == pid;
	if (there)
	{
		before = pg_atomic_read_u32(&slot->state);
		if (before < GOAWAY_ASKED)
		{
			slot->asked_at = now;
			slot->asked_ms = now_ms;
		}
		if (before <= GOAWAY_ASKED)
		{
			slot->signalled_ms = now_ms;
			set_state(slot, GOAWAY_ASKED);
		}
	}
	SpinLockRelease(&slot->mutex);

	if (!there)
		return false;
	if (before < GOAWAY_ASKED)
	{
		SpinLockAcquire(&shared->mutex);
		shared->counts.asked++;
		SpinLockRelease(&shared->mutex);
	}
	if (before <= GOAWAY_ASKED)
		(void) SendProcSignal(pid, PROCSIG_CATCHUP_INTERRUPT, NO_PROC);
	return true;
}

/* Terminates the backend, once.  Returns whether it did so. */
bool
goaway_end_client(int number, int pid)
{
	GoAwaySlot *slot = &shared->slots[number];
	bool		there;

	SpinLockAcquire(&slot->mutex);
	there = slot->pid == pid && !slot->ended;
	if (there)
		slot->ended = true;
	SpinLockRelease(&slot->mutex);

	if (!there)
		return false;
	/* As pg_terminate_backend(): includes the backend's child processes. */
#ifdef HAVE_SETSID
	return kill(-pid, SIGTERM) == 0;
#else
	return kill(pid, SIGTERM) == 0;
#endif
}

/* Whether any client was asked since the worker last reported. */
bool
goaway_has_counts(void)
{
	bool		has;

	SpinLockAcquire(&shared->mutex);
	has = shared->counts.asked != 0;
	SpinLockRelease(&shared->mutex);
	return has;
}

/*
 * Returns the counts and resets them.  Returns false if a client that was
 * asked is still connected.  A client may disconnect before it is counted as
 * asked.
 */
bool
goaway_take_counts(GoAwayCounts *counts)
{
	bool		complete;

	SpinLockAcquire(&shared->mutex);
	*counts = shared->counts;
	complete = counts->asked == counts->left + counts->ended;
	if (complete)
		shared->counts = (GoAwayCounts) {0};
	SpinLockRelease(&shared->mutex);
	return complete;
}

static void
set_worker_latch(Latch *latch)
{
	SpinLockAcquire(&shared->mutex);
	shared->worker_latch = latch;
	SpinLockRelease(&shared->mutex);
}

static void
forget_worker(int code, Datum arg)
{
	set_worker_latch(NULL);
}

/*
 * Records the start of the worker.  Returns the time of its previous start,
 * or 0.
 */
int64
goaway_worker_starts(void)
{
	int64		before = shared->worker_start;

	shared->worker_start = goaway_now();
	set_worker_latch(MyLatch);
	on_shmem_exit(forget_worker, (Datum) 0);
	return before;
}

/*
 * The start of the current drain, stored so that it survives a restart of the
 * worker.
 */
int64 *
goaway_drain_begin(void)
{
	return &shared->drain_begin;
}

/*
 * Wakes the worker.  Returns false if it does not run.  The latches of
 * processes stay in shared memory, so setting one whose owner has just exited
 * does no harm.
 */
bool
goaway_wake_worker(void)
{
	Latch	   *latch;

	SpinLockAcquire(&shared->mutex);
	latch = shared->worker_latch;
	SpinLockRelease(&shared->mutex);
	if (latch != NULL)
		SetLatch(latch);
	return latch != NULL;
}
