/*
 * read_while_sending CONNINFO: fills the socket with output while the server sleeps, after the server has sent 60 kB. One call of
 * PQflush must read all of them: the server may wait until it can send, before it reads again. The 60 kB fit in each socket's
 * receive buffer, so that nothing is on its way when PQflush is called.
 */
#include <sys/ioctl.h>

#include "common.h"

#define LARGE (64 * 1024 * 1024)

static PGconn *conn;

static void
queue(const char *query)
{
	if (!PQsendQueryParams(conn, query, 0, NULL, NULL, NULL, NULL, 0) || !PQpipelineSync(conn))
		exit(3);
}

static int
unread(void)
{
	int			bytes = 0;

	if (ioctl(PQsocket(conn), FIONREAD, &bytes) != 0)
		exit(4);
	return bytes;
}

/* The server begins to sleep when it has sent the reply to what was queued before. */
static void
wait_until_it_sleeps(const char *conninfo)
{
	PGconn	   *observer = connect_or_die(conninfo);
	char		query[128];
	int			sleeps = 0;

	snprintf(query, sizeof query, "SELECT count(*) FROM pg_stat_activity WHERE pid = %d AND wait_event = 'PgSleep'",
			 PQbackendPID(conn));
	for (int i = 0; i < 3000 && !sleeps; i++)
	{
		PGresult   *res = PQexec(observer, query);

		sleeps = strcmp(PQgetvalue(res, 0, 0), "1") == 0;
		PQclear(res);
		usleep(10000);
	}
	fact_int("sleeps", sleeps);
	PQfinish(observer);
}

static void
end_the_sleep(void)
{
	PGcancel   *cancel = PQgetCancel(conn);
	char		error[256];

	fact_int("cancelled", PQcancel(cancel, error, sizeof error));
	PQfreeCancel(cancel);
}

int
main(int argc, char **argv)
{
	char	   *large = malloc(LARGE + 1);

	if (argc < 2 || large == NULL)
		return 2;
	memset(large, 'x', LARGE);
	large[LARGE] = '\0';
	conn = connect_or_die(argv[1]);
	fact_int("nonblocking", PQsetnonblocking(conn, 1));
	fact_int("pipeline mode", PQenterPipelineMode(conn));
	queue("SELECT repeat('y', 60000)");
	queue("SELECT pg_sleep(60)");
	fact_int("left to send", PQflush(conn));
	wait_until_it_sleeps(argv[1]);
	fact_int("received", unread() > 60000);
	if (!PQsendQueryParams(conn, "SELECT length($1)", 1, NULL, (const char *const[]) {large}, NULL, NULL, 0))
		return 3;
	fact_int("socket full", PQflush(conn));
	fact_int("not read", unread());
	end_the_sleep();
	PQfinish(conn);
	free(large);
	return 0;
}
