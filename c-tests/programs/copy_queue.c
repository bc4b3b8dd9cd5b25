/*
 * copy_queue CONNINFO MEGABYTES NONBLOCKING FILE: a COPY of rows of 1 MB to a server that reads nothing before the file exists.
 * The program makes it when a row is refused, or when all rows are queued; a blocking program makes it at first.
 */
#include <poll.h>

#include "common.h"
#include "memory.h"

static char row[1 << 20];

static void
let_the_server_read(const char *path)
{
	FILE	   *file = fopen(path, "w");

	if (file != NULL)
		fclose(file);
}

/* As psycopg does: waits, and calls PQputCopyData again without PQflush. */
static int
put(PGconn *conn, const char *path, int *refused)
{
	int			answer;

	while ((answer = PQputCopyData(conn, row, sizeof row)) == 0)
	{
		struct pollfd pollfd = {.fd = PQsocket(conn), .events = POLLOUT};

		if (!*refused)
			let_the_server_read(path);
		*refused = 1;
		if (poll(&pollfd, 1, 30000) != 1)
			return -2;
	}
	return answer;
}

int
main(int argc, char **argv)
{
	PGconn	   *conn;
	int			first = -1;

	if (argc < 5)
		return 2;
	memset(row, 'm', sizeof row);
	conn = connect_or_die(argv[1]);
	show(PQexec(conn, "COPY t FROM STDIN"));
	fact_int("nonblocking", PQsetnonblocking(conn, atoi(argv[3])));
	if (!atoi(argv[3]))
		let_the_server_read(argv[4]);
	for (int i = 0; i < atoi(argv[2]); i++)
	{
		int			refused = 0,
					answer = put(conn, argv[4], &refused);

		if (refused && first < 0)
		{
			first = i;
			fact("error", PQerrorMessage(conn));
		}
		if (answer != 1)
			fact_int("failed", answer);
	}
	let_the_server_read(argv[4]);
	fact_int("first refused", first);
	fact_int("blocking", PQsetnonblocking(conn, 0));
	fact_int("end", PQputCopyEnd(conn, NULL));
	show(PQgetResult(conn));
	printf("memory: %s\n", peak_memory() < 600 * 1024 ? "bounded" : "much");
	PQfinish(conn);
	return 0;
}
