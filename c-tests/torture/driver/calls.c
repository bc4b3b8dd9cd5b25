#include "calls.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "outcome.h"

/* No server here sends so many results: reaching it means an endless loop. */
#define MOST 4000000

const char *const style_names[STYLES] = {"exec", "traced", "send", "async", "nonblocking", "single", "chunked", "pipeline"};
Style		style;
PGconn	   *conn;
const char *copy_error;
int			copy_rows = 3;

static FILE *trace;

static int
is_async(void)
{
	return style == ASYNC || style == NONBLOCKING;
}

void
await_socket(short events)
{
	struct pollfd pollfd = {.fd = PQsocket(conn), .events = events};

	if (pollfd.fd < 0)
	{
		/* Waiting for it would take forever. */
		note("no socket");
		return;
	}
	while (poll(&pollfd, 1, -1) < 0 && errno == EINTR)
		;
}

static void
note_error(void)
{
	const char *text = PQerrorMessage(conn);

	if (*text != '\0')
		first_error(text);
}

static int
poll_until_done(PostgresPollingStatusType (*poll_once) (PGconn *))
{
	PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;

	for (int i = 0; i < MOST && wanted != PGRES_POLLING_OK && wanted != PGRES_POLLING_FAILED; i++)
	{
		await_socket(wanted == PGRES_POLLING_WRITING ? POLLOUT : POLLIN);
		wanted = poll_once(conn);
	}
	return wanted == PGRES_POLLING_OK;
}

/* What the server said about itself. */
static void
note_server(void)
{
	note("open:%d", PQserverVersion(conn));
	note("protocol:%d", PQfullProtocolVersion(conn));
	digest_text(PQparameterStatus(conn, "client_encoding"));
	digest_text(PQparameterStatus(conn, "TimeZone"));
	note("encoding:%d", PQclientEncoding(conn));
	note("password:%d,%d", PQconnectionNeedsPassword(conn), PQconnectionUsedPassword(conn));
}

static int
is_open(void)
{
	if (PQstatus(conn) != CONNECTION_OK)
	{
		note("refused:%d", PQconnectionNeedsPassword(conn));
		note_error();
		return 0;
	}
	note_server();
	return 1;
}

int
open_connection(const char *conninfo)
{
	conn = is_async() ? PQconnectStart(conninfo) : PQconnectdb(conninfo);
	PQsetNoticeProcessor(conn, count_notice, NULL);
	if (is_async() && PQstatus(conn) != CONNECTION_BAD)
		poll_until_done(PQconnectPoll);
	if (!is_open())
		return 0;
	if (style == NONBLOCKING)
		PQsetnonblocking(conn, 1);
	if (style == TRACED)
	{
		trace = fopen("/dev/null", "w");
		PQtrace(conn, trace);
	}
	return 1;
}

void
close_connection(void)
{
	PQuntrace(conn);
	PQfinish(conn);
	conn = NULL;
	if (trace != NULL)
		fclose(trace);
	trace = NULL;
}

void
reset_connection(void)
{
	if (!is_async())
		PQreset(conn);
	else if (PQresetStart(conn))
		poll_until_done(PQresetPoll);
	is_open();
}

static void
flush_all(void)
{
	int			answer;

	while ((answer = PQflush(conn)) == 1)
	{
		await_socket(POLLIN | POLLOUT);
		if (!PQconsumeInput(conn))
			return;
	}
	if (answer != 0)
		note("unflushed");
}

static PGresult *
next_result(void)
{
	if (is_async())
	{
		flush_all();
		while (PQisBusy(conn))
		{
			await_socket(POLLIN);
			if (!PQconsumeInput(conn))
				break;
		}
	}
	return PQgetResult(conn);
}

static void
put(const char *data, int length)
{
	int			answer;

	while ((answer = PQputCopyData(conn, data, length)) == 0)
		await_socket(POLLOUT);
	if (answer != 1)
		note("unput");
}

static void
copy_in(void)
{
	int			answer;

	for (int i = 0; i < copy_rows; i++)
		put("1\tsome text\n", 12);
	while ((answer = PQputCopyEnd(conn, copy_error)) == 0)
		await_socket(POLLOUT);
	if (answer != 1)
		note("unended");
}

static void
copy_out(void)
{
	char	   *row;
	int			length = 0,
				rows = 0;

	for (int i = 0; i < MOST; i++)
	{
		length = PQgetCopyData(conn, &row, is_async());
		if (length > 0)
		{
			rows++;
			digest(row, (size_t) length);
			PQfreemem(row);
		}
		else if (length < 0)
			break;
		else
		{
			await_socket(POLLIN);
			if (!PQconsumeInput(conn))
				break;
		}
	}
	note("copied:%d,%d", rows, length);
	note_values();
}

/* Reads all parts of a result; a value must end where its length says. */
static void
read_result(PGresult *res)
{
	for (int column = 0; column < PQnfields(res); column++)
	{
		const int	numbers[] = {(int) PQftype(res, column), PQfsize(res, column), PQfmod(res, column), PQfformat(res, column)};

		digest_text(PQfname(res, column));
		digest(numbers, sizeof numbers);
	}
	for (int row = 0; row < PQntuples(res); row++)
		for (int column = 0; column < PQnfields(res); column++)
		{
			const char *value = PQgetvalue(res, row, column);
			int			length = PQgetlength(res, row, column);

			if (value == NULL || value[length] != '\0')
				note("OVERRUN");
			else if (PQgetisnull(res, row, column))
				digest("null", 4);
			else
				digest(value, (size_t) length);
		}
	for (int i = 0; i < PQnparams(res); i++)
		digest(&(Oid) {PQparamtype(res, i)}, sizeof(Oid));
}

static void
take(PGresult *res)
{
	ExecStatusType status = PQresultStatus(res);

	if (status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_CHUNK)
		note("%s:%dx%d", PQresStatus(status) + 6, PQntuples(res), PQnfields(res));
	else
		note("%s", PQresStatus(status) + 6);
	read_result(res);
	digest_text(PQcmdStatus(res));
	if (*PQresultErrorMessage(res) != '\0')
	{
		first_error(PQresultErrorMessage(res));
		if (PQresultErrorField(res, PG_DIAG_SQLSTATE) != NULL)
			note("%.5s", PQresultErrorField(res, PG_DIAG_SQLSTATE));
	}
	PQclear(res);
	note_values();
	if (status == PGRES_COPY_IN || status == PGRES_COPY_BOTH)
		copy_in();
	if (status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH)
		copy_out();
}

void
collect(int syncs)
{
	int			nulls = 0;

	for (int i = 0; i < MOST; i++)
	{
		PGresult   *res = next_result();

		if (res == NULL)
		{
			note("-");
			if (syncs == 0 || ++nulls > 2)
				return;
			continue;
		}
		nulls = 0;
		if (PQresultStatus(res) == PGRES_PIPELINE_SYNC)
			syncs--;
		take(res);
	}
	note("ENDLESS");
}

/* The result of PQexec or a relative, and what follows if it has started a COPY. */
static void
executed(PGresult *res)
{
	ExecStatusType status = PQresultStatus(res);

	if (res == NULL)
		note("no result");
	else
		take(res);
	if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH)
		collect(0);
}

/* After a PQsend function. */
static void
was_sent(int answer)
{
	if (!answer)
	{
		note("unsent");
		note_error();
	}
	if (style == PIPELINE)
		return;
	if (style == SINGLE)
		PQsetSingleRowMode(conn);
	if (style == CHUNKED)
		PQsetChunkedRowsMode(conn, 3);
	collect(0);
}

static int
calls_exec(void)
{
	return style == EXEC || style == TRACED;
}

void
send_only(const char *sql)
{
	if (!PQsendQuery(conn, sql))
		note("unsent");
	if (is_async())
		flush_all();
}

void
query(const char *sql)
{
	if (style == PIPELINE)
		was_sent(PQsendQueryParams(conn, sql, 0, NULL, NULL, NULL, NULL, 0));
	else if (calls_exec())
		executed(PQexec(conn, sql));
	else
		was_sent(PQsendQuery(conn, sql));
}

void
query_with(const char *sql, int count, const char *const *values, int binary)
{
	if (calls_exec())
		executed(PQexecParams(conn, sql, count, NULL, values, NULL, NULL, binary));
	else
		was_sent(PQsendQueryParams(conn, sql, count, NULL, values, NULL, NULL, binary));
}

void
prepare(const char *name, const char *sql)
{
	if (calls_exec())
		executed(PQprepare(conn, name, sql, 0, NULL));
	else
		was_sent(PQsendPrepare(conn, name, sql, 0, NULL));
}

void
execute(const char *name, int count, const char *const *values, int binary)
{
	if (calls_exec())
		executed(PQexecPrepared(conn, name, count, values, NULL, NULL, binary));
	else
		was_sent(PQsendQueryPrepared(conn, name, count, values, NULL, NULL, binary));
}

void
describe(const char *name)
{
	if (calls_exec())
		executed(PQdescribePrepared(conn, name));
	else
		was_sent(PQsendDescribePrepared(conn, name));
}

void
describe_portal(const char *name)
{
	if (calls_exec())
		executed(PQdescribePortal(conn, name));
	else
		was_sent(PQsendDescribePortal(conn, name));
}

void
close_statement(const char *name)
{
	if (calls_exec())
		executed(PQclosePrepared(conn, name));
	else
		was_sent(PQsendClosePrepared(conn, name));
}

void
enter_pipeline(void)
{
	if (!PQenterPipelineMode(conn))
		note("no pipeline");
}

void
leave_pipeline(int syncs)
{
	if (is_async())
		flush_all();
	collect(syncs);
	if (!PQexitPipelineMode(conn))
		note("in pipeline");
}

void
note_state(void)
{
	note("status:%d transaction:%d pipeline:%d", PQstatus(conn), PQtransactionStatus(conn), PQpipelineStatus(conn));
}
