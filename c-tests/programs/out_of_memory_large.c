/*
 * out_of_memory_large CONNINFO [own|PART]: data larger than the available memory (RLIMIT_AS). Each part runs in its
 * own process. Afterwards the connection must work, or report that it is closed and be resettable.
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include "common.h"
#include "libpq/libpq-fs.h"

#define MB (1024L * 1024L)
/* The memory that the library may use in addition to the program's. */
#define SLACK (40 * MB)

static PGconn *conn;
static struct rlimit unlimited;

static long
pages_mapped(void)
{
	long		pages = 0;
	FILE	   *file = fopen("/proc/self/statm", "r");

	if (file == NULL || fscanf(file, "%ld", &pages) != 1)
		exit(2);
	fclose(file);
	return pages;
}

static void
limit_memory_by(long slack)
{
	struct rlimit limit = unlimited;

	getrlimit(RLIMIT_AS, &unlimited);
	limit.rlim_max = unlimited.rlim_max;
	limit.rlim_cur = (rlim_t) (pages_mapped() * sysconf(_SC_PAGESIZE) + slack);
	setrlimit(RLIMIT_AS, &limit);
}

static void
limit_memory(void)
{
	limit_memory_by(SLACK);
}

static void
end_limit(void)
{
	setrlimit(RLIMIT_AS, &unlimited);
}

/* A text of this length, in memory that was mapped before the limit was set. */
static char *
text_of(const char *start, long length, const char *end)
{
	char	   *text = malloc((size_t) length + 1);

	if (text == NULL)
		exit(2);
	memset(text, 'x', (size_t) length);
	memcpy(text, start, strlen(start));
	memcpy(text + length - strlen(end), end, strlen(end));
	text[length] = '\0';
	return text;
}

static void
outcome(int value)
{
	fact_int("answer", value);
	fact("  text", PQerrorMessage(conn));
}

/* Without the values, which may be large. */
static void
status_of(PGresult *res)
{
	printf("result: %s rows=%d\n", res == NULL ? "NULL" : PQresStatus(PQresultStatus(res)), PQntuples(res));
	if (PQresultErrorMessage(res)[0] != '\0')
		printf("  message: %.200s\n", PQresultErrorMessage(res));
	printf("  connection: %.200s\n", PQerrorMessage(conn));
	PQclear(res);
}

static void
rest(void)
{
	PGresult   *res;

	for (int i = 0; i < 20 && (res = PQgetResult(conn)) != NULL; i++)
		status_of(res);
}

static void
copy_in(void)
{
	char	   *data = text_of("", 134 * MB, "\n");

	PQclear(PQexec(conn, "CREATE TEMPORARY TABLE copied (line text)"));
	PQclear(PQexec(conn, "COPY copied FROM STDIN"));
	limit_memory();
	outcome(PQputCopyData(conn, data, 134 * MB));
	outcome(PQputCopyData(conn, "short\n", 6));
	outcome(PQputCopyEnd(conn, NULL));
	rest();
	end_limit();
	show_exec(conn, "SELECT * FROM copied");
}

static void
copy_fail(void)
{
	char	   *reason = text_of("", 100 * MB, "");

	PQclear(PQexec(conn, "CREATE TEMPORARY TABLE copied (line text)"));
	PQclear(PQexec(conn, "COPY copied FROM STDIN"));
	limit_memory();
	outcome(PQputCopyEnd(conn, reason));
	outcome(PQputCopyEnd(conn, "no"));
	rest();
}

static void
query(void)
{
	char	   *sql = text_of("SELECT '", 300 * MB, "'");

	limit_memory();
	status_of(PQexec(conn, sql));
	outcome(PQsendQuery(conn, sql));
	rest();
	outcome(PQsetnonblocking(conn, 1));
	outcome(PQsendQuery(conn, sql));
	outcome(PQsetnonblocking(conn, 0));
}

static void
parameters(void)
{
	char	   *value = text_of("", 200 * MB, "");
	const char *values[] = {"1", value};
	int			lengths[] = {0, (int) (200 * MB)},
				formats[] = {0, 1};
	PGresult   *res = PQprepare(conn, "s", "SELECT $1::text, length($2::text)", 0, NULL);

	PQclear(res);
	limit_memory();
	for (int binary = 0; binary < 2; binary++)
	{
		status_of(PQexecParams(conn, "SELECT $1::text, length($2::text)", 2, NULL, values, lengths,
							   binary ? formats : NULL, 0));
		status_of(PQexecPrepared(conn, "s", 2, values, lengths, binary ? formats : NULL, 0));
		outcome(PQsetnonblocking(conn, 1));
		outcome(PQsendQueryPrepared(conn, "s", 2, values, lengths, binary ? formats : NULL, 0));
		outcome(PQsetnonblocking(conn, 0));
	}
	values[1] = "short";
	status_of(PQexecPrepared(conn, "s", 2, values, NULL, NULL, 0));
}

static void
statement(void)
{
	char	   *sql = text_of("SELECT '", 200 * MB, "'");

	limit_memory();
	status_of(PQprepare(conn, "large", sql, 0, NULL));
	status_of(PQprepare(conn, sql, "SELECT 1", 0, NULL));
	status_of(PQexecParams(conn, sql, 0, NULL, NULL, NULL, NULL, 0));
	status_of(PQdescribePrepared(conn, sql));
	status_of(PQclosePrepared(conn, sql));
}

static void
pipeline(void)
{
	char	   *value = text_of("", 200 * MB, "");
	const char *large[] = {value},
			   *small[] = {"1"};

	limit_memory();
	outcome(PQenterPipelineMode(conn));
	outcome(PQsendQueryParams(conn, "SELECT length($1::text)", 1, NULL, small, NULL, NULL, 0));
	outcome(PQsendQueryParams(conn, "SELECT length($1::text)", 1, NULL, large, NULL, NULL, 0));
	outcome(PQsendQueryParams(conn, "SELECT 1 + length($1::text)", 1, NULL, small, NULL, NULL, 0));
	outcome(PQpipelineSync(conn));
	for (int i = 0; i < 5; i++)
		show(PQgetResult(conn));
	outcome(PQexitPipelineMode(conn));
}

static void
large_object(void)
{
	char	   *data = text_of("", 200 * MB, "");
	Oid			object;
	int			descriptor;

	PQclear(PQexec(conn, "BEGIN"));
	object = lo_create(conn, 0);
	descriptor = lo_open(conn, object, INV_READ | INV_WRITE);
	limit_memory();
	outcome(lo_write(conn, descriptor, data, (size_t) (200 * MB)));
	outcome(lo_write(conn, descriptor, data, 5));
	end_limit();
	outcome(lo_unlink(conn, object));
	PQclear(PQexec(conn, "COMMIT"));
}

/* Calls repeat(text, int), whose result goes into memory that was mapped before. */
static void
function_result_of(int bytes)
{
	char	   *buffer = text_of("", 200 * MB, ""),
				x = 'x';
	PQArgBlock	args[] = {{1, 0, {.ptr = (int *) &x}}, {4, 1, {.integer = bytes}}};
	int			length = -1;

	limit_memory();
	status_of(PQfn(conn, 1622, (int *) buffer, &length, 0, args, 2));
}

static void
function_result(void)
{
	function_result_of(200000000);
}

/* Large enough that the message fits in memory, and a copy of its contents does not. */
static void
copied_function_result(void)
{
	function_result_of(24000000);
}

static void
large_object_out(void)
{
	char	   *buffer = text_of("", 200 * MB, "");
	PGresult   *res;
	Oid			object;
	int			descriptor;

	PQclear(PQexec(conn, "BEGIN"));
	res = PQexec(conn, "SELECT lo_from_bytea(0, convert_to(repeat('x', 150000000), 'UTF8'))");
	object = (Oid) strtoul(PQgetvalue(res, 0, 0), NULL, 10);
	PQclear(res);
	descriptor = lo_open(conn, object, INV_READ);
	limit_memory();
	outcome(lo_read(conn, descriptor, buffer, (size_t) (150 * MB)));
	outcome(lo_read(conn, descriptor, buffer, 5));
}

static void
connection_string(void)
{
	char	   *plain = text_of("application_name=", 20 * MB, ""),
			   *quoted = text_of("application_name='", 20 * MB, "'"),
			   *uri = text_of("postgresql://host/db?application_name=", 20 * MB, ""),
			   *hosts = text_of("postgresql://", 20 * MB, "/db"),
			   *keyword = text_of("", 20 * MB, "=");
	const char *all[] = {plain, quoted, uri, hosts, keyword};

	limit_memory_by(SLACK / 4);
	for (int i = 0; i < 5; i++)
	{
		char	   *message;
		PQconninfoOption *options = PQconninfoParse(all[i], &message);

		printf("options: %d\n", options != NULL);
		/* Without memory there may be no error text either. */
		if (message != NULL && strcmp(message, "out of memory\n") != 0)
			printf("  text of %zu bytes\n", strlen(message));
		PQfreemem(message);
		PQconninfoFree(options);
	}
}

static void
connecting(void)
{
	const char *keywords[] = {"host", "application_name", NULL},
			   *values[] = {"127.0.0.1", text_of("", 20 * MB, ""), NULL};
	PGconn	   *second;

	limit_memory_by(SLACK / 4);
	second = PQconnectdbParams(keywords, values, 0);
	printf("connected: %d\n", PQstatus(second) == CONNECTION_OK);
	PQfinish(second);
}

static void
escape(void)
{
	char	   *text = text_of("", 100 * MB, "'");
	size_t		length;

	limit_memory();
	outcome(PQescapeLiteral(conn, text, (size_t) (100 * MB)) != NULL);
	outcome(PQescapeIdentifier(conn, text, (size_t) (100 * MB)) != NULL);
	outcome(PQescapeByteaConn(conn, (unsigned char *) text, (size_t) (100 * MB), &length) != NULL);
	outcome(PQunescapeBytea((unsigned char *) text, &length) != NULL);
}

static void
large_value(void)
{
	limit_memory();
	status_of(PQexec(conn, "SELECT repeat('x', 200000000)"));
	rest();
}

static void
many_rows(void)
{
	limit_memory();
	status_of(PQexec(conn, "SELECT repeat('x', 1000) FROM generate_series(1, 200000)"));
	status_of(PQexec(conn, "SELECT 'after'"));
}

static void
copy_out(void)
{
	char	   *row;
	int			length;

	limit_memory();
	status_of(PQexec(conn, "COPY (SELECT repeat('x', 200000000)) TO STDOUT"));
	length = PQgetCopyData(conn, &row, 0);
	printf("length: %d, %s\n", length, PQerrorMessage(conn));
}

static void
drop_notice(void *arg, const char *text)
{
	(void) arg;
	(void) text;
}

static void
messages(void)
{
	PQsetNoticeProcessor(conn, drop_notice, NULL);
	limit_memory();
	for (int i = 0; i < 2; i++)
	{
		char		sql[200];

		snprintf(sql, sizeof sql, "DO $$ BEGIN RAISE %s '%%', repeat('x', 15000000); END $$", i == 0 ? "NOTICE" : "EXCEPTION");
		PQclear(PQexec(conn, sql));
	}
}

static void
error_position(void)
{
	char	   *sql = text_of("SELECT '", 2 * MB, "' FROM nothing_there");

	limit_memory();
	PQclear(PQexec(conn, sql));
}

static void
set_value(void)
{
	char	   *value = text_of("", 200 * MB, "");
	PGresAttDesc column = {"one", 0, 0, 0, 25, -1, -1};
	PGresult   *res = PQmakeEmptyPGresult(conn, PGRES_TUPLES_OK);

	PQsetResultAttrs(res, 1, &column);
	limit_memory();
	fact_int("set", PQsetvalue(res, 0, 0, value, (int) (200 * MB)));
	fact_int("set", PQsetvalue(res, 0, 0, value, 5));
	fact_int("allocated", PQresultAlloc(res, (size_t) (200 * MB)) != NULL);
	end_limit();
	show(res);
}

static void
traced(void)
{
	char	   *sql = text_of("SELECT '", 15 * MB, "'");
	FILE	   *file = fopen("/dev/null", "w");

	PQtrace(conn, file);
	limit_memory();
	PQclear(PQexec(conn, sql));
	PQuntrace(conn);
}

static void
printed(void)
{
	FILE	   *file = fopen("/dev/null", "w");
	PGresult   *res = PQexec(conn, "SELECT repeat('x', 30000000), repeat('y', 1000) FROM generate_series(1, 3)");
	PQprintOpt	wanted = {.header = 1, .align = 1, .fieldSep = "|"};

	limit_memory();
	PQprint(file, res, &wanted);
	PQdisplayTuples(res, file, 1, "|", 1, 0);
	PQclear(res);
}

typedef struct
{
	const char *name;
	void		(*run) (void);
}			Part;

static const Part parts[] = {
	{"COPY in", copy_in},
	{"COPY fail", copy_fail},
	{"query", query},
	{"parameters", parameters},
	{"statement", statement},
	{"pipeline", pipeline},
	{"large object", large_object},
	{"function result", function_result},
	{"large object out", large_object_out},
	{"connection string", connection_string},
	{"connecting", connecting},
	{"escape", escape},
	{"large value", large_value},
	{"many rows", many_rows},
	{"COPY out", copy_out},
	{"messages", messages},
	{"error position", error_position},
	{"set value", set_value},
};

/* Cases in which C libpq, which has no reserve, closes the connection or prints nothing, or needs less memory. */
static const Part own_parts[] = {
	{"copied function result", copied_function_result},
	{"traced", traced},
	{"printed", printed},
};

static void
run(const Part *part, const char *conninfo)
{
	conn = connect_or_die(conninfo);
	getrlimit(RLIMIT_AS, &unlimited);
	part->run();
	end_limit();
	if (PQstatus(conn) != CONNECTION_OK)
	{
		printf("closed\n");
		PQreset(conn);
	}
	show_exec(conn, "SELECT 'the connection still works'");
	PQfinish(conn);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	const char *wanted = argc > 2 ? argv[2] : NULL;
	int			own = wanted != NULL && strcmp(wanted, "own") == 0;
	const Part *all = own ? own_parts : parts;
	size_t		count = own ? sizeof own_parts / sizeof *own_parts : sizeof parts / sizeof *parts;

	for (const Part *part = all; part < all + count; part++)
	{
		int			status;
		pid_t		child;

		if (wanted != NULL && !own && strcmp(wanted, part->name) != 0)
			continue;
		heading(part->name);
		if ((child = fork()) == 0)
		{
			alarm(50);
			run(part, argv[1]);
			_exit(0);
		}
		waitpid(child, &status, 0);
		if (status != 0)
			printf("ended by %x\n", status);
	}
	return 0;
}
