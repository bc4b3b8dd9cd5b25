/*
 * errno CONNINFO CLOSED: the value of errno after each call, when it was 0 and when it was 42 before. C libpq sets it
 * to 0 after it has sent or received data; this equals leaving it unchanged if it was 0, and 42 is accepted too.
 * Nothing listens at the connection string CLOSED.
 */
#include <errno.h>
#include <sys/resource.h>

#include "common.h"

static int	before;

/* Prints only the values that a call set. */
static void
print_errno(const char *call)
{
	int			after = errno;

	printf("%s: %s", call, after == before || after == 0 ? "no error" : strerror(after));
	putchar('\n');
}

#define CALL(call) (errno = before, (void) (call), print_errno(#call))

static void
connecting(const char *conninfo, const char *closed)
{
	static const char *const wrong[] = {
		"user=scram_user password=wrong", "dbname=nonexistent", "user=reject_user", "port=x", "client_encoding=auto",
		"host=/nonexistent", "connect_timeout=x",
	};
	PostgresPollingStatusType polling = PGRES_POLLING_WRITING;
	PGconn	   *conn;
	char		text[1024];

	heading("connecting");
	CALL(conn = PQconnectdb(conninfo));
	fact_int("status", PQstatus(conn));
	CALL(PQreset(conn));
	CALL(PQfinish(conn));
	CALL(PQping(conninfo));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
	{
		snprintf(text, sizeof text, "%s %s", conninfo, wrong[i]);
		printf("%s ", wrong[i]);
		CALL(conn = PQconnectdb(text));
		fact_int("status", PQstatus(conn));
		CALL(PQfinish(conn));
	}
	CALL(conn = PQconnectdb(closed));
	fact_int("status", PQstatus(conn));
	CALL(PQreset(conn));
	CALL(PQerrorMessage(conn));
	CALL(PQfinish(conn));
	CALL(PQping(closed));
	conn = PQconnectStart(conninfo);
	while (polling == PGRES_POLLING_READING || polling == PGRES_POLLING_WRITING)
	{
		PQsocketPoll(PQsocket(conn), polling == PGRES_POLLING_READING, polling == PGRES_POLLING_WRITING, -1);
		errno = before;
		polling = PQconnectPoll(conn);
		/* There is nothing to read yet. */
		if (errno != 0 && errno != before && errno != EAGAIN)
			print_errno("PQconnectPoll");
	}
	fact_int("polled", polling);
	CALL(PQstatus(conn));
	CALL(PQfinish(conn));
	CALL(PQconninfoFree(PQconninfoParse("host=x port=5", NULL)));
	CALL(PQconninfoParse("host", NULL));
}

static void
connecting_without_descriptors(const char *conninfo)
{
	struct rlimit limit;
	rlim_t		old;
	int			next = dup(0);
	PGconn	   *conn;

	heading("no descriptor is left");
	close(next);
	getrlimit(RLIMIT_NOFILE, &limit);
	old = limit.rlim_cur;
	limit.rlim_cur = next;
	setrlimit(RLIMIT_NOFILE, &limit);
	CALL(conn = PQconnectdb(conninfo));
	fact_int("status", PQstatus(conn));
	limit.rlim_cur = old;
	setrlimit(RLIMIT_NOFILE, &limit);
	CALL(PQfinish(conn));
}

static void
commands(PGconn *conn)
{
	static const char *const values[] = {"1", NULL};
	PGresult   *res;
	char	   *row;

	heading("commands");
	CALL(res = PQexec(conn, "SELECT 1, NULL"));
	CALL(PQresultStatus(res));
	CALL(PQntuples(res));
	CALL(PQgetvalue(res, 0, 0));
	CALL(PQgetisnull(res, 0, 1));
	CALL(PQgetlength(res, 0, 0));
	CALL(PQfname(res, 0));
	CALL(PQfnumber(res, "x"));
	CALL(PQcmdStatus(res));
	CALL(PQcmdTuples(res));
	CALL(PQclear(PQcopyResult(res, PG_COPYRES_TUPLES | PG_COPYRES_ATTRS)));
	CALL(PQclear(res));
	CALL(res = PQexec(conn, "SELEC"));
	CALL(PQresultErrorMessage(res));
	CALL(PQresultErrorField(res, PG_DIAG_SQLSTATE));
	CALL(PQclear(res));
	CALL(res = PQexecParams(conn, "SELECT $1::int, $2::int", 2, NULL, values, NULL, NULL, 1));
	PQclear(res);
	CALL(res = PQprepare(conn, "p", "SELECT $1::int, $2::int", 2, NULL));
	PQclear(res);
	CALL(res = PQexecPrepared(conn, "p", 2, values, NULL, NULL, 0));
	PQclear(res);
	CALL(res = PQdescribePrepared(conn, "p"));
	PQclear(res);
	CALL(res = PQclosePrepared(conn, "p"));
	PQclear(res);

	heading("without waiting");
	CALL(PQsendQuery(conn, "SELECT 1"));
	CALL(PQflush(conn));
	CALL(PQsetSingleRowMode(conn));
	CALL(res = PQgetResult(conn));
	PQclear(res);
	CALL(res = PQgetResult(conn));
	PQclear(res);
	CALL(res = PQgetResult(conn));
	CALL(PQisBusy(conn));
	CALL(PQnotifies(conn));
	CALL(PQsetnonblocking(conn, 1));
	CALL(PQsetnonblocking(conn, 0));
	CALL(PQenterPipelineMode(conn));
	CALL(PQsendQueryParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0));
	CALL(PQpipelineSync(conn));
	for (int i = 0; i < 4; i++)
	{
		CALL(res = PQgetResult(conn));
		fact("result", PQresStatus(PQresultStatus(res)));
		PQclear(res);
	}
	CALL(PQexitPipelineMode(conn));

	heading("COPY");
	must(conn, "CREATE TEMP TABLE t (a text)");
	CALL(res = PQexec(conn, "COPY t FROM STDIN"));
	PQclear(res);
	for (int i = 0; i < 3000; i++)
	{
		errno = before;
		PQputCopyData(conn, "some forty bytes of text for each a row\n", 40);
		if (errno != 0 && errno != before)
			print_errno("PQputCopyData");
	}
	CALL(PQputCopyEnd(conn, NULL));
	CALL(res = PQgetResult(conn));
	PQclear(res);
	CALL(res = PQgetResult(conn));
	CALL(res = PQexec(conn, "COPY t TO STDOUT"));
	PQclear(res);
	for (int i = 0; i < 3000; i++)
	{
		errno = before;
		PQgetCopyData(conn, &row, 0);
		if (errno != 0 && errno != before)
			print_errno("PQgetCopyData");
		PQfreemem(row);
	}
	CALL(PQgetCopyData(conn, &row, 0));
	CALL(PQendcopy(conn));
}

static void
others(PGconn *conn)
{
	size_t		length;
	char		text[32];
	PGcancel   *cancel;
	PGcancelConn *cancelling;
	Oid			object;
	int			fd;

	heading("others");
	CALL(PQfreemem(PQescapeLiteral(conn, "it's", 4)));
	CALL(PQfreemem(PQescapeIdentifier(conn, "it's", 4)));
	CALL(PQescapeStringConn(conn, text, "it's", 4, NULL));
	CALL(PQescapeString(text, "it's", 4));
	CALL(PQfreemem(PQescapeByteaConn(conn, (const unsigned char *) "\1\2", 2, &length)));
	CALL(PQfreemem(PQunescapeBytea((const unsigned char *) "\\x0102", &length)));
	CALL(PQfreemem(PQencryptPasswordConn(conn, "secret", "me", "scram-sha-256")));
	CALL(PQfreemem(PQencryptPasswordConn(conn, "secret", "me", NULL)));
	CALL(PQsetClientEncoding(conn, "utf8"));
	CALL(PQsetErrorVerbosity(conn, PQERRORS_DEFAULT));
	CALL(PQtransactionStatus(conn));
	CALL(PQparameterStatus(conn, "server_version"));
	CALL(PQbackendPID(conn));
	CALL(PQdb(conn));
	CALL(PQconninfoFree(PQconninfo(conn)));
	CALL(cancel = PQgetCancel(conn));
	CALL(PQcancel(cancel, text, sizeof text));
	CALL(PQfreeCancel(cancel));
	cancelling = PQcancelCreate(conn);
	CALL(PQcancelBlocking(cancelling));
	CALL(PQcancelFinish(cancelling));
	must(conn, "BEGIN");
	CALL(object = lo_creat(conn, 0x60000));
	CALL(fd = lo_open(conn, object, 0x60000));
	CALL(lo_write(conn, fd, "text", 4));
	CALL(lo_lseek64(conn, fd, 0, 0));
	CALL(lo_read(conn, fd, text, 4));
	CALL(lo_close(conn, fd));
	CALL(lo_export(conn, object, "/dev/null"));
	CALL(object = lo_import(conn, "/etc/passwd"));
	must(conn, "ROLLBACK");
	CALL(PQlibVersion());
	CALL(PQgetCurrentTimeUSec());
	CALL(PQsocketPoll(PQsocket(conn), 0, 1, -1));
	CALL(PQfinish(conn));
}

int
main(int argc, char **argv)
{
	static const int values[] = {0, 42};

	if (argc < 3)
		return 2;
	for (int i = 0; i < 2; i++)
	{
		PGconn	   *conn;

		before = values[i];
		fact_int("errno before", before);
		connecting(argv[1], argv[2]);
		connecting_without_descriptors(argv[1]);
		conn = connect_or_die(argv[1]);
		commands(conn);
		others(conn);
	}
	return 0;
}
