/*
 * trace CONNINFO FLAGS [startup]: PQtrace with sessions of every kind. Times, process ids and keys are masked; FLAGS
 * are those of PQsetTraceFlags.
 */
#include <ctype.h>
#include <poll.h>

#include "common.h"
#include "libpq/libpq-fs.h"

static FILE *trace;
static int	flags;

/* Whether a line begins with the time of a message. */
static int
has_time(const char *line)
{
	static const char shape[] = "dddd-dd-dd dd:dd:dd.dddddd\t";

	for (const char *at = shape; *at != '\0'; at++, line++)
		if (*at == 'd' ? !isdigit((unsigned char) *line) : *at != *line)
			return 0;
	return 1;
}

/*
 * Whether a line has data whose content and length differ between sessions. Of such a line, only whether it is
 * complete is printed.
 */
static int
print_secret(const char *line)
{
	static const char *const secret[] = {"GSSResponse\t", "AuthenticationGSSContinue\t", "SASLResponse\t",
		"SASLInitialResponse\t", "AuthenticationSASLContinue\t", "AuthenticationSASLFinal\t"};

	for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
	{
		const char *name = strstr(line, secret[i]),
				   *quote = strchr(line, '\''),
				   *end = strrchr(line, '\'');
		int			length,
					shown = 0;

		if (name == NULL || quote == NULL || sscanf(line, "%*c\t%d", &length) != 1)
			continue;
		for (const char *at = quote + 1; at < end; at += at[0] == '\\' && at[1] == 'x' ? 4 : 1)
			shown++;
		printf("%.2s%.*s", line, (int) (quote - name), name);
		if (strncmp(quote, "'BBBB'", 6) == 0)
			printf("%s", quote);
		else
			printf("all but %d%s", length - shown, end + 1);
		return 1;
	}
	return 0;
}

/* Prints a line up to the field that differs between sessions. */
static void
print_line(char *line)
{
	static const char *const vary[] = {"BackendKeyData\t", "NotificationResponse\t"};
	int			is_regress = (flags & PQTRACE_REGRESS_MODE) != 0;
	char	   *name;

	if (has_time(line))
	{
		printf("TIME\t");
		line = strchr(line, '\t') + 1;
	}
	if (print_secret(line))
		return;
	for (size_t i = 0; i < sizeof vary / sizeof *vary; i++)
	{
		name = strstr(line, vary[i]);
		if (name != NULL && !is_regress)
		{
			/* After the process id there is a key, or a constant text. */
			char	   *words = i == 1 ? strchr(name, '"') : NULL;

			name[strlen(vary[i])] = '\0';
			printf("%s NUMBER %s", line, words != NULL ? words : "\n");
			return;
		}
	}
	fputs(line, stdout);
}

/* Ends a trace and prints it. */
static void
print_trace(PGconn *conn)
{
	static char line[1 << 20];

	PQuntrace(conn);
	rewind(trace);
	while (fgets(line, sizeof line, trace) != NULL)
		print_line(line);
	fclose(trace);
}

static void
begin_trace(PGconn *conn, const char *what)
{
	heading(what);
	trace = tmpfile();
	if (trace == NULL)
		exit(2);
	PQtrace(conn, trace);
	PQsetTraceFlags(conn, flags);
}

static void
drain(PGconn *conn)
{
	PGresult   *res;

	while ((res = PQgetResult(conn)) != NULL)
		PQclear(res);
}

static void
simple(PGconn *conn)
{
	begin_trace(conn, "simple");
	PQclear(PQexec(conn, "SELECT 1 AS a, NULL AS b, E'two\\nlines \\\\ \"quoted\" \\x01' AS c, 'caf\xc3\xa9' AS d"));
	PQclear(PQexec(conn, ""));
	PQclear(PQexec(conn, "SELECT 1; SELECT 'x' WHERE false; BEGIN; COMMIT"));
	PQclear(PQexec(conn, "SELECT oid, relname FROM pg_class WHERE oid = 1259"));
	PQclear(PQexec(conn, "SET application_name = 'traced'"));
	PQclear(PQexec(conn, "SELECT FROM generate_series(1, 2)"));
	print_trace(conn);
	begin_trace(conn, "errors and notices");
	PQclear(PQexec(conn, "SELECT nothing"));
	PQclear(PQexec(conn, "DO $$ BEGIN RAISE NOTICE 'n' USING DETAIL = 'd', HINT = 'h'; END $$"));
	PQclear(PQexec(conn, "BEGIN; SELECT 1/0"));
	PQclear(PQexec(conn, "ROLLBACK"));
	print_trace(conn);
}

static void
extended(PGconn *conn)
{
	static const char *const values[] = {"12", NULL, "a\001b"};
	static const int lengths[] = {0, 0, 3};
	static const int formats[] = {0, 0, 1};
	static const Oid types[] = {23, 0, 17};

	begin_trace(conn, "extended");
	PQclear(PQexecParams(conn, "SELECT $1, $2::text, $3", 3, types, values, lengths, formats, 1));
	PQclear(PQexecParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0));
	PQclear(PQexecParams(conn, "", 0, NULL, NULL, NULL, NULL, 0));
	PQclear(PQexecParams(conn, "SELECT $1", 0, NULL, NULL, NULL, NULL, 0));
	PQclear(PQexecParams(conn, "CREATE TEMP TABLE traced ()", 0, NULL, NULL, NULL, NULL, 0));
	print_trace(conn);
	begin_trace(conn, "prepared");
	PQclear(PQprepare(conn, "name", "SELECT $1::int + $2::int", 1, types));
	PQclear(PQexecPrepared(conn, "name", 2, values, NULL, NULL, 0));
	PQclear(PQdescribePrepared(conn, "name"));
	PQclear(PQclosePrepared(conn, "name"));
	PQclear(PQexec(conn, "BEGIN; DECLARE portal CURSOR FOR SELECT 1 AS one"));
	PQclear(PQdescribePortal(conn, "portal"));
	PQclear(PQclosePortal(conn, "portal"));
	PQclear(PQexec(conn, "COMMIT"));
	PQclear(PQdescribePortal(conn, "none"));
	print_trace(conn);
}

static void
pipeline(PGconn *conn)
{
	begin_trace(conn, "pipeline");
	PQenterPipelineMode(conn);
	PQsendQueryParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0);
	PQsendFlushRequest(conn);
	PQsendQueryParams(conn, "SELECT 1/0", 0, NULL, NULL, NULL, NULL, 0);
	PQsendQueryParams(conn, "SELECT 3", 0, NULL, NULL, NULL, NULL, 0);
	PQsendPipelineSync(conn);
	PQsendPrepare(conn, "later", "SELECT 4", 0, NULL);
	PQpipelineSync(conn);
	for (int i = 0; i < 10; i++)
		PQclear(PQgetResult(conn));
	fact_int("left", PQexitPipelineMode(conn));
	print_trace(conn);
}

static void
copy(PGconn *conn)
{
	char	   *row;

	PQclear(PQexec(conn, "CREATE TEMP TABLE copied (a int, b text)"));
	begin_trace(conn, "copy");
	PQclear(PQexec(conn, "COPY copied FROM STDIN"));
	PQputCopyData(conn, "1\tone\n2\t\\N\n", 11);
	PQputCopyEnd(conn, NULL);
	drain(conn);
	PQclear(PQexec(conn, "COPY copied TO STDOUT"));
	while (PQgetCopyData(conn, &row, 0) > 0)
		PQfreemem(row);
	drain(conn);
	PQclear(PQexec(conn, "COPY copied TO STDOUT (FORMAT binary)"));
	while (PQgetCopyData(conn, &row, 0) > 0)
		PQfreemem(row);
	drain(conn);
	PQclear(PQexec(conn, "COPY copied FROM STDIN"));
	PQputCopyEnd(conn, "changed my mind");
	drain(conn);
	PQclear(PQexec(conn, "COPY copied FROM STDIN"));
	PQclear(PQexec(conn, "COPY copied TO STDOUT"));
	PQclear(PQexec(conn, "SELECT 'after an abandoned one'"));
	print_trace(conn);
}

static void
fastpath(PGconn *conn)
{
	PQArgBlock	arguments[] = {{.len = 4, .isint = 1, .u.integer = 20}, {.len = -1, .isint = 0}};
	int			answer,
				length;

	begin_trace(conn, "fastpath");
	PQclear(PQfn(conn, 1397, &answer, &length, 1, arguments, 1));
	PQclear(PQfn(conn, 177, &answer, &length, 1, arguments, 2));
	PQclear(PQfn(conn, 1, &answer, &length, 1, NULL, 0));
	PQclear(PQexec(conn, "BEGIN"));
	if ((flags & PQTRACE_REGRESS_MODE) != 0)
		fact_int("open", lo_open(conn, 1, INV_READ));
	PQclear(PQexec(conn, "ROLLBACK"));
	print_trace(conn);
}

static void
notifications(PGconn *conn)
{
	PGnotify   *notify;

	begin_trace(conn, "notifications");
	PQclear(PQexec(conn, "LISTEN channel; NOTIFY channel, 'payload'"));
	while ((notify = PQnotifies(conn)) != NULL)
		PQfreemem(notify);
	PQclear(PQexec(conn, "UNLISTEN channel"));
	print_trace(conn);
}

static void
switching(PGconn *conn)
{
	FILE	   *other = tmpfile();

	begin_trace(conn, "switching");
	PQclear(PQexec(conn, "SELECT 'traced'"));
	PQsetTraceFlags(conn, 0);
	PQclear(PQexec(conn, "SELECT 'with times'"));
	PQsetTraceFlags(conn, -1);
	PQclear(PQexec(conn, "SELECT oid FROM pg_class WHERE false"));
	PQtrace(conn, other);
	PQclear(PQexec(conn, "SELECT 'elsewhere'"));
	PQtrace(conn, NULL);
	PQsetTraceFlags(conn, 3);
	PQclear(PQexec(conn, "SELECT 'nowhere'"));
	print_trace(conn);
	heading("the other file");
	trace = other;
	print_trace(conn);
	heading("what is read but not taken");
	begin_trace(conn, "half");
	PQsendQuery(conn, "SELECT 1; SELECT 2");
	PQclear(PQgetResult(conn));
	print_trace(conn);
	begin_trace(conn, "the other half");
	drain(conn);
	print_trace(conn);
}

/* A connection that is traced from its beginning. */
static void
startup(const char *conninfo)
{
	PGconn	   *conn = PQconnectStart(conninfo);
	PostgresPollingStatusType polling = PGRES_POLLING_WRITING;

	begin_trace(conn, "startup");
	while (polling != PGRES_POLLING_OK && polling != PGRES_POLLING_FAILED)
	{
		struct pollfd pollfd = {.fd = PQsocket(conn)};

		pollfd.events = polling == PGRES_POLLING_READING ? POLLIN : POLLOUT;
		poll(&pollfd, 1, 30000);
		polling = PQconnectPoll(conn);
	}
	fact_int("polling", polling);
	fact_int("status", PQstatus(conn));
	PQsetErrorVerbosity(conn, PQERRORS_TERSE);
	PQclear(PQexec(conn, "SELECT 1"));
	print_trace(conn);
	begin_trace(conn, "reset");
	PQreset(conn);
	print_trace(conn);
	PQfinish(conn);
}

int
main(int argc, char **argv)
{
	PGconn	   *conn;

	if (argc < 3)
		return 2;
	flags = atoi(argv[2]);
	if (argc > 3)
	{
		startup(argv[1]);
		return 0;
	}
	conn = connect_or_die(argv[1]);
	simple(conn);
	extended(conn);
	pipeline(conn);
	copy(conn);
	fastpath(conn);
	notifications(conn);
	switching(conn);
	begin_trace(conn, "the end");
	PQfinish(conn);
	trace = freopen(NULL, "r+", trace) != NULL ? trace : NULL;
	if (trace != NULL)
		print_trace(NULL);
	return 0;
}
