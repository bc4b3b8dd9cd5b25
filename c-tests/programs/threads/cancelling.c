/* Queries that other threads cancel. */
#include "threads.h"

#define QUERIES 3

/* The thread that runs queries, and those that cancel. */
static PGconn *conn;
static PGcancel *handle;
static PGcancelConn *requests[4];
static int	done;

static int
is_done(void)
{
	return __atomic_load_n(&done, __ATOMIC_ACQUIRE);
}

static void
run_queries(void)
{
	for (int i = 0; i < QUERIES; i++)
	{
		PGresult   *res = PQexec(conn, "SELECT pg_sleep(120)");

		check(PQresultStatus(res) == PGRES_FATAL_ERROR);
		check(strcmp(PQresultErrorField(res, PG_DIAG_SQLSTATE), "57014") == 0);
		PQclear(res);
	}
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
}

/* A handle that several threads use at once. */
static void
cancel_with_handle(void)
{
	char		error[256] = "";

	while (!is_done())
	{
		check(PQcancel(handle, error, sizeof error) == 1);
		usleep(20000);
	}
}

static void
cancel_blocking(PGcancelConn *request)
{
	while (!is_done())
	{
		check(PQcancelBlocking(request) == 1);
		check(*PQcancelErrorMessage(request) == '\0' || PQcancelStatus(request) == CONNECTION_OK);
		PQcancelReset(request);
		usleep(20000);
	}
}

static void
cancel_polling(PGcancelConn *request)
{
	while (!is_done())
	{
		PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;

		check(PQcancelStart(request) == 1);
		while (wanted != PGRES_POLLING_OK && wanted != PGRES_POLLING_FAILED)
		{
			wait_for(PQcancelSocket(request), wanted);
			wanted = PQcancelPoll(request);
		}
		check(wanted == PGRES_POLLING_OK);
		PQcancelReset(request);
		usleep(20000);
	}
}

static void
take_part(int number)
{
	if (number == 0)
		run_queries();
	else if (number <= 3)
		cancel_with_handle();
	else if (number <= 5)
		cancel_blocking(requests[number - 4]);
	else
		cancel_polling(requests[number - 4]);
}

static void
free_one(int number)
{
	if (number == 0)
		PQfreeCancel(handle);
	else if (number <= 4)
		PQcancelFinish(requests[number - 1]);
	else
		PQfinish(conn);
}

void
cancels(void)
{
	conn = connect_once();
	if (conn == NULL)
		return;
	done = 0;
	handle = PQgetCancel(conn);
	for (int i = 0; i < 4; i++)
		requests[i] = PQcancelCreate(conn);
	in_threads(8, take_part);
	in_threads(6, free_one);
}
