/*
 * out_of_memory CONNINFO one|all|everything MOST [OPERATION...]: operations with failing allocations; run with
 * interpose/failing_malloc.c preloaded.
 *
 * Each operation runs once for each N up to MOST, in its own process. Its Nth allocation fails alone ("one"), or
 * together with all later ones ("all"). Afterwards allocations succeed again: a connection that reports it is open
 * must answer a query, and another one must be resettable. The results that an operation reported are verified.
 *
 * Prints a line for each operation with the number of N for each kind of ending. With "everything" instead of "one",
 * all allocations fail, and all operations run until none of them can do anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>

#include "common.h"
#include "libpq-events.h"
#include "libpq/libpq-fs.h"

extern void fail_allocations(long from, long count) __attribute__((weak));
extern void inside(int yes) __attribute__((weak));
extern long allocations_inside(void) __attribute__((weak));

/* A library call during which allocations may fail. */
#define IN(call) do { inside(1); call; inside(0); } while (0)

/* How an operation ended. */
enum
{
	FINE, FAILED, WRONG, LEFT_BROKEN, LAST_EXIT
};

static const char *conninfo;
static PGconn *conn;
static char why[400];

static int
wrong(const char *text)
{
	snprintf(why, sizeof why, "%s", text);
	return WRONG;
}

static int
wrong_if(int so, const char *text)
{
	return so ? wrong(text) : FINE;
}

/* A failure must have an error text. */
static int
failed(const char *message)
{
	snprintf(why, sizeof why, "%s", message == NULL ? "no text" : message);
	return message == NULL || *message == '\0' ? wrong("failed without a text") : FAILED;
}

static int
has_status(PGresult *res, ExecStatusType status)
{
	return PQresultStatus(res) == status;
}

/* A result that has an unexpected status. */
static int
refused(PGresult *res)
{
	char		text[300];
	const char *message = res == NULL ? PQerrorMessage(conn) : PQresultErrorMessage(res);

	if (*message == '\0')
		message = PQerrorMessage(conn);
	snprintf(text, sizeof text, "%s", message);
	PQclear(res);
	return failed(text);
}

static int
equal(PGresult *res, int row, int column, const char *text)
{
	return PQntuples(res) > row && PQnfields(res) > column && strcmp(PQgetvalue(res, row, column), text) == 0;
}

static PGresult *
armed_exec(const char *sql)
{
	PGresult   *res;

	IN(res = PQexec(conn, sql));
	return res;
}

/* The single value of a query that must not fail. */
static int
answers(const char *sql, const char *expected)
{
	PGresult   *res = PQexec(conn, sql);
	int			right = has_status(res, PGRES_TUPLES_OK) && equal(res, 0, 0, expected);

	if (!right)
		snprintf(why, sizeof why, "%s: %s%s", sql, PQresStatus(PQresultStatus(res)), PQerrorMessage(conn));
	PQclear(res);
	return right;
}

/* Operations */

static int
connecting(void)
{
	PQfinish(conn);
	IN(conn = PQconnectdb(conninfo));
	if (conn == NULL)
	{
		snprintf(why, sizeof why, "no connection at all");
		conn = PQconnectdb(conninfo);
		return FAILED;
	}
	return PQstatus(conn) == CONNECTION_OK ? FINE : failed(PQerrorMessage(conn));
}

static int
poll_to_the_end(PostgresPollingStatusType (*step) (PGconn *))
{
	PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;

	while (wanted == PGRES_POLLING_READING || wanted == PGRES_POLLING_WRITING)
	{
		struct pollfd one = {PQsocket(conn), wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0};

		poll(&one, 1, -1);
		IN(wanted = step(conn));
	}
	return wanted == PGRES_POLLING_OK && PQstatus(conn) == CONNECTION_OK ? FINE : failed(PQerrorMessage(conn));
}

static int
connecting_by_steps(void)
{
	const char *keywords[] = {"dbname", "application_name", NULL},
			   *values[] = {conninfo, "steps", NULL};

	PQfinish(conn);
	IN(conn = PQconnectStartParams(keywords, values, 1));
	if (conn == NULL)
	{
		conn = PQconnectdb(conninfo);
		return FAILED;
	}
	return PQstatus(conn) == CONNECTION_BAD ? failed(PQerrorMessage(conn)) : poll_to_the_end(PQconnectPoll);
}

static int
resetting(void)
{
	IN(PQreset(conn));
	return PQstatus(conn) == CONNECTION_OK ? FINE : failed(PQerrorMessage(conn));
}

static int
query(void)
{
	PGresult   *res = armed_exec("SELECT 1 AS a, 'text' AS b, NULL UNION ALL SELECT 2, 'more', 'x'");
	int			right;

	if (!has_status(res, PGRES_TUPLES_OK))
		return refused(res);
	right = PQntuples(res) == 2 && equal(res, 0, 1, "text") && equal(res, 1, 0, "2") && PQgetisnull(res, 0, 2);
	PQclear(res);
	return wrong_if(!right, "wrong rows");
}

static int
is_long_row(PGresult *res, int row, int number)
{
	char		text[20];

	snprintf(text, sizeof text, "%d", number);
	return equal(res, row, 0, text) && PQgetlength(res, row, 1) == 100 && PQgetvalue(res, row, 1)[99] == 'x';
}

#define MANY 5000
#define LONG_ROWS(count) "SELECT i, repeat('x', 100) FROM generate_series(1, " count ") AS i"
/* For rows in single-row mode. */
#define SOME 200

static int
large_result(void)
{
	PGresult   *res = armed_exec(LONG_ROWS("5000"));
	int			right;

	if (!has_status(res, PGRES_TUPLES_OK))
		return refused(res);
	right = PQntuples(res) == MANY;
	for (int i = 0; right && i < MANY; i++)
		right = is_long_row(res, i, i + 1);
	PQclear(res);
	return wrong_if(!right, "wrong rows");
}

/* Reads rows one by one; if the stream ends without an error, all rows must have arrived. */
static int
streamed(int chunked)
{
	int			sent,
				count = 0,
				outcome = FINE;
	PGresult   *res;

	IN(sent = PQsendQuery(conn, LONG_ROWS("200")));
	if (!sent)
		return failed(PQerrorMessage(conn));
	IN(sent = chunked ? PQsetChunkedRowsMode(conn, 7) : PQsetSingleRowMode(conn));
	if (!sent)
		return wrong("no row mode");
	for (;;)
	{
		IN(res = PQgetResult(conn));
		if (res == NULL)
			break;
		if (has_status(res, PGRES_SINGLE_TUPLE) || has_status(res, PGRES_TUPLES_CHUNK))
		{
			for (int i = 0; i < PQntuples(res); i++)
				if (!is_long_row(res, i, ++count) && outcome == FINE)
					outcome = wrong("a wrong row");
			PQclear(res);
		}
		else if (has_status(res, PGRES_TUPLES_OK))
		{
			if (count != SOME && outcome == FINE)
				outcome = wrong("rows are missing");
			PQclear(res);
		}
		else if (outcome == FINE)
			outcome = refused(res);
		else
			PQclear(res);
	}
	return outcome == FINE && count != SOME ? wrong("the stream ended early") : outcome;
}

static int
single_rows(void)
{
	return streamed(0);
}

static int
chunks(void)
{
	return streamed(1);
}

static int
prepared(void)
{
	static const char number[4] = {0, 0, 0, 42};
	const char *values[] = {number, "a text", NULL};
	const int	lengths[] = {4, 0, 0},
				formats[] = {1, 0, 0};
	PGresult   *res;
	int			right;

	IN(res = PQprepare(conn, "s", "SELECT $1::int4, $2::text, $3::text", 0, NULL));
	if (!has_status(res, PGRES_COMMAND_OK))
		return refused(res);
	PQclear(res);
	IN(res = PQexecPrepared(conn, "s", 3, values, lengths, formats, 0));
	if (!has_status(res, PGRES_TUPLES_OK))
		return refused(res);
	right = equal(res, 0, 0, "42") && equal(res, 0, 1, "a text") && PQgetisnull(res, 0, 2);
	PQclear(res);
	if (!right)
		return wrong("wrong values");
	IN(res = PQexecParams(conn, "SELECT $1::int4, $2::text, $3::text", 3, NULL, values, lengths, formats, 1));
	if (!has_status(res, PGRES_TUPLES_OK))
		return refused(res);
	right = PQgetlength(res, 0, 0) == 4 && PQgetvalue(res, 0, 0)[3] == 42 && equal(res, 0, 1, "a text");
	PQclear(res);
	if (!right)
		return wrong("wrong binary values");
	IN(res = PQdescribePrepared(conn, "s"));
	if (!has_status(res, PGRES_COMMAND_OK))
		return refused(res);
	right = PQnparams(res) == 3 && PQnfields(res) == 3 && PQparamtype(res, 1) == 25;
	PQclear(res);
	if (!right)
		return wrong("wrong description");
	IN(res = PQclosePrepared(conn, "s"));
	return has_status(res, PGRES_COMMAND_OK) ? (PQclear(res), FINE) : refused(res);
}

#define COPIED 3000

/* The lines that arrived: all if the command succeeded, otherwise none. */
static int
arrived(int outcome)
{
	if (outcome == FINE && !answers("SELECT count(*) FROM copied", "3000"))
		return WRONG;
	return outcome;
}

static int
copy_in(void)
{
	static const char line[] = "one line of some length that is copied into a table of the server\n";
	PGresult   *res;
	int			done = 1,
				outcome;

	must(conn, "CREATE TEMPORARY TABLE copied (line text)");
	res = armed_exec("COPY copied FROM STDIN");
	if (!has_status(res, PGRES_COPY_IN))
		return refused(res);
	PQclear(res);
	for (int i = 0; done == 1 && i < COPIED; i++)
		IN(done = PQputCopyData(conn, line, sizeof line - 1));
	outcome = done == 1 ? FINE : failed(PQerrorMessage(conn));
	IN(done = PQputCopyEnd(conn, done == 1 ? NULL : "gave up"));
	if (done != 1 && outcome == FINE)
		outcome = failed(PQerrorMessage(conn));
	for (;;)
	{
		IN(res = PQgetResult(conn));
		if (res == NULL)
			break;
		if (has_status(res, PGRES_COPY_IN))
		{
			/* The end of the COPY could not be sent. */
			PQclear(res);
			break;
		}
		if (!has_status(res, PGRES_COMMAND_OK) && outcome == FINE)
			outcome = refused(res);
		else
			PQclear(res);
	}
	return arrived(outcome);
}

static int
copy_out(void)
{
	PGresult   *res = armed_exec("COPY (" LONG_ROWS("200") ") TO STDOUT");
	char	   *row;
	int			length,
				count = 0,
				outcome = FINE;

	if (!has_status(res, PGRES_COPY_OUT))
		return refused(res);
	PQclear(res);
	for (;;)
	{
		IN(length = PQgetCopyData(conn, &row, 0));
		if (length < 0)
			break;
		if (atoi(row) != ++count || row[length - 1] != '\n')
			outcome = wrong("a wrong row");
		PQfreemem(row);
	}
	if (length == -2)
		outcome = failed(PQerrorMessage(conn));
	for (int i = 0;; i++)
	{
		IN(res = PQgetResult(conn));
		if (res == NULL)
			break;
		if (!has_status(res, PGRES_COMMAND_OK) && outcome == FINE)
			outcome = refused(res);
		else
			PQclear(res);
		if (i == 10)
			return wrong("results without end");
	}
	return outcome == FINE && count != SOME ? wrong("rows are missing") : outcome;
}

/* The deprecated COPY functions. */
static int
copy_by_lines(void)
{
	PGresult   *res;
	int			done = 0;

	must(conn, "CREATE TEMPORARY TABLE copied (line text)");
	res = armed_exec("COPY copied FROM STDIN");
	if (!has_status(res, PGRES_COPY_IN))
		return refused(res);
	PQclear(res);
	for (int i = 0; done == 0 && i < COPIED; i++)
		IN(done = PQputline(conn, "a line\n"));
	if (done == 0)
		IN(done = PQputline(conn, "\\.\n"));
	if (done != 0)
		return failed(PQerrorMessage(conn));
	IN(done = PQendcopy(conn));
	return done == 0 ? arrived(FINE) : failed(PQerrorMessage(conn));
}

#define COMMANDS 40

/* The result of a command and the NULL after it. */
static int
take(ExecStatusType status, int number)
{
	char		expected[20];
	PGresult   *res,
			   *more;
	int			right;

	IN(res = PQgetResult(conn));
	if (!has_status(res, status))
		return refused(res);
	snprintf(expected, sizeof expected, "%d", number);
	right = number < 0 || equal(res, 0, 0, expected);
	PQclear(res);
	if (status == PGRES_PIPELINE_SYNC)
		return FINE;
	IN(more = PQgetResult(conn));
	if (more != NULL)
		return refused(more);
	return wrong_if(!right, "the result of another command");
}

static int
fill_pipeline(void)
{
	int			sent = 1;

	for (int i = 0; sent && i < COMMANDS; i++)
	{
		char		text[20];
		const char *values[] = {text};

		snprintf(text, sizeof text, "%d", i);
		IN(sent = PQsendQueryParams(conn, "SELECT $1::int4", 1, NULL, values, NULL, NULL, 0));
	}
	if (sent)
		IN(sent = PQpipelineSync(conn));
	return sent;
}

static int
pipeline(void)
{
	int			outcome = FINE,
				entered;

	IN(entered = PQenterPipelineMode(conn));
	if (!entered)
		return failed(PQerrorMessage(conn));
	if (!fill_pipeline())
		return failed(PQerrorMessage(conn));
	for (int i = 0; outcome == FINE && i < COMMANDS; i++)
		outcome = take(PGRES_TUPLES_OK, i);
	if (outcome == FINE)
		outcome = take(PGRES_PIPELINE_SYNC, -1);
	if (outcome != FINE)
		return outcome;
	IN(entered = PQexitPipelineMode(conn));
	return entered ? FINE : failed(PQerrorMessage(conn));
}

static int
large_objects(void)
{
	static char block[20000],
				back[sizeof block];
	PGresult   *res = armed_exec("BEGIN");
	Oid			object;
	int			descriptor,
				count;

	if (!has_status(res, PGRES_COMMAND_OK))
		return refused(res);
	PQclear(res);
	memset(block, 'b', sizeof block);
	IN(object = lo_create(conn, 0));
	if (object == 0)
		return failed(PQerrorMessage(conn));
	IN(descriptor = lo_open(conn, object, INV_READ | INV_WRITE));
	if (descriptor < 0)
		return failed(PQerrorMessage(conn));
	IN(count = lo_write(conn, descriptor, block, sizeof block));
	if (count != sizeof block)
		return failed(PQerrorMessage(conn));
	IN(count = lo_lseek(conn, descriptor, 0, SEEK_SET));
	if (count != 0)
		return failed(PQerrorMessage(conn));
	IN(count = lo_read(conn, descriptor, back, sizeof back));
	if (count < 0)
		return failed(PQerrorMessage(conn));
	if (count != sizeof back || memcmp(block, back, sizeof back) != 0)
		return wrong("other bytes");
	IN(count = lo_close(conn, descriptor));
	if (count < 0)
		return failed(PQerrorMessage(conn));
	IN(count = lo_export(conn, object, "/dev/null"));
	if (count < 0)
		return failed(PQerrorMessage(conn));
	IN(object = lo_import(conn, "/proc/self/exe"));
	return object != 0 ? FINE : failed(PQerrorMessage(conn));
}

static const char *
option(PQconninfoOption *options, const char *name)
{
	for (; options->keyword != NULL; options++)
		if (strcmp(options->keyword, name) == 0)
			return options->val == NULL ? "" : options->val;
	return "";
}

static int
parse(void)
{
	char	   *message = NULL;
	PQconninfoOption *options;
	int			right;

	IN(options = PQconninfoParse("host=one,two dbname='a b' user=\\me application_name=x options='-c a=b'", &message));
	if (options == NULL)
	{
		/* An error text may be missing if there is no memory for it. */
		snprintf(why, sizeof why, "%s", message == NULL ? "no text" : message);
		PQfreemem(message);
		return FAILED;
	}
	right = strcmp(option(options, "dbname"), "a b") == 0 && strcmp(option(options, "user"), "me") == 0;
	PQconninfoFree(options);
	if (!right)
		return wrong("other options");
	IN(options = PQconninfoParse("postgresql://me@one:1,two:2/a%20b?connect_timeout=3", NULL));
	if (options == NULL)
		return FAILED;
	right = strcmp(option(options, "dbname"), "a b") == 0 && strcmp(option(options, "port"), "1,2") == 0;
	PQconninfoFree(options);
	return wrong_if(!right, "other options of a URI");
}

static int
options(void)
{
	PQconninfoOption *options;
	int			right;

	IN(options = PQconndefaults());
	if (options == NULL)
		return FAILED;
	right = strcmp(option(options, "port"), "") != 0;
	PQconninfoFree(options);
	if (!right)
		return wrong("no default port");
	IN(options = PQconninfo(conn));
	if (options == NULL)
		return FAILED;
	right = strcmp(option(options, "user"), PQuser(conn)) == 0;
	PQconninfoFree(options);
	return wrong_if(!right, "another user");
}

/* Text that the library allocated, or its error. */
static int
is_text(char *made, const char *expected)
{
	int			right = made != NULL && strcmp(made, expected) == 0;
	int			complained = made != NULL || strcmp(PQerrorMessage(conn), "out of memory\n") == 0;

	if (made == NULL && complained)
		return failed(PQerrorMessage(conn));
	if (!complained)
		return wrong("not said to be out of memory");
	PQfreemem(made);
	return wrong_if(!right, "other text");
}

static int
escape(void)
{
	size_t		length;
	char	   *made,
				text[100];
	int			outcome,
				error;

	IN(made = PQescapeLiteral(conn, "it's \\", 6));
	if ((outcome = is_text(made, " E'it''s \\\\'")) != FINE)
		return outcome;
	IN(made = PQescapeIdentifier(conn, "a\"b", 3));
	if ((outcome = is_text(made, "\"a\"\"b\"")) != FINE)
		return outcome;
	IN(made = (char *) PQescapeByteaConn(conn, (const unsigned char *) "a\0b", 3, &length));
	if ((outcome = is_text(made, "\\x610062")) != FINE)
		return outcome;
	IN(length = PQescapeStringConn(conn, text, "it's", 4, &error));
	if (strcmp(text, "it''s") != 0)
		return wrong("other text");
	IN(made = (char *) PQunescapeBytea((const unsigned char *) "\\x610062", &length));
	if (made == NULL)
		return FAILED;
	if (length != 3 || memcmp(made, "a\0b", 3) != 0)
		outcome = wrong("other bytes");
	PQfreemem(made);
	return outcome;
}

static int
password(void)
{
	char	   *made;

	IN(made = PQencryptPasswordConn(conn, "secret", "me", "scram-sha-256"));
	if (made == NULL)
		return failed(PQerrorMessage(conn));
	if (strncmp(made, "SCRAM-SHA-256$4096:", 19) != 0)
		return wrong("no secret");
	PQfreemem(made);
	IN(made = PQencryptPassword("secret", "me"));
	if (made == NULL)
		return FAILED;
	if (strlen(made) != 35)
		return wrong("no MD5 secret");
	PQfreemem(made);
	return FINE;
}

static int
notify(void)
{
	PGnotify   *told;
	PGresult   *res = armed_exec("LISTEN channel");
	int			count = 0;

	if (!has_status(res, PGRES_COMMAND_OK))
		return refused(res);
	PQclear(res);
	res = armed_exec("SELECT pg_notify('channel', 'payload ' || i) FROM generate_series(0, 19) AS i");
	if (!has_status(res, PGRES_TUPLES_OK))
		return refused(res);
	PQclear(res);
	for (;;)
	{
		char		expected[30];

		IN(told = PQnotifies(conn));
		if (told == NULL)
			break;
		snprintf(expected, sizeof expected, "payload %d", count++);
		if (strcmp(told->relname, "channel") != 0 || strcmp(told->extra, expected) != 0)
			return wrong("another notification");
		PQfreemem(told);
	}
	/* C libpq silently drops a notification if it has no memory for it. */
	return count == 20 ? FINE : FAILED;
}

static int
results(void)
{
	static PGresAttDesc columns[] = {{"one", 0, 0, 0, 25, -1, -1}, {"two", 0, 0, 0, 23, 4, -1}};
	PGresult   *res,
			   *copy;
	int			done;

	IN(res = PQmakeEmptyPGresult(conn, PGRES_TUPLES_OK));
	if (res == NULL)
		return FAILED;
	IN(done = PQsetResultAttrs(res, 2, columns));
	for (int i = 0; done && i < 300; i++)
		for (int column = 0; done && column < 2; column++)
			IN(done = PQsetvalue(res, i, column, "a value of some length", 22));
	if (done)
	{
		void	   *memory;

		IN(memory = PQresultAlloc(res, 5000));
		done = memory != NULL;
	}
	if (!done)
	{
		PQclear(res);
		return FAILED;
	}
	IN(copy = PQcopyResult(res, PG_COPYRES_TUPLES | PG_COPYRES_NOTICEHOOKS | PG_COPYRES_EVENTS));
	PQclear(res);
	if (copy == NULL)
		return FAILED;
	done = PQntuples(copy) == 300 && equal(copy, 299, 1, "a value of some length") && strcmp(PQfname(copy, 1), "two") == 0;
	PQclear(copy);
	return wrong_if(!done, "another copy");
}

static int	created,
			destroyed;

static int
on_event(PGEventId id, void *event, void *data)
{
	(void) data;
	if (id == PGEVT_RESULTCREATE)
	{
		created++;
		return PQresultSetInstanceData(((PGEventResultCreate *) event)->result, on_event, &created);
	}
	if (id == PGEVT_RESULTCOPY)
		created++;
	if (id == PGEVT_RESULTDESTROY)
		destroyed++;
	return 1;
}

static int
events(void)
{
	PGresult   *res,
			   *copy;
	int			done;

	IN(done = PQregisterEventProc(conn, on_event, "name", NULL));
	if (!done)
		return FAILED;
	res = armed_exec("SELECT 1");
	if (!has_status(res, PGRES_TUPLES_OK))
		return refused(res);
	if (PQresultInstanceData(res, on_event) != &created)
		return wrong("no data");
	IN(copy = PQcopyResult(res, PG_COPYRES_TUPLES | PG_COPYRES_EVENTS));
	PQclear(res);
	if (copy == NULL)
		return FAILED;
	done = equal(copy, 0, 0, "1");
	PQclear(copy);
	return wrong_if(!done || created != destroyed, "another copy");
}

static int
cancel(void)
{
	PGcancel   *old;
	PGcancelConn *new;
	char		text[256];
	int			done;

	IN(old = PQgetCancel(conn));
	if (old == NULL)
		return FAILED;
	IN(done = PQcancel(old, text, sizeof text));
	IN(PQfreeCancel(old));
	if (!done)
		return failed(text);
	IN(new = PQcancelCreate(conn));
	if (new == NULL)
		return FAILED;
	IN(done = PQcancelBlocking(new));
	if (!done)
	{
		done = failed(PQcancelErrorMessage(new));
		PQcancelFinish(new);
		return done;
	}
	PQcancelFinish(new);
	return FINE;
}

static int
errors(void)
{
	PGresult   *res = armed_exec("SELECT 1 FROM nothing_of_this_name WHERE x = 'y'");
	char	   *text;
	int			right;

	if (!has_status(res, PGRES_FATAL_ERROR))
		return res == NULL ? refused(res) : wrong("no error");
	if (PQresultErrorField(res, PG_DIAG_SQLSTATE) == NULL)
		return refused(res);
	right = strcmp(PQresultErrorField(res, PG_DIAG_SQLSTATE), "42P01") == 0 && strstr(PQerrorMessage(conn), "nothing_of") != NULL;
	IN(text = PQresultVerboseErrorMessage(res, PQERRORS_VERBOSE, PQSHOW_CONTEXT_ALWAYS));
	PQclear(res);
	if (!right)
		return failed(PQerrorMessage(conn));
	if (text == NULL)
		return FAILED;
	right = strstr(text, "42P01") != NULL || strcmp(text, "out of memory\n") == 0;
	PQfreemem(text);
	return wrong_if(!right, "another text");
}

static int	notices;

static void
count_notice(void *arg, const char *text)
{
	(void) arg;
	notices += strstr(text, "told") != NULL;
}

static int
hear(void)
{
	PGresult   *res;

	PQsetNoticeProcessor(conn, count_notice, NULL);
	res = armed_exec("DO $$ BEGIN FOR i IN 1..20 LOOP RAISE NOTICE 'told %', i; END LOOP; END $$");
	if (!has_status(res, PGRES_COMMAND_OK))
		return refused(res);
	PQclear(res);
	/* C libpq silently drops it if it has no memory. */
	return notices == 20 ? FINE : FAILED;
}

static int
call_function(void)
{
	PQArgBlock	argument = {4, 1, {.integer = 7}};
	int			value = 0,
				length;
	PGresult   *res;

	/* int4 negation */
	IN(res = PQfn(conn, 212, &value, &length, 1, &argument, 1));
	if (!has_status(res, PGRES_COMMAND_OK))
		return refused(res);
	PQclear(res);
	return wrong_if(value != -7, "another value");
}

static int
nonblocking(void)
{
	int			done;
	PGresult   *res;
	int			outcome;

	IN(done = PQsetnonblocking(conn, 1));
	if (done != 0)
		return failed(PQerrorMessage(conn));
	IN(done = PQsendQuery(conn, LONG_ROWS("200")));
	if (!done)
		return failed(PQerrorMessage(conn));
	for (;;)
	{
		struct pollfd one = {PQsocket(conn), POLLIN, 0};

		IN(done = PQflush(conn));
		if (done < 0)
			return failed(PQerrorMessage(conn));
		IN(done = PQisBusy(conn));
		if (!done)
			break;
		poll(&one, 1, -1);
		IN(done = PQconsumeInput(conn));
		if (!done)
			return failed(PQerrorMessage(conn));
	}
	IN(res = PQgetResult(conn));
	if (!has_status(res, PGRES_TUPLES_OK))
		return refused(res);
	outcome = wrong_if(PQntuples(res) != SOME || !is_long_row(res, SOME - 1, SOME), "wrong rows");
	PQclear(res);
	return outcome;
}

static int
tracing(void)
{
	FILE	   *file = fopen("/dev/null", "w");
	PGresult   *res;
	int			outcome;

	IN(PQtrace(conn, file));
	res = armed_exec("SELECT 1, 'traced' FROM generate_series(1, 50)");
	IN(PQuntrace(conn));
	fclose(file);
	if (!has_status(res, PGRES_TUPLES_OK))
		return refused(res);
	outcome = wrong_if(PQntuples(res) != 50 || !equal(res, 49, 1, "traced"), "wrong rows");
	PQclear(res);
	return outcome;
}

static int
printing(void)
{
	FILE	   *file = fopen("/dev/null", "w");
	PQprintOpt	wanted = {.header = 1, .align = 1, .fieldSep = "|"};
	PGresult   *res = PQexec(conn, "SELECT i, 'printed' AS b FROM generate_series(1, 50) AS i");

	IN(PQprint(file, res, &wanted));
	IN(PQdisplayTuples(res, file, 1, "|", 1, 0));
	fclose(file);
	PQclear(res);
	return FINE;
}

static int
encoding(void)
{
	int			done;

	IN(done = PQsetClientEncoding(conn, "LATIN1"));
	if (done != 0)
		return failed(PQerrorMessage(conn));
	IN(done = PQclientEncoding(conn));
	return wrong_if(done != 8 || strcmp(PQparameterStatus(conn, "client_encoding"), "LATIN1") != 0, "another encoding");
}

static const struct
{
	const char *name;
	int			(*run) (void);
}			operations[] = {
	{"connect", connecting},
	{"connect by steps", connecting_by_steps},
	{"reset", resetting},
	{"simple query", query},
	{"large result", large_result},
	{"single rows", single_rows},
	{"chunks of rows", chunks},
	{"nonblocking query", nonblocking},
	{"prepared statement", prepared},
	{"COPY in", copy_in},
	{"COPY in by lines", copy_by_lines},
	{"COPY out", copy_out},
	{"pipeline", pipeline},
	{"large objects", large_objects},
	{"conninfo parse", parse},
	{"conninfo of a connection", options},
	{"escape", escape},
	{"encrypt password", password},
	{"notify", notify},
	{"results", results},
	{"events", events},
	{"cancel", cancel},
	{"error", errors},
	{"notices", hear},
	{"function call", call_function},
	{"trace", tracing},
	{"print", printing},
	{"client encoding", encoding},
};

#define OPERATIONS (sizeof operations / sizeof *operations)

/* With memory available again: a connection that reports it is open must work, and others must be resettable. */
static int
goes_on(void)
{
	PGresult   *res;

	PQsetnonblocking(conn, 0);
	if (PQstatus(conn) == CONNECTION_OK && PQpipelineStatus(conn) != PQ_PIPELINE_OFF)
	{
		/* Reads the rest of the pipeline up to a new sync. */
		PQpipelineSync(conn);
		for (int nulls = 0, synced = 0; PQstatus(conn) == CONNECTION_OK && !(synced && nulls > 0);)
		{
			res = PQgetResult(conn);
			synced |= has_status(res, PGRES_PIPELINE_SYNC);
			nulls = res == NULL ? nulls + 1 : 0;
			PQclear(res);
			if (nulls > 3)
				break;
		}
		PQexitPipelineMode(conn);
	}
	if (PQstatus(conn) != CONNECTION_OK || PQpipelineStatus(conn) != PQ_PIPELINE_OFF)
		PQreset(conn);
	if (PQtransactionStatus(conn) == PQTRANS_INTRANS || PQtransactionStatus(conn) == PQTRANS_INERROR)
		PQclear(PQexec(conn, "ROLLBACK"));
	for (int i = 0; i < 3; i++)
	{
		char		sql[60],
					expected[20];

		snprintf(sql, sizeof sql, "SELECT %d + pg_backend_pid() * 0", 70 + i);
		snprintf(expected, sizeof expected, "%d", 70 + i);
		if (!answers(sql, expected))
			return 0;
	}
	return 1;
}

/*
 * Runs one operation with its `number`th allocation failing. Returns how it ended, and whether it made that many
 * allocations.
 */
static int
attempt(size_t operation, long number, long count, int report)
{
	int			outcome,
				reached;

	if (operations[operation].run != parse)
		conn = connect_or_die(conninfo);
	fail_allocations(number, count);
	outcome = operations[operation].run();
	reached = allocations_inside() >= number;
	fail_allocations(0, 0);
	if (operations[operation].run != parse && outcome != WRONG && !goes_on())
		outcome = LEFT_BROKEN;
	PQfinish(conn);
	if (getenv("OOM_SHOW") != NULL && outcome != FINE)
		fprintf(stderr, "%s %ld: %s\n", operations[operation].name, number, why);
	if (write(report, &reached, sizeof reached) != sizeof reached)
		_exit(LAST_EXIT);
	if (outcome >= WRONG)
		fprintf(stderr, "%s, allocation %ld: %s\n", operations[operation].name, number, why);
	return outcome;
}

/* The same in its own process, which SIGALRM ends if it hangs; returns whether there may be a next number. */
static int
in_child(size_t operation, long number, long count, int *status)
{
	int			ends[2],
				reached = 1;
	pid_t		child;

	if (pipe(ends) != 0 || (child = fork()) < 0)
		exit(2);
	if (child == 0)
	{
		alarm(20);
		_exit(attempt(operation, number, count, ends[1]));
	}
	close(ends[1]);
	if (read(ends[0], &reached, sizeof reached) != sizeof reached)
		reached = 1;
	close(ends[0]);
	waitpid(child, status, 0);
	return reached;
}

/* Runs it for every number from 1 to that of the operation's last allocation. */
static void
table_row(size_t operation, long count, long most)
{
	int			tried = 0,
				ends[LAST_EXIT] = {0},
				aborted = 0,
				hung = 0;

	for (long number = 1; number <= most; number++)
	{
		int			status;

		if (!in_child(operation, number, count, &status))
			break;
		tried++;
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
			hung++;
		else if (!WIFEXITED(status) || WEXITSTATUS(status) >= LAST_EXIT)
			aborted++;
		else
			ends[WEXITSTATUS(status)]++;
		if ((!WIFEXITED(status) || WEXITSTATUS(status) >= LAST_EXIT))
			fprintf(stderr, "%s, allocation %ld: status %x\n", operations[operation].name, number, status);
	}
	printf("%-25s %5d %5d %5d %5d %5d %5d %5d\n", operations[operation].name, tried, ends[FINE], ends[FAILED], aborted,
		   hung, ends[WRONG], ends[LEFT_BROKEN]);
}

#define HELD 30

static PGconn *held[HELD];
static PGresult *kept[3000];

/* Runs all operations while all allocations fail, until none of them can do anything. */
static void
use_up(void)
{
	int			connected = 0,
				answered = 0,
				made = 0;

	conn = connect_or_die(conninfo);
	PQclear(PQexec(conn, "LISTEN channel"));
	fail_allocations(1, 1L << 40);
	for (int i = 0; i < 100; i++)
	{
		PGresult   *res = armed_exec("SELECT 1, 'one'");

		answered += has_status(res, PGRES_TUPLES_OK) && equal(res, 0, 1, "one");
		PQclear(res);
	}
	for (int i = 0; i < HELD; i++)
	{
		IN(held[i] = PQconnectdb(conninfo));
		connected += PQstatus(held[i]) == CONNECTION_OK;
	}
	for (int i = 0; i < 3000; i++)
	{
		if (i % 2 == 0)
			IN(kept[i] = PQexec(held[i % HELD], "SELECT 1, 'one'"));
		else
			IN(kept[i] = PQmakeEmptyPGresult(conn, PGRES_FATAL_ERROR));
		made += kept[i] != NULL;
	}
	/* Messages for which there is no memory. */
	PQclear(armed_exec("SELECT pg_notify('channel', i::text) FROM generate_series(1, 20000) AS i"));
	for (int i = 0; i < 20; i++)
	{
		IN(PQfreeCancel(PQgetCancel(held[0])));
		IN(PQfreemem(PQescapeLiteral(conn, "text", 4)));
		IN(PQconninfoFree(PQconninfoParse("host=one", NULL)));
		IN(PQfreemem(PQencryptPasswordConn(conn, "secret", "me", "md5")));
		IN(PQsetNoticeProcessor(conn, count_notice, NULL));
		IN(PQreset(held[HELD - 1]));
		PQclear(armed_exec("SELECT 1"));
	}
	fail_allocations(0, 0);
	printf("answered: %d of 100, connected: %s, results kept: %s\n", answered,
		   connected == 0 ? "no" : connected == HELD ? "all" : "some", made < 3000 ? "not all" : "all");
	for (int i = 0; i < 3000; i++)
		PQclear(kept[i]);
	for (int i = 0; i < HELD; i++)
	{
		PGconn	   *other = conn;

		conn = held[i] == NULL ? PQconnectdb(conninfo) : held[i];
		if (!goes_on())
			printf("a connection does not go on: %s%s\n", why, PQerrorMessage(conn));
		PQfinish(conn);
		conn = other;
	}
	if (!goes_on())
		printf("the connection does not go on: %s\n", why);
	PQfinish(conn);
}

int
main(int argc, char **argv)
{
	long		count;

	if (argc < 4 || fail_allocations == NULL)
	{
		fprintf(stderr, "arguments are missing, or failing_malloc.so\n");
		return 2;
	}
	conninfo = argv[1];
	/* glibc ends the process if it has no memory when it reads nsswitch.conf. */
	getpwuid(geteuid());
	count = strcmp(argv[2], "all") == 0 ? 1L << 40 : 1;
	if (strcmp(argv[2], "everything") == 0)
	{
		/* Memory taken from the reserve is returned to it. */
		for (int i = 0; i < 3; i++)
			use_up();
		return 0;
	}
	printf("%-25s %5s %5s %5s %5s %5s %5s %5s\n", "operation", "tried", "ok", "error", "abort", "hang", "wrong", "stuck");
	for (size_t i = 0; i < OPERATIONS; i++)
	{
		int			wanted = argc <= 4;

		for (int a = 4; a < argc; a++)
			wanted |= strcmp(argv[a], operations[i].name) == 0;
		if (wanted)
			table_row(i, count, atol(argv[3]));
	}
	return 0;
}
