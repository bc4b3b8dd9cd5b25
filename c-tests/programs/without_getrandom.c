/*
 * without_getrandom ERRNO CONNINFO...: connects while the system call getrandom fails with this error, as behind a
 * seccomp filter.
 */
#include "common.h"
#include "forbid_getrandom.h"

int
main(int argc, char **argv)
{
	if (argc < 3 || !forbid_getrandom(atoi(argv[1])))
	{
		printf("no seccomp filter\n");
		return 2;
	}
	for (int i = 2; i < argc; i++)
	{
		PGconn	   *conn = PQconnectdb(argv[i]);

		if (PQstatus(conn) == CONNECTION_OK)
			show_exec(conn, "SELECT 1");
		else
			fact("no connection", strrchr(PQerrorMessage(conn), ':'));
		PQfinish(conn);
	}
	return 0;
}
