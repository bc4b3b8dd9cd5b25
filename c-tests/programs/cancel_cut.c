/*
 * cancel_cut CONNINFO: a thread is cancelled while it sends a long command to a server that is stopped. Then the server
 * goes on, and a loop that waits for input only must get the result.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include "common.h"

#define SIZE 30000000

static PGconn *conn;
static char *query;

static void *
send_query(void *arg)
{
	(void) arg;
	PQsendQuery(conn, query);
	return NULL;
}

/* 1318 is the OID of length(bpchar). */
static void *
call_function(void *arg)
{
	PQArgBlock	argument = {.len = SIZE, .u.ptr = (int *) query};
	int			value,
				length;

	(void) arg;
	PQclear(PQfn(conn, 1318, &value, &length, 1, &argument, 1));
	return NULL;
}

static int
await_input(void)
{
	struct pollfd wait = {.fd = PQsocket(conn), .events = POLLIN};

	while (PQisBusy(conn))
	{
		if (PQconsumeInput(conn) == 0)
			return 0;
		if (PQisBusy(conn) && poll(&wait, 1, 20000) <= 0)
			return 0;
	}
	return 1;
}

static void
cut(const char *conninfo, const char *name, void *(*work) (void *))
{
	pthread_t	thread;
	void	   *outcome;
	PGresult   *res;

	heading(name);
	conn = connect_or_die(conninfo);
	kill(PQbackendPID(conn), SIGSTOP);
	pthread_create(&thread, NULL, work, NULL);
	/* Waits until the socket is full. */
	usleep(getenv("SLOW") != NULL ? 3000000 : 300000);
	pthread_cancel(thread);
	pthread_join(thread, &outcome);
	fact_int("cancelled", outcome == PTHREAD_CANCELED);
	kill(PQbackendPID(conn), SIGCONT);
	do
	{
		fact_int("input", await_input());
		res = PQgetResult(conn);
		show(res);
	} while (res != NULL);
	show_exec(conn, "SELECT 'next'");
	PQfinish(conn);
}

int
main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	query = malloc(SIZE + 1);
	memset(query, 'x', SIZE);
	memcpy(query, "SELECT length('", 15);
	strcpy(query + SIZE - 2, "')");
	cut(argv[1], "a query", send_query);
	cut(argv[1], "a function call", call_function);
	free(query);
	return 0;
}
