/* fork, exit and threads. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"

enum
{
	IDLE, BUSY, SOME_ROWS, COPY_IN, COPY_OUT, IN_PIPELINE, CANCELLING, STATES
};
enum
{
	FINISH, EXIT, QUICK_EXIT, RESET, CANCEL, CHILD_WAYS
};

static PGconn *conn;
static PGcancelConn *cancel;

static void
enter(int state)
{
	switch (state)
	{
		case BUSY:
			PQsendQuery(conn, "SELECT pg_sleep(0.05), 'busy'");
			break;
		case SOME_ROWS:
			PQsendQuery(conn, "SELECT i, repeat('r', 1000) FROM generate_series(1, 3000) AS i");
			PQsetSingleRowMode(conn);
			PQclear(PQgetResult(conn));
			break;
		case COPY_IN:
			PQclear(PQexec(conn, "CREATE TEMP TABLE f (a text); COPY f FROM STDIN"));
			PQputCopyData(conn, "before\n", 7);
			break;
		case COPY_OUT:
			{
				char	   *row;

				PQclear(PQexec(conn, "COPY (SELECT i, repeat('r', 1000) FROM generate_series(1, 3000) AS i) TO STDOUT"));
				if (PQgetCopyData(conn, &row, 0) > 0)
					PQfreemem(row);
				break;
			}
		case IN_PIPELINE:
			PQenterPipelineMode(conn);
			PQsendQueryParams(conn, "SELECT 'first'", 0, NULL, NULL, NULL, NULL, 0);
			PQpipelineSync(conn);
			break;
		case CANCELLING:
			send_and_wait(conn, "SELECT pg_sleep(60)");
			cancel = PQcancelCreate(conn);
			PQcancelStart(cancel);
			break;
	}
}

/* Collects everything; returns the number of rows. */
static int
finish_command(void)
{
	int			rows = 0,
				nulls = 0;
	char	   *row;

	while (nulls < 2)
	{
		PGresult   *res = PQgetResult(conn);

		nulls = res == NULL ? nulls + 1 : 0;
		if (PQresultStatus(res) == PGRES_COPY_OUT)
			while (PQgetCopyData(conn, &row, 0) > 0)
			{
				rows++;
				PQfreemem(row);
			}
		rows += PQntuples(res);
		PQclear(res);
	}
	return rows;
}

/* The parent continues after its child has ended. */
static int
leave(int state)
{
	const int	expected[STATES] = {0, 1, 2999, 0, 2999, 1, 0};
	char	   *row;
	int			rows = 0;

	if (state == COPY_IN)
	{
		PQputCopyData(conn, "after\n", 6);
		PQputCopyEnd(conn, NULL);
	}
	if (state == COPY_OUT)
		while (PQgetCopyData(conn, &row, 0) > 0)
		{
			rows++;
			PQfreemem(row);
		}
	if (state == CANCELLING)
	{
		PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;

		while (wanted != PGRES_POLLING_OK && wanted != PGRES_POLLING_FAILED)
		{
			struct pollfd pollfd = {PQcancelSocket(cancel), wanted == PGRES_POLLING_WRITING ? POLLOUT : POLLIN, 0};

			poll(&pollfd, 1, 10000);
			wanted = PQcancelPoll(cancel);
		}
		PQcancelFinish(cancel);
	}
	rows += finish_command();
	if (rows != expected[state])
		return bad("state %d: %d rows, not %d: %s", state, rows, expected[state], PQerrorMessage(conn));
	if (state == IN_PIPELINE)
		PQexitPipelineMode(conn);
	if (state == COPY_IN)
		return !answers(conn, "SELECT count(*) FROM f", "2");
	return 0;
}

static void
child(int way)
{
	switch (way)
	{
		case FINISH:
			PQfinish(conn);
			_exit(0);
		case EXIT:
			exit(0);
		case RESET:
			PQreset(conn);
			_exit(!answers(conn, "SELECT 'child'", "child"));
		case CANCEL:
			{
				PGcancel   *handle = PQgetCancel(conn);

				PQfreeCancel(handle);
				PQfinish(conn);
				_exit(handle == NULL);
			}
		default:
			_exit(0);
	}
}

static int
forked(int number)
{
	int			state = number / CHILD_WAYS,
				way = number % CHILD_WAYS,
				status = 0,
				result;
	pid_t		pid;

	if ((conn = connected()) == NULL)
		return 1;
	enter(state);
	if ((pid = fork()) == 0)
		child(way);
	waitpid(pid, &status, 0);
	result = status != 0 ? bad("state %d, way %d: the child ended with %x", state, way, status) : 0;
	result |= leave(state);
	result |= !answers(conn, "SELECT 'parent'", "parent");
	PQfinish(conn);
	return result;
}

static void
run_forks(void)
{
	for (int number = 0; number < STATES * CHILD_WAYS; number++)
		attempt("fork", forked, number, 20);
}

/* A process that ends while other threads are in calls. */
static void *
endless_work(void *arg)
{
	PGconn	   *own = PQconnectdb(conninfo);

	(void) arg;
	while (PQstatus(own) == CONNECTION_OK)
	{
		PQclear(PQexec(own, "SELECT i, repeat('r', 100) FROM generate_series(1, 500) AS i"));
		PQclear(PQexec(own, "SELECT pg_sleep(0.001)"));
		PQfinish(own);
		own = PQconnectdb(conninfo);
	}
	PQfinish(own);
	return NULL;
}

static int
exits_with_threads(int microseconds)
{
	pthread_t	thread;

	for (int i = 0; i < 4; i++)
		pthread_create(&thread, NULL, endless_work, NULL);
	usleep((useconds_t) microseconds);
	exit(0);
}

static void
run_exits(void)
{
	srand(17);
	for (int i = 0; i < 20 * rounds; i++)
		attempt("exit beside threads", exits_with_threads, rand() % 60000, 20);
}

static void *
thread_work(void *arg)
{
	PGconn	   *own = connected();

	(void) arg;
	if (own == NULL)
		return (void *) 1;
	for (int i = 0; i < 2; i++)
		if (work(own))
			return (void *) 1;
	PQfinish(own);
	return NULL;
}

static int
threads(int count)
{
	pthread_t	ids[200];
	int			result = 0;

	for (int i = 0; i < count; i++)
		pthread_create(&ids[i], NULL, thread_work, NULL);
	for (int i = 0; i < count; i++)
	{
		void	   *answer;

		pthread_join(ids[i], &answer);
		result |= answer != NULL;
	}
	return result;
}

static void
run_threads(void)
{
	attempt("threads", threads, 64, 120);
}

/* The least stack that the work needs, in kB. */
static void *
on_small_stack(void *arg)
{
	PGconn	   *own = PQconnectdb(conninfo);
	PGresult   *res = PQexec(own, "SELECT 1");

	*(int *) arg = PQresultStatus(res) == PGRES_TUPLES_OK;
	PQclear(res);
	PQfinish(own);
	return NULL;
}

static int
small_stack(int kilobytes)
{
	pthread_attr_t attributes;
	pthread_t	thread;
	int			fine = 0;

	pthread_attr_init(&attributes);
	if (pthread_attr_setstacksize(&attributes, (size_t) kilobytes * 1024) != 0)
		return 2;
	if (pthread_create(&thread, &attributes, on_small_stack, &fine) != 0)
		return 3;
	pthread_join(thread, NULL);
	return !fine;
}

/* Less than this is not enough for a thread of glibc that opens files. */
#define ENOUGH_STACK 128

static void
run_stacks(void)
{
	int			least = 0;

	for (int kilobytes = 16; kilobytes <= 512 && least == 0; kilobytes += 8)
		if (outcome_of(small_stack, kilobytes, 10) == 0)
			least = kilobytes;
	printf("  the least stack that works: %d kB\n", least);
	for (int kilobytes = ENOUGH_STACK; kilobytes <= 256; kilobytes += 16)
		attempt("stack", small_stack, kilobytes, 10);
}

const Fault process_faults[] = {
	{"fork_in_every_state", run_forks},
	{"exit_beside_threads", run_exits},
	{"sixty_four_threads", run_threads},
	{"small_stacks", run_stacks},
	{NULL, NULL},
};
