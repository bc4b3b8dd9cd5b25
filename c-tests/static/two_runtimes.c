/* two_runtimes CONNINFO: calls another Rust library before, between and after calls of libpq. */
#include <stdio.h>

#include <libpq-fe.h>

int			other_rust(void);

int
main(int argc, char **argv)
{
	int			calls = other_rust();
	PGconn	   *conn = PQconnectdb(argc > 1 ? argv[1] : "");
	PGresult   *res = PQexec(conn, "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()");

	calls += other_rust();
	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		printf("%s %s\n", PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1));
	else
		printf("%s", PQerrorMessage(conn));
	PQclear(res);
	PQfinish(conn);
	printf("other: %d\n", calls + other_rust());
	return 0;
}
