/*
 * The differences from C libpq in docs/differences.md. Each part runs with both libraries, and both outputs are
 * known.
 */
#include "common.h"

#include <fcntl.h>
#include <sys/wait.h>

#if __has_include("pqexpbuffer.h")
#include "pqexpbuffer.h"
#else
/* C libpq installs this header with its internal ones, which need this macro from its build. */
#include <stdbool.h>
#define pg_attribute_printf(f, a) __attribute__((format(printf, f, a)))
#include "internal/pqexpbuffer.h"
#endif

static void
connected_query(PGconn *conn)
{
	PGresult   *res = PQexec(conn, "SELECT 1");

	fact("query", PQresStatus(PQresultStatus(res)));
	PQclear(res);
}

/* A child process that finishes its parent's connection. */
static void
finish_in_child(const char *conninfo)
{
	PGconn	   *conn = PQconnectdb(conninfo);
	int			status;
	pid_t		child;

	connected_query(conn);
	child = fork();
	if (child == 0)
	{
		PQfinish(conn);
		_exit(0);
	}
	waitpid(child, &status, 0);
	/* After PQfinish the server closes the connection, so a query would only race with that. */
	if (PQsocketPoll(PQsocket(conn), 1, 0, PQgetCurrentTimeUSec() + 500000) == 0)
		connected_query(conn);
	else
		puts("the server hung up");
	PQfinish(conn);
}

/* A cancel request that fails, without a buffer for the error text. */
static void
cancel_without_buffer(void)
{
	fact_int("PQcancel", PQcancel(NULL, NULL, 256));
}

/* A call in nonblocking mode that is larger than what the socket takes. 1318 is the OID of length(bpchar). */
static void
nonblocking_call(const char *conninfo)
{
	static char text[30000000];
	PGconn	   *conn = connect_or_die(conninfo);
	PQArgBlock	argument = {.len = sizeof text, .u.ptr = (int *) text};
	int			value = 0,
				length;

	memset(text, 'x', sizeof text);
	PQsetnonblocking(conn, 1);
	show(PQfn(conn, 1318, &value, &length, 1, &argument, 1));
	fact_int("value", value);
	PQfinish(conn);
}

/* A conversion of C's printf that libpq's own printf does not have. */
static void
format(void)
{
	PQExpBufferData buffer;

	initPQExpBuffer(&buffer);
	appendPQExpBuffer(&buffer, "%a", 1.0);
	fact_int("broken", PQExpBufferDataBroken(buffer));
	fact("text", buffer.data);
	termPQExpBuffer(&buffer);
}

static void
defaults(void)
{
	PQconninfoOption *options = PQconndefaults();
	const char *last = NULL;
	int			known = 0;

	for (PQconninfoOption *option = options; option->keyword; option++)
	{
		last = option->keyword;
		known += strcmp(last, "goaway") == 0;
	}
	fact("last option", last);
	fact_int("goaway", known);
	PQconninfoFree(options);
}

static void
connect_only(const char *conninfo)
{
	PGconn	   *conn = PQconnectdb(conninfo);

	fact_int("status", PQstatus(conn));
	fact("error", PQerrorMessage(conn));
	PQfinish(conn);
}

/* The mode of the descriptor; a change of it by the program does no harm. */
static void
descriptor_mode(const char *conninfo)
{
	PGconn	   *conn = PQconnectdb(conninfo);
	int			flags = fcntl(PQsocket(conn), F_GETFL);

	fact_int("O_NONBLOCK", (flags & O_NONBLOCK) != 0);
	fcntl(PQsocket(conn), F_SETFL, flags ^ O_NONBLOCK);
	connected_query(conn);
	PQfinish(conn);
}

static void
parameters(const char *conninfo)
{
	PGconn	   *conn = PQconnectdb(conninfo);

	fact("first", PQparameterStatus(conn, "p0"));
	fact("last", PQparameterStatus(conn, "p1999"));
	connected_query(conn);
	PQfinish(conn);
}

int
main(int argc, char **argv)
{
	const char *part = argc > 1 ? argv[1] : "";
	const char *conninfo = argc > 2 ? argv[2] : "";

	if (strcmp(part, "finish_in_child") == 0)
		finish_in_child(conninfo);
	else if (strcmp(part, "cancel_without_buffer") == 0)
		cancel_without_buffer();
	else if (strcmp(part, "nonblocking_call") == 0)
		nonblocking_call(conninfo);
	else if (strcmp(part, "format") == 0)
		format();
	else if (strcmp(part, "defaults") == 0)
		defaults();
	else if (strcmp(part, "connect") == 0)
		connect_only(conninfo);
	else if (strcmp(part, "descriptor_mode") == 0)
		descriptor_mode(conninfo);
	else if (strcmp(part, "parameters") == 0)
		parameters(conninfo);
	else
		return 2;
	return 0;
}
