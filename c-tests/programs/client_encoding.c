/* client_encoding CONNINFO: PQsetClientEncoding, and client_encoding=auto in several locales. */
#include <locale.h>

#include "common.h"

static PGconn *conn;

static void
set(const char *name)
{
	printf("-- ");
	print_text(name);
	printf("\nset: %d\n", PQsetClientEncoding(conn, name));
	fact_int("encoding", PQclientEncoding(conn));
	fact("parameter", PQparameterStatus(conn, "client_encoding"));
	fact("error", PQerrorMessage(conn));
}

static void
automatic(const char *conninfo, const char *locale)
{
	char		full[1000];
	PGconn	   *other;

	printf("-- locale %s: %d\n", locale, setlocale(LC_ALL, locale) != NULL);
	set("auto");
	snprintf(full, sizeof full, "%s client_encoding=auto", conninfo);
	other = connect_or_die(full);
	fact("connected", PQparameterStatus(other, "client_encoding"));
	PQfinish(other);
}

int
main(int argc, char **argv)
{
	char		name[110];

	if (argc != 2)
		return 2;
	conn = connect_or_die(argv[1]);
	automatic(argv[1], "C");
	automatic(argv[1], "POSIX");
	automatic(argv[1], "C.UTF-8");
	automatic(argv[1], "");
	set("latin1");
	set("UTF-8");
	set("nonsense");
	set("");
	set("AUTO");
	set("utf8' ");
	set("utf8'; SELECT '1");
	set(NULL);
	for (int length = 99; length <= 102; length++)
	{
		memset(name, 'x', sizeof name);
		name[length] = '\0';
		set(name);
	}
	must(conn, "BEGIN");
	show_exec(conn, "SELECT 1/0");
	set("latin1");
	must(conn, "ROLLBACK");
	PQsendQuery(conn, "SELECT 1");
	set("latin1");
	PQenterPipelineMode(conn);
	set("utf8");
	PQexitPipelineMode(conn);
	show_exec(conn, "SELECT pg_terminate_backend(pg_backend_pid())");
	set("utf8");
	fact_int("NULL", PQsetClientEncoding(NULL, "utf8"));
	PQfinish(conn);
	return 0;
}
