/*
 * cancel_loop CONNINFO ROUNDS: a thread that runs short queries is cancelled at random moments, also while a reply
 * arrives. Then another thread uses the connection. No data from the server may be lost.
 */
#include <pthread.h>

#include "common.h"

static PGconn *conn;

static void *
querying(void *arg)
{
	(void) arg;
	for (;;)
		PQclear(PQexec(conn, "SELECT 1"));
	return NULL;
}

static int
one_round(const char *conninfo)
{
	pthread_t	thread;
	PGresult   *res;
	int			good;

	conn = PQconnectdb(conninfo);
	if (PQstatus(conn) != CONNECTION_OK)
		return 0;
	pthread_create(&thread, NULL, querying, NULL);
	usleep(1000 + rand() % 4000);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	while ((res = PQgetResult(conn)) != NULL)
		PQclear(res);
	res = PQexec(conn, "SELECT 7");
	good = PQresultStatus(res) == PGRES_TUPLES_OK;
	PQclear(res);
	PQfinish(conn);
	return good;
}

int
main(int argc, char **argv)
{
	int			good = 0;

	if (argc < 3)
		return 2;
	for (int i = 0; i < atoi(argv[2]); i++)
		good += one_round(argv[1]);
	fact_int("good rounds", good);
	return 0;
}
