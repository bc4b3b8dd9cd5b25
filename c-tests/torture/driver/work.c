#include "work.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "libpq/libpq-fs.h"
#include "outcome.h"

static void
nothing(void)
{
}

static void
simple(void)
{
	query("SELECT 1 AS one, 'two' AS two, NULL AS three");
	query("");
	query("CREATE TEMP TABLE t (a int, b text)");
	query("INSERT INTO t VALUES (1, 'x'), (2, NULL)");
	query("SELECT * FROM t");
}

static void
several(void)
{
	if (style == PIPELINE)
		return;
	query("SELECT 1; SELECT 'a', 'b'; CREATE TEMP TABLE several (a int); ; SELECT 2");
	query("SELECT 3; SELECT 1/0; SELECT 4");
}

static void
parameters(void)
{
	const char *values[] = {"42", "text", NULL};

	query_with("SELECT $1::int4, $2::text, $3::text", 3, values, 0);
	query_with("SELECT $1::int8, $2::text, now() < $3::timestamptz", 3, values, 1);
	query_with("SELECT", 0, NULL, 0);
}

static void
prepared(void)
{
	const char *values[] = {"7"};

	prepare("s", "SELECT $1::int4 AS number, 'x' AS letter");
	execute("s", 1, values, 0);
	execute("s", 1, values, 1);
	describe("s");
	close_statement("s");
	execute("s", 1, values, 0);
}

static void
portal(void)
{
	query("BEGIN");
	query("DECLARE c CURSOR FOR SELECT generate_series(1, 5), 'portal'");
	describe_portal("c");
	query("FETCH 2 FROM c");
	query("FETCH ALL FROM c");
	query("CLOSE c");
	query("COMMIT");
}

static void
rows(void)
{
	query("SELECT i, repeat('x', i % 50) FROM generate_series(1, 60) AS i");
	query("SELECT i FROM generate_series(1, 7) AS i");
}

static void
wide(void)
{
	query("SELECT 1 a, 2.5 b, true c, NULL d, 'text' e, '2020-01-01'::date f, ARRAY[1,2] g, ROW(1, 'x') h, "
		  "'{\"a\": 1}'::jsonb i, '\\x0001ff'::bytea j, 'f'::\"char\" k, interval '1 day' l");
	query("SELECT repeat('long ', 4000)");
}

static void
errors(void)
{
	query("SELEC 1");
	query("SELECT * FROM no_such_table");
	query("SELECT 1/0");
	query_with("SELECT $1::int4", 0, NULL, 0);
	query("BEGIN");
	query("SELECT 'x'::int");
	query("SELECT 1");
	query("ROLLBACK");
}

static void
notices(void)
{
	query("DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two' USING DETAIL = 'd', HINT = 'h'; RAISE INFO 'three'; END $$");
	query("SELECT 1");
}

static void
read_notifications(void)
{
	PGnotify   *notify;
	int			count = 0;

	PQconsumeInput(conn);
	while ((notify = PQnotifies(conn)) != NULL)
	{
		digest_text(notify->relname);
		digest_text(notify->extra);
		digest(&notify->be_pid, sizeof notify->be_pid);
		PQfreemem(notify);
		count++;
	}
	note("notifications:%d", count);
}

static void
notifies(void)
{
	query("LISTEN channel");
	query("NOTIFY channel, 'payload'");
	query("SELECT pg_notify('channel', i::text) FROM generate_series(1, 3) AS i");
	read_notifications();
	query("UNLISTEN *");
}

static void
settings(void)
{
	query("SET application_name = 'other'");
	query("SET client_encoding = 'LATIN1'");
	note("encoding:%d", PQclientEncoding(conn));
	digest_text(PQparameterStatus(conn, "application_name"));
	query("SET TimeZone = 'Asia/Tokyo'");
	note("set:%d", PQsetClientEncoding(conn, "UTF8"));
}

static void
copying_in(void)
{
	query("CREATE TEMP TABLE copied (a int, b text)");
	query("COPY copied FROM STDIN");
	copy_error = "changed my mind";
	query("COPY copied FROM STDIN");
	copy_error = NULL;
	query("COPY copied (b, a) FROM STDIN");
	query("SELECT count(*) FROM copied");
}

static void
copying_out(void)
{
	query("COPY (SELECT i, 'row' FROM generate_series(1, 20) AS i) TO STDOUT");
	query("COPY (SELECT i, repeat('y', 100) FROM generate_series(1, 5) AS i) TO STDOUT (FORMAT binary)");
	query("COPY (SELECT 1/(i - 3) FROM generate_series(1, 5) AS i) TO STDOUT");
	query("SELECT 1");
}

static void
copying_both(void)
{
	query("IDENTIFY_SYSTEM");
	query("START_REPLICATION PHYSICAL 0/1000000");
	query("SELECT 1");
}

/* The oldest functions for COPY. */
static void
copying_lines(void)
{
	char		line[20];
	PGresult   *res = PQexec(conn, "COPY (SELECT i, 'a row of some length' FROM generate_series(1, 4) AS i) TO STDOUT");
	int			status = PQresultStatus(res);

	note("%s", PQresStatus(PQresultStatus(res)) + 6);
	PQclear(res);
	for (int i = 0; status == PGRES_COPY_OUT && i < 100000; i++)
	{
		int			answer = PQgetline(conn, line, sizeof line);

		digest_text(line);
		if (answer == EOF || strcmp(line, "\\.") == 0)
			break;
	}
	note("ended:%d", PQendcopy(conn));
	PQclear(PQexec(conn, "CREATE TEMP TABLE lines (a int, b text)"));
	res = PQexec(conn, "COPY lines FROM STDIN");
	note("%s", PQresStatus(PQresultStatus(res)) + 6);
	if (PQresultStatus(res) == PGRES_COPY_IN)
		note("put:%d,%d", PQputline(conn, "1\tx\n"), PQputline(conn, "\\.\n"));
	PQclear(res);
	note("ended:%d", PQendcopy(conn));
	query("SELECT count(*) FROM lines");
}

static void
functions(void)
{
	PQArgBlock	number = {4, 1, {.integer = -5}};
	PQArgBlock	text[] = {{3, 0, {.ptr = (int *) "abc"}}, {4, 1, {.integer = 2}}};
	/* 1397: abs(int4); 1622: repeat(text, int4); 138: no function. */
	const int	oids[] = {1397, 1622, 138};

	for (int i = 0; i < 3; i++)
	{
		int			value[4000] = {0},
					length = -1;
		PGresult   *res = PQfn(conn, oids[i], value, &length, i == 0, i == 1 ? text : &number, i == 1 ? 2 : 1);

		note("function:%s,%d", PQresStatus(PQresultStatus(res)) + 6, length);
		first_error(*PQresultErrorMessage(res) == '\0' ? NULL : PQresultErrorMessage(res));
		if (PQresultStatus(res) == PGRES_COMMAND_OK && length > 0 && (size_t) length <= sizeof value)
			digest(value, i == 0 ? sizeof value[0] : (size_t) length);
		PQclear(res);
	}
}

static void
large_objects(void)
{
	char		bytes[64] = {0};
	Oid			object;
	int			descriptor;

	query("BEGIN");
	object = lo_create(conn, 0);
	note("created:%d", object != 0);
	descriptor = lo_open(conn, object, INV_READ | INV_WRITE);
	note("opened:%d", descriptor);
	note("wrote:%d", lo_write(conn, descriptor, "some bytes", 10));
	note("seek:%lld", (long long) lo_lseek64(conn, descriptor, 2, SEEK_SET));
	note("tell:%d", lo_tell(conn, descriptor));
	note("read:%d", lo_read(conn, descriptor, bytes, 20));
	digest(bytes, sizeof bytes);
	note("truncate:%d", lo_truncate(conn, descriptor, 4));
	note("close:%d", lo_close(conn, descriptor));
	note("export:%d", lo_export(conn, object, "/dev/null"));
	note("unlink:%d", lo_unlink(conn, object));
	query("COMMIT");
}

static void
poll_cancel(PGcancelConn *cancel)
{
	PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;

	if (!PQcancelStart(cancel))
		return;
	while (wanted != PGRES_POLLING_OK && wanted != PGRES_POLLING_FAILED)
	{
		struct pollfd pollfd = {.fd = PQcancelSocket(cancel), .events = wanted == PGRES_POLLING_WRITING ? POLLOUT : POLLIN};

		while (poll(&pollfd, 1, -1) < 0 && errno == EINTR)
			;
		wanted = PQcancelPoll(cancel);
	}
	note("cancel:%d", wanted == PGRES_POLLING_OK);
}

static void
cancelling(void)
{
	PGcancelConn *cancel = PQcancelCreate(conn);
	PGcancel   *old = PQgetCancel(conn);
	char		text[256] = "";

	send_only("SELECT pg_sleep(60)");
	if (style == ASYNC || style == NONBLOCKING)
		poll_cancel(cancel);
	else
		note("cancel:%d", PQcancelBlocking(cancel));
	note("status:%d", PQcancelStatus(cancel));
	first_error(*PQcancelErrorMessage(cancel) == '\0' ? NULL : PQcancelErrorMessage(cancel));
	PQcancelFinish(cancel);
	collect(0);
	send_only("SELECT pg_sleep(61)");
	note("old:%d", PQcancel(old, text, sizeof text));
	first_error(*text == '\0' ? NULL : text);
	PQfreeCancel(old);
	collect(0);
	query("SELECT 1");
}

static void
resetting(void)
{
	query("SELECT 1");
	reset_connection();
	query("SELECT 2");
	query("SELECT pg_terminate_backend(pg_backend_pid())");
	reset_connection();
	query("SELECT 3");
}

static void
terminated(void)
{
	query("SELECT pg_terminate_backend(pg_backend_pid())");
	query("SELECT 1");
}

static void
passwords(void)
{
	PGresult   *res = PQchangePassword(conn, PQuser(conn), "another");

	note("%s", PQresStatus(PQresultStatus(res)) + 6);
	first_error(*PQresultErrorMessage(res) == '\0' ? NULL : PQresultErrorMessage(res));
	PQclear(res);
	query("SELECT 1");
}

static void
pipeline(void)
{
	const char *values[] = {"1"};

	enter_pipeline();
	PQsendQueryParams(conn, "SELECT $1::int4", 1, NULL, values, NULL, NULL, 0);
	PQsendQueryParams(conn, "SELECT 1/0", 0, NULL, NULL, NULL, NULL, 0);
	PQsendQueryParams(conn, "SELECT 'skipped'", 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(conn);
	PQsendPrepare(conn, "p", "SELECT $1::int4", 0, NULL);
	PQsendDescribePrepared(conn, "p");
	PQsendQueryPrepared(conn, "p", 1, values, NULL, NULL, 1);
	PQsendFlushRequest(conn);
	PQsendClosePrepared(conn, "p");
	PQsendPipelineSync(conn);
	PQsendQueryParams(conn, "SELECT i FROM generate_series(1, 9) AS i", 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(conn);
	leave_pipeline(3);
	note_state();
	query("SELECT 'after'");
}

/* Reads and writes that alternate: the next command is sent before the last one's result is read. */
static void
interleaved(void)
{
	const char *values[] = {"5"};

	enter_pipeline();
	PQsendQueryParams(conn, "SELECT $1::int4", 1, NULL, values, NULL, NULL, 0);
	PQpipelineSync(conn);
	collect(1);
	PQsendQueryParams(conn, "CREATE TEMP TABLE i (a int)", 0, NULL, NULL, NULL, NULL, 0);
	PQsendQueryParams(conn, "INSERT INTO i VALUES (1)", 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(conn);
	PQpipelineSync(conn);
	leave_pipeline(2);
}

const Work	works[] = {
	{"nothing", nothing},
	{"simple", simple},
	{"several", several},
	{"parameters", parameters},
	{"prepared", prepared},
	{"portal", portal},
	{"rows", rows},
	{"wide", wide},
	{"errors", errors},
	{"notices", notices},
	{"notifies", notifies},
	{"settings", settings},
	{"copying_in", copying_in},
	{"copying_out", copying_out},
	{"copying_both", copying_both},
	{"copying_lines", copying_lines},
	{"functions", functions},
	{"large_objects", large_objects},
	{"cancelling", cancelling},
	{"resetting", resetting},
	{"terminated", terminated},
	{"passwords", passwords},
	{"pipeline", pipeline},
	{"interleaved", interleaved},
	{NULL, NULL},
};
