/* faults CONNINFO ROUNDS NAME...: prints for each fault how many attempts were made and survived; without arguments, the faults' names. */
#include "faults.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char *conninfo;
int			rounds;

static int	tried,
			survived;

int
bad(const char *format, ...)
{
	va_list		arguments;

	va_start(arguments, format);
	printf("  ");
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
	return 1;
}

PGconn *
connected(void)
{
	PGconn	   *conn = PQconnectdb(conninfo);

	if (PQstatus(conn) == CONNECTION_OK)
		return conn;
	bad("no connection: %s", PQerrorMessage(conn));
	PQfinish(conn);
	return NULL;
}

int
answers(PGconn *conn, const char *sql, const char *expected)
{
	PGresult   *res = PQexec(conn, sql);
	int			right = PQntuples(res) == 1 && strcmp(PQgetvalue(res, 0, 0), expected) == 0;

	if (!right)
		bad("%s: %s %s", sql, PQresStatus(PQresultStatus(res)), PQerrorMessage(conn));
	PQclear(res);
	return right;
}

void
send_and_wait(PGconn *conn, const char *sql)
{
	struct timespec pause = {0, 200000000};

	PQsendQuery(conn, sql);
	while (nanosleep(&pause, &pause) != 0)
		;
}

static int
has_rows(PGconn *conn)
{
	PGresult   *res = PQexec(conn, "SELECT i, repeat('x', 100) FROM generate_series(1, 8000) AS i");
	int			right = PQntuples(res) == 8000;

	for (int i = 0; right && i < 8000; i++)
		right = atoi(PQgetvalue(res, i, 0)) == i + 1 && PQgetlength(res, i, 1) == 100;
	if (!right)
		bad("rows: %s", PQerrorMessage(conn));
	PQclear(res);
	return right;
}

static int
copies(PGconn *conn)
{
	PGresult   *res = PQexec(conn, "SET client_min_messages = warning; CREATE TEMP TABLE IF NOT EXISTS c (a int, b text); TRUNCATE c; COPY c FROM STDIN");
	char	   *row;
	int			rows = 0,
				right = PQresultStatus(res) == PGRES_COPY_IN;

	PQclear(res);
	for (int i = 0; right && i < 2000; i++)
		right = PQputCopyData(conn, "7\tsome text of some length for the table\n", 41) == 1;
	right = right && PQputCopyEnd(conn, NULL) == 1;
	while ((res = PQgetResult(conn)) != NULL)
		PQclear(res);
	if (!right || !answers(conn, "SELECT count(*) FROM c", "2000"))
		return 0;
	PQclear(PQexec(conn, "COPY c TO STDOUT"));
	while (PQgetCopyData(conn, &row, 0) > 0)
	{
		rows++;
		PQfreemem(row);
	}
	while ((res = PQgetResult(conn)) != NULL)
		PQclear(res);
	if (rows != 2000)
		bad("copied out: %d rows", rows);
	return rows == 2000;
}

static int
pipelines(PGconn *conn)
{
	const char *values[] = {"5"};
	int			nulls = 0,
				good = 0,
				synced = 0;

	PQenterPipelineMode(conn);
	for (int i = 0; i < 20; i++)
		PQsendQueryParams(conn, "SELECT $1::int4", 1, NULL, values, NULL, NULL, 0);
	PQpipelineSync(conn);
	while (!synced && nulls < 3)
	{
		PGresult   *res = PQgetResult(conn);

		nulls = res == NULL ? nulls + 1 : 0;
		good += PQresultStatus(res) == PGRES_TUPLES_OK && strcmp(PQgetvalue(res, 0, 0), "5") == 0;
		synced = PQresultStatus(res) == PGRES_PIPELINE_SYNC;
		PQclear(res);
	}
	PQexitPipelineMode(conn);
	if (good != 20)
		bad("pipeline: %d results: %s", good, PQerrorMessage(conn));
	return good == 20;
}

int
work(PGconn *conn)
{
	return !(answers(conn, "SELECT 'ok'", "ok") && has_rows(conn) && copies(conn) && pipelines(conn) &&
			 answers(conn, "SELECT 'end'", "end"));
}

int
outcome_of(int (*body) (int), int argument, int deadline)
{
	struct timespec pause = {0, 2000000};
	int			status = 0;
	pid_t		pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
	{
		int			result;

		/* The scenario's children and threads end with it. */
		setpgid(0, 0);
		result = body(argument);
		fflush(stdout);
		_exit(result);
	}
	for (int i = 0; i < deadline * 500; i++)
	{
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		nanosleep(&pause, NULL);
	}
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

void
attempt(const char *what, int (*body) (int), int argument, int deadline)
{
	int			status = outcome_of(body, argument, deadline);

	tried++;
	if (status == 0)
		survived++;
	else if (status < 0)
		bad("LOST %s, %d: still runs after %d s", what, argument, deadline);
	else if (WIFSIGNALED(status))
		bad("LOST %s, %d: signal %d", what, argument, WTERMSIG(status));
	else
		bad("LOST %s, %d: status %d", what, argument, WEXITSTATUS(status));
}

static int
is_wanted(const char *name, int argc, char **argv)
{
	int			found = argc <= 3;

	for (int i = 3; i < argc; i++)
		found |= strcmp(argv[i], name) == 0;
	return found;
}

int
main(int argc, char **argv)
{
	const Fault *const all[] = {signal_faults, process_faults, descriptor_faults, environment_faults};
	int			lost = 0;

	if (argc < 3)
	{
		for (size_t i = 0; i < sizeof all / sizeof *all; i++)
			for (const Fault *fault = all[i]; fault->name != NULL; fault++)
				printf("%s\n", fault->name);
		return 2;
	}
	conninfo = argv[1];
	rounds = atoi(argv[2]);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		for (const Fault *fault = all[i]; fault->name != NULL; fault++)
		{
			if (!is_wanted(fault->name, argc, argv))
				continue;
			tried = survived = 0;
			fault->run();
			printf("%s: %d tried, %d survived\n", fault->name, tried, survived);
			lost += tried - survived;
		}
	return lost > 0;
}
