/* copy CONNINFO: COPY in both directions, blocking and nonblocking. */
#include <poll.h>

#include "common.h"

/* Prints everything that COPY TO sends; with async 1 it never blocks. */
static void
read_all(PGconn *conn, int async)
{
	for (;;)
	{
		char	   *row = (char *) "unset";
		int			length = PQgetCopyData(conn, &row, async);

		if (length == 0)
		{
			struct pollfd pollfd = {.fd = PQsocket(conn), .events = POLLIN};

			poll(&pollfd, 1, 30000);
			if (!PQconsumeInput(conn))
				break;
			continue;
		}
		printf("data %d: ", length);
		if (length > 0)
			print_bytes(row, (size_t) length);
		else
			print_text(row);
		printf(" terminated=%d\n", length > 0 ? row[length] == '\0' : -1);
		if (length < 0)
			break;
		PQfreemem(row);
	}
}

static void
finish(PGconn *conn)
{
	PGresult   *res;

	while ((res = PQgetResult(conn)) != NULL)
	{
		/* During a COPY, PQgetResult would return the same result forever. */
		if (PQresultStatus(res) == PGRES_COPY_OUT)
			read_all(conn, 0);
		if (PQresultStatus(res) == PGRES_COPY_IN)
			PQputCopyEnd(conn, NULL);
		show(res);
	}
	fact("error", PQerrorMessage(conn));
	fact_int("transaction", PQtransactionStatus(conn));
}

static void
put(PGconn *conn, const char *data, size_t length)
{
	int			result = PQputCopyData(conn, data, (int) length);

	if (result != 1)
	{
		fact_int("put", result);
		fact("error", PQerrorMessage(conn));
	}
}

static void
out(PGconn *conn)
{
	heading("COPY TO");
	for (int async = 0; async < 2; async++)
	{
		fact_int("async", async);
		show_exec(conn, "COPY (SELECT i, 'row ' || i, NULL FROM generate_series(1, 4) AS i) TO STDOUT");
		fact_int("transaction", PQtransactionStatus(conn));
		read_all(conn, async);
		finish(conn);
		show_exec(conn, "COPY (SELECT 1 WHERE false) TO STDOUT (FORMAT csv, HEADER)");
		read_all(conn, async);
		finish(conn);
		show_exec(conn, "COPY (SELECT 10 / (3 - i) FROM generate_series(1, 4) AS i) TO STDOUT");
		read_all(conn, async);
		finish(conn);
		show_exec(conn, "COPY (SELECT 1::int4, 'x'::text, NULL::int8) TO STDOUT (FORMAT binary)");
		read_all(conn, async);
		finish(conn);
	}
	show_exec(conn, "COPY (SELECT 1) TO STDOUT; SELECT 'second'; COPY (SELECT 2) TO STDOUT");
	read_all(conn, 0);
	finish(conn);
	show_exec(conn, "COPY (SELECT 1 AS x) TO STDOUT");
	show(PQgetResult(conn));
	fact_int("busy", PQisBusy(conn));
	read_all(conn, 0);
	finish(conn);
	show_exec(conn, "COPY (SELECT generate_series(1, 1000)) TO STDOUT");
	show_exec(conn, "SELECT 'skipped'");
}

static void
in(PGconn *conn)
{
	heading("COPY FROM");
	show_exec(conn, "COPY target FROM STDIN");
	fact_int("transaction", PQtransactionStatus(conn));
	put(conn, "1\tone\n2\t\\N\n3\tth", 14);
	put(conn, "", 0);
	put(conn, "ree\n", 4);
	fact_int("end", PQputCopyEnd(conn, NULL));
	finish(conn);
	show_exec(conn, "SELECT * FROM target ORDER BY id");

	show_exec(conn, "COPY target FROM STDIN");
	put(conn, "9\tnine\n", 7);
	fact_int("end", PQputCopyEnd(conn, "changed my mind"));
	finish(conn);

	show_exec(conn, "COPY target FROM STDIN");
	put(conn, "x\tno number\n", 12);
	fact_int("end", PQputCopyEnd(conn, NULL));
	finish(conn);

	show_exec(conn, "COPY target FROM STDIN");
	put(conn, "1\ttwice\n", 8);
	fact_int("end", PQputCopyEnd(conn, NULL));
	finish(conn);

	show_exec(conn, "COPY target FROM STDIN");
	show_exec(conn, "SELECT 'another command'");
	show_exec(conn, "COPY target FROM STDIN");
	show(PQgetResult(conn));
	fact_int("end", PQputCopyEnd(conn, NULL));
	finish(conn);
	show_exec(conn, "COPY target FROM STDIN (FORMAT binary)");
	put(conn, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\377\377", 21);
	fact_int("end", PQputCopyEnd(conn, NULL));
	finish(conn);

	heading("many rows, nonblocking");
	PQsetnonblocking(conn, 1);
	show_exec(conn, "COPY target FROM STDIN");
	for (int i = 100; i < 20100; i++)
	{
		char		row[200];
		int			length = snprintf(row, sizeof row, "%d\t%0100d\n", i, i);
		int			result;

		while ((result = PQputCopyData(conn, row, length)) == 0)
			PQflush(conn);
		if (result < 0)
			fact("error", PQerrorMessage(conn));
	}
	while (PQputCopyEnd(conn, NULL) == 0)
		PQflush(conn);
	PQsetnonblocking(conn, 0);
	finish(conn);
	show_exec(conn, "SELECT count(*), sum(id), sum(length(name)) FROM target");
}

static void
wrong(PGconn *conn)
{
	char	   *buffer = NULL;

	heading("out of place");
	fact_int("put", PQputCopyData(conn, "x", 1));
	fact("error", PQerrorMessage(conn));
	fact_int("end", PQputCopyEnd(conn, NULL));
	fact("error", PQerrorMessage(conn));
	fact_int("get", PQgetCopyData(conn, &buffer, 0));
	fact("error", PQerrorMessage(conn));
	fact_int("put", PQputCopyData(NULL, "x", 1));
	fact_int("end", PQputCopyEnd(NULL, NULL));
	fact_int("get", PQgetCopyData(NULL, &buffer, 0));
	show_exec(conn, "COPY nosuch FROM STDIN");
	show_exec(conn, "COPY target TO STDOUT");
	fact_int("put while out", PQputCopyData(conn, "x", 1));
	fact("error", PQerrorMessage(conn));
	show_exec(conn, "COPY target FROM STDIN");
	fact_int("get while in", PQgetCopyData(conn, &buffer, 0));
	fact("error", PQerrorMessage(conn));
	fact_int("send while in", PQsendQuery(conn, "SELECT 1"));
	fact("error", PQerrorMessage(conn));
	fact_int("put", PQputCopyData(conn, "x", -1));
	fact("error", PQerrorMessage(conn));
	fact_int("end", PQputCopyEnd(conn, ""));
	finish(conn);
}

/* The deprecated COPY functions, which old psql versions and some drivers still call. */
static void
of_old(PGconn *conn)
{
	char		line[16];
	int			result;

	heading("the old calls");
	show_exec(conn, "COPY (SELECT 'short' UNION ALL SELECT 'a line of more than sixteen bytes') TO STDOUT");
	do
	{
		result = PQgetline(conn, line, sizeof line);
		fact_int("getline", result);
		fact("line", line);
	} while (result != EOF && strcmp(line, "\\.") != 0);
	fact_int("end", PQendcopy(conn));
	show_exec(conn, "COPY target FROM STDIN");
	fact_int("putline", PQputline(conn, "30001\tby "));
	fact_int("putline", PQputline(conn, "line\n"));
	fact_int("putnbytes", PQputnbytes(conn, "30002\tby bytes\nrest", 15));
	fact_int("end", PQendcopy(conn));
	show_exec(conn, "SELECT * FROM target WHERE id > 30000");
	show_exec(conn, "COPY (SELECT 1 UNION ALL SELECT 2) TO STDOUT");
	do
	{
		result = PQgetlineAsync(conn, line, sizeof line);
		if (result == 0)
			PQconsumeInput(conn);
		else
		{
			fact_int("getlineAsync", result);
			if (result > 0)
			{
				print_bytes(line, (size_t) result);
				putchar('\n');
			}
		}
	} while (result >= 0);
	fact_int("end", PQendcopy(conn));
	fact_int("end when idle", PQendcopy(conn));
	fact("error", PQerrorMessage(conn));
}

int
main(int argc, char **argv)
{
	PGconn	   *conn;

	if (argc < 2)
		return 2;
	conn = connect_or_die(argv[1]);
	must(conn, "SET client_min_messages = warning; DROP TABLE IF EXISTS target; RESET client_min_messages");
	must(conn, "CREATE TABLE target (id int PRIMARY KEY, name text)");
	out(conn);
	in(conn);
	wrong(conn);
	if (argc > 2)
		of_old(conn);
	PQfinish(conn);
	return 0;
}
