/*
 * copy_held CONNINFO: how many bytes of a COPY the library holds back before it sends them, for rows of several sizes.
 */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "common.h"

#define TOTAL 600000

static long long written;

/* Replaces the C library's. */
ssize_t
send(int fd, const void *bytes, size_t length, int flags)
{
	ssize_t		sent = syscall(SYS_sendto, fd, bytes, length, flags, NULL, 0);

	if (sent > 0)
		written += sent;
	return sent;
}

static void
copy(PGconn *conn, int size)
{
	char	   *row = malloc(size);
	long long	put = 0,
				most = 0,
				before;

	memset(row, 'x', size);
	row[size - 1] = '\n';
	PQclear(PQexec(conn, "COPY held FROM STDIN"));
	before = written;
	while (put < TOTAL)
	{
		if (PQputCopyData(conn, row, size) != 1)
			exit(3);
		put += size + 5;
		if (put - (written - before) > most)
			most = put - (written - before);
	}
	printf("%lld\n", most);
	if (PQputCopyEnd(conn, NULL) != 1)
		exit(3);
	show(PQgetResult(conn));
	PQclear(PQgetResult(conn));
	free(row);
}

int
main(int argc, char **argv)
{
	PGconn	   *conn;

	if (argc < 2)
		return 2;
	conn = connect_or_die(argv[1]);
	must(conn, "CREATE TEMP TABLE held (line text)");
	copy(conn, 100);
	copy(conn, 2000);
	copy(conn, 9000);
	PQfinish(conn);
	return 0;
}
