/*
 * edge_triggered CONNINFO SIZE: sends a query of SIZE bytes in nonblocking mode, from a loop that is told only once when the
 * socket becomes writable or readable. When PQflush returns 1, the socket must be full.
 */
#include <sys/epoll.h>

#include "common.h"

static char *
large_query(size_t size)
{
	char	   *query = malloc(size + 32);
	char	   *end = query + sprintf(query, "SELECT length('");

	memset(end, 'x', size);
	strcpy(end + size, "')");
	return query;
}

/* Waits for the next change. False if there is none for 20 seconds. */
static int
changes(int epoll, PGconn *conn)
{
	struct epoll_event event;

	if (epoll_wait(epoll, &event, 1, 20000) <= 0)
		return 0;
	return (event.events & EPOLLIN) == 0 || PQconsumeInput(conn);
}

int
main(int argc, char **argv)
{
	struct epoll_event wanted = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
	PGconn	   *conn;
	char	   *query;
	int			epoll = epoll_create1(0),
				left;

	if (argc < 3)
		return 2;
	conn = connect_or_die(argv[1]);
	query = large_query(strtoul(argv[2], NULL, 10));
	fact_int("nonblocking", PQsetnonblocking(conn, 1));
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, PQsocket(conn), &wanted) != 0)
		return 3;
	fact_int("query sent", PQsendQuery(conn, query));
	while ((left = PQflush(conn)) == 1 && changes(epoll, conn))
		;
	fact_int("left to send", left);
	if (left != 0)
		return 1;
	show(PQgetResult(conn));
	show(PQgetResult(conn));
	free(query);
	PQfinish(conn);
	return 0;
}
