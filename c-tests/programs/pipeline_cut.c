/*
 * pipeline_cut CONNINFO: in blocking mode, a pipeline with a small query and a large one to a server that answers the first and
 * reads no more. What arrived must come out, whatever happens to the rest.
 */
#include "common.h"

#define LARGE (20 * 1024 * 1024)

int
main(int argc, char **argv)
{
	char	   *large = malloc(LARGE + 1);
	const char *values[1];
	PGconn	   *conn;

	if (argc < 2 || large == NULL)
		return 2;
	memset(large, 'x', LARGE);
	large[LARGE] = '\0';
	values[0] = large;
	conn = connect_or_die(argv[1]);
	fact_int("pipeline mode", PQenterPipelineMode(conn));
	fact_int("small", PQsendQueryParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0));
	fact_int("sync", PQpipelineSync(conn));
	fact_int("large", PQsendQueryParams(conn, "SELECT length($1)", 1, NULL, values, NULL, NULL, 0));
	fact("message", PQerrorMessage(conn));
	fact_int("sync", PQpipelineSync(conn));
	for (int i = 0; i < 6; i++)
		show(PQgetResult(conn));
	fact_int("status", PQstatus(conn));
	PQfinish(conn);
	free(large);
	return 0;
}
