/* The mode "everything": all allocations fail during all calls. */
#include "operations.h"

#define HELD 30

static PGconn *held[HELD];
static PGresult *kept[3000];

/*
 * Makes all kinds of calls while all allocations fail, until the library's reserve of memory is used up. Afterwards every
 * connection must work again.
 */
void
run_without_memory(void)
{
	int			connected = 0,
				answered = 0,
				made = 0;

	conn = connect_or_die(conninfo);
	PQclear(PQexec(conn, "LISTEN channel"));
	fail_allocations(1, 1L << 40);
	for (int i = 0; i < 100; i++)
	{
		PGresult   *res = armed_exec("SELECT 1, 'one'");

		answered += has_status(res, PGRES_TUPLES_OK) && equal(res, 0, 1, "one");
		PQclear(res);
	}
	for (int i = 0; i < HELD; i++)
	{
		ARMED(held[i] = PQconnectdb(conninfo));
		connected += PQstatus(held[i]) == CONNECTION_OK;
	}
	for (int i = 0; i < 3000; i++)
	{
		if (i % 2 == 0)
			ARMED(kept[i] = PQexec(held[i % HELD], "SELECT 1, 'one'"));
		else
			ARMED(kept[i] = PQmakeEmptyPGresult(conn, PGRES_FATAL_ERROR));
		made += kept[i] != NULL;
	}
	/* More notifications than there is memory for. */
	PQclear(armed_exec("SELECT pg_notify('channel', i::text) FROM generate_series(1, 20000) AS i"));
	for (int i = 0; i < 20; i++)
	{
		ARMED(PQfreeCancel(PQgetCancel(held[0])));
		ARMED(PQfreemem(PQescapeLiteral(conn, "text", 4)));
		ARMED(PQconninfoFree(PQconninfoParse("host=one", NULL)));
		ARMED(PQfreemem(PQencryptPasswordConn(conn, "secret", "me", "md5")));
		ARMED(PQsetNoticeProcessor(conn, count_notice, NULL));
		ARMED(PQreset(held[HELD - 1]));
		PQclear(armed_exec("SELECT 1"));
	}
	fail_allocations(0, 0);
	printf("answered: %d of 100, connected: %s, results kept: %s\n", answered,
		   connected == 0 ? "no" : connected == HELD ? "all" : "some", made < 3000 ? "not all" : "all");
	for (int i = 0; i < 3000; i++)
		PQclear(kept[i]);
	for (int i = 0; i < HELD; i++)
	{
		PGconn	   *other = conn;

		conn = held[i] == NULL ? PQconnectdb(conninfo) : held[i];
		if (!still_works())
			printf("a connection does not work: %s%s\n", reason, PQerrorMessage(conn));
		PQfinish(conn);
		conn = other;
	}
	if (!still_works())
		printf("the first connection does not work: %s\n", reason);
	PQfinish(conn);
}
