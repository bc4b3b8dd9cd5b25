/* COPY in both directions. */
#include "operations.h"

#define LINES_IN 3000
#define ROWS_OUT 200

/* If the command succeeded, all lines must be in the table. */
static int
check_copied(int outcome)
{
	if (outcome == FINE && !answers("SELECT count(*) FROM copied", "3000"))
		return WRONG;
	return outcome;
}

int
copy_in(void)
{
	static const char line[] = "one line of some length that is copied into a table of the server\n";
	PGresult   *res;
	int			done = 1,
				outcome;

	must(conn, "CREATE TEMPORARY TABLE copied (line text)");
	res = armed_exec("COPY copied FROM STDIN");
	if (!has_status(res, PGRES_COPY_IN))
		return unexpected(res);
	PQclear(res);
	for (int i = 0; done == 1 && i < LINES_IN; i++)
		ARMED(done = PQputCopyData(conn, line, sizeof line - 1));
	outcome = done == 1 ? FINE : failed(PQerrorMessage(conn));
	ARMED(done = PQputCopyEnd(conn, done == 1 ? NULL : "gave up"));
	if (done != 1 && outcome == FINE)
		outcome = failed(PQerrorMessage(conn));
	for (;;)
	{
		ARMED(res = PQgetResult(conn));
		if (res == NULL)
			break;
		if (has_status(res, PGRES_COPY_IN))
		{
			/* The end of the COPY could not be sent. */
			PQclear(res);
			break;
		}
		if (!has_status(res, PGRES_COMMAND_OK) && outcome == FINE)
			outcome = unexpected(res);
		else
			PQclear(res);
	}
	return check_copied(outcome);
}

/* The deprecated COPY functions. */
int
copy_in_by_lines(void)
{
	PGresult   *res;
	int			done = 0;

	must(conn, "CREATE TEMPORARY TABLE copied (line text)");
	res = armed_exec("COPY copied FROM STDIN");
	if (!has_status(res, PGRES_COPY_IN))
		return unexpected(res);
	PQclear(res);
	for (int i = 0; done == 0 && i < LINES_IN; i++)
		ARMED(done = PQputline(conn, "a line\n"));
	if (done == 0)
		ARMED(done = PQputline(conn, "\\.\n"));
	if (done != 0)
		return failed(PQerrorMessage(conn));
	ARMED(done = PQendcopy(conn));
	return done == 0 ? check_copied(FINE) : failed(PQerrorMessage(conn));
}

int
copy_out(void)
{
	PGresult   *res = armed_exec("COPY (" LONG_ROWS("200") ") TO STDOUT");
	char	   *row;
	int			length,
				count = 0,
				outcome = FINE;

	if (!has_status(res, PGRES_COPY_OUT))
		return unexpected(res);
	PQclear(res);
	for (;;)
	{
		ARMED(length = PQgetCopyData(conn, &row, 0));
		if (length < 0)
			break;
		if (atoi(row) != ++count || row[length - 1] != '\n')
			outcome = wrong("a wrong row");
		PQfreemem(row);
	}
	if (length == -2)
		outcome = failed(PQerrorMessage(conn));
	for (int i = 0;; i++)
	{
		ARMED(res = PQgetResult(conn));
		if (res == NULL)
			break;
		if (!has_status(res, PGRES_COMMAND_OK) && outcome == FINE)
			outcome = unexpected(res);
		else
			PQclear(res);
		if (i == 10)
			return wrong("endless results");
	}
	return outcome == FINE && count != ROWS_OUT ? wrong("rows are missing") : outcome;
}
