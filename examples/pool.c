/*
 * A small connection pool that lets go of a server which asks for it.
 *
 *     cc -o pool pool.c $(pkg-config --cflags --libs libpq)
 *     ./pool "host=127.0.0.1 dbname=postgres" 3
 *
 * A GoAway tells that the server would like to be rid of a connection: it is about to shut down, or is being drained.
 * Nothing is lost by ignoring it for a while. So the pool looks when a connection comes back, while it lies idle, and
 * before it is given out again; it never disturbs work in progress.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

#define POOL_SIZE 4

typedef struct
{
	const char *conninfo;
	PGconn	   *idle[POOL_SIZE];
	int			n_idle;
} Pool;

static void
say(const char *text, PGconn *conn)
{
	struct timespec now;
	char		time[16];

	clock_gettime(CLOCK_REALTIME, &now);
	strftime(time, sizeof time, "%H:%M:%S", localtime(&now.tv_sec));
	printf("%s.%03ld pool: %s", time, now.tv_nsec / 1000000, text);
	if (conn != NULL)
		printf(" (server process %d)", PQbackendPID(conn));
	putchar('\n');
	fflush(stdout);
}

static PGconn *
open_connection(Pool *pool)
{
	PGconn	   *conn = PQconnectdb(pool->conninfo);

	if (PQstatus(conn) != CONNECTION_OK)
	{
		fprintf(stderr, "%s", PQerrorMessage(conn));
		exit(1);
	}
	say("opened a connection", conn);
	return conn;
}

/* Takes in what the server sent to an idle connection; returns whether it can stay. */
static int
still_good(PGconn *conn)
{
	/* PQgoAwayReceived does not read from the socket; this does. */
	if (!PQconsumeInput(conn) || PQstatus(conn) != CONNECTION_OK)
	{
		say("lost an idle connection", conn);
		return 0;
	}
	if (PQgoAwayReceived(conn))
	{
		say("the server asks an idle connection to go away: closed it", conn);
		return 0;
	}
	return 1;
}

/* An idle connection if there is a good one, else a new one. */
static PGconn *
pool_get(Pool *pool)
{
	while (pool->n_idle > 0)
	{
		PGconn	   *conn = pool->idle[--pool->n_idle];

		if (still_good(conn))
		{
			say("took an idle connection", conn);
			return conn;
		}
		PQfinish(conn);
	}
	return open_connection(pool);
}

static void
pool_put(Pool *pool, PGconn *conn)
{
	const char *reason = NULL;

	if (PQstatus(conn) != CONNECTION_OK || PQtransactionStatus(conn) != PQTRANS_IDLE)
		reason = "came back unusable: closed it";
	else if (PQgoAwayReceived(conn))
		reason = "came back, and the server asks to go away: closed it";
	else if (pool->n_idle == POOL_SIZE)
		reason = "came back, and the pool is full: closed it";

	if (reason == NULL)
	{
		say("came back, kept idle", conn);
		pool->idle[pool->n_idle++] = conn;
		return;
	}
	say(reason, conn);
	PQfinish(conn);
}

/* Waits for news of the idle connections, and closes those that have to go. Returns how many did. */
static int
pool_watch(Pool *pool, int milliseconds)
{
	struct pollfd fds[POOL_SIZE];
	int			kept = 0;
	int			n = pool->n_idle;

	for (int i = 0; i < n; i++)
		fds[i] = (struct pollfd) {.fd = PQsocket(pool->idle[i]), .events = POLLIN};
	if (poll(fds, (nfds_t) n, milliseconds) < 0 && errno != EINTR)
	{
		perror("poll");
		exit(1);
	}
	for (int i = 0; i < n; i++)
	{
		if (fds[i].revents == 0 || still_good(pool->idle[i]))
			pool->idle[kept++] = pool->idle[i];
		else
			PQfinish(pool->idle[i]);
	}
	pool->n_idle = kept;
	return n - kept;
}

static void
pool_close(Pool *pool)
{
	while (pool->n_idle > 0)
		PQfinish(pool->idle[--pool->n_idle]);
}

static void
run(PGconn *conn, const char *sql)
{
	PGresult   *res = PQexec(conn, sql);

	if (PQresultStatus(res) != PGRES_TUPLES_OK)
	{
		fprintf(stderr, "%s", PQerrorMessage(conn));
		exit(1);
	}
	printf("%12s %s -> %s\n", "", sql, PQgetvalue(res, 0, 0));
	PQclear(res);
}

int
main(int argc, char **argv)
{
	Pool		pool = {.conninfo = argc > 1 ? argv[1] : ""};
	int			jobs = argc > 2 ? atoi(argv[2]) : 3;

	for (int job = 1; job <= jobs; job++)
	{
		PGconn	   *conn = pool_get(&pool);

		run(conn, "SELECT 'first query'");
		run(conn, "SELECT 'second query'");
		pool_put(&pool, conn);
		pool_watch(&pool, 1000);
	}
	pool_close(&pool);
	say("done", NULL);
	return 0;
}
