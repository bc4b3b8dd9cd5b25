/*-------------------------------------------------------------------------
 *
 * worker.c
 *	  The background worker: asks clients one after the other, reminds their
 *	  backends, and terminates clients that stay too long.
 *
 * The postmaster does not notify other processes when a smart shutdown begins,
 * but writes it to postmaster.pid, so the worker reads that file.  The worker
 * has no database connection, and allocates all its memory when it starts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
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

/* How often to remind a backend that could not tell its client yet. */
#define REMIND_MS 500

/* How much longer than idle clients those in a transaction may stay. */
#define TRANSACTION_GRACE_MS 1000

/*
 * If the worker ends sooner than this after its start, the next one first
 * waits this long.
 */
#define RESTART_PAUSE_MS 1000

/*
 * How long a shutdown must have lasted before clients are asked.  If it is
 * not a smart shutdown, a signal follows the note in postmaster.pid at once,
 * and no client may be asked.
 */
#define CONFIRM_MS 20

/* postmaster.pid is much shorter: it contains at most two paths. */
#define PID_FILE_SIZE 8192

#if PG_VERSION_NUM >= 170000
#define PROC_IS_IN_TRANSACTION(proc) LocalTransactionIdIsValid((proc)->vxid.lxid)
#else
#define PROC_IS_IN_TRANSACTION(proc) LocalTransactionIdIsValid((proc)->lxid)
#endif

/* The clients to ask, in order: slots, with the pids that they had. */
typedef struct Turn
{
	int			number;
	int			pid;
} Turn;

typedef struct Plan
{
	Turn	   *turns;			/* as many as there are slots */
	int			count;
	int			next;			/* the first that was not asked yet */
	int64		begin;
} Plan;

/* Times are those of goaway_now(). */
typedef struct Worker
{
	Plan		plan;
	int64		last_look;		/* check for a shutdown */
	bool		suspicious;		/* the last check found one */
	bool		stopping;		/* the server is in smart shutdown */
	int			outstanding;	/* clients that were asked and remain */
} Worker;

PGDLLEXPORT void pg_goaway_worker_main(Datum arg);

/* Whether the postmaster has started a shutdown of any kind. */
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

/* A random number below limit. */
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

/* Whether the shutdown makes the worker ask all clients. */
static bool
asks_all(const Worker *worker)
{
	return worker->stopping && goaway_on_shutdown;
}

/* Whether to ask a client, because of pg_goaway_all() or of the shutdown. */
static bool
is_due(const Worker *worker, const GoAwayClient *client)
{
	return client->state == GOAWAY_REQUESTED ||
		(client->state == GOAWAY_NONE && asks_all(worker));
}

static void
make_plan(Worker *worker, int64 now)
{
	Plan	   *plan = &worker->plan;
	GoAwayClient client;

	plan->count = plan->next = 0;
	plan->begin = now;
	for (int i = 0; i < goaway_slot_count(); i++)
	{
		if (goaway_read_client(i, &client) && is_due(worker, &client))
			plan->turns[plan->count++] = (Turn) {.number = i, .pid = client.pid};
	}
	shuffle(plan->turns, plan->count);
}

/*
 * The time to ask a client: they are evenly spread, and the first is asked at
 * once.
 */
static int64
time_to_ask(const Plan *plan, int turn)
{
	return plan->begin + (int64) goaway_spread * turn / plan->count;
}

/* Asks a client, if it still is to be asked. */
static void
ask_if_pending(const Worker *worker, Turn turn)
{
	GoAwayClient client;

	if (goaway_read_client(turn.number, &client) && client.pid == turn.pid &&
		is_due(worker, &client))
		(void) goaway_ask_client(turn.number, turn.pid);
}

/*
 * A client that connects while a plan is carried out is asked in the next
 * plan.
 */
static void
ask_planned_clients(Worker *worker, int64 now)
{
	Plan	   *plan = &worker->plan;

	if (plan->next == plan->count)
		make_plan(worker, now);
	while (plan->next < plan->count && time_to_ask(plan, plan->next) <= now)
		ask_if_pending(worker, plan->turns[plan->next++]);
}

/*
 * Reminds a backend.  At the end of a failed transaction no callback runs
 * that could tell the client, and a backend whose client does not read must
 * not tell it.
 */
static void
remind(int number, const GoAwayClient *client, int64 now)
{
	if (client->state == GOAWAY_ASKED && now - client->signalled_ms >= REMIND_MS)
		(void) goaway_ask_client(number, client->pid);
}

static bool
is_in_transaction(int pid)
{
	PGPROC	   *proc = BackendPidGetProc(pid);

	return proc != NULL && PROC_IS_IN_TRANSACTION(proc);
}

/* Terminates idle clients first; others get some more time to finish. */
static void
end_if_overdue(int number, const GoAwayClient *client, int64 now)
{
	int64		waited = now - client->asked_ms;
	bool		in_transaction;

	if (goaway_deadline == 0 || client->state < GOAWAY_ASKED || client->ended ||
		waited < goaway_deadline)
		return;
	in_transaction = is_in_transaction(client->pid);
	if (in_transaction && waited < (int64) goaway_deadline + TRANSACTION_GRACE_MS)
		return;
	if (goaway_end_client(number, client->pid))
		ereport(LOG,
				(errmsg("pg_goaway: terminated process %d, whose client did not disconnect",
						client->pid),
				 errdetail("It was asked %lld ms ago and %s, and is %s.",
						   (long long) waited,
						   client->state == GOAWAY_TOLD ? "told" : "not told",
						   in_transaction ? "in a transaction" : "idle")));
}

/*
 * Handles the clients that were asked; returns how many are still connected.
 */
static int
handle_clients(const Worker *worker, int64 now)
{
	GoAwayClient client;
	int			outstanding = 0;

	for (int i = 0; i < goaway_slot_count(); i++)
	{
		if (!goaway_read_client(i, &client))
			continue;
		if (client.state == GOAWAY_NONE && !asks_all(worker))
			continue;
		outstanding++;
		remind(i, &client, now);
		end_if_overdue(i, &client, now);
	}
	return outstanding;
}

/*
 * Logs the result of a drain when all its clients have disconnected.  If they
 * did so before the worker saw them in its table, they are only in the
 * counts.
 */
static void
report_drain(int outstanding)
{
	int64	   *begin = goaway_drain_begin();
	int64		now = goaway_now();
	GoAwayCounts counts;

	if (*begin == 0 && (outstanding > 0 || goaway_has_counts()))
		*begin = now;
	if (*begin == 0 || outstanding > 0 || !goaway_take_counts(&counts))
		return;
	/* The count is 0 if all clients disconnected before they were asked. */
	if (counts.asked > 0)
		ereport(LOG,
				(errmsg("pg_goaway: clients asked to disconnect: %u, told: %u, left: %u, terminated: %u, time: %lld ms",
						counts.asked, counts.told, counts.left, counts.ended,
						(long long) (now - *begin))));
	*begin = 0;
}

/* When to check again whether the server shuts down. */
static int64
next_check(const Worker *worker)
{
	return worker->last_look + (worker->suspicious ? CONFIRM_MS : goaway_poll);
}

static void
check_for_shutdown(Worker *worker, int64 now)
{
	bool		confirmed = worker->suspicious;

	if (worker->stopping || !goaway_on_shutdown || now < next_check(worker))
		return;
	worker->last_look = now;
	worker->suspicious = server_is_stopping();
	if (!worker->suspicious || !confirmed)
		return;
	worker->stopping = true;
	ereport(LOG, (errmsg("pg_goaway: the server shuts down, asking its clients to disconnect")));
	/*
	 * All clients are asked within one spread, including those of an
	 * unfinished plan.
	 */
	worker->plan.next = worker->plan.count;
}

/* Does everything that is due now. */
static void
work(Worker *worker)
{
	int64		now = goaway_now();

	check_for_shutdown(worker, now);
	ask_planned_clients(worker, now);
	worker->outstanding = handle_clients(worker, now);
	report_drain(worker->outstanding);
}

/* How long to sleep, in milliseconds. */
static long
time_to_sleep(const Worker *worker)
{
	const Plan *plan = &worker->plan;
	int64		now = goaway_now();
	int64		sleep = goaway_poll;

	if (!worker->stopping && goaway_on_shutdown)
		sleep = Min(sleep, next_check(worker) - now);
	if (worker->outstanding > 0)
		sleep = Min(sleep, REMIND_MS);
	if (plan->next < plan->count)
		sleep = Min(sleep, time_to_ask(plan, plan->next) - now);
	return (long) Max(sleep, 0);
}

static void
sleep_for(long milliseconds)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 milliseconds, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

/*
 * The postmaster sends SIGTERM when the last client has disconnected.  If
 * anybody else sends it, the postmaster must start a new worker, so the exit
 * status must not be 0.
 */
static void
handle_signals(const Worker *worker)
{
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	if (ShutdownRequestPending)
	{
		report_drain(handle_clients(worker, goaway_now()));
		proc_exit(1);
	}
}

/*
 * The postmaster restarts the worker at once, also during shutdown, because
 * it would not wake up after a pause then.  So the pause between failures is
 * here.
 */
static void
pause_after_failure(const Worker *worker)
{
	int64		before = goaway_worker_starts();
	int64		end = before + RESTART_PAUSE_MS;

	while (before != 0 && goaway_now() < end)
	{
		handle_signals(worker);
		sleep_for((long) Max(end - goaway_now(), 0));
	}
}

void
pg_goaway_worker_main(Datum arg)
{
	/* The first check is at once. */
	Worker		worker = {.last_look = -(int64) INT_MAX};

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();

	worker.plan.turns = MemoryContextAlloc(TopMemoryContext,
										   goaway_slot_count() * sizeof(Turn));
	pause_after_failure(&worker);
	for (;;)
	{
		handle_signals(&worker);
		work(&worker);
		sleep_for(time_to_sleep(&worker));
	}
}

/*
 * Where the worker finds this library: by the path from which it was loaded,
 * because shared_preload_libraries may have a path.  A process that does not
 * find it ends before it can pause, and the postmaster starts it without end.
 */
static void
set_library_name(BackgroundWorker *worker)
{
	Dl_info		info;
	char		usual[MAXPGPATH];
	const char *name = "pg_goaway";

	snprintf(usual, sizeof(usual), "%s/%s%s", pkglib_path, name, DLSUFFIX);
	if (dladdr((void *) pg_goaway_worker_main, &info) != 0 && info.dli_fname != NULL &&
		strcmp(info.dli_fname, usual) != 0)
		name = info.dli_fname;
	if (strlcpy(worker->bgw_library_name, name, sizeof(worker->bgw_library_name)) >=
		sizeof(worker->bgw_library_name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the path of the library \"%s\" is too long", name)));
}

void
goaway_register_worker(void)
{
	BackgroundWorker worker = {
		.bgw_name = "pg_goaway",
		.bgw_type = "pg_goaway",
		.bgw_flags = BGWORKER_SHMEM_ACCESS,
		/* Also runs on a hot standby. */
		.bgw_start_time = BgWorkerStart_ConsistentState,
		.bgw_restart_time = 0,
		.bgw_function_name = "pg_goaway_worker_main",
	};

	set_library_name(&worker);
	RegisterBackgroundWorker(&worker);
}
