/* Queries, rows in every mode, prepared statements and pipelines. */
#include <poll.h>

#include "operations.h"

/* The rows of large_result, and of the queries that read rows in parts. */
#define MANY 5000
#define SOME 200
/* The commands in the pipeline. */
#define COMMANDS 40

int
simple_query(void)
{
	PGresult   *res = armed_exec("SELECT 1 AS a, 'text' AS b, NULL UNION ALL SELECT 2, 'more', 'x'");
	int			right;

	if (!has_status(res, PGRES_TUPLES_OK))
		return unexpected(res);
	right = PQntuples(res) == 2 && equal(res, 0, 1, "text") && equal(res, 1, 0, "2") && PQgetisnull(res, 0, 2);
	PQclear(res);
	return wrong_if(!right, "wrong rows");
}

int
large_result(void)
{
	PGresult   *res = armed_exec(LONG_ROWS("5000"));
	int			right;

	if (!has_status(res, PGRES_TUPLES_OK))
		return unexpected(res);
	right = PQntuples(res) == MANY;
	for (int i = 0; right && i < MANY; i++)
		right = is_long_row(res, i, i + 1);
	PQclear(res);
	return wrong_if(!right, "wrong rows");
}

/* Reads rows in parts. If the results end without an error, all rows must have arrived. */
static int
read_rows(int chunked)
{
	int			sent,
				count = 0,
				outcome = FINE;
	PGresult   *res;

	ARMED(sent = PQsendQuery(conn, LONG_ROWS("200")));
	if (!sent)
		return failed(PQerrorMessage(conn));
	ARMED(sent = chunked ? PQsetChunkedRowsMode(conn, 7) : PQsetSingleRowMode(conn));
	if (!sent)
		return wrong("the row mode was refused");
	for (;;)
	{
		ARMED(res = PQgetResult(conn));
		if (res == NULL)
			break;
		if (has_status(res, PGRES_SINGLE_TUPLE) || has_status(res, PGRES_TUPLES_CHUNK))
		{
			for (int i = 0; i < PQntuples(res); i++)
				if (!is_long_row(res, i, ++count) && outcome == FINE)
					outcome = wrong("a wrong row");
			PQclear(res);
		}
		else if (has_status(res, PGRES_TUPLES_OK))
		{
			if (count != SOME && outcome == FINE)
				outcome = wrong("rows are missing");
			PQclear(res);
		}
		else if (outcome == FINE)
			outcome = unexpected(res);
		else
			PQclear(res);
	}
	return outcome == FINE && count != SOME ? wrong("the results ended early") : outcome;
}

int
single_rows(void)
{
	return read_rows(0);
}

int
chunked_rows(void)
{
	return read_rows(1);
}

int
nonblocking_query(void)
{
	int			done;
	PGresult   *res;
	int			outcome;

	ARMED(done = PQsetnonblocking(conn, 1));
	if (done != 0)
		return failed(PQerrorMessage(conn));
	ARMED(done = PQsendQuery(conn, LONG_ROWS("200")));
	if (!done)
		return failed(PQerrorMessage(conn));
	for (;;)
	{
		struct pollfd one = {PQsocket(conn), POLLIN, 0};

		ARMED(done = PQflush(conn));
		if (done < 0)
			return failed(PQerrorMessage(conn));
		ARMED(done = PQisBusy(conn));
		if (!done)
			break;
		poll(&one, 1, -1);
		ARMED(done = PQconsumeInput(conn));
		if (!done)
			return failed(PQerrorMessage(conn));
	}
	ARMED(res = PQgetResult(conn));
	if (!has_status(res, PGRES_TUPLES_OK))
		return unexpected(res);
	outcome = wrong_if(PQntuples(res) != SOME || !is_long_row(res, SOME - 1, SOME), "wrong rows");
	PQclear(res);
	return outcome;
}

int
prepared_statement(void)
{
	static const char number[4] = {0, 0, 0, 42};
	const char *values[] = {number, "a text", NULL};
	const int	lengths[] = {4, 0, 0},
				formats[] = {1, 0, 0};
	PGresult   *res;
	int			right;

	ARMED(res = PQprepare(conn, "s", "SELECT $1::int4, $2::text, $3::text", 0, NULL));
	if (!has_status(res, PGRES_COMMAND_OK))
		return unexpected(res);
	PQclear(res);
	ARMED(res = PQexecPrepared(conn, "s", 3, values, lengths, formats, 0));
	if (!has_status(res, PGRES_TUPLES_OK))
		return unexpected(res);
	right = equal(res, 0, 0, "42") && equal(res, 0, 1, "a text") && PQgetisnull(res, 0, 2);
	PQclear(res);
	if (!right)
		return wrong("wrong values");
	ARMED(res = PQexecParams(conn, "SELECT $1::int4, $2::text, $3::text", 3, NULL, values, lengths, formats, 1));
	if (!has_status(res, PGRES_TUPLES_OK))
		return unexpected(res);
	right = PQgetlength(res, 0, 0) == 4 && PQgetvalue(res, 0, 0)[3] == 42 && equal(res, 0, 1, "a text");
	PQclear(res);
	if (!right)
		return wrong("wrong binary values");
	ARMED(res = PQdescribePrepared(conn, "s"));
	if (!has_status(res, PGRES_COMMAND_OK))
		return unexpected(res);
	right = PQnparams(res) == 3 && PQnfields(res) == 3 && PQparamtype(res, 1) == 25;
	PQclear(res);
	if (!right)
		return wrong("wrong description");
	ARMED(res = PQclosePrepared(conn, "s"));
	return has_status(res, PGRES_COMMAND_OK) ? (PQclear(res), FINE) : unexpected(res);
}

/* Reads the result of a command and the NULL after it. */
static int
next_result(ExecStatusType status, int number)
{
	char		expected[20];
	PGresult   *res,
			   *more;
	int			right;

	ARMED(res = PQgetResult(conn));
	if (!has_status(res, status))
		return unexpected(res);
	snprintf(expected, sizeof expected, "%d", number);
	right = number < 0 || equal(res, 0, 0, expected);
	PQclear(res);
	if (status == PGRES_PIPELINE_SYNC)
		return FINE;
	ARMED(more = PQgetResult(conn));
	if (more != NULL)
		return unexpected(more);
	return wrong_if(!right, "the result of another command");
}

static int
fill_pipeline(void)
{
	int			sent = 1;

	for (int i = 0; sent && i < COMMANDS; i++)
	{
		char		text[20];
		const char *values[] = {text};

		snprintf(text, sizeof text, "%d", i);
		ARMED(sent = PQsendQueryParams(conn, "SELECT $1::int4", 1, NULL, values, NULL, NULL, 0));
	}
	if (sent)
		ARMED(sent = PQpipelineSync(conn));
	return sent;
}

int
pipeline(void)
{
	int			outcome = FINE,
				entered;

	ARMED(entered = PQenterPipelineMode(conn));
	if (!entered)
		return failed(PQerrorMessage(conn));
	if (!fill_pipeline())
		return failed(PQerrorMessage(conn));
	for (int i = 0; outcome == FINE && i < COMMANDS; i++)
		outcome = next_result(PGRES_TUPLES_OK, i);
	if (outcome == FINE)
		outcome = next_result(PGRES_PIPELINE_SYNC, -1);
	if (outcome != FINE)
		return outcome;
	ARMED(entered = PQexitPipelineMode(conn));
	return entered ? FINE : failed(PQerrorMessage(conn));
}
