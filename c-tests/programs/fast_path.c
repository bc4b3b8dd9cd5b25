/*
 * fast_path CONNINFO read|tell|call|number|unlink: one function call to a server that may be hostile. Checks the
 * bytes after every buffer.
 */
#include "common.h"
#include "libpq/libpq-fs.h"

static PGconn *conn;

enum
{
	ROOM = 8,
	GUARD = 256
};

static void
print_state(const char *label, long long value)
{
	fact_int(label, value);
	fact("  error", PQerrorMessage(conn));
	fact_int("  status", PQstatus(conn));
	fact_int("  socket", PQsocket(conn) >= 0);
	fact("  disconnect_requested", PQparameterStatus(conn, "disconnect_requested"));
}

static void
print_guard(const char *buffer)
{
	int			touched = 0;

	for (int i = ROOM; i < ROOM + GUARD; i++)
		touched += buffer[i] != '#';
	print_bytes(buffer, ROOM);
	printf(" bytes written after it: %d\n", touched);
}

int
main(int argc, char **argv)
{
	char		buffer[ROOM + GUARD] __attribute__((aligned(8)));
	int			length = 77;
	PQArgBlock	arg = {4, 1, {NULL}};

	if (argc != 3)
		return 2;
	memset(buffer, '#', sizeof buffer);
	conn = connect_or_die(argv[1]);
	arg.u.integer = 5;
	if (strcmp(argv[2], "read") == 0)
	{
		print_state("lo_read", lo_read(conn, 1, buffer, ROOM));
		print_guard(buffer);
		print_state("lo_read again", lo_read(conn, 1, buffer, ROOM));
		print_guard(buffer);
	}
	else if (strcmp(argv[2], "tell") == 0)
		print_state("lo_tell64", lo_tell64(conn, 1));
	else if (strcmp(argv[2], "unlink") == 0)
		print_state("lo_unlink", lo_unlink(conn, 1));
	else
	{
		int			is_int = strcmp(argv[2], "number") == 0;

		show(PQfn(conn, 7, (int *) (void *) buffer, &length, is_int, &arg, 1));
		print_state("length", length);
		print_guard(buffer);
	}
	PQfinish(conn);
	return 0;
}
