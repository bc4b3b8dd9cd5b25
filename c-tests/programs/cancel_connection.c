/*
 * cancel_connection CONNINFO [request [TIMEOUT]]: the PQcancelConn functions. With "request", sends one blocking and
 * one polled request to a server that does not need to run queries.
 */
#include <poll.h>

#include "common.h"

static void
finish(PGconn *conn)
{
	PGresult   *res;

	while ((res = PQgetResult(conn)) != NULL)
		show(res);
}

/* Starts a query and returns when the server runs it. */
static void
sleep_in_server(PGconn *conn, PGconn *watcher)
{
	char		query[200];

	fact_int("send", PQsendQuery(conn, "SELECT pg_sleep(60)"));
	snprintf(query, sizeof query, "SELECT 1 FROM pg_stat_activity WHERE pid = %d AND wait_event = 'PgSleep'",
			 PQbackendPID(conn));
	for (int ready = 0; !ready;)
	{
		PGresult   *res = PQexec(watcher, query);

		ready = PQntuples(res);
		PQclear(res);
		usleep(5000);
	}
}

static int
next_descriptor(void)
{
	int			next = dup(0);

	close(next);
	return next;
}

/* The descriptor that the next connection gets. */
static int	free_descriptor;

static void
print_state(const char *label, PGcancelConn *cancel)
{
	printf("%s: status=%d socket=%d", label, PQcancelStatus(cancel), PQcancelSocket(cancel) >= 0);
	printf(" closed=%d", next_descriptor() == free_descriptor);
	fact(" error", PQcancelErrorMessage(cancel));
}

/* Polls until the end and prints each state once. */
static void
poll_to_end(PGcancelConn *cancel)
{
	int			last = -1;

	for (;;)
	{
		PostgresPollingStatusType next = PQcancelPoll(cancel);
		struct pollfd wait = {PQcancelSocket(cancel), next == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0};

		/* An attempt may stay in a state for several calls. */
		if (last != (int) PQcancelStatus(cancel) * 10 + (int) next)
			printf("poll: %d status=%d\n", next, PQcancelStatus(cancel));
		last = (int) PQcancelStatus(cancel) * 10 + (int) next;
		if (next == PGRES_POLLING_OK || next == PGRES_POLLING_FAILED)
			return;
		poll(&wait, 1, 10000);
	}
}

static void
requests(PGconn *conn, PGconn *watcher)
{
	PGcancelConn *cancel = PQcancelCreate(conn);

	heading("blocking");
	free_descriptor = next_descriptor();
	print_state("created", cancel);
	sleep_in_server(conn, watcher);
	fact_int("blocking", PQcancelBlocking(cancel));
	finish(conn);
	print_state("done", cancel);
	fact_int("poll", PQcancelPoll(cancel));
	fact_int("again", PQcancelBlocking(cancel));
	print_state("refused", cancel);
	fact_int("and again", PQcancelStart(cancel));
	print_state("refused", cancel);
	PQcancelReset(cancel);
	print_state("reset", cancel);
	sleep_in_server(conn, watcher);
	fact_int("blocking", PQcancelBlocking(cancel));
	finish(conn);
	PQcancelReset(cancel);

	heading("polled");
	sleep_in_server(conn, watcher);
	fact_int("start", PQcancelStart(cancel));
	print_state("started", cancel);
	poll_to_end(cancel);
	print_state("done", cancel);
	finish(conn);
	PQcancelReset(cancel);
	fact_int("start", PQcancelStart(cancel));
	fact_int("again", PQcancelStart(cancel));
	print_state("refused", cancel);
	PQcancelReset(cancel);
	fact_int("poll before the start", PQcancelPoll(cancel));
	print_state("refused", cancel);
	PQcancelFinish(cancel);
}

static void
lifetimes(const char *conninfo)
{
	PGconn	   *conn = connect_or_die(conninfo);
	PGconn	   *watcher = connect_or_die(conninfo);
	PGcancelConn *cancel = PQcancelCreate(conn);
	PGcancelConn *other;

	heading("lifetimes");
	sleep_in_server(conn, watcher);
	PQfinish(conn);
	/* The query may continue and the request may arrive too late; the server accepts it anyway. */
	fact_int("after PQfinish", PQcancelBlocking(cancel));
	PQcancelFinish(cancel);

	cancel = PQcancelCreate(NULL);
	print_state("NULL", cancel);
	fact_int("start", PQcancelStart(cancel));
	fact_int("poll", PQcancelPoll(cancel));
	fact_int("blocking", PQcancelBlocking(cancel));
	print_state("after all", cancel);
	PQcancelReset(cancel);
	print_state("reset", cancel);
	fact_int("start", PQcancelStart(cancel));
	print_state("started", cancel);
	PQcancelFinish(cancel);

	PQclear(PQexec(watcher, "SELECT pg_terminate_backend(pg_backend_pid())"));
	other = PQcancelCreate(watcher);
	print_state("lost", other);
	PQcancelFinish(other);
	PQfinish(watcher);
	conn = PQconnectdb("host=/nonexistent");
	other = PQcancelCreate(conn);
	print_state("never connected", other);
	PQcancelFinish(other);
	PQfinish(conn);
	PQcancelFinish(NULL);
	fact_int("NULL", PQcancelStart(NULL));
	fact_int("NULL", PQcancelBlocking(NULL));
	fact_int("NULL", PQcancelStatus(NULL));
	fact_int("NULL", PQcancelSocket(NULL));
	fact("NULL", PQcancelErrorMessage(NULL));
}

static void
two_requests(const char *conninfo, const char *timeout)
{
	char		full[1000];
	PGconn	   *conn;
	PGcancelConn *cancel;

	snprintf(full, sizeof full, "%s connect_timeout=%s", conninfo, timeout);
	conn = connect_or_die(full);
	cancel = PQcancelCreate(conn);
	print_state("created", cancel);
	fact_int("blocking", PQcancelBlocking(cancel));
	print_state("done", cancel);
	PQcancelReset(cancel);
	fact_int("start", PQcancelStart(cancel));
	poll_to_end(cancel);
	print_state("done", cancel);
	PQcancelFinish(cancel);
	PQfinish(conn);
}

int
main(int argc, char **argv)
{
	PGconn	   *conn,
			   *watcher;

	if (argc < 2)
		return 2;
	if (argc > 2)
	{
		two_requests(argv[1], argc > 3 ? argv[3] : "0");
		return 0;
	}
	conn = connect_or_die(argv[1]);
	watcher = connect_or_die(argv[1]);
	requests(conn, watcher);
	PQfinish(conn);
	PQfinish(watcher);
	lifetimes(argv[1]);
	return 0;
}
