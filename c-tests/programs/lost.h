/* Helpers for the program lost: they start an operation, lose the connection, and print its state. */
#ifndef LOST_H
#define LOST_H

#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>

#include "libpq/libpq-fs.h"

#include "common.h"

/* More results, and more iterations of a loop, than any mode here has. */
#define MOST 12

/* The program's arguments. */
static const char *conninfo;
static const char *how;
static const char *mode;
static PGconn *conn;

static void
state(void)
{
	int			busy = PQisBusy(conn);

	printf("  busy=%d status=%d transaction=%d pipeline=%d socket=%s pid=%d version=%d error=", busy, PQstatus(conn),
		   PQtransactionStatus(conn), PQpipelineStatus(conn), PQsocket(conn) < 0 ? "none" : "open",
		   PQbackendPID(conn) != 0, PQserverVersion(conn) != 0);
	print_text(PQerrorMessage(conn));
	putchar('\n');
}

/* The same without PQisBusy, which parses. */
static void
state_unparsed(void)
{
	printf("  status=%d socket=%s error=", PQstatus(conn), PQsocket(conn) < 0 ? "none" : "open");
	print_text(PQerrorMessage(conn));
	putchar('\n');
}

static int
step(const char *call, int result)
{
	printf("%s -> %d\n", call, result);
	state();
	return result;
}

/* Rows are counted, not printed. */
static int
take(const char *call, PGresult *res)
{
	int			got = res != NULL;

	printf("%s -> ", call);
	if (got)
	{
		printf("%s ntuples=%d sqlstate=", PQresStatus(PQresultStatus(res)), PQntuples(res));
		print_text(PQresultErrorField(res, PG_DIAG_SQLSTATE));
		printf(" message=");
		print_text(PQresultErrorMessage(res));
		putchar('\n');
	}
	else
		printf("NULL\n");
	PQclear(res);
	state();
	return got;
}

/* All results up to two NULLs in a row: in pipelines, one NULL follows each command. */
static void
take_all(void)
{
	int			nulls = 0;

	for (int i = 0; i < 40; i++)
		if (take("PQgetResult", PQgetResult(conn)))
			nulls = 0;
		else if (++nulls == 2)
			return;
	printf("no end of results\n");
}

#define SLEEP "SELECT pg_sleep(30)"
/*
 * The server keeps twenty rows in its buffer and sends them together with its last message, so one read returns all
 * of them.
 */
#define ROWS "SELECT repeat('x', 10), CASE WHEN g > 20 THEN pg_sleep(30)::text END FROM generate_series(1, 21) g"
/* Just enough data that the server sends the beginning and keeps the rest in its buffer. */
#define COPY "COPY (SELECT repeat('x', 1000), CASE WHEN g > 9 THEN pg_sleep(30)::text END FROM generate_series(1, 10) g) TO STDOUT"

static int
is(const char *name)
{
	return strcmp(mode, name) == 0;
}

static int
is_copy(void)
{
	return strncmp(mode, "copy", 4) == 0;
}

static int
is_copying_in(void)
{
	return strncmp(mode, "copy-in", 7) == 0;
}

static int
is_copying_out(void)
{
	return is_copy() && !is_copying_in();
}

static int
is_pipeline(void)
{
	return strncmp(mode, "pipeline", 8) == 0;
}

static void
send_params(const char *sql)
{
	if (!PQsendQueryParams(conn, sql, 0, NULL, NULL, NULL, NULL, 0))
		fact("not sent", PQerrorMessage(conn));
}

static void
send_query(const char *sql)
{
	if (!PQsendQuery(conn, sql))
		fact("not sent", PQerrorMessage(conn));
}

/* Whether the server has done its work and waits for the next command. */
static int
is_reading(void)
{
	return is_copying_in() || is("prepare") || is("describe");
}

static void
await(short events)
{
	struct pollfd pollfd = {.fd = PQsocket(conn), .events = events};
	int			ready;

	while ((ready = poll(&pollfd, 1, 20000)) < 0 && errno == EINTR)
		;
	if (ready != 1)
	{
		printf("nothing comes\n");
		exit(3);
	}
}

/* Whether the server cannot continue without the client. */
static int
is_settled(PGconn *killer)
{
	char		sql[200];
	PGresult   *res;
	int			active = is("exec") || PQtransactionStatus(conn) == PQTRANS_ACTIVE;
	int			settled;

	snprintf(sql, sizeof sql, "SELECT 1 FROM pg_stat_activity WHERE pid = %d AND wait_event = '%s'", PQbackendPID(conn),
			 active && !is_reading() ? "PgSleep" : "ClientRead");
	res = PQexec(killer, sql);
	settled = PQntuples(res) == 1;
	PQclear(res);
	return settled;
}

static void
terminate(void)
{
	char		sql[100];
	PGconn	   *killer = connect_or_die(conninfo);

	while (!is_settled(killer))
		usleep(1000);
	snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d)", PQbackendPID(conn));
	must(killer, sql);
	PQfinish(killer);
}

/* Makes another process end the session, after this one has had time to wait. */
static void
terminate_later(void)
{
	if (fork() != 0)
		return;
	usleep(100000);
	terminate();
	_exit(0);
}

/* Returns when the socket has everything that the server sent, and its end of file. */
static void
lose(void)
{
	if (strcmp(how, "waiting") == 0)
	{
		terminate_later();
		return;
	}
	if (strcmp(how, "terminate") == 0)
		terminate();
	await(POLLRDHUP);
}

/* Starts the operation during which the connection is lost. */
static void
begin(void)
{
	if (is_copying_in() && strcmp(how, "server") != 0)
		must(conn, "CREATE TEMPORARY TABLE lost (line text)");
	if (is("transaction"))
		must(conn, "BEGIN");
	else if (is("busy") || is("nonblocking"))
		send_query(SLEEP);
	else if (is("single") || is("chunked") || is("rows"))
		send_query(ROWS);
	else if (is("extended"))
		send_params(SLEEP);
	else if (is("prepare"))
		PQsendPrepare(conn, "s", SLEEP, 0, NULL);
	else if (is("describe"))
		PQsendDescribePrepared(conn, "s");
	else if (is_pipeline())
	{
		PQenterPipelineMode(conn);
		send_params(is("pipeline-rows") ? ROWS : SLEEP);
		if (is("pipeline-rows"))
			PQsetSingleRowMode(conn);
		send_params("SELECT 1");
		if (is("pipeline-unsynced"))
			PQsendFlushRequest(conn);
		else
			PQpipelineSync(conn);
	}
	else if (is_copy())
	{
		if (is("copy-in-extended"))
			send_params("COPY lost FROM STDIN");
		else if (is_copying_in())
			send_query("COPY lost FROM STDIN");
		else
			send_query(COPY);
		PQclear(PQgetResult(conn));
	}
	if (is("single"))
		PQsetSingleRowMode(conn);
	if (is("chunked"))
		PQsetChunkedRowsMode(conn, 8);
	if (is("nonblocking") || is("copy-in-nonblocking"))
		PQsetnonblocking(conn, 1);
	PQflush(conn);
	if (is("prepare") || is("describe"))
		await(POLLIN);
}

#endif
