/*-------------------------------------------------------------------------
 *
 * worker.c
 *	  The background worker: asks clients in their turn, reminds their
 *	  backends, and terminates those that stay too long.
 *
 * The postmaster tells nobody that smart shutdown has begun, but writes so into
 * postmaster.pid: the worker looks there.  It has no database connection, and
 * allocates all it needs when it starts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#if PG_VERSION_NUM >= 150000
#include "common/pg_prng.h"
#endif
#include "miscadmin.h"
#include "pg_goaway.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/pidfile.h"
#include "utils/wait_event.h"

/* How often a backend is reminded that could not yet tell its client. */
#define REMIND_MS 500

/* How much longer than idle clients those in a transaction may stay. */
#define TRANSACTION_GRACE_MS 1000

/* If it ends sooner than this after its start, the next one waits so long. */
#define RESTART_PAUSE_MS 1000

/* postmaster.pid is much shorter, as it holds two paths at most. */
#define PID_FILE_SIZE 8192

#if PG_VERSION_NUM >= 170000
#define PROC_IS_IN_TRANSACTION(proc) LocalTransactionIdIsValid((proc)->vxid.lxid)
#else
#define PROC_IS_IN_TRANSACTION(proc) LocalTransactionIdIsValid((proc)->lxid)
#endif

/* Whom to ask, in which order: slots, with the pids that were there. */
typedef struct Turn
{
	int			number;
	int			pid;
} Turn;

typedef struct Plan
{
	Turn	   *turns;			/* as many as there are slots */
	int			count;
	int			next;			/* the first who was not yet asked */
	TimestampTz begin;
} Plan;

typedef struct Worker
{
	Plan		plan;
	bool		stopping;		/* the server is in shutdown */
	TimestampTz next_look;		/* when to look for that again */
	int			outstanding;	/* clients that are to leave */
} Worker;

PGDLLEXPORT void pg_goaway_worker_main(Datum arg);

static TimestampTz
later(TimestampTz time, int milliseconds)
{
	return TimestampTzPlusMilliseconds(time, (int64) milliseconds);
}

/*
 * Whether the postmaster has begun a shutdown.  Of the other kinds than smart
 * we hear by a signal, at about the same time.
 */
static bool
server_is_stopping(void)
{
	char		text[PID_FILE_SIZE];
	char	   *line = text;
	ssize_t		length;
	int			file;

	/* The working directory is the data directory. */
	file = BasicOpenFile("postmaster.pid", O_RDONLY | PG_BINARY);
	if (file < 0)
		return false;
	length = read(file, text, sizeof(text) - 1);
	close(file);
	if (length <= 0)
		return false;
	text[length] = '\0';
	for (int i = 1; i < LOCK_FILE_LINE_PM_STATUS; i++)
	{
		line = strchr(line, '\n');
		if (line == NULL)
			return false;
		line++;
	}
	return strncmp(line, PM_STATUS_STOPPING, strlen(PM_STATUS_STOPPING)) == 0;
}

/* A number below limit. */
static int
random_below(int limit)
{
#if PG_VERSION_NUM >= 150000
	return (int) pg_prng_uint64_range(&pg_global_prng_state, 0, limit - 1);
#else
	return (int) (random() % limit);
#endif
}

static void
shuffle(Turn *turns, int count)
{
	for (int i = count - 1; i > 0; i--)
	{
		int			j = random_below(i + 1);
		Turn		turn = turns[i];

		turns[i] = turns[j];
		turns[j] = turn;
	}
}

/* Everybody who is connected, also who has come since the last time. */
static void
request_all_clients(void)
{
	GoAwayClient client;

	for (int i = 0; i < goaway_slot_count(); i++)
	{
		if (goaway_read_client(i, &client) && client.state == GOAWAY_NONE)
			(void) goaway_request_client(i, client.pid);
	}
}

static void
make_plan(Plan *plan, TimestampTz now)
{
	GoAwayClient client;

	plan->count = plan->next = 0;
	plan->begin = now;
	for (int i = 0; i < goaway_slot_count(); i++)
	{
		if (goaway_read_client(i, &client) && client.state == GOAWAY_REQUESTED)
			plan->turns[plan->count++] = (Turn) {.number = i, .pid = client.pid};
	}
	shuffle(plan->turns, plan->count);
}

/* When a client's turn comes: they are evenly spread, and the first is at once. */
static TimestampTz
time_of_turn(const Plan *plan, int turn)
{
	return later(plan->begin, (int) ((int64) goaway_spread * turn / plan->count));
}

static void
ask_in_turn(Plan *plan, TimestampTz now)
{
	if (plan->next == plan->count)
		make_plan(plan, now);
	while (plan->next < plan->count && time_of_turn(plan, plan->next) <= now)
	{
		Turn		turn = plan->turns[plan->next++];

		(void) goaway_ask_client(turn.number, turn.pid);
	}
}

/*
 * The end of a transaction that has failed before runs no callback that could
 * tell, and a backend whose client does not read must not.
 */
static void
remind(int number, const GoAwayClient *client, TimestampTz now)
{
	if (client->state == GOAWAY_ASKED &&
		now >= later(client->signalled_at, REMIND_MS))
		(void) goaway_ask_client(number, client->pid);
}

static bool
is_in_transaction(int pid)
{
	PGPROC	   *proc = BackendPidGetProc(pid);

	return proc != NULL && PROC_IS_IN_TRANSACTION(proc);
}

/* Idle ones first: others get a moment more to come to their end. */
static void
end_if_overdue(int number, const GoAwayClient *client, TimestampTz now)
{
	bool		in_transaction;

	if (goaway_deadline == 0 || client->state < GOAWAY_ASKED || client->ended_at != 0 ||
		now < later(client->asked_at, goaway_deadline))
		return;
	in_transaction = is_in_transaction(client->pid);
	if (in_transaction &&
		now < later(later(client->asked_at, goaway_deadline), TRANSACTION_GRACE_MS))
		return;
	if (goaway_end_client(number, client->pid))
		ereport(LOG,
				(errmsg("pg_goaway: terminated process %d, whose client did not disconnect",
						client->pid),
				 errdetail("It was asked %ld ms ago and %s, and is %s.",
						   TimestampDifferenceMilliseconds(client->asked_at, now),
						   client->state == GOAWAY_TOLD ? "told" : "not told",
						   in_transaction ? "in a transaction" : "idle")));
}

/* Looks after those that were asked; returns how many are to leave. */
static int
visit_clients(TimestampTz now)
{
	GoAwayClient client;
	int			outstanding = 0;

	for (int i = 0; i < goaway_slot_count(); i++)
	{
		if (!goaway_read_client(i, &client) || client.state == GOAWAY_NONE)
			continue;
		outstanding++;
		remind(i, &client, now);
		end_if_overdue(i, &client, now);
	}
	return outstanding;
}

/*
 * Tells the log how a drain went, once all have gone.  They may have done so
 * before the worker could see them waiting: then only the counts know of them.
 */
static void
report_drain(int outstanding)
{
	TimestampTz *begin = goaway_drain_begin();
	TimestampTz now = GetCurrentTimestamp();
	GoAwayCounts counts;

	if (*begin == 0 && (outstanding > 0 || goaway_has_counts()))
		*begin = now;
	if (*begin == 0 || outstanding > 0)
		return;
	counts = goaway_take_counts();
	ereport(LOG,
			(errmsg("pg_goaway: clients asked to disconnect: %u, told: %u, left: %u, terminated: %u, time: %ld ms",
					counts.asked, counts.told, counts.left, counts.ended,
					TimestampDifferenceMilliseconds(*begin, now))));
	*begin = 0;
}

static void
look_for_shutdown(Worker *worker, TimestampTz now)
{
	if (worker->stopping || !goaway_on_shutdown || now < worker->next_look)
		return;
	worker->next_look = later(now, goaway_poll);
	worker->stopping = server_is_stopping();
	if (!worker->stopping)
		return;
	ereport(LOG, (errmsg("pg_goaway: the server shuts down, asking its clients to disconnect")));
	/* All get a turn within one spread, also those of a plan not yet done. */
	worker->plan.next = worker->plan.count;
}

/* All there is to do now. */
static void
work(Worker *worker)
{
	TimestampTz now = GetCurrentTimestamp();

	look_for_shutdown(worker, now);
	if (worker->stopping && goaway_on_shutdown)
		request_all_clients();
	ask_in_turn(&worker->plan, now);
	worker->outstanding = visit_clients(now);
	report_drain(worker->outstanding);
}

/* How long to sleep, in milliseconds. */
static long
time_to_sleep(const Worker *worker)
{
	const Plan *plan = &worker->plan;
	long		sleep = goaway_poll;

	if (worker->outstanding > 0)
		sleep = Min(sleep, REMIND_MS);
	if (plan->next < plan->count)
	{
		/* Rounded up, so 0 only if it is due. */
		long		turn = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
														   time_of_turn(plan, plan->next));

		sleep = Min(sleep, turn);
	}
	return sleep;
}

static void
sleep_for(long milliseconds)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 milliseconds, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

/*
 * The postmaster sends SIGTERM when the last client has gone.  Whoever else
 * sends it gets a new worker, for which the status must not be 0.
 */
static void
handle_signals(void)
{
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	if (ShutdownRequestPending)
	{
		report_drain(visit_clients(GetCurrentTimestamp()));
		proc_exit(1);
	}
}

/*
 * The postmaster starts it again at once, also in shutdown, where it would not
 * wake up for a pause.  So the pause that keeps failures rare is here.
 */
static void
pause_after_failure(void)
{
	TimestampTz before = goaway_worker_starts();
	TimestampTz end = later(before, RESTART_PAUSE_MS);

	while (before != 0 && GetCurrentTimestamp() < end)
	{
		handle_signals();
		sleep_for(TimestampDifferenceMilliseconds(GetCurrentTimestamp(), end));
	}
}

void
pg_goaway_worker_main(Datum arg)
{
	Worker		worker = {0};

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();

	worker.plan.turns = MemoryContextAlloc(TopMemoryContext,
										   goaway_slot_count() * sizeof(Turn));
	pause_after_failure();
	for (;;)
	{
		handle_signals();
		work(&worker);
		sleep_for(time_to_sleep(&worker));
	}
}

void
goaway_register_worker(void)
{
	BackgroundWorker worker = {
		.bgw_name = "pg_goaway",
		.bgw_type = "pg_goaway",
		.bgw_flags = BGWORKER_SHMEM_ACCESS,
		/* Also on a hot standby. */
		.bgw_start_time = BgWorkerStart_ConsistentState,
		.bgw_restart_time = 0,
		.bgw_library_name = "pg_goaway",
		.bgw_function_name = "pg_goaway_worker_main",
	};

	RegisterBackgroundWorker(&worker);
}
