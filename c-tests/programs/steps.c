/*
 * steps CONNINFO STEP...: makes the calls that its arguments name, in order, and prints their results.
 *
 * A step is a word, optionally followed by a blank and one argument.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "common.h"
#include "memory.h"

/* A hostile server must not keep a loop running forever. */
#define MOST 5000

static PGconn *conn;
static const char *conninfo;
static FILE *trace;

static int
sent(const char *step, int result)
{
	printf("%s -> %d\n", step, result);
	return result;
}

static void
error_text(void)
{
	fact("error", PQerrorMessage(conn));
}

static void
print_state(void)
{
	printf("state: status=%d transaction=%d pipeline=%d error=", PQstatus(conn), PQtransactionStatus(conn),
		   PQpipelineStatus(conn));
	print_text(PQerrorMessage(conn));
	putchar('\n');
}

static int
await_socket(short events)
{
	struct pollfd pollfd = {.fd = PQsocket(conn), .events = events};
	int			ready;

	while ((ready = poll(&pollfd, 1, 30000)) < 0 && errno == EINTR)
		;
	if (ready == 0)
	{
		printf("nothing comes\n");
		exit(3);
	}
	return ready;
}

/* The next result without blocking in libpq. */
static PGresult *
next(void)
{
	while (PQflush(conn) == 1)
	{
		await_socket(POLLIN | POLLOUT);
		if (!PQconsumeInput(conn))
			break;
	}
	while (PQisBusy(conn))
	{
		await_socket(POLLIN);
		if (!PQconsumeInput(conn))
			break;
	}
	return PQgetResult(conn);
}

/* Ends a COPY that a result has started. */
static void
finish_copy(ExecStatusType status, int async)
{
	char	   *row;
	int			length = 0;

	if (status == PGRES_COPY_IN || status == PGRES_COPY_BOTH)
	{
		sent("put", PQputCopyData(conn, "1\ttext\n", 7));
		sent("put-end", PQputCopyEnd(conn, NULL));
	}
	if (status == PGRES_COPY_IN)
		return;
	for (int i = 0; i < MOST; i++)
	{
		length = PQgetCopyData(conn, &row, async);
		if (length > 0)
		{
			printf("row: ");
			print_bytes(row, (size_t) length);
			putchar('\n');
			PQfreemem(row);
		}
		else if (length < 0)
			break;
		else
		{
			await_socket(POLLIN);
			if (!PQconsumeInput(conn))
				break;
		}
	}
	sent("copy", length);
}

/* All results up to the NULL that ends a command; in a pipeline, up to the nth sync. */
static void
collect(int async, int syncs)
{
	int			nulls = 0;

	for (int i = 0; i < MOST; i++)
	{
		PGresult   *res = async ? next() : PQgetResult(conn);
		ExecStatusType status = PQresultStatus(res);

		if (res == NULL)
		{
			printf("NULL pipeline=%d\n", PQpipelineStatus(conn));
			if (syncs == 0 || ++nulls > 2)
				return;
			continue;
		}
		nulls = 0;
		show(res);
		if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH)
			finish_copy(status, async);
		if (status == PGRES_PIPELINE_SYNC && --syncs == 0)
		{
			printf("pipeline=%d\n", PQpipelineStatus(conn));
			return;
		}
	}
	printf("no end of results\n");
}

static void
poll_connection(PostgresPollingStatusType (*poll_once) (PGconn *))
{
	PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;

	while (wanted != PGRES_POLLING_OK && wanted != PGRES_POLLING_FAILED)
	{
		await_socket(wanted == PGRES_POLLING_WRITING ? POLLOUT : POLLIN);
		wanted = poll_once(conn);
	}
	print_state();
}

static void
call_function(int wanted)
{
	PQArgBlock	arguments[] = {{4, 1, {.integer = 7}}};
	char		value[8] = "unset";
	int			integer = -1,
				length = -1;

	if (wanted)
		show(PQfn(conn, 1, &integer, &length, 1, arguments, 1));
	else
		show(PQfn(conn, 1, (int *) value, &length, 0, arguments, 1));
	printf("function: integer=%d length=%d value=", integer, length);
	print_bytes(value, sizeof value);
	putchar('\n');
}

/* Calls that must not write past the end of the buffer they are given. */
static void
read_object(void)
{
	char		bytes[16] = "0123456789abcde";

	sent("lo_read", lo_read(conn, 0, bytes, 4));
	fact("bytes", bytes);
	error_text();
	sent("lo_tell", lo_tell(conn, 0));
	sent("lo_lseek64", lo_lseek64(conn, 0, 7, SEEK_SET) == 7);
	error_text();
}

static void
print_trace(void)
{
	char		line[4000];

	PQuntrace(conn);
	rewind(trace);
	while (fgets(line, sizeof line, trace) != NULL)
		printf("trace: %s", line);
	fclose(trace);
	trace = NULL;
}

static void
connect_now(void)
{
	conn = PQconnectdb(conninfo);
	PQsetNoticeProcessor(conn, notice_printer, NULL);
	print_state();
}

static void
connect_polling(void)
{
	conn = PQconnectStart(conninfo);
	PQsetNoticeProcessor(conn, notice_printer, NULL);
	if (PQstatus(conn) == CONNECTION_BAD)
		print_state();
	else
		poll_connection(PQconnectPoll);
}

/* Lets the server reset the connection, which it does after one byte. */
static void
have_reset(int fd)
{
	struct pollfd polled = {fd, 0, 0};

	sent("send", (int) send(fd, "x", 1, 0));
	poll(&polled, 1, 20000);
}

/* As connect_polling, but the server resets the connection after the first call of PQconnectPoll. */
static void
connect_late(void)
{
	conn = PQconnectStart(conninfo);
	await_socket(POLLOUT);
	sent("PQconnectPoll", PQconnectPoll(conn));
	have_reset(PQsocket(conn));
	poll_connection(PQconnectPoll);
}

/* The same with a cancel request. */
static void
cancel_late(void)
{
	PGcancelConn *request = PQcancelCreate(conn);
	PostgresPollingStatusType polling;

	sent("PQcancelStart", PQcancelStart(request));
	PQsocketPoll(PQcancelSocket(request), 0, 1, -1);
	polling = PQcancelPoll(request);
	sent("PQcancelPoll", polling);
	have_reset(PQcancelSocket(request));
	while (polling == PGRES_POLLING_READING || polling == PGRES_POLLING_WRITING)
	{
		PQsocketPoll(PQcancelSocket(request), polling == PGRES_POLLING_READING, polling == PGRES_POLLING_WRITING, -1);
		polling = PQcancelPoll(request);
	}
	sent("PQcancelPoll", polling);
	fact("cancel message", PQcancelErrorMessage(request));
	PQcancelFinish(request);
}

static void
begin_trace(int flags)
{
	trace = tmpfile();
	PQtrace(conn, trace);
	PQsetTraceFlags(conn, PQTRACE_SUPPRESS_TIMESTAMPS | flags);
}

static void
connect_traced(int flags)
{
	conn = PQconnectStart(conninfo);
	begin_trace(flags);
	poll_connection(PQconnectPoll);
}

/* Asks for a cancellation, and prints whether that took much more than the two seconds of connect_timeout. */
static void
cancel(void)
{
	PGcancel   *request = PQgetCancel(conn);
	char		text[256] = "";
	pg_usec_time_t start = PQgetCurrentTimeUSec();

	sent("cancel", PQcancel(request, text, sizeof text));
	fact("error", text);
	printf("seconds: %s\n", PQgetCurrentTimeUSec() - start < 10 * 1000000 ? "few" : "many");
	PQfreeCancel(request);
}

/* What depends on the settings that a server has reported. */
static void
defaults(void)
{
	char		text[8],
			   *secret = PQencryptPasswordConn(conn, "password", "user", "scram-sha-256");

	PQescapeStringConn(conn, text, "\\", 1, NULL);
	fact("backslash", text);
	/* The rest is random. */
	if (secret != NULL)
		secret[strcspn(secret, ":")] = '\0';
	fact("secret", secret);
	PQfreemem(secret);
}

/* Whether the process has used little memory. */
static void
print_memory(void)
{
	long		peak = peak_memory();

	printf("memory: %s\n", peak > 0 && peak < 32 * 1024 ? "little" : "much");
}

static void
notifications(void)
{
	PGnotify   *notify;

	while ((notify = PQnotifies(conn)) != NULL)
	{
		printf("notification: %d ", notify->be_pid);
		print_text(notify->relname);
		fact("", notify->extra);
		PQfreemem(notify);
	}
}

static void
count_notifications(void)
{
	PGnotify   *notify;
	long		count = 0;

	for (; (notify = PQnotifies(conn)) != NULL; count++)
		PQfreemem(notify);
	fact_int("notifications", count);
}

static void
pipeline_of(const char *queries)
{
	const char *end;

	sent("enter", PQenterPipelineMode(conn));
	for (; *queries != '\0'; queries = *end == '\0' ? end : end + 1)
	{
		char		query[200];

		end = queries + strcspn(queries, ";");
		snprintf(query, sizeof query, "%.*s", (int) (end - queries), queries);
		if (strcmp(query, "sync") == 0)
			sent(query, PQpipelineSync(conn));
		else if (strcmp(query, "describe") == 0)
			sent(query, PQsendDescribePrepared(conn, "s"));
		else
			sent(query, PQsendQueryParams(conn, query, 0, NULL, NULL, NULL, NULL, 0));
	}
}

static int
connection_step(const char *step, const char *argument)
{
	if (strcmp(step, "connect") == 0)
		connect_now();
	else if (strcmp(step, "connect-polling") == 0)
		connect_polling();
	else if (strcmp(step, "connect-late") == 0)
		connect_late();
	else if (strcmp(step, "cancel-late") == 0)
		cancel_late();
	else if (strcmp(step, "connect-traced") == 0)
		connect_traced(atoi(argument));
	else if (strcmp(step, "cancel") == 0)
		cancel();
	else if (strcmp(step, "reset") == 0)
	{
		PQreset(conn);
		print_state();
	}
	else if (strcmp(step, "reset-polling") == 0)
	{
		if (sent(step, PQresetStart(conn)))
			poll_connection(PQresetPoll);
	}
	else if (strcmp(step, "finish") == 0)
	{
		PQfinish(conn);
		conn = NULL;
	}
	else if (strcmp(step, "ping") == 0)
		sent(step, PQping(conninfo));
	else if (strcmp(step, "state") == 0)
		print_state();
	else if (strcmp(step, "server") == 0)
		printf("server: port=%s version=%d password=%d encoding=%d protocol=%d pid=%d\n", PQport(conn),
			   PQserverVersion(conn), PQconnectionUsedPassword(conn), PQclientEncoding(conn),
			   PQfullProtocolVersion(conn), PQbackendPID(conn));
	else if (strcmp(step, "defaults") == 0)
		defaults();
	else if (strcmp(step, "parameter") == 0)
		fact(argument, PQparameterStatus(conn, argument));
	else if (strcmp(step, "escape") == 0)
	{
		char	   *text = PQescapeLiteral(conn, argument, strlen(argument));

		fact(argument, text);
		PQfreemem(text);
	}
#ifdef LIBPQ_HAS_GOAWAY
	else if (strcmp(step, "goaway") == 0)
		printf("goaway: %d\n", PQgoAwayReceived(conn));
#endif
	else
		return 0;
	return 1;
}

static int
query_step(const char *step, const char *argument)
{
	if (strcmp(step, "exec") == 0)
	{
		show(PQexec(conn, argument));
		error_text();
	}
	else if (strcmp(step, "params") == 0)
		show(PQexecParams(conn, argument, 0, NULL, NULL, NULL, NULL, 0));
	else if (strcmp(step, "prepare") == 0)
		show(PQprepare(conn, "s", argument, 0, NULL));
	else if (strcmp(step, "describe") == 0)
		show(PQdescribePrepared(conn, argument));
	else if (strcmp(step, "close") == 0)
		show(PQclosePrepared(conn, argument));
	else if (strcmp(step, "send") == 0)
		sent(step, PQsendQuery(conn, argument));
	else if (strcmp(step, "single") == 0)
		sent(step, PQsetSingleRowMode(conn));
	else if (strcmp(step, "chunked") == 0)
		sent(step, PQsetChunkedRowsMode(conn, atoi(argument)));
	else if (strcmp(step, "nonblocking") == 0)
		sent(step, PQsetnonblocking(conn, atoi(argument)));
	else if (strcmp(step, "pipeline") == 0)
		pipeline_of(argument);
	else if (strcmp(step, "leave-pipeline") == 0)
		sent(step, PQexitPipelineMode(conn));
	else if (strcmp(step, "read-object") == 0)
		read_object();
	else if (strcmp(step, "function") == 0)
		call_function(strcmp(argument, "bytes") != 0);
	else
		return 0;
	return 1;
}

#ifdef LIBPQ_HAS_GOAWAY
static void
await_goaway(void)
{
	int			consumed = 1;

	/* Messages that arrived together must all be parsed: the socket must not become readable again. */
	while (!PQgoAwayReceived(conn) && consumed)
	{
		await_socket(POLLIN);
		consumed = PQconsumeInput(conn);
	}
	printf("consumed=%d\n", consumed);
}
#endif

static int
reading_step(const char *step, const char *argument)
{
	if (strcmp(step, "wait") == 0)
		await_socket(POLLIN);
	else if (strcmp(step, "consume") == 0)
		sent(step, PQconsumeInput(conn));
	else if (strcmp(step, "busy") == 0)
		sent(step, PQisBusy(conn));
	else if (strcmp(step, "get") == 0)
		show(PQgetResult(conn));
	else if (strcmp(step, "collect") == 0)
		collect(0, atoi(argument));
	else if (strcmp(step, "collect-polling") == 0)
		collect(1, atoi(argument));
	else if (strcmp(step, "put") == 0)
		sent(step, PQputCopyData(conn, argument, (int) strlen(argument)));
	else if (strcmp(step, "put-end") == 0)
		sent(step, PQputCopyEnd(conn, NULL));
	else if (strcmp(step, "copy") == 0)
	{
		char	   *row;
		int			length = PQgetCopyData(conn, &row, atoi(argument));

		sent(step, length);
		if (length > 0)
		{
			fact("row", row);
			PQfreemem(row);
		}
	}
#ifdef LIBPQ_HAS_GOAWAY
	else if (strcmp(step, "await-goaway") == 0)
		await_goaway();
#endif
	else if (strcmp(step, "prompt") == 0)
	{
		/* Sends a message that changes nothing; a scripted server may wait for it before it continues. */
		sent(step, PQsendFlushRequest(conn));
		sent("flush", PQflush(conn));
	}
	else if (strcmp(step, "notifications") == 0)
		notifications();
	else if (strcmp(step, "count-notifications") == 0)
		count_notifications();
	else if (strcmp(step, "memory") == 0)
		print_memory();
	else if (strcmp(step, "trace") == 0)
		begin_trace(0);
	else if (strcmp(step, "print-trace") == 0)
		print_trace();
	else
		return 0;
	return 1;
}

int
main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	conninfo = argv[1];
	for (int i = 2; i < argc; i++)
	{
		char		step[40];
		const char *argument = strchr(argv[i], ' ');

		snprintf(step, sizeof step, "%.*s", (int) strcspn(argv[i], " "), argv[i]);
		argument = argument == NULL ? "" : argument + 1;
		if (!connection_step(step, argument) && !query_step(step, argument) && !reading_step(step, argument))
		{
			printf("no such step: %s\n", step);
			return 2;
		}
	}
	PQfinish(conn);
	return 0;
}
