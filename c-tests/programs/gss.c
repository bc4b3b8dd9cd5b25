/*
 * Connects with each connection string on stdin (one a line), prints the result and the use of GSSAPI, and transfers
 * a lot of data in both directions.
 */
#include "common.h"

static int	depth,
			locks;

static void
count_lock(int acquire)
{
	locks += acquire;
	depth += acquire ? 1 : -1;
}

/* A lot of data in both directions at the same time: neither side may wait for the other. */
static void
copy(PGconn *conn)
{
	char		line[6000];
	PGresult   *res;

	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	PQclear(PQexec(conn, "CREATE TEMP TABLE copied (line text)"));
	PQclear(PQexec(conn, "COPY copied FROM STDIN"));
	for (int i = 0; i < 2000; i++)
		if (PQputCopyData(conn, line, sizeof line) != 1)
			fact("copy", PQerrorMessage(conn));
	fact_int("end", PQputCopyEnd(conn, NULL));
	while ((res = PQgetResult(conn)) != NULL)
	{
		fact("copied", PQcmdTuples(res));
		PQclear(res);
	}
	show_exec(conn, "SELECT count(*), sum(length(line)), min(line) = max(line) FROM copied");
}

static void
echo(PGconn *conn)
{
	static char text[3000001];
	const char *values[] = {text};
	PGresult   *res;

	for (size_t i = 0; i + 1 < sizeof text; i++)
		text[i] = (char) ('a' + i * 7 % 26);
	res = PQexecParams(conn, "SELECT $1::text", 1, NULL, values, NULL, NULL, 0);
	fact("message", PQerrorMessage(conn));
	fact_int("same", PQntuples(res) == 1 && strcmp(PQgetvalue(res, 0, 0), text) == 0);
	PQclear(res);
}

static void
cancel(PGconn *conn)
{
	PGcancelConn *request = PQcancelCreate(conn);

	fact_int("cancel", PQcancelBlocking(request));
	fact("cancel message", PQcancelErrorMessage(request));
	PQcancelFinish(request);
}

int
main(void)
{
	char		line[4096];

	PQregisterThreadLock(count_lock);
	while (fgets(line, sizeof line, stdin) != NULL)
	{
		PGconn	   *conn;

		line[strcspn(line, "\n")] = '\0';
		locks = 0;
		conn = PQconnectdb(line);
		fact_int("status", PQstatus(conn));
		fact("message", PQerrorMessage(conn));
		fact_int("locks", locks);
		fact_int("depth", depth);
		fact_int("used", PQconnectionUsedGSSAPI(conn));
		fact_int("encrypted", PQgssEncInUse(conn));
		fact_int("context", PQgetgssctx(conn) != NULL);
		if (PQstatus(conn) == CONNECTION_OK)
		{
			show_exec(conn, "SELECT gss_authenticated, encrypted, principal, credentials_delegated "
					  "FROM pg_stat_gssapi WHERE pid = pg_backend_pid()");
			echo(conn);
			copy(conn);
			cancel(conn);
		}
		PQfinish(conn);
	}
	return 0;
}
