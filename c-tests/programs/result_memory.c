/*
 * result_memory PART CONNINFO: results of every kind, read directly in memory, as some programs do, and with the
 * functions.
 *
 *   heads   only the leading fields, not the values
 *   values  also the values; ours needs LIBPQ_OXIDE_RESULTS=libpq
 *   FILE    which results have values before and after this object is loaded
 */
#include <dlfcn.h>

#include "common.h"
#include "libpq-events.h"

struct value
{
	int			length;
	char	   *start;
};

/* The first fields of libpq's PGresult. */
struct memory
{
	int			rows;
	int			columns;
	PGresAttDesc *descriptions;
	struct value **values;
};

static int	with_values;

static unsigned long
hashed(unsigned long hash, const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ ((const unsigned char *) bytes)[i]) * 0x100000001b3;
	return hash;
}

static void
require(int truth, const char *what)
{
	if (!truth)
	{
		printf("WRONG: %s\n", what);
		exit(1);
	}
}

static void
print_description(const PGresult *res, int column, const PGresAttDesc *desc)
{
	printf("  column %d: ", column);
	print_text(desc->name);
	printf(" table=%d.%d format=%d type=%u size=%d mod=%d\n", desc->tableid != 0, desc->columnid, desc->format,
		   desc->typid, desc->typlen, desc->atttypmod);
	require(desc->name == PQfname(res, column), "name");
	require(desc->tableid == PQftable(res, column), "table");
}

static void
check_value(const PGresult *res, int row, int column, const struct value *value)
{
	int			length = PQgetlength(res, row, column);

	require((value->length == -1) == PQgetisnull(res, row, column), "NULL");
	require(value->length == -1 ? length == 0 : length == value->length, "length");
	require(value->start == PQgetvalue(res, row, column), "place");
	require(value->start[length] == '\0', "NUL");
	if (value->length != -1 && PQfformat(res, column) == 1)
		require((size_t) value->start % 8 == 0, "alignment");
}

/* Prints a few rows, and a hash of the others and of long values. */
static void
print_values(const PGresult *res, const struct memory *memory)
{
	unsigned long hash = 0xcbf29ce484222325;

	for (int row = 0; row < memory->rows; row++)
		for (int column = 0; column < memory->columns; column++)
		{
			const struct value *value = &memory->values[row][column];

			check_value(res, row, column, value);
			hash = hashed(hash, &value->length, sizeof value->length);
			hash = hashed(hash, value->start, value->length == -1 ? 1 : (size_t) value->length + 1);
			if (row >= 3 || column >= 6)
				continue;
			printf("  (%d, %d) %d ", row, column, value->length);
			print_bytes(value->start, value->length < 0 ? 0 : value->length < 40 ? value->length : 40);
			putchar('\n');
		}
	printf("  values %lx\n", hash);
}

static void
look(const char *label, const PGresult *res)
{
	const struct memory *memory = (const struct memory *) res;

	printf("%s: ", label);
	if (res == NULL)
	{
		puts("NULL");
		return;
	}
	printf("%s rows=%d columns=%d\n", PQresStatus(PQresultStatus(res)), memory->rows, memory->columns);
	require(memory->rows == PQntuples(res) && memory->columns == PQnfields(res), "numbers");
	require((memory->descriptions == NULL) == (memory->columns == 0), "descriptions");
	for (int column = 0; column < memory->columns; column++)
		if (column < 6 || column == memory->columns - 1)
			print_description(res, column, &memory->descriptions[column]);
	if (with_values)
		print_values(res, memory);
}

static void
look_and_clear(const char *label, PGresult *res)
{
	look(label, res);
	PQclear(res);
}

static void
query(PGconn *conn, const char *sql)
{
	look_and_clear(sql, PQexec(conn, sql));
}

static void
query_binary(PGconn *conn, const char *sql)
{
	look_and_clear(sql, PQexecParams(conn, sql, 0, NULL, NULL, NULL, NULL, 1));
}

static void
all_results(PGconn *conn, const char *label)
{
	PGresult   *res;

	while ((res = PQgetResult(conn)) != NULL)
		look_and_clear(label, res);
}

static const char *const mixed =
"SELECT CASE WHEN i % 3 <> 0 THEN i END AS n, repeat('x', i % 50) AS t, NULL AS nothing, ''::text AS empty, i * 1.5::float8"
" AS f FROM generate_series(1, 500) AS i";

static const char *const thousand = "SELECT i, 'value ' || i FROM generate_series(1, 1000) AS i";

static void
queries(PGconn *conn)
{
	char		wide[60000] = "SELECT 0 AS c0";

	heading("queries");
	query(conn, "SELECT 1 AS one, NULL AS nothing, '' AS empty");
	query(conn, mixed);
	query_binary(conn, mixed);
	query(conn, "SELECT 1 AS one, 'x' AS two WHERE false");
	query_binary(conn, "SELECT 1 AS one, 'x' AS two WHERE false");
	query(conn, "SELECT FROM generate_series(1, 3)");
	query(conn, "SELECT repeat('long', 20000) AS a, NULL, repeat('b', 70000)");
	query_binary(conn, "SELECT repeat('long', 20000) AS a, NULL, repeat('b', 70000)");
	query(conn, "SELECT repeat('large', 4000000) AS a, 'behind' AS b");
	query(conn, "SELECT i, i FROM generate_series(1, 200000) AS i");
	for (int i = 1; i < 1600; i++)
		sprintf(wide + strlen(wide), ", nullif(%d, 0) AS column_%d", i % 7 * i, i);
	strcat(wide, " FROM generate_series(1, 20)");
	look_and_clear("1600 columns", PQexec(conn, wide));
	look_and_clear("1600 columns, binary", PQexecParams(conn, wide, 0, NULL, NULL, NULL, NULL, 1));
	query(conn, "CREATE TEMP TABLE t (a int, b text)");
	query(conn, "INSERT INTO t VALUES (1, 'one'), (2, NULL) RETURNING *");
	query(conn, "TABLE t");
	query(conn, "");
	query(conn, "SELECT 1/0");
	query(conn, "SELECT 1; SELECT 'second' AS last, 2");
	query(conn, "SELECT i, 100 / (i - 30) FROM generate_series(1, 40) AS i");
	query(conn, "BEGIN; DECLARE b BINARY CURSOR FOR TABLE t");
	query(conn, "FETCH ALL FROM b");
	look_and_clear("portal", PQdescribePortal(conn, "b"));
	query(conn, "COMMIT");
	look_and_clear("prepare", PQprepare(conn, "p", "SELECT $1::int AS i, $2::text AS t", 0, NULL));
	look_and_clear("statement", PQdescribePrepared(conn, "p"));
	for (int binary = 0; binary < 2; binary++)
		look_and_clear("prepared", PQexecPrepared(conn, "p", 2, (const char *const[]) {"5", NULL}, NULL, NULL, binary));
	look_and_clear("close", PQclosePrepared(conn, "p"));
}

static void
row_modes(PGconn *conn)
{
	heading("row modes");
	for (int size = 0; size < 300; size += 99)
		for (int binary = 0; binary < 2; binary++)
		{
			PQsendQueryParams(conn, mixed, 0, NULL, NULL, NULL, NULL, binary);
			require(size == 0 ? PQsetSingleRowMode(conn) : PQsetChunkedRowsMode(conn, size), "row mode");
			all_results(conn, "portion");
		}
	PQsendQuery(conn, "SELECT repeat('large', 4000000); SELECT 1 WHERE false");
	PQsetSingleRowMode(conn);
	all_results(conn, "portion");
	PQsendQuery(conn, "SELECT i, 100 / (i - 30) FROM generate_series(1, 40) AS i");
	PQsetChunkedRowsMode(conn, 20);
	all_results(conn, "portion");
}

static void
pipeline(PGconn *conn)
{
	heading("pipeline");
	PQenterPipelineMode(conn);
	for (int i = 0; i < 3; i++)
		PQsendQueryParams(conn, thousand, 0, NULL, NULL, NULL, NULL, i % 2);
	PQsendPrepare(conn, "piped", "SELECT $1::text AS a", 0, NULL);
	PQsendDescribePrepared(conn, "piped");
	PQsendQueryParams(conn, "SELECT 1/0", 0, NULL, NULL, NULL, NULL, 0);
	PQsendQueryParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(conn);
	for (int i = 0; i < 8; i++)
		all_results(conn, "piped");
	PQexitPipelineMode(conn);
}

static void
copy(PGconn *conn)
{
	char	   *line;

	heading("COPY");
	must(conn, "CREATE TEMP TABLE copied (a int, b text)");
	for (int binary = 0; binary < 2; binary++)
	{
		query(conn, binary ? "COPY copied FROM STDIN (FORMAT BINARY)" : "COPY copied FROM STDIN");
		PQputCopyEnd(conn, binary ? "not now" : NULL);
		all_results(conn, "end");
		query(conn, binary ? "COPY copied TO STDOUT (FORMAT BINARY)" : "COPY copied TO STDOUT");
		while (PQgetCopyData(conn, &line, 0) > 0)
			PQfreemem(line);
		all_results(conn, "end");
	}
}

static void
change(PGresult *res, const char *label)
{
	char		text[] = "0123456789";
	int			last = PQnfields(res) - 1;

	for (int row = 0; row < 1000; row++)
		require(PQsetvalue(res, row, row % 2 ? 0 : last, text, row % 11), "value");
	look(label, res);
	for (int row = 0; row < 1000; row += 3)
		require(PQsetvalue(res, row, 0, row % 2 ? text : NULL, row % 2 ? 7 : -1), "value");
	look(label, res);
}

static void
copies(PGconn *conn, const char *sql, int binary)
{
	PGresult   *res = PQexecParams(conn, sql, 0, NULL, NULL, NULL, NULL, binary);
	PGresult   *all;

	for (int flags = 0; flags < 16; flags++)
		look_and_clear("copy", PQcopyResult(res, flags));
	all = PQcopyResult(res, PG_COPYRES_TUPLES);
	PQclear(res);
	res = PQcopyResult(all, PG_COPYRES_ATTRS);
	if (PQnfields(res) > 0)
	{
		change(all, "changed copy");
		change(res, "filled copy");
	}
	PQclear(all);
	look_and_clear("copy of a copy", res);
}

static void
by_hand(PGconn *conn)
{
	PGresAttDesc columns[] = {
		{.name = (char *) "one", .typid = 23, .typlen = 4, .atttypmod = -1},
		{.name = (char *) "two", .typid = 25, .typlen = -1, .atttypmod = 9, .columnid = 6, .format = 1},
	};
	PGresult   *res;

	heading("by hand");
	for (int with = 0; with < 2; with++)
		for (int count = 0; count < 3; count++)
		{
			res = PQmakeEmptyPGresult(with ? conn : NULL, PGRES_TUPLES_OK);
			look("empty", res);
			PQsetResultAttrs(res, count, columns);
			look("described", res);
			if (count > 0)
				change(res, "filled");
			look_and_clear("at last", res);
		}
	res = PQexec(conn, mixed);
	change(res, "changed");
	PQclear(res);
	res = PQexecParams(conn, mixed, 0, NULL, NULL, NULL, NULL, 1);
	change(res, "changed, binary");
	PQclear(res);
	copies(conn, mixed, 0);
	copies(conn, mixed, 1);
	copies(conn, "SELECT FROM generate_series(1, 3)", 0);
	copies(conn, "SELECT 1/0", 0);
}

static void
receive(void *arg, const PGresult *res)
{
	(void) arg;
	look("notice", res);
	look_and_clear("copy of the notice", PQcopyResult(res, PG_COPYRES_TUPLES));
}

static int
on_event(PGEventId id, void *info, void *arg)
{
	(void) arg;
	if (id == PGEVT_RESULTCREATE)
		look("created", ((PGEventResultCreate *) info)->result);
	else if (id == PGEVT_RESULTCOPY)
		look("copied", ((PGEventResultCopy *) info)->dest);
	else if (id == PGEVT_RESULTDESTROY)
		look("cleared", ((PGEventResultDestroy *) info)->result);
	return 1;
}

static void
callbacks(PGconn *conn)
{
	PGresult   *res;

	heading("callbacks");
	PQsetNoticeReceiver(conn, receive, NULL);
	query(conn, "DO $$ BEGIN RAISE NOTICE 'careful'; END $$");
	require(PQregisterEventProc(conn, on_event, "look", NULL), "events");
	res = PQexec(conn, thousand);
	look_and_clear("copy", PQcopyResult(res, PG_COPYRES_TUPLES | PG_COPYRES_EVENTS));
	PQclear(res);
	look_and_clear("made", PQmakeEmptyPGresult(conn, PGRES_TUPLES_OK));
}

static int
has_values(PGresult *res)
{
	struct memory *memory = (struct memory *) res;
	int			found;

	require(memory->rows > 0, "rows");
	found = memory->values != NULL;
	PQclear(res);
	return found;
}

static PGresult *
made(PGconn *conn)
{
	PGresult   *res = PQmakeEmptyPGresult(conn, PGRES_TUPLES_OK);
	char		text[] = "text";

	PQsetResultAttrs(res, 1, &(PGresAttDesc) {.name = text});
	PQsetvalue(res, 0, 0, text, 4);
	return res;
}

static PGresult *
copied(PGresult *res)
{
	PGresult   *copy = PQcopyResult(res, PG_COPYRES_TUPLES);

	PQclear(res);
	return copy;
}

static void
print_which(const char *label, PGconn *conn)
{
	PGresult   *res;

	printf("%s: %d", label, has_values(PQexec(conn, "SELECT 1")));
	PQsendQuery(conn, "SELECT 1");
	PQsetSingleRowMode(conn);
	printf(" %d", has_values(PQgetResult(conn)));
	while ((res = PQgetResult(conn)) != NULL)
		PQclear(res);
	printf(" %d", has_values(copied(PQexec(conn, "SELECT 1"))));
	printf(" %d %d\n", has_values(made(conn)), has_values(copied(made(conn))));
}

static void
before_and_after(const char *file, const char *conninfo)
{
	PGconn	   *conn = connect_or_die(conninfo);
	PGconn	   *later;

	printf("no connection: %d\n", has_values(made(NULL)));
	print_which("before", conn);
	require(dlopen(file, RTLD_NOW) != NULL, "object");
	printf("no connection: %d\n", has_values(made(NULL)));
	print_which("connected before", conn);
	later = connect_or_die(conninfo);
	print_which("connected after", later);
	PQfinish(later);
	PQreset(conn);
	print_which("connected again", conn);
	PQfinish(conn);
}

int
main(int argc, char **argv)
{
	PGconn	   *conn;
	PGresult   *kept[2];

	if (argc != 3)
		return 2;
	if (strchr(argv[1], '/') != NULL)
	{
		before_and_after(argv[1], argv[2]);
		return 0;
	}
	with_values = strcmp(argv[1], "values") == 0;
	conn = connect_or_die(argv[2]);
	must(conn, "SET extra_float_digits = 0");
	queries(conn);
	row_modes(conn);
	pipeline(conn);
	copy(conn);
	by_hand(conn);
	kept[0] = PQexec(conn, thousand);
	PQreset(conn);
	kept[1] = PQexec(conn, thousand);
	callbacks(conn);
	PQfinish(conn);
	heading("later");
	for (int i = 0; i < 2; i++)
		look_and_clear("kept", kept[i]);
	return 0;
}
