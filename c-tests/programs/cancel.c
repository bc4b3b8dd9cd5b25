/* cancel CONNINFO: every way to cancel a query. */
#include <poll.h>

#include "common.h"

static void
finish(PGconn *conn)
{
	PGresult   *res;

	while ((res = PQgetResult(conn)) != NULL)
		show(res);
	fact_int("transaction", PQtransactionStatus(conn));
}

/* Starts a query and returns when the server runs it. */
static void
sleep_in_server(PGconn *conn, PGconn *watcher)
{
	char		query[200];

	fact_int("send", PQsendQuery(conn, "SELECT pg_sleep(60)"));
	snprintf(query, sizeof query, "SELECT 1 FROM pg_stat_activity WHERE pid = %d AND wait_event = 'PgSleep'", PQbackendPID(conn));
	for (int ready = 0; !ready;)
	{
		PGresult   *res = PQexec(watcher, query);

		ready = PQntuples(res);
		PQclear(res);
		usleep(5000);
	}
}

static void
old(PGconn *conn, PGconn *watcher)
{
	char		error[256] = "untouched";
	PGcancel   *cancel = PQgetCancel(conn);

	heading("PQcancel");
	sleep_in_server(conn, watcher);
	fact_int("cancel", PQcancel(cancel, error, sizeof error));
	finish(conn);
	sleep_in_server(conn, watcher);
	fact_int("again", PQcancel(cancel, error, sizeof error));
	finish(conn);
	sleep_in_server(conn, watcher);
	fact_int("PQrequestCancel", PQrequestCancel(conn));
	finish(conn);
	fact_int("idle", PQcancel(cancel, error, sizeof error));
	fact("error", error);
	/* The cancel request is on its way; wait until it has no more effect. */
	usleep(200000);
	PQclear(PQexec(conn, ""));
	PQfreeCancel(cancel);
	PQfreeCancel(NULL);
	fact_int("NULL", PQgetCancel(NULL) == NULL);
	fact_int("NULL", PQcancel(NULL, error, sizeof error));
	fact("error", error);
	fact_int("NULL", PQcancel(NULL, error, 5));
	fact("error", error);
	fact_int("NULL", PQrequestCancel(NULL));
}

static void
blocking(PGconn *conn, PGconn *watcher)
{
	PGcancelConn *cancel = PQcancelCreate(conn);

	heading("PQcancelBlocking");
	fact_int("status", PQcancelStatus(cancel));
	fact("error", PQcancelErrorMessage(cancel));
	fact_int("socket", PQcancelSocket(cancel));
	sleep_in_server(conn, watcher);
	fact_int("cancel", PQcancelBlocking(cancel));
	finish(conn);
	fact_int("status", PQcancelStatus(cancel));
	fact_int("again", PQcancelBlocking(cancel));
	fact("error", PQcancelErrorMessage(cancel));
	PQcancelReset(cancel);
	fact_int("status", PQcancelStatus(cancel));
	sleep_in_server(conn, watcher);
	fact_int("after a reset", PQcancelBlocking(cancel));
	finish(conn);
	PQcancelFinish(cancel);
}

static void
polling(PGconn *conn, PGconn *watcher)
{
	PGcancelConn *cancel = PQcancelCreate(conn);
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	heading("PQcancelStart");
	sleep_in_server(conn, watcher);
	fact_int("start", PQcancelStart(cancel));
	while (status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED)
	{
		struct pollfd pollfd = {.fd = PQcancelSocket(cancel)};

		pollfd.events = status == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;
		poll(&pollfd, 1, 30000);
		status = PQcancelPoll(cancel);
	}
	fact_int("poll", status);
	fact_int("status", PQcancelStatus(cancel));
	fact_int("socket", PQcancelSocket(cancel));
	finish(conn);
	PQcancelFinish(cancel);
}

static void
without(void)
{
	PGconn	   *dead = PQconnectdb("hots=x");
	PGcancelConn *cancel = PQcancelCreate(NULL);

	heading("no connection");
	fact_int("create", cancel != NULL);
	if (cancel)
	{
		fact_int("status", PQcancelStatus(cancel));
		fact("error", PQcancelErrorMessage(cancel));
		fact_int("blocking", PQcancelBlocking(cancel));
		fact("error", PQcancelErrorMessage(cancel));
	}
	PQcancelFinish(cancel);
	cancel = PQcancelCreate(dead);
	fact_int("status", PQcancelStatus(cancel));
	fact_int("start", PQcancelStart(cancel));
	fact("error", PQcancelErrorMessage(cancel));
	fact_int("poll", PQcancelPoll(cancel));
	PQcancelFinish(cancel);
	fact_int("old", PQgetCancel(dead) == NULL);
	PQfinish(dead);
	PQcancelFinish(NULL);
	/* PQcancelReset(NULL) crashes C libpq. */
	fact_int("NULL status", PQcancelStatus(NULL));
	fact_int("NULL socket", PQcancelSocket(NULL));
	fact("NULL error", PQcancelErrorMessage(NULL));
}

int
main(int argc, char **argv)
{
	PGconn	   *conn,
			   *watcher;

	if (argc < 2)
		return 2;
	conn = connect_or_die(argv[1]);
	watcher = connect_or_die(argv[1]);
	old(conn, watcher);
	blocking(conn, watcher);
	polling(conn, watcher);
	without();
	show_exec(conn, "SELECT 'healthy'");
	PQfinish(conn);
	PQfinish(watcher);
	return 0;
}
