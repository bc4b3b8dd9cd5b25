/* The outcome of an operation, and checks of results. */
#include "operations.h"

const char *conninfo;
PGconn	   *conn;
char		reason[400];

int
wrong(const char *text)
{
	snprintf(reason, sizeof reason, "%s", text);
	return WRONG;
}

int
wrong_if(int so, const char *text)
{
	return so ? wrong(text) : FINE;
}

/* A failure must have an error text. */
int
failed(const char *message)
{
	snprintf(reason, sizeof reason, "%s", message == NULL ? "no text" : message);
	return message == NULL || *message == '\0' ? wrong("failed without an error text") : FAILED;
}

int
has_status(PGresult *res, ExecStatusType status)
{
	return PQresultStatus(res) == status;
}

/* The operation failed with this result, which may be NULL. */
int
unexpected(PGresult *res)
{
	char		text[300];
	const char *message = res == NULL ? PQerrorMessage(conn) : PQresultErrorMessage(res);

	if (*message == '\0')
		message = PQerrorMessage(conn);
	snprintf(text, sizeof text, "%s", message);
	PQclear(res);
	return failed(text);
}

int
equal(PGresult *res, int row, int column, const char *text)
{
	return PQntuples(res) > row && PQnfields(res) > column && strcmp(PQgetvalue(res, row, column), text) == 0;
}

int
is_long_row(PGresult *res, int row, int number)
{
	char		text[20];

	snprintf(text, sizeof text, "%d", number);
	return equal(res, row, 0, text) && PQgetlength(res, row, 1) == 100 && PQgetvalue(res, row, 1)[99] == 'x';
}

PGresult *
armed_exec(const char *sql)
{
	PGresult   *res;

	ARMED(res = PQexec(conn, sql));
	return res;
}

/* Whether a query succeeds and returns this value. Allocations cannot fail here. */
int
answers(const char *sql, const char *expected)
{
	PGresult   *res = PQexec(conn, sql);
	int			right = has_status(res, PGRES_TUPLES_OK) && equal(res, 0, 0, expected);

	if (!right)
		snprintf(reason, sizeof reason, "%s: %s%s", sql, PQresStatus(PQresultStatus(res)), PQerrorMessage(conn));
	PQclear(res);
	return right;
}

/* With memory available again: an open connection must work, and a closed one must work after PQreset. */
int
still_works(void)
{
	PGresult   *res;

	PQsetnonblocking(conn, 0);
	if (PQstatus(conn) == CONNECTION_OK && PQpipelineStatus(conn) != PQ_PIPELINE_OFF)
	{
		/* Reads the rest of the pipeline up to a new sync. */
		PQpipelineSync(conn);
		for (int nulls = 0, synced = 0; PQstatus(conn) == CONNECTION_OK && !(synced && nulls > 0);)
		{
			res = PQgetResult(conn);
			synced |= has_status(res, PGRES_PIPELINE_SYNC);
			nulls = res == NULL ? nulls + 1 : 0;
			PQclear(res);
			if (nulls > 3)
				break;
		}
		PQexitPipelineMode(conn);
	}
	if (PQstatus(conn) != CONNECTION_OK || PQpipelineStatus(conn) != PQ_PIPELINE_OFF)
		PQreset(conn);
	if (PQtransactionStatus(conn) == PQTRANS_INTRANS || PQtransactionStatus(conn) == PQTRANS_INERROR)
		PQclear(PQexec(conn, "ROLLBACK"));
	for (int i = 0; i < 3; i++)
	{
		char		sql[60],
					expected[20];

		snprintf(sql, sizeof sql, "SELECT %d + pg_backend_pid() * 0", 70 + i);
		snprintf(expected, sizeof expected, "%d", 70 + i);
		if (!answers(sql, expected))
			return 0;
	}
	return 1;
}
