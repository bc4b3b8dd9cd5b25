/*
 * lost CONNINFO HOW MODE...: the results of every call after the server has ended the connection.
 *
 * HOW is "terminate": a second connection calls pg_terminate_backend; "waiting": the same, while the first one waits
 * in a call; "server": the server closes the connection in its reply to the query. Each MODE is the operation in
 * progress. It is tried with every applicable style of calling, each on its own connection.
 */
#include "lost.h"

/* The loop from the manual, without a check of what PQconsumeInput returns. */
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
			printf("still busy after many calls\n");
			return;
		}
		printf("turns=%d\n", turns);
		state();
		if (!take("PQgetResult", PQgetResult(conn)) && !is_pipeline())
			return;
	}
}

/* Whether a style begins with these calls. */
static int	consumed;

/* Until it reports the loss, as a loop does that waits for the socket first. */
static void
consume(void)
{
	for (int i = 0; i < 3; i++)
	{
		printf("PQconsumeInput -> %d\n", PQconsumeInput(conn));
		state_unparsed();
	}
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
	/* In COPY on a connection that is known to be lost, C libpq says that it cannot, but returns 1 and forgets the COPY. */
	if (is_pipeline() || !consumed)
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

/* The rows of a COPY and what follows them; prints each result that is not a row. */
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
	{"PQflush", any, flush_first},
	{"PQsendQuery", any, send_again},
	{"PQnotifies", any, notifications},
	{"PQexec", any, execute},
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
};

/* Modes whose first call waits until the server has closed the connection. */
static const Style waiting_styles[] = {
	{"PQgetResult", is_busy, take_all},
	{"PQexec", is_exec, execute_long},
	{"PQgetCopyData", is_copying_out, get_copy_waiting},
	{"PQgetline", is_copying_out, get_line},
};

static void
try(const Style *style)
{
	printf("== %s: %s%s\n", mode, style->name, consumed ? " after PQconsumeInput" : "");
	conn = connect_or_die(conninfo);
	begin();
	lose();
	if (consumed)
		consume();
	style->call();
	/* The connection must be usable again after PQreset, whatever happened. */
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
			for (consumed = 0; consumed < 2; consumed++)
				try_all(styles, sizeof styles / sizeof *styles);
	}
	return 0;
}
