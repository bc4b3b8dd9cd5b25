/*
 * A small connection pool that closes a connection when its server asks to disconnect. It runs each line of its input
 * as a query, on an idle connection if there is one:
 *
 *     cc -o pool pool.c $(pkg-config --cflags --libs libpq)
 *     ./pool "host=127.0.0.1 dbname=postgres"
 *
 * Work in progress is not interrupted: the pool checks a connection when it is returned, and while it is idle.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <libpq-fe.h>

#define POOL_SIZE 4

static PGconn *idle[POOL_SIZE];
static int	n_idle;

static void
say(const char *text, const PGconn *conn)
{
	printf("%s (server process %d)\n", text, PQbackendPID(conn));
	fflush(stdout);
}

static PGconn *
check_out(const char *conninfo)
{
	PGconn	   *conn = n_idle > 0 ? idle[--n_idle] : PQconnectdb(conninfo);

	if (PQstatus(conn) != CONNECTION_OK)
	{
		fputs(PQerrorMessage(conn), stderr);
		exit(1);
	}
	return conn;
}

/*
 * Returns a connection to the pool, or closes it. PQgoAwayReceived does not read from the socket; PQconsumeInput
 * does.
 */
static void
check_in(PGconn *conn)
{
	if (!PQconsumeInput(conn) || PQtransactionStatus(conn) != PQTRANS_IDLE)
		say("closed: of no more use", conn);
	else if (PQgoAwayReceived(conn))
		say("closed: the server asks for it", conn);
	else if (n_idle < POOL_SIZE)
	{
		idle[n_idle++] = conn;
		return;
	}
	PQfinish(conn);
}

/* Waits for a line of input. Checks an idle connection again when its socket becomes readable. */
static void
watch_idle_connections(void)
{
	for (;;)
	{
		struct pollfd fds[1 + POOL_SIZE] = {{.fd = STDIN_FILENO, .events = POLLIN}};
		int			n = n_idle;

		for (int i = 0; i < n; i++)
			fds[1 + i] = (struct pollfd) {.fd = PQsocket(idle[i]), .events = POLLIN};
		poll(fds, (nfds_t) (1 + n), -1);
		n_idle = 0;
		for (int i = 0; i < n; i++)
		{
			if (fds[1 + i].revents != 0)
				check_in(idle[i]);
			else
				idle[n_idle++] = idle[i];
		}
		if (fds[0].revents != 0)
			return;
	}
}

int
main(int argc, char **argv)
{
	const char *conninfo = argc > 1 ? argv[1] : "";
	char		line[1000];

	setvbuf(stdin, NULL, _IONBF, 0);	/* poll does not see data that stdio has buffered */
	while (watch_idle_connections(), fgets(line, sizeof line, stdin) != NULL)
	{
		PGconn	   *conn = check_out(conninfo);
		PGresult   *res = PQexec(conn, line);

		say(PQresultStatus(res) == PGRES_TUPLES_OK ? PQgetvalue(res, 0, 0) : PQresultErrorMessage(res), conn);
		PQclear(res);
		check_in(conn);
	}
	while (n_idle > 0)
		PQfinish(idle[--n_idle]);
	return 0;
}
