/*
 * Connects with each connection string on stdin (one a line) and prints the result. Arguments: "hook": a hook returns
 * "hooked" as the password of a client key; "cancel": also sends a cancel request on each connection; "killed":
 * another session ends this one during a query; "always": also prints the TLS attributes of failed connections, and
 * again after PQreset; "receiver": a notice receiver handles notices during the connect; "library": prints only the
 * TLS library.
 */
#include "common.h"

static int
password_hook(char *buf, int size, PGconn *conn)
{
	char		own[64];

	(void) conn;
	printf("hook: size %d, default answers %d\n", size, PQdefaultSSLKeyPassHook_OpenSSL(own, sizeof own, conn));
	snprintf(buf, size, "hooked");
	return (int) strlen(buf);
}

static void
attributes(PGconn *conn)
{
	static const char *const names[] = {"protocol", "cipher", "key_bits", "compression", "alpn", "nothing"};

	fact_int("in use", PQsslInUse(conn));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		fact(names[i], PQsslAttribute(conn, names[i]));
	for (const char *const *name = PQsslAttributeNames(conn); *name != NULL; name++)
		fact("name", *name);
}

static void
receive(void *count, const PGresult *res)
{
	++*(int *) count;
	fact("notice", PQresultErrorMessage(res));
	fact("severity", PQresultErrorField(res, PG_DIAG_SEVERITY));
}

static PGconn *
connect_with_receiver(const char *conninfo)
{
	static int	count;
	PGconn	   *conn = PQconnectStart(conninfo);
	PostgresPollingStatusType polling = PGRES_POLLING_WRITING;

	count = 0;
	PQsetNoticeReceiver(conn, receive, &count);
	while (polling == PGRES_POLLING_READING || polling == PGRES_POLLING_WRITING)
	{
		PQsocketPoll(PQsocket(conn), polling == PGRES_POLLING_READING, polling == PGRES_POLLING_WRITING, -1);
		polling = PQconnectPoll(conn);
	}
	fact_int("notices", count);
	return conn;
}

static void
reset(PGconn *conn)
{
	attributes(conn);
	fact_int("socket", PQsocket(conn) >= 0);
	PQreset(conn);
	fact_int("status", PQstatus(conn));
	fact("message", PQerrorMessage(conn));
	fact_int("password used", PQconnectionUsedPassword(conn));
	fact_int("gssapi used", PQconnectionUsedGSSAPI(conn));
	attributes(conn);
}

static void
cancel(PGconn *conn)
{
	PGcancelConn *request = PQcancelCreate(conn);
	PGresult   *res;
	int			sent;

	fact_int("sent", PQsendQuery(conn, "SELECT pg_sleep(60)"));
	/* A request that arrives before the query cancels nothing. */
	do
	{
		PQcancelReset(request);
		sent = PQcancelBlocking(request);
	} while (sent && PQsocketPoll(PQsocket(conn), 1, 0, PQgetCurrentTimeUSec() + 500000) == 0);
	fact_int("cancel", sent);
	fact("cancel message", PQcancelErrorMessage(request));
	PQcancelFinish(request);
	while ((res = PQgetResult(conn)) != NULL)
	{
		fact("sqlstate", PQresultErrorField(res, PG_DIAG_SQLSTATE));
		PQclear(res);
	}
}

/* Another session ends this one. */
static void
killed(PGconn *conn, const char *conninfo)
{
	PGconn	   *other = PQconnectdb(conninfo);
	char		sql[128];
	PGresult   *res;

	snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 10000)", PQbackendPID(conn));
	PQsendQuery(conn, "SELECT pg_sleep(60)");
	PQclear(PQexec(other, sql));
	PQfinish(other);
	while ((res = PQgetResult(conn)) != NULL)
	{
		fact("result", PQresultErrorMessage(res));
		fact("sqlstate", PQresultErrorField(res, PG_DIAG_SQLSTATE));
		PQclear(res);
	}
	fact_int("status", PQstatus(conn));
	fact("message", PQerrorMessage(conn));
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	char		line[65536];

	if (strcmp(mode, "library") == 0)
	{
		fact("library", PQsslAttribute(NULL, "library"));
		return 0;
	}
	if (strcmp(mode, "hook") == 0)
		PQsetSSLKeyPassHook_OpenSSL(password_hook);
	while (fgets(line, sizeof line, stdin) != NULL)
	{
		PGconn	   *conn;

		line[strcspn(line, "\n")] = '\0';
		/* A vertical bar in the input becomes an end of line, for PEM text. */
		for (char *at = line; (at = strchr(at, '|')) != NULL;)
			*at = '\n';
		if (strchr(line, '\n') == NULL)
			heading(line);
		conn = strcmp(mode, "receiver") == 0 ? connect_with_receiver(line) : PQconnectdb(line);
		fact_int("status", PQstatus(conn));
		fact("message", PQerrorMessage(conn));
		fact_int("password needed", PQconnectionNeedsPassword(conn));
		fact_int("password used", PQconnectionUsedPassword(conn));
		if (strcmp(mode, "always") == 0)
			reset(conn);
		else if (PQstatus(conn) == CONNECTION_OK)
		{
			attributes(conn);
			show_exec(conn, "SELECT ssl, version, cipher, bits, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
			show_exec(conn, "SELECT length(string_agg(md5(i::text), '')) FROM generate_series(1, 20000) i");
			if (strcmp(mode, "killed") == 0)
				killed(conn, line);
			if (strcmp(mode, "cancel") == 0)
				cancel(conn);
		}
		PQfinish(conn);
	}
	return 0;
}
