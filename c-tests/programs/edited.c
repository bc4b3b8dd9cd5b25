/* edited CONNINFO: copies and changes results of every kind. */
#include <stddef.h>
#include <stdint.h>

#include "common.h"

static char text[] = "changed";
static char binary[] = {0, 1, 0, 2};

static void
change(PGresult *res)
{
	int			rows = PQntuples(res);

	fact_int("first", PQsetvalue(res, 0, 0, text, 7));
	fact_int("shorter", PQsetvalue(res, 0, 0, text, 3));
	fact_int("binary", PQsetvalue(res, 0, 0, binary, sizeof binary));
	fact_int("null", PQsetvalue(res, 0, 0, NULL, 0));
	fact_int("negative", PQsetvalue(res, 0, 0, text, -5));
	fact_int("append", PQsetvalue(res, rows, 0, text, 7));
	fact_int("append", PQsetvalue(res, rows + 1, 0, text, 0));
	fact_int("a gap", PQsetvalue(res, rows + 3, 0, text, 7));
	fact_int("a column too many", PQsetvalue(res, 0, PQnfields(res), text, 7));
	print_result(res);
}

static void
copy_all_ways(const PGresult *res)
{
	static const int flags[] = {0, PG_COPYRES_ATTRS, PG_COPYRES_TUPLES, PG_COPYRES_NOTICEHOOKS,
	PG_COPYRES_ATTRS | PG_COPYRES_TUPLES | PG_COPYRES_EVENTS | PG_COPYRES_NOTICEHOOKS};

	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
	{
		PGresult   *copy = PQcopyResult(res, flags[i]);

		fact_int("flags", flags[i]);
		print_result(copy);
		fact("out of range", PQgetvalue(copy, 999, 0));
		change(copy);
		PQclear(copy);
	}
}

static void
examine(const char *what, PGresult *res)
{
	heading(what);
	print_result(res);
	copy_all_ways(res);
	change(res);
	copy_all_ways(res);
	PQclear(res);
}

static void
allocations(PGconn *conn)
{
	static const size_t sizes[] = {0, 1, 7, 8, 15, 100, 1000, 1023, 1024, 1025, 2048, 5000, 100000, 1 << 20};
	PGresult   *res = PQexec(conn, "SELECT 1");
	size_t		before = PQresultMemorySize(res);
	int			aligned = 1;

	heading("allocations");
	for (int round = 0; round < 20; round++)
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		{
			char	   *block = PQresultAlloc(res, sizes[i]);

			if (block == NULL)
				printf("NULL for %zu\n", sizes[i]);
			else if (sizes[i] > 0)
				memset(block, 0x5a, sizes[i]);
			aligned &= sizes[i] == 0 || (uintptr_t) block % sizeof(long long) == 0;
		}
	fact_int("aligned", aligned);
	fact_int("grown", PQresultMemorySize(res) >= before + 20 * (1 << 20));
	fact_int("not wasteful", PQresultMemorySize(res) < 3 * (before + 20 * ((1 << 20) + 120000)));
	print_result(res);
	PQclear(res);
}

static void
many_columns(void)
{
	enum
	{
		COLUMNS = 1600
	};
	static PGresAttDesc columns[COLUMNS];
	static char names[COLUMNS][8];
	PGresult   *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	long		sum = 0;

	heading("many columns");
	for (int i = 0; i < COLUMNS; i++)
	{
		snprintf(names[i], sizeof names[i], "c%d", i);
		columns[i] = (PGresAttDesc) {.name = names[i], .format = i % 2, .typid = i, .typlen = -1, .atttypmod = i,
		.tableid = i, .columnid = -i};
	}
	fact_int("set", PQsetResultAttrs(res, COLUMNS, columns));
	memset(names, 'x', sizeof names);
	for (int row = 0; row < 300; row++)
		for (int i = row % 3; i < COLUMNS; i += 1 + row % 5)
			sum += PQsetvalue(res, row, i, text, i % 8);
	fact_int("set", sum);
	for (int row = 0; row < 300; row++)
		for (int i = 0; i < COLUMNS; i++)
			sum = sum * 31 % 1000003 + PQgetlength(res, row, i) + 2 * PQgetisnull(res, row, i);
	fact_int("sum", sum);
	fact("name", PQfname(res, 1599));
	fact_int("number", PQfnumber(res, "c1599"));
	fact_int("number", PQftablecol(res, 1599));
	fact_int("binary", PQbinaryTuples(res));
	PQclear(res);
}

int
main(int argc, char **argv)
{
	PGconn	   *conn;
	PGresult   *res;

	if (argc < 2)
		return 2;
	conn = connect_or_die(argv[1]);
	examine("text", PQexec(conn, "SELECT 'a' AS a, NULL AS b UNION ALL SELECT 'c', ''"));
	examine("binary", PQexecParams(conn, "SELECT 1::int4 AS a, NULL::int8 AS b, 'x'::bytea", 0, NULL, NULL, NULL, NULL, 1));
	examine("an error", PQexec(conn, "SELECT 1/0"));
	examine("a command", PQexec(conn, "CREATE TEMP TABLE t (a int)"));
	examine("an insertion", PQexec(conn, "INSERT INTO t VALUES (1), (2)"));
	examine("no rows", PQexec(conn, "SELECT 1 WHERE false"));
	examine("no columns", PQexec(conn, "SELECT FROM t"));
	examine("nothing", PQexec(conn, ""));
	must(conn, "PREPARE p AS SELECT $1::int AS x, $2::text");
	examine("a description", PQdescribePrepared(conn, "p"));
	PQsendQuery(conn, "SELECT repeat('x', 20) UNION ALL SELECT 'y'");
	PQsetSingleRowMode(conn);
	examine("a single row", PQgetResult(conn));
	while ((res = PQgetResult(conn)) != NULL)
		show(res);
	examine("a copy", PQexec(conn, "COPY t TO STDOUT"));
	allocations(conn);
	many_columns();
	PQfinish(conn);
	return 0;
}
