/* print CONNINFO: the old printing functions, with every option, on results of every shape. */
#include "common.h"

static void
print_every_way(const PGresult *res)
{
	static char *separators[] = {(char *) "|", (char *) " ", (char *) "", (char *) " || "};
	static char *few[] = {(char *) "first", NULL};
	static char *many[] = {(char *) "first", (char *) "", (char *) "the third", (char *) "4", (char *) "5", (char *) "6", NULL};
	char	  **names[] = {NULL, few, many};

	for (int bits = 0; bits < 64; bits++)
		for (int separator = 0; separator < 4; separator++)
		{
			PQprintOpt	options = {
				.header = bits & 1,
				.align = bits >> 1 & 1,
				.standard = bits >> 2 & 1,
				.html3 = bits >> 3 & 1,
				.expanded = bits >> 4 & 1,
				.pager = bits >> 5 & 1,
				.fieldSep = separators[separator],
				.tableOpt = (char *) (bits % 3 == 0 ? NULL : "border=1"),
				.caption = (char *) (bits % 5 == 0 ? NULL : "A <caption>"),
				.fieldName = names[(bits + separator) % 3],
			};

			/* HTML has no separators. */
			if (options.html3 && separator > 0)
				continue;
			printf("-- options %d, separator %d\n", bits, separator);
			PQprint(stdout, res, &options);
			fflush(stdout);
		}
	for (int bits = 0; bits < 8; bits++)
	{
		printf("-- PQdisplayTuples %d\n", bits);
		PQdisplayTuples(res, stdout, bits & 1, bits % 3 == 0 ? NULL : "+-", bits >> 1 & 1, bits >> 2 & 1);
		for (int width = -1; width < 9; width += 3)
		{
			printf("-- PQprintTuples %d, width %d\n", bits, width);
			PQprintTuples(res, stdout, bits & 1, bits >> 1 & 1, width);
		}
	}
}

static void
query(PGconn *conn, const char *sql)
{
	PGresult   *res = PQexec(conn, sql);

	heading(sql);
	print_every_way(res);
	PQclear(res);
}

int
main(int argc, char **argv)
{
	PGconn	   *conn;
	PGresult   *res;

	if (argc < 2)
		return 2;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	conn = connect_or_die(argv[1]);
	query(conn, "SELECT 1 AS number, 'text' AS word UNION ALL SELECT -200, 'longer than its name'");
	query(conn, "SELECT NULL AS \"nothing at all\", '' AS e, 'x' AS \"\"");
	query(conn, "SELECT '1.5e10' AS n UNION ALL SELECT '-1' UNION ALL SELECT ' 2 ' UNION ALL SELECT ''");
	query(conn, "SELECT 'e10' AS n, '1-' AS m, '1e' AS o, '.' AS p, '1 000' AS q, '0x1' AS r");
	query(conn, "SELECT '<a href=\"x\">&amp;' AS \"<b>\"");
	query(conn, "SELECT 'caf\xc3\xa9 \xe6\xbc\xa2\xe5\xad\x97' AS \"\xc3\xa9\", E'two\\nlines\\ttab' AS l");
	query(conn, "SELECT 1 AS a WHERE false");
	query(conn, "SELECT");
	query(conn, "CREATE TEMP TABLE t ()");
	query(conn, "SELECT 1/0");
	query(conn, "SELECT i, repeat('x', i) AS x FROM generate_series(1, 30) AS i");
	res = PQexecParams(conn, "SELECT 65::int4, 'b'::bytea", 0, NULL, NULL, NULL, NULL, 1);
	print_every_way(res);
	PQclear(res);
	PQfinish(conn);
	return 0;
}
