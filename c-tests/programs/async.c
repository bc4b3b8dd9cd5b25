/*
 * async PART CONNINFO: the nonblocking functions, state by state.
 *
 * How many times a loop polls depends on timing, so only changes of state and results are printed.
 */
#include <errno.h>
#include <poll.h>

#include "common.h"

static void
wait_for(PGconn *conn, short events)
{
	struct pollfd pollfd = {.fd = PQsocket(conn), .events = events};

	while (poll(&pollfd, 1, 30000) < 0 && errno == EINTR)
		;
}

/* Returns the next result; libpq never blocks. */
static PGresult *
next(PGconn *conn)
{
	while (PQflush(conn) == 1)
	{
		wait_for(conn, POLLIN | POLLOUT);
		if (!PQconsumeInput(conn))
			break;
	}
	while (PQisBusy(conn))
	{
		wait_for(conn, POLLIN);
		if (!PQconsumeInput(conn))
		{
			fact("consume", PQerrorMessage(conn));
			break;
		}
	}
	return PQgetResult(conn);
}

static void
state(PGconn *conn, const char *label)
{
	printf("%s: status=%d transaction=%d pipeline=%d nonblocking=%d error=", label, PQstatus(conn),
		   PQtransactionStatus(conn), PQpipelineStatus(conn), PQisnonblocking(conn));
	print_text(PQerrorMessage(conn));
	putchar('\n');
}

/* All results up to and including the NULL that ends a command. */
static void
collect(PGconn *conn)
{
	PGresult   *res;

	while ((res = next(conn)) != NULL)
		show(res);
	printf("result: NULL\n");
}

/* In a pipeline: everything up to and including the next n sync results. */
static void
collect_syncs(PGconn *conn, int n)
{
	int			nulls = 0;

	while (n > 0 && nulls < 3)
	{
		PGresult   *res = next(conn);

		nulls = res == NULL ? nulls + 1 : 0;
		if (PQresultStatus(res) == PGRES_PIPELINE_SYNC)
			n--;
		print_result(res);
		printf("  pipeline=%d\n", PQpipelineStatus(conn));
		PQclear(res);
	}
}

static void
sent(PGconn *conn, const char *label, int result)
{
	printf("%s -> %d ", label, result);
	print_text(PQerrorMessage(conn));
	putchar('\n');
}

static void
connecting(const char *conninfo)
{
	PGconn	   *conn = PQconnectStart(conninfo);
	PostgresPollingStatusType poll_status = PGRES_POLLING_WRITING;
	PostgresPollingStatusType before = PGRES_POLLING_OK;

	heading("PQconnectStart");
	fact_int("bad", PQstatus(conn) == CONNECTION_BAD);
	while (poll_status != PGRES_POLLING_OK && poll_status != PGRES_POLLING_FAILED)
	{
		wait_for(conn, poll_status == PGRES_POLLING_WRITING ? POLLOUT : POLLIN);
		poll_status = PQconnectPoll(conn);
		if (poll_status != before)
			fact_int("poll", poll_status);
		before = poll_status;
	}
	state(conn, "connected");
	fact_int("poll again", PQconnectPoll(conn));
	fact_int("reset", PQresetStart(conn));
	poll_status = PGRES_POLLING_WRITING;
	while (poll_status != PGRES_POLLING_OK && poll_status != PGRES_POLLING_FAILED)
	{
		wait_for(conn, poll_status == PGRES_POLLING_WRITING ? POLLOUT : POLLIN);
		poll_status = PQresetPoll(conn);
	}
	state(conn, "reset");
	PQfinish(conn);
	conn = PQconnectStart("hots=x");
	state(conn, "bad options");
	fact_int("poll", PQconnectPoll(conn));
	PQfinish(conn);
}

static void
queries(PGconn *conn)
{
	const char *values[] = {"7"};

	heading("queries");
	sent(conn, "PQsendQuery", PQsendQuery(conn, "SELECT 1; SELECT 2 AS b; SELECT 1/0; SELECT 4"));
	state(conn, "sent");
	sent(conn, "PQsendQuery", PQsendQuery(conn, "SELECT 2"));
	collect(conn);
	state(conn, "idle");
	sent(conn, "PQsendQueryParams", PQsendQueryParams(conn, "SELECT $1::int AS p", 1, NULL, values, NULL, NULL, 1));
	collect(conn);
	sent(conn, "PQsendPrepare", PQsendPrepare(conn, "stmt", "SELECT $1::text AS q", 1, NULL));
	collect(conn);
	sent(conn, "PQsendQueryPrepared", PQsendQueryPrepared(conn, "stmt", 1, values, NULL, NULL, 0));
	collect(conn);
	sent(conn, "PQsendDescribePrepared", PQsendDescribePrepared(conn, "stmt"));
	collect(conn);
	sent(conn, "PQsendDescribePortal", PQsendDescribePortal(conn, "none"));
	collect(conn);
	sent(conn, "PQsendClosePrepared", PQsendClosePrepared(conn, "stmt"));
	collect(conn);
	sent(conn, "PQsendClosePortal", PQsendClosePortal(conn, ""));
	collect(conn);
	sent(conn, "PQsendQuery empty", PQsendQuery(conn, ""));
	collect(conn);
	sent(conn, "PQsendQuery NULL", PQsendQuery(conn, NULL));
	sent(conn, "PQsendPrepare NULL", PQsendPrepare(conn, NULL, "x", 0, NULL));
	sent(conn, "PQsendQueryParams -1", PQsendQueryParams(conn, "x", -1, NULL, NULL, NULL, NULL, 0));
	sent(conn, "no connection", PQsendQuery(NULL, "SELECT 1"));
	fact_int("busy NULL", PQisBusy(NULL));
	fact_int("consume NULL", PQconsumeInput(NULL));
	fact_int("flush NULL", PQflush(NULL));
	print_result(PQgetResult(NULL));
	sent(conn, "PQsendQuery", PQsendQuery(conn, "SELECT 'abandoned'; SELECT 'abandoned too'"));
	show_exec(conn, "SELECT 'drained'");
	collect(conn);
}

static void
row_modes(PGconn *conn)
{
	static const char *const texts[] = {
		"SELECT i, 'row ' || i AS t FROM generate_series(1, 5) AS i",
		"SELECT 1 WHERE false",
		"SELECT 10 / (3 - i) AS x FROM generate_series(0, 5) AS i",
		"SELECT 1; SELECT 2 UNION ALL SELECT 3",
		"CREATE TEMP TABLE IF NOT EXISTS nothing ()",
		"",
	};

	heading("row modes");
	fact_int("single, idle", PQsetSingleRowMode(conn));
	fact_int("chunked, idle", PQsetChunkedRowsMode(conn, 2));
	fact_int("single, NULL", PQsetSingleRowMode(NULL));
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		for (int chunk = 0; chunk < 4; chunk++)
		{
			fact("query", texts[i]);
			sent(conn, "send", PQsendQuery(conn, texts[i]));
			fact_int("zero", PQsetChunkedRowsMode(conn, 0));
			if (chunk == 0)
				fact_int("single", PQsetSingleRowMode(conn));
			else
				fact_int("chunked", PQsetChunkedRowsMode(conn, chunk));
			collect(conn);
		}
	sent(conn, "send", PQsendQuery(conn, texts[0]));
	show(next(conn));
	fact_int("too late", PQsetSingleRowMode(conn));
	collect(conn);
	sent(conn, "a mode lasts one command", PQsendQuery(conn, texts[0]));
	collect(conn);
}

static void
pipeline(PGconn *conn)
{
	const char *values[] = {"3"};
	PGresult   *res;

	heading("pipeline");
	fact_int("NULL", PQpipelineStatus(NULL));
	fact_int("exit when off", PQexitPipelineMode(conn));
	sent(conn, "sync when off", PQpipelineSync(conn));
	sent(conn, "flush request when off", PQsendFlushRequest(conn));
	sent(conn, "enter", PQenterPipelineMode(conn));
	sent(conn, "enter twice", PQenterPipelineMode(conn));
	state(conn, "on");
	sent(conn, "PQsendQuery", PQsendQuery(conn, "SELECT 1"));
	res = PQexec(conn, "SELECT 1");
	print_result(res);
	PQclear(res);
	state(conn, "PQexec");
	print_result(PQgetResult(conn));

	heading("two commands and a sync");
	sent(conn, "send", PQsendQueryParams(conn, "SELECT 1 AS a", 0, NULL, NULL, NULL, NULL, 0));
	sent(conn, "send", PQsendQueryParams(conn, "SELECT $1::int + 1 AS b", 1, NULL, values, NULL, NULL, 0));
	sent(conn, "sync", PQpipelineSync(conn));
	sent(conn, "exit", PQexitPipelineMode(conn));
	collect_syncs(conn, 1);
	print_result(PQgetResult(conn));

	heading("an error in the middle, two syncs");
	sent(conn, "send", PQsendQueryParams(conn, "SELECT 'before'", 0, NULL, NULL, NULL, NULL, 0));
	sent(conn, "send", PQsendQueryParams(conn, "SELECT 1/0", 0, NULL, NULL, NULL, NULL, 0));
	sent(conn, "send", PQsendQueryParams(conn, "SELECT 'aborted'", 0, NULL, NULL, NULL, NULL, 0));
	sent(conn, "prepare", PQsendPrepare(conn, "aborted", "SELECT 1", 0, NULL));
	sent(conn, "sync", PQsendPipelineSync(conn));
	sent(conn, "send", PQsendQueryParams(conn, "SELECT 'after'", 0, NULL, NULL, NULL, NULL, 0));
	sent(conn, "sync", PQpipelineSync(conn));
	collect_syncs(conn, 2);

	heading("prepare, describe, execute, close in one");
	sent(conn, "prepare", PQsendPrepare(conn, "p", "SELECT $1::int AS i", 0, NULL));
	sent(conn, "describe", PQsendDescribePrepared(conn, "p"));
	sent(conn, "execute", PQsendQueryPrepared(conn, "p", 1, values, NULL, NULL, 0));
	sent(conn, "close", PQsendClosePrepared(conn, "p"));
	sent(conn, "sync", PQpipelineSync(conn));
	collect_syncs(conn, 1);

	heading("flush request, results without a sync");
	sent(conn, "send", PQsendQueryParams(conn, "SELECT 'flushed'", 0, NULL, NULL, NULL, NULL, 0));
	sent(conn, "flush request", PQsendFlushRequest(conn));
	fact_int("flush", PQflush(conn));
	collect(conn);
	sent(conn, "sync", PQpipelineSync(conn));
	collect_syncs(conn, 1);

	heading("single rows in a pipeline");
	sent(conn, "send", PQsendQueryParams(conn, "SELECT generate_series(1, 3)", 0, NULL, NULL, NULL, NULL, 0));
	sent(conn, "send", PQsendQueryParams(conn, "SELECT generate_series(4, 6)", 0, NULL, NULL, NULL, NULL, 0));
	sent(conn, "sync", PQpipelineSync(conn));
	fact_int("single", PQsetSingleRowMode(conn));
	collect(conn);
	fact_int("chunked", PQsetChunkedRowsMode(conn, 2));
	collect(conn);
	collect_syncs(conn, 1);

	heading("leave");
	print_result(PQgetResult(conn));
	sent(conn, "exit", PQexitPipelineMode(conn));
	state(conn, "off");
	show_exec(conn, "SELECT 'as before'");
}

static void
big(PGconn *conn)
{
	size_t		length = 20 * 1024 * 1024;
	char	   *text = malloc(length + 1);
	const char *values[1];
	PGresult   *res;

	heading("20 MB both ways, nonblocking");
	memset(text, 'x', length);
	text[length] = '\0';
	values[0] = text;
	fact_int("set", PQsetnonblocking(conn, 1));
	sent(conn, "send", PQsendQueryParams(conn, "SELECT length($1), $1", 1, NULL, values, NULL, NULL, 0));
	res = next(conn);
	fact("length", PQgetvalue(res, 0, 0));
	fact_int("length", PQgetlength(res, 0, 1));
	fact_int("same", PQgetlength(res, 0, 1) == (int) length && memcmp(PQgetvalue(res, 0, 1), text, length + 1) == 0);
	PQclear(res);
	collect(conn);
	fact_int("set", PQsetnonblocking(conn, 0));
	fact_int("NULL", PQsetnonblocking(NULL, 1));
	fact_int("NULL", PQisnonblocking(NULL));
	free(text);
}

/* Both sides send a lot before they read; neither may wait for the other forever. */
static void
flood(PGconn *conn)
{
	int			rows = 0;
	char	   *text = malloc(100001);
	const char *values[1] = {text};

	heading("a pipeline larger than all buffers");
	memset(text, 'y', 100000);
	text[100000] = '\0';
	PQenterPipelineMode(conn);
	for (int i = 0; i < 300; i++)
		if (!PQsendQueryParams(conn, "SELECT $1", 1, NULL, values, NULL, NULL, 0))
			sent(conn, "send", 0);
	sent(conn, "sync", PQpipelineSync(conn));
	for (int nulls = 0; nulls < 2;)
	{
		PGresult   *res = PQgetResult(conn);

		nulls = res == NULL ? nulls + 1 : 0;
		if (PQresultStatus(res) == PGRES_TUPLES_OK && PQgetlength(res, 0, 0) == 100000)
			rows++;
		if (PQresultStatus(res) == PGRES_PIPELINE_SYNC)
			nulls = 2;
		PQclear(res);
	}
	fact_int("rows", rows);
	sent(conn, "exit", PQexitPipelineMode(conn));
	free(text);
}

int
main(int argc, char **argv)
{
	PGconn	   *conn;

	if (argc < 3)
		return 2;
	conn = connect_or_die(argv[2]);
	if (strcmp(argv[1], "queries") == 0)
	{
		connecting(argv[2]);
		queries(conn);
	}
	else if (strcmp(argv[1], "rows") == 0)
		row_modes(conn);
	else if (strcmp(argv[1], "pipeline") == 0)
		pipeline(conn);
	else
	{
		big(conn);
		flood(conn);
	}
	PQfinish(conn);
	return 0;
}
