/*
 * function_in_progress CONNINFO [MODE]: PQfn while the connection is being opened, and what a notice processor sees during a
 * call. With "jump" and "late", it leaves the call with longjmp; with "late", the call then fails after the server has sent
 * its value. With "refused", it calls functions that are refused, with "exec" PQexec. With "query", "pipeline" and "copy", it
 * then begins a command that is in progress when it returns.
 */
#include <setjmp.h>

#include "common.h"

static PGconn *conn;
static jmp_buf outside;
static const char *mode = "";

static PGresult *
call(Oid function, int *value)
{
	PQArgBlock	argument = {.isint = 1, .len = 4, .u.integer = 5};
	int			length;

	*value = 0;
	return PQfn(conn, function, value, &length, 1, &argument, 1);
}

static void
while_connecting(const char *conninfo)
{
	PostgresPollingStatusType polling = PGRES_POLLING_WRITING;
	int			value;

	conn = PQconnectStart(conninfo);
	PQclear(call(1397, &value));
	while (polling == PGRES_POLLING_READING || polling == PGRES_POLLING_WRITING)
	{
		if (PQsocket(conn) >= 0)
			PQsocketPoll(PQsocket(conn), polling == PGRES_POLLING_READING, polling == PGRES_POLLING_WRITING, -1);
		polling = PQconnectPoll(conn);
	}
	fact_int("connected after a call", polling == PGRES_POLLING_OK);
	PQfinish(conn);
}

static void
call_what_is_refused(void)
{
	int			value;

	fact_int("query sent", PQsendQuery(conn, "SELECT 'other'"));
	fact("error", PQerrorMessage(conn));
	show(call(1397, &value));
	fact_int("pipeline mode", PQenterPipelineMode(conn));
}

static int
begins_another(void)
{
	return strcmp(mode, "query") == 0 || strcmp(mode, "pipeline") == 0 || strcmp(mode, "copy") == 0;
}

/* Begins a command whose results come after the call. */
static void
begin_another(void)
{
	show(PQexec(conn, strcmp(mode, "copy") == 0 ? "COPY once FROM STDIN" : "SELECT 'other'"));
	if (strcmp(mode, "query") == 0)
		fact_int("query sent", PQsendQuery(conn, "SELECT 'next', pg_sleep(0.1); SELECT 'last'"));
	if (strcmp(mode, "pipeline") == 0)
	{
		fact_int("pipeline mode", PQenterPipelineMode(conn));
		fact_int("query sent", PQsendQueryParams(conn, "SELECT 'next'", 0, NULL, NULL, NULL, NULL, 0));
		fact_int("synced", PQpipelineSync(conn));
	}
}

/* What begin_another has begun. */
static void
finish_another(void)
{
	PGresult   *res;
	int			nulls = 0;

	while (nulls < 2)
	{
		ExecStatusType status;

		res = PQgetResult(conn);
		status = PQresultStatus(res);
		nulls = res == NULL ? nulls + 1 : 0;
		show(res);
		if (status == PGRES_COPY_IN)
			fact_int("end of the copy", PQputCopyEnd(conn, NULL));
	}
	fact_int("pipeline mode left", PQexitPipelineMode(conn));
}

static void
look(void *arg, const char *message)
{
	(void) arg;
	(void) message;
	fact_int("transaction status in a notice processor", PQtransactionStatus(conn));
	if (strcmp(mode, "jump") == 0 || strcmp(mode, "late") == 0)
		longjmp(outside, 1);
	if (strcmp(mode, "refused") == 0)
		call_what_is_refused();
	if (strcmp(mode, "exec") == 0)
		show(PQexec(conn, "SELECT 'other'"));
	if (begins_another())
		begin_another();
}

static Oid
noisy_function(void)
{
	PGresult   *res;
	Oid			function;

	must(conn, "CREATE TEMPORARY TABLE once(i int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
	if (strcmp(mode, "late") == 0)
		must(conn, "INSERT INTO once VALUES (5)");
	must(conn, "CREATE FUNCTION pg_temp.noisy(i int) RETURNS int LANGUAGE plpgsql AS "
		 "$$BEGIN INSERT INTO once VALUES (i); RAISE NOTICE 'noise'; RETURN i + 1; END$$");
	res = PQexec(conn, "SELECT 'pg_temp.noisy'::regproc::oid");
	function = strtoul(PQgetvalue(res, 0, 0), NULL, 10);
	PQclear(res);
	return function;
}

int
main(int argc, char **argv)
{
	int			value = 0;
	Oid			function;
	PGresult   *res;

	if (argc < 2)
		return 2;
	while_connecting(argv[1]);
	conn = connect_or_die(argv[1]);
	if (argc > 2)
		mode = argv[2];
	function = noisy_function();
	PQsetNoticeProcessor(conn, look, NULL);
	if (setjmp(outside) == 0)
	{
		res = call(function, &value);
		show(res);
		fact_int("value", value);
		if (begins_another() || strcmp(mode, "exec") == 0)
			fact("error after the call", PQerrorMessage(conn));
		if (begins_another())
			finish_another();
	}
	else
	{
		/* The next call is refused; then the first one's result comes. */
		show(call(1397, &value));
		fact("error", PQerrorMessage(conn));
		while ((res = PQgetResult(conn)) != NULL)
			show(res);
	}
	show(PQexec(conn, "SELECT 'mine'"));
	PQfinish(conn);
	return 0;
}
