/*
 * copy_end_lost CONNINFO: sends a row that is too large for the socket, and the end of the COPY, to a server that ends the
 * connection. Then prints the results.
 */
#include "common.h"

#define LARGE (12 * 1024 * 1024)

int
main(int argc, char **argv)
{
	char	   *row = malloc(LARGE);
	PGconn	   *conn;
	PGresult   *res;

	if (argc < 2 || row == NULL)
		return 2;
	memset(row, 'x', LARGE);
	conn = connect_or_die(argv[1]);
	show(PQexec(conn, "COPY t FROM STDIN"));
	fact_int("PQputCopyData", PQputCopyData(conn, row, LARGE));
	fact_int("PQputCopyEnd", PQputCopyEnd(conn, NULL));
	fact_int("transaction status", PQtransactionStatus(conn));
	for (int i = 0; i < 10 && (res = PQgetResult(conn)) != NULL; i++)
		show(res);
	fact("error", PQerrorMessage(conn));
	fact_int("status", PQstatus(conn));
	PQfinish(conn);
	free(row);
	return 0;
}
