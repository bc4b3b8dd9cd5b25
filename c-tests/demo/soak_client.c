/*
 * soak_client CONNINFO NAME: inserts rows until its input ends, on a new connection whenever the last one is lost or the
 * server asks to disconnect. soak.py describes what it prints.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

typedef enum
{
	COMMITTED,
	FAILED,						/* the row must not be there */
	UNKNOWN						/* the connection was lost: it may be there */
} Outcome;

#define INSERT "INSERT INTO soak VALUES ($1, $2::int)"
#define PER_TICK 1000

static double times[PER_TICK];

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

static int
is_over(void)
{
	struct pollfd pollfd = {.fd = 0, .events = POLLIN};

	return poll(&pollfd, 1, 0) != 0;
}

static int
compare(const void *left, const void *right)
{
	double		a = *(const double *) left,
				b = *(const double *) right;

	return (a > b) - (a < b);
}

/* After an error, a server aborts the transaction. It can send FATAL after the commit. */
static Outcome
outcome(const PGresult *res, ExecStatusType wanted)
{
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);

	if (PQresultStatus(res) == wanted)
		return COMMITTED;
	return severity != NULL && strcmp(severity, "ERROR") == 0 ? FAILED : UNKNOWN;
}

/* Frees the results up to the next NULL, and returns the outcome of the worst. */
static Outcome
finish(PGconn *conn, ExecStatusType wanted)
{
	PGresult   *res;
	Outcome		worst = COMMITTED;

	while ((res = PQgetResult(conn)) != NULL)
	{
		Outcome		one = outcome(res, wanted);

		if (one > worst)
			worst = one;
		PQclear(res);
	}
	return worst;
}

static Outcome
run(PGconn *conn, const char *query, const char *const *values)
{
	PGresult   *res = PQexecParams(conn, query, values ? 2 : 0, NULL, values, NULL, NULL, 0);
	Outcome		result = outcome(res, PGRES_COMMAND_OK);

	/* The COMMIT of a transaction that an error has aborted. */
	if (result == COMMITTED && strcmp(PQcmdStatus(res), "ROLLBACK") == 0)
		result = FAILED;
	PQclear(res);
	return result;
}

static Outcome
copy(PGconn *conn, const char *name, const char *number)
{
	char		line[80];
	PGresult   *res = PQexec(conn, "COPY soak (client, number) FROM STDIN");
	Outcome		begun = outcome(res, PGRES_COPY_IN);

	PQclear(res);
	if (begun != COMMITTED)
		return FAILED;
	snprintf(line, sizeof line, "%s\t%s\n", name, number);
	if (PQputCopyData(conn, line, (int) strlen(line)) != 1 || PQputCopyEnd(conn, NULL) != 1)
		return UNKNOWN;
	return finish(conn, PGRES_COMMAND_OK);
}

/* The row is committed when the result of the sync point arrives. */
static Outcome
pipeline(PGconn *conn, const char *const *values)
{
	Outcome		inserted,
				synced;

	if (!PQenterPipelineMode(conn) || !PQsendQueryParams(conn, INSERT, 2, NULL, values, NULL, NULL, 0) ||
		!PQpipelineSync(conn))
		return UNKNOWN;
	inserted = finish(conn, PGRES_COMMAND_OK);
	synced = finish(conn, PGRES_PIPELINE_SYNC);
	/* The commit failed: the result of the sync point follows the error. */
	if (inserted == COMMITTED && synced == FAILED)
		finish(conn, PGRES_PIPELINE_SYNC);
	if (!PQexitPipelineMode(conn))
		return UNKNOWN;
	return inserted != COMMITTED ? inserted : synced;
}

/* The row cannot be there before the client sends COMMIT. */
static Outcome
transaction(PGconn *conn, const char *const *values)
{
	if (run(conn, "BEGIN", NULL) != COMMITTED)
		return FAILED;
	if (run(conn, INSERT, values) != COMMITTED)
	{
		run(conn, "ROLLBACK", NULL);
		return FAILED;
	}
	return run(conn, "COMMIT", NULL);
}

static Outcome
insert(PGconn *conn, const char *name, int number)
{
	char		text[32];
	const char *values[] = {name, text};

	snprintf(text, sizeof text, "%d", number);
	switch (number % 4)
	{
		case 0:
			return pipeline(conn, values);
		case 1:
			return copy(conn, name, text);
		case 2:
			return transaction(conn, values);
		default:
			return run(conn, INSERT, values);
	}
}

static PGconn *
drop(PGconn *conn)
{
	PQfinish(conn);
	return NULL;
}

static PGconn *
open_connection(const char *conninfo)
{
	PGconn	   *conn = PQconnectdb(conninfo);

	return PQstatus(conn) == CONNECTION_OK ? conn : drop(conn);
}

static void
print_tick(int done, int left)
{
	qsort(times, (size_t) done, sizeof times[0], compare);
	printf("tick %d %.6f %.6f %d\n", done, done ? times[done / 2] : 0, done ? times[done - 1] : 0, left);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	PGconn	   *conn = NULL;
	int			number = 0,
				done = 0,
				left = 0;
	double		tick = now(),
				start = tick;

	if (argc < 3)
		return 2;
	while (!is_over())
	{
		Outcome		result = UNKNOWN;

		if (conn == NULL)
			conn = open_connection(argv[1]);
		if (conn != NULL)
		{
			result = insert(conn, argv[2], ++number);
			if (result == COMMITTED && done < PER_TICK)
				times[done++] = now() - start;
			else if (result != COMMITTED)
				printf("%s %d\n", result == FAILED ? "failed" : "unknown", number);
			/* A lost connection is not idle, nor one whose ROLLBACK was cancelled. */
			if (result == UNKNOWN || PQtransactionStatus(conn) != PQTRANS_IDLE)
				conn = drop(conn);
			else if (PQconsumeInput(conn) && PQgoAwayReceived(conn))
			{
				left++;
				conn = drop(conn);
			}
		}
		usleep(20000);
		if (result == COMMITTED)
			start = now();
		if (now() - tick >= 1)
		{
			tick = now();
			print_tick(done, left);
			done = left = 0;
		}
	}
	PQfinish(conn);
	printf("last %d\n", number);
	return 0;
}
