/*
 * lost CONNINFO HOW MODE...: what a connection says of itself, call by call, once the server is gone.
 *
 * HOW is "terminate": a second connection ends the session with pg_terminate_backend; "waiting": likewise, while the first
 * one waits in a call; or "server": the server does it by itself, in reply to the query. Each MODE says what is under way then, and is tried with every style of calling that
 * fits, each on a connection of its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>

#include "libpq/libpq-fs.h"

#include "common.h"

/* More results, and more turns of a loop, than any mode here has. */
#define MOST 12

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

/* Results until two NULLs in a row: pipelines have one behind each command. */
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
/* The server keeps twenty rows in its buffer, and sends them with its last words: one read takes them all. */
#define ROWS "SELECT repeat('x', 10), CASE WHEN g > 20 THEN pg_sleep(30)::text END FROM generate_series(1, 21) g"
/* Just enough for the server to send the beginning, and to keep the rest. */
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

/* Whether the server, once it has done what it was told, waits for more. */
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

/* Whether the server has got as far as it will. */
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

/* Lets another process end the session, once this one had the time to wait. */
static void
terminate_later(void)
{
	if (fork() != 0)
		return;
	usleep(100000);
	terminate();
	_exit(0);
}

/* Returns once all that the server sent is in the socket, and its end of the stream. */
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

/* Begins what the connection is lost in. */
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

/* The loop of the manual, in which nobody looks at what PQconsumeInput answers. */
static void
manual(void)
{
	for (int i = 0; i < 40; i++)
	{
		int			turns = 0;

		while (PQisBusy(conn) && turns < MOST)
		{
			turns++;
			PQconsumeInput(conn);
		}
		if (turns == MOST)
		{
			printf("busy for ever\n");
			return;
		}
		printf("turns=%d\n", turns);
		state();
		if (!take("PQgetResult", PQgetResult(conn)) && !is_pipeline())
			return;
	}
}

static void
consume_then_get(void)
{
	for (int i = 0; i < 3; i++)
	{
		printf("PQconsumeInput -> %d\n", PQconsumeInput(conn));
		state_unparsed();
	}
	take_all();
}

static void
flush_first(void)
{
	step("PQflush", PQflush(conn));
	step("PQflush", PQflush(conn));
	step("PQconsumeInput", PQconsumeInput(conn));
	step("PQconsumeInput", PQconsumeInput(conn));
	step("PQflush", PQflush(conn));
	take_all();
	step("PQflush", PQflush(conn));
}

static void
send_again(void)
{
	step("PQsendQuery", PQsendQuery(conn, "SELECT 2"));
	step("PQconsumeInput", PQconsumeInput(conn));
	step("PQconsumeInput", PQconsumeInput(conn));
	step("PQsendQuery", PQsendQuery(conn, "SELECT 3"));
	step("PQsetSingleRowMode", PQsetSingleRowMode(conn));
	manual();
	step("PQsendQuery", PQsendQuery(conn, "SELECT 4"));
	take_all();
}

static void
notifications(void)
{
	for (int i = 0; i < 3; i++)
	{
		PGnotify   *notify = PQnotifies(conn);

		printf("PQnotifies -> ");
		print_text(notify == NULL ? NULL : notify->extra);
		putchar('\n');
		PQfreemem(notify);
		state();
		step("PQconsumeInput", PQconsumeInput(conn));
	}
	take_all();
}

static void
execute(void)
{
	take("PQexec", PQexec(conn, "SELECT 2"));
	take("PQexec", PQexec(conn, "SELECT 3"));
	take("PQexecParams", PQexecParams(conn, "SELECT 4", 0, NULL, NULL, NULL, NULL, 0));
	take("PQprepare", PQprepare(conn, "p", "SELECT 5", 0, NULL));
	take_all();
}

static void
execute_after_consume(void)
{
	step("PQconsumeInput", PQconsumeInput(conn));
	step("PQconsumeInput", PQconsumeInput(conn));
	execute();
}

static void
call_function(void)
{
	PQArgBlock	argument = {4, 1, {.integer = 7}};
	int			value = -1,
				length = -1;

	take("PQfn", PQfn(conn, 1598, &value, &length, 1, &argument, 1));
	step("lo_open", lo_open(conn, 1, INV_READ));
	take("PQfn", PQfn(conn, 1598, &value, &length, 1, &argument, 1));
	take_all();
}

static void
sync_pipeline(void)
{
	step("PQpipelineSync", PQpipelineSync(conn));
	step("PQsendPipelineSync", PQsendPipelineSync(conn));
	step("PQsendFlushRequest", PQsendFlushRequest(conn));
	step("PQexitPipelineMode", PQexitPipelineMode(conn));
	step("PQconsumeInput", PQconsumeInput(conn));
	step("PQconsumeInput", PQconsumeInput(conn));
	step("PQpipelineSync", PQpipelineSync(conn));
	manual();
	step("PQexitPipelineMode", PQexitPipelineMode(conn));
	step("PQenterPipelineMode", PQenterPipelineMode(conn));
	step("PQpipelineSync", PQpipelineSync(conn));
	take_all();
	step("PQexitPipelineMode", PQexitPipelineMode(conn));
}

static void
ask_for_cancel(void)
{
	PGcancel   *cancel;

	step("PQconsumeInput", PQconsumeInput(conn));
	step("PQconsumeInput", PQconsumeInput(conn));
	cancel = PQgetCancel(conn);
	printf("PQgetCancel -> %s\n", cancel == NULL ? "NULL" : "one");
	PQfreeCancel(cancel);
	step("PQsetnonblocking", PQsetnonblocking(conn, !PQisnonblocking(conn)));
	step("PQisnonblocking", PQisnonblocking(conn));
	step("PQclientEncoding", PQclientEncoding(conn));
	step("PQsetClientEncoding", PQsetClientEncoding(conn, "UTF8"));
	fact("server_encoding", PQparameterStatus(conn, "server_encoding"));
	take_all();
}

static void
put_copy(void)
{
	static char block[20000];

	memset(block, 'x', sizeof block);
	step("PQputCopyData", PQputCopyData(conn, "1\n", 2));
	step("PQflush", PQflush(conn));
	step("PQputCopyData", PQputCopyData(conn, block, sizeof block));
	step("PQconsumeInput", PQconsumeInput(conn));
	step("PQputCopyData", PQputCopyData(conn, block, sizeof block));
	step("PQputCopyEnd", PQputCopyEnd(conn, NULL));
	take_all();
	step("PQputCopyData", PQputCopyData(conn, "1\n", 2));
	step("PQputCopyEnd", PQputCopyEnd(conn, "no more"));
}

static void
put_copy_end(void)
{
	step("PQputCopyEnd", PQputCopyEnd(conn, NULL));
	manual();
}

/* Rows of a COPY up to what stands behind them; what each answers is printed where it is no row. */
static void
get_copy(int async)
{
	char	   *row;
	int			length,
				rows = 0,
				stalls = 0;

	while ((length = PQgetCopyData(conn, &row, async)) >= 0 && stalls < MOST)
		if (length > 0)
		{
			rows++;
			PQfreemem(row);
		}
		else
		{
			stalls++;
			printf("PQconsumeInput -> %d\n", PQconsumeInput(conn));
			state_unparsed();
		}
	fact_int("rows", rows);
	step("PQgetCopyData", length);
	for (int i = 0; i < 2; i++)
	{
		row = NULL;
		length = PQgetCopyData(conn, &row, async);
		PQfreemem(row);
		step("PQgetCopyData", length);
	}
	take_all();
}

static void
get_copy_waiting(void)
{
	get_copy(0);
}

static void
get_copy_polling(void)
{
	get_copy(1);
}

static void
get_line_async(void)
{
	char		line[2000];
	int			length,
				lines = 0,
				stalls = 0;

	while ((length = PQgetlineAsync(conn, line, sizeof line)) >= 0 && stalls < 4)
		if (length > 0)
			lines++;
		else
		{
			stalls++;
			printf("PQconsumeInput -> %d\n", PQconsumeInput(conn));
			state_unparsed();
		}
	fact_int("lines", lines);
	step("PQgetlineAsync", length);
	step("PQendcopy", PQendcopy(conn));
	step("PQendcopy", PQendcopy(conn));
	take_all();
}

static void
get_line(void)
{
	char		line[2000] = "";
	int			lines = 0;

	while (lines < 200 && PQgetline(conn, line, sizeof line) == 0 && strcmp(line, "\\.") != 0)
		lines++;
	fact_int("lines", lines);
	fact("last", lines == 200 ? "" : line);
	step("PQgetline", PQgetline(conn, line, sizeof line));
	step("PQendcopy", PQendcopy(conn));
	take_all();
}

static void
end_copy(void)
{
	step("PQputline", PQputline(conn, "1\n"));
	step("PQendcopy", PQendcopy(conn));
	step("PQendcopy", PQendcopy(conn));
	take_all();
}

static void
end_copy_after_consume(void)
{
	step("PQconsumeInput", PQconsumeInput(conn));
	step("PQconsumeInput", PQconsumeInput(conn));
	end_copy();
}

static int
any(void)
{
	return 1;
}

/* Waits for the server in its first call. */
static void
execute_long(void)
{
	take("PQexec", PQexec(conn, SLEEP));
	take_all();
}

static int
is_exec(void)
{
	return is("exec");
}

static int
is_busy(void)
{
	return !is_exec() && !is_copy();
}

typedef struct Style
{
	const char *name;
	int			(*fits) (void);
	void		(*call) (void);
} Style;

static const Style styles[] = {
	{"the manual's loop", any, manual},
	{"PQgetResult alone", any, take_all},
	{"PQgetResult after PQconsumeInput", any, consume_then_get},
	{"PQflush", any, flush_first},
	{"PQsendQuery", any, send_again},
	{"PQnotifies", any, notifications},
	{"PQexec", any, execute},
	{"PQexec after PQconsumeInput", any, execute_after_consume},
	{"PQfn", any, call_function},
	{"PQgetCancel and other questions", any, ask_for_cancel},
	{"PQpipelineSync", any, sync_pipeline},
	{"PQputCopyData", is_copy, put_copy},
	{"PQputCopyEnd", is_copy, put_copy_end},
	{"PQgetCopyData", is_copying_out, get_copy_waiting},
	{"PQgetCopyData without waiting", is_copying_out, get_copy_polling},
	{"PQgetlineAsync", is_copying_out, get_line_async},
	{"PQgetline", is_copying_out, get_line},
	{"PQendcopy", is_copy, end_copy},
	{"PQendcopy after PQconsumeInput", is_copy, end_copy_after_consume},
};

/* Those whose first call waits until the server is gone. */
static const Style waiting_styles[] = {
	{"PQgetResult", is_busy, take_all},
	{"PQexec", is_exec, execute_long},
	{"PQgetCopyData", is_copying_out, get_copy_waiting},
	{"PQgetline", is_copying_out, get_line},
};

static void
try(const Style *style)
{
	printf("== %s: %s\n", mode, style->name);
	conn = connect_or_die(conninfo);
	begin();
	lose();
	style->call();
	/* Whatever became of it, it can be used anew. */
	if (strcmp(how, "server") != 0)
	{
		PQreset(conn);
		state();
		take("PQexec", PQexec(conn, "SELECT 1"));
	}
	PQfinish(conn);
}

static void
try_all(const Style *all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (all[i].fits())
			try(&all[i]);
}

int
main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	conninfo = argv[1];
	how = argv[2];
	for (int i = 3; i < argc; i++)
	{
		mode = argv[i];
		if (strcmp(how, "waiting") == 0)
			try_all(waiting_styles, sizeof waiting_styles / sizeof *waiting_styles);
		else
			try_all(styles, sizeof styles / sizeof *styles);
	}
	return 0;
}
