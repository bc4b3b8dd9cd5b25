/*
 * read_while_sending CONNINFO: fills the socket with output while the server sleeps, after the server has sent some 400 kB. One
 * call of PQflush must read all of them: the server may wait until it can send, before it reads again.
 */
#include <sys/ioctl.h>

#include "common.h"

#define LARGE (64 * 1024 * 1024)

static PGconn *conn;

static void
queue(const char *query, const char *value)
{
	if (!PQsendQueryParams(conn, query, value != NULL, NULL, &value, NULL, NULL, 0) || !PQpipelineSync(conn))
		exit(3);
}

int
main(int argc, char **argv)
{
	char	   *large = malloc(LARGE + 1);
	int			unread = 0;

	if (argc < 2 || large == NULL)
		return 2;
	memset(large, 'x', LARGE);
	large[LARGE] = '\0';
	conn = connect_or_die(argv[1]);
	fact_int("nonblocking", PQsetnonblocking(conn, 1));
	fact_int("pipeline mode", PQenterPipelineMode(conn));
	queue("SELECT repeat('y', 400000)", NULL);
	queue("SELECT pg_sleep(2)", NULL);
	fact_int("left to send", PQflush(conn));
	/* Until the server has sent the first reply, and sleeps. */
	usleep(1000000);
	if (!PQsendQueryParams(conn, "SELECT length($1)", 1, NULL, (const char *const[]) {large}, NULL, NULL, 0))
		return 3;
	fact_int("socket full", PQflush(conn));
	if (ioctl(PQsocket(conn), FIONREAD, &unread) != 0)
		return 4;
	fact_int("not read", unread);
	PQfinish(conn);
	free(large);
	return 0;
}
