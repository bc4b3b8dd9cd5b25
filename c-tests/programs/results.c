/*
 * results CONNINFO: every accessor of a result, in range and out of range; results made and changed by the
 * application.
 */
#include "common.h"

static void
accessors(const PGresult *res)
{
	static const char *const names[] = {"a", "A", "\"a\"", "\"A\"", "Mixed Case", "\"Mixed Case\"", "mixed", "", "\"\"",
	"no such", "a\"\"b", "\"q\"\"q\"", "B", "\"b", "\xc3\xa9", "\xc3\x89"};

	print_result(res);
	for (int column = -1; column <= PQnfields(res); column++)
	{
		fact_int("column", column);
		fact("name", PQfname(res, column));
		fact_int("format", PQfformat(res, column));
		fact_int("type", PQftype(res, column));
		fact_int("size", PQfsize(res, column));
		fact_int("mod", PQfmod(res, column));
		fact_int("table column", PQftablecol(res, column));
		fact_int("table", PQftable(res, column) != 0);
		fact_int("parameter", PQparamtype(res, column));
	}
	for (int row = -1; row <= PQntuples(res); row++)
		for (int column = -1; column <= PQnfields(res); column++)
		{
			printf("(%d, %d) ", row, column);
			fact("value", PQgetvalue(res, row, column));
			fact_int("length", PQgetlength(res, row, column));
			fact_int("null", PQgetisnull(res, row, column));
		}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		printf("%s is %d\n", names[i], PQfnumber(res, names[i]));
	fact_int("PQfnumber NULL", PQfnumber(res, NULL));
	fact_int("oid", PQoidValue(res));
	fact("oid", PQoidStatus(res));
	fact("error", PQresultErrorMessage(res));
	fact("field", PQresultErrorField(res, PG_DIAG_SQLSTATE));
	fact_int("size", PQresultMemorySize(res) > 0);
}

/* Values of 8 bytes must be aligned. */
static void
alignment(const PGresult *res)
{
	int			aligned = 1;

	for (int row = 0; row < PQntuples(res); row++)
		for (int column = 0; column < PQnfields(res); column++)
			aligned &= PQgetisnull(res, row, column) || (size_t) PQgetvalue(res, row, column) % 8 == 0;
	fact_int("aligned", aligned);
}

static void
by_hand(PGconn *conn)
{
	PGresult   *res = PQmakeEmptyPGresult(conn, PGRES_TUPLES_OK);
	PGresult   *copy;
	PGresAttDesc columns[] = {
		{.name = (char *) "one", .typid = 23, .typlen = 4, .atttypmod = -1},
		{.name = (char *) "two", .typid = 25, .typlen = -1, .atttypmod = 9, .tableid = 5, .columnid = 6, .format = 0},
	};
	char		value[] = "changed";

	heading("by hand");
	print_result(res);
	fact_int("set value too early", PQsetvalue(res, 0, 0, value, 7));
	fact_int("attributes", PQsetResultAttrs(res, 2, columns));
	fact_int("attributes twice", PQsetResultAttrs(res, 2, columns));
	fact_int("value", PQsetvalue(res, 0, 0, value, 7));
	fact_int("value", PQsetvalue(res, 0, 1, value, 3));
	fact_int("null", PQsetvalue(res, 1, 0, NULL, -1));
	fact_int("empty", PQsetvalue(res, 1, 1, value, 0));
	fact_int("again", PQsetvalue(res, 0, 0, value, 2));
	fact_int("longer", PQsetvalue(res, 0, 0, value, 7));
	fact_int("gap", PQsetvalue(res, 3, 0, value, 1));
	fact_int("column", PQsetvalue(res, 0, 2, value, 1));
	fact_int("negative", PQsetvalue(res, -1, 0, value, 1));
	fact_int("NULL", PQsetvalue(NULL, 0, 0, value, 1));
	fact("allocated", strcpy(PQresultAlloc(res, 32), "in the result"));
	print_result(res);
	for (int flags = 0; flags < 16; flags++)
	{
		copy = PQcopyResult(res, flags);
		fact_int("flags", flags);
		print_result(copy);
		PQclear(copy);
	}
	print_result(PQcopyResult(NULL, 0));
	PQclear(res);
	fact_int("attributes NULL", PQsetResultAttrs(NULL, 1, columns));

	res = PQexec(conn, "SELECT i AS a, 'text ' || i AS b FROM generate_series(1, 3) AS i");
	fact_int("value of the server's", PQsetvalue(res, 1, 1, value, 7));
	fact_int("null of the server's", PQsetvalue(res, 2, 0, NULL, 0));
	fact_int("append", PQsetvalue(res, 3, 0, value, 7));
	copy = PQcopyResult(res, PG_COPYRES_TUPLES);
	PQclear(res);
	print_result(copy);
	PQclear(copy);
}

static void
statuses(PGconn *conn)
{
	char	   *verbose;

	heading("statuses");
	for (int status = -1; status <= 14; status++)
	{
		PGresult   *res = PQmakeEmptyPGresult(status % 2 ? conn : NULL, status);

		printf("%d %s: ", status, PQresStatus(status));
		fact("message", PQresultErrorMessage(res));
		PQclear(res);
	}
	print_result(NULL);
	accessors(NULL);
	PQclear(NULL);
	fact_int("status NULL", PQresultStatus(NULL));
	verbose = PQresultVerboseErrorMessage(NULL, PQERRORS_VERBOSE, PQSHOW_CONTEXT_ALWAYS);
	fact("verbose NULL", verbose);
	PQfreemem(verbose);
	fact_int("size NULL", (long long) PQresultMemorySize(NULL));
}

static void
receiver(void *arg, const PGresult *res)
{
	printf("received by %s: ", (const char *) arg);
	print_result(res);
}

int
main(int argc, char **argv)
{
	PGconn	   *conn;
	PGresult   *res;
	const char *query = "SELECT 1::int4 AS a, 'x'::varchar(7) AS \"A\", NULL::numeric(6,2) AS \"Mixed Case\", ''::text AS mixed,"
		" decode('00ff41', 'hex') AS b, 2::int8 AS \"q\"\"q\", 'caf\xc3\xa9'::name AS \xc3\xa9"
		" UNION ALL SELECT -1, NULL, 12.5, repeat('long', 10), '', 99, NULL";

	if (argc < 2)
		return 2;
	conn = connect_or_die(argv[1]);
	heading("text");
	res = PQexec(conn, query);
	accessors(res);
	PQclear(res);
	heading("binary");
	res = PQexecParams(conn, query, 0, NULL, NULL, NULL, NULL, 1);
	print_result(res);
	alignment(res);
	heading("the connection is gone, the result is not");
	PQsetNoticeReceiver(conn, receiver, (void *) "the receiver");
	PQclear(PQexec(conn, "DO $$ BEGIN RAISE NOTICE 'seen' USING DETAIL = 'more'; END $$"));
	PQfinish(conn);
	print_result(res);
	fact("out of range", PQgetvalue(res, 99, 99));
	PQclear(res);

	conn = connect_or_die(argv[1]);
	PQsetNoticeReceiver(conn, receiver, (void *) "the other");
	res = PQexec(conn, "SELECT 1");
	fact("out of range", PQgetvalue(res, 1, 0));
	PQclear(res);
	PQsetNoticeProcessor(conn, notice_printer, NULL);
	by_hand(conn);
	statuses(conn);
	heading("many rows");
	res = PQexec(conn, "SELECT i, repeat('v', i % 50), CASE WHEN i % 3 = 0 THEN i END FROM generate_series(0, 9999) AS i");
	{
		long long	sum = 0;

		for (int row = 0; row < PQntuples(res); row++)
			for (int column = 0; column < 3; column++)
				sum = sum * 31 % 1000003 + PQgetlength(res, row, column) + 2 * PQgetisnull(res, row, column) +
					atoi(PQgetvalue(res, row, column));
		fact_int("rows", PQntuples(res));
		fact_int("sum", sum);
	}
	PQclear(res);
	PQfinish(conn);
	return 0;
}
