/*
 * storm CONNINFO WAY N: connects N times to a server that sends arbitrary data, uses each connection in one WAY, and
 * prints how often a connection opened, how many results it got, and what prevented a normal end.
 *
 * The program must end, and must use little memory.
 */
#include <errno.h>
#include <poll.h>

#include "common.h"
#include "memory.h"

/* More than any server here sends: reaching it means an endless loop. */
#define MOST 200

static int	results;
static int	loops;

static void
quiet(void *arg, const char *message)
{
	(void) arg;
	(void) message;
}

static void
copy_out(PGconn *conn, int async)
{
	char	   *row;
	int			length;

	for (int i = 0; i < MOST; i++)
	{
		struct pollfd pollfd = {.fd = PQsocket(conn), .events = POLLIN};

		length = PQgetCopyData(conn, &row, async);
		if (length > 0)
			PQfreemem(row);
		else if (length < 0)
			return;
		else
		{
			poll(&pollfd, 1, 10000);
			if (!PQconsumeInput(conn))
				return;
		}
	}
	loops++;
}

static void
old_copy_out(PGconn *conn)
{
	char		line[100];

	for (int i = 0; i < MOST; i++)
		if (PQgetline(conn, line, sizeof line) == EOF || strcmp(line, "\\.") == 0)
			return;
	loops++;
}

/* All results up to two NULLs in a row: in pipelines, one NULL follows each command. */
static void
drain(PGconn *conn, int async, int old)
{
	int			nulls = 0;

	for (int i = 0; i < MOST; i++)
	{
		PGresult   *res = PQgetResult(conn);

		switch (PQresultStatus(res))
		{
			case PGRES_COPY_IN:
			case PGRES_COPY_BOTH:
				PQputCopyData(conn, "data", 4);
				PQputCopyEnd(conn, NULL);
				if (PQresultStatus(res) == PGRES_COPY_BOTH)
					copy_out(conn, async);
				break;
			case PGRES_COPY_OUT:
				if (old)
					old_copy_out(conn);
				else
					copy_out(conn, async);
				break;
			default:
				break;
		}
		if (res == NULL && ++nulls == 2)
			return;
		if (res != NULL)
		{
			nulls = 0;
			results++;
			/* Reads all parts of the result. */
			for (int row = 0; row < PQntuples(res); row++)
				for (int column = 0; column < PQnfields(res); column++)
					if (strlen(PQgetvalue(res, row, column)) > (size_t) PQgetlength(res, row, column))
						printf("a value longer than it says\n");
			PQclear(res);
		}
	}
	loops++;
}

static void
in_pipeline(PGconn *conn)
{
	PQenterPipelineMode(conn);
	for (int i = 0; i < 3; i++)
		PQsendQueryParams(conn, "SELECT", 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(conn);
	drain(conn, 0, 0);
}

static void
function(PGconn *conn)
{
	PQArgBlock	argument = {4, 1, {.integer = 7}};
	int			value[1024],
				length;

	PQclear(PQfn(conn, 1, value, &length, 1, &argument, 1));
}

static void
idle(PGconn *conn)
{
	struct pollfd pollfd = {.fd = PQsocket(conn), .events = POLLIN};
	PGnotify   *notify;

	for (int i = 0; i < MOST; i++)
	{
		poll(&pollfd, 1, 10000);
		if (!PQconsumeInput(conn))
			break;
		PQisBusy(conn);
		while ((notify = PQnotifies(conn)) != NULL)
			PQfreemem(notify);
	}
	PQclear(PQexec(conn, "SELECT"));
}

static void
use(PGconn *conn, const char *way)
{
	if (strcmp(way, "exec") == 0)
		PQclear(PQexec(conn, "SELECT"));
	else if (strcmp(way, "idle") == 0)
		idle(conn);
	else if (strcmp(way, "pipeline") == 0)
		in_pipeline(conn);
	else if (strcmp(way, "function") == 0)
		function(conn);
	else if (strcmp(way, "prepare") == 0)
		PQclear(PQprepare(conn, "s", "SELECT", 0, NULL));
	else if (strcmp(way, "describe") == 0)
		PQclear(PQdescribePrepared(conn, "s"));
	else if (strcmp(way, "close") == 0)
		PQclear(PQclosePrepared(conn, "s"));
	else
	{
		if (strcmp(way, "params") == 0)
			PQsendQueryParams(conn, "SELECT", 0, NULL, NULL, NULL, NULL, 0);
		else
			PQsendQuery(conn, "SELECT");
		if (strcmp(way, "single") == 0)
			PQsetSingleRowMode(conn);
		if (strcmp(way, "chunked") == 0)
			PQsetChunkedRowsMode(conn, 2);
		drain(conn, strcmp(way, "async") == 0, strcmp(way, "old") == 0);
	}
}

int
main(int argc, char **argv)
{
	int			opened = 0;
	long		before = 0;

	if (argc != 4)
		return 2;
	for (int i = 0; i < atoi(argv[3]); i++)
	{
		PGconn	   *conn = PQconnectdb(argv[1]);

		PQsetNoticeProcessor(conn, quiet, NULL);
		if (PQstatus(conn) == CONNECTION_OK)
		{
			opened++;
			use(conn, argv[2]);
		}
		PQfinish(conn);
		if (i == 0)
			before = peak_memory();
	}
	fact_int("opened", opened);
	fact_int("results", results);
	fact_int("loops", loops);
	printf("growth: %s\n", before > 0 && peak_memory() - before < 8 * 1024 ? "little" : "much");
	return 0;
}
