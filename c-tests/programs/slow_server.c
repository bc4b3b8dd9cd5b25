/* slow_server CONNINFO COPY-MEGABYTES [blocking]: a COPY to a server that starts to read late. */
#include <errno.h>
#include <poll.h>

#include "common.h"

static int	blocked;

/* Waits until the socket is writable or readable, as programs do. */
static int
flush_all(PGconn *conn)
{
	int			answer;

	while ((answer = PQflush(conn)) == 1)
	{
		struct pollfd pollfd = {.fd = PQsocket(conn), .events = POLLIN | POLLOUT};

		blocked = 1;
		if (poll(&pollfd, 1, 30000) != 1)
			return -2;
		if ((pollfd.revents & POLLIN) != 0 && !PQconsumeInput(conn))
			return -3;
	}
	return answer;
}

static void
count_notice(void *arg, const char *message)
{
	(void) message;
	(*(int *) arg)++;
}

int
main(int argc, char **argv)
{
	static char megabyte[1 << 20];
	PGconn	   *conn;
	PGresult   *res;
	int			notices = 0,
				nonblocking = argc < 4,
				queued = 0;

	if (argc < 3)
		return 2;
	memset(megabyte, 'm', sizeof megabyte);
	conn = connect_or_die(argv[1]);
	PQsetNoticeProcessor(conn, count_notice, &notices);
	fact_int("nonblocking", PQsetnonblocking(conn, nonblocking));
	PQsendQuery(conn, "COPY t FROM STDIN");
	fact_int("flushed", flush_all(conn));
	show(PQgetResult(conn));
	for (int i = 0; i < atoi(argv[2]); i++)
		queued += PQputCopyData(conn, megabyte, sizeof megabyte);
	fact_int("queued", queued);
	if (nonblocking)
	{
		fact_int("busy now", PQflush(conn));
		/* While the buffer is full, a query is refused as usual, and none of its bytes are sent in the COPY. */
		fact_int("another query", PQsendQuery(conn, "SELECT 1"));
		fact("error", PQerrorMessage(conn));
		fact_int("blocking again", PQsetnonblocking(conn, 0) == 0 ? PQisnonblocking(conn) : -1);
		fact_int("nonblocking", PQsetnonblocking(conn, 1));
	}
	fact_int("end", PQputCopyEnd(conn, NULL));
	fact_int("flushed", flush_all(conn));
	while ((res = PQgetResult(conn)) != NULL)
		show(res);
	fact_int("notices", notices);
	fact("error", PQerrorMessage(conn));
	PQfinish(conn);
	return 0;
}
