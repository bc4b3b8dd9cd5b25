/* query CONNINFO [SQL...]: connects, runs each SQL text, prints values separated by tabs. */
#include "common.h"

int
main(int argc, char **argv)
{
	PGconn	   *conn = PQconnectdb(argc > 1 ? argv[1] : "");

	if (PQstatus(conn) != CONNECTION_OK)
	{
		printf("%s", PQerrorMessage(conn));
		PQfinish(conn);
		return 1;
	}
	for (int i = 2; i < argc; i++)
	{
		PGresult   *res = PQexec(conn, argv[i]);

		printf("%s%s", PQcmdStatus(res), PQresultErrorMessage(res));
		for (int row = 0; row < PQntuples(res); row++)
			for (int column = 0; column < PQnfields(res); column++)
				printf("%c%s", column == 0 ? '\n' : '\t', PQgetvalue(res, row, column));
		putchar('\n');
		PQclear(res);
	}
	PQfinish(conn);
	return 0;
}
