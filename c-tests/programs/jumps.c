/*
 * jumps CONNINFO: callbacks that do not return but longjmp to the caller of the library. libpq's state afterwards is
 * undefined; with our library the connection can still be used.
 */
#include <setjmp.h>

#include "common.h"
#include "libpq-events.h"

static jmp_buf home;
static int	jumps;

static void
receiver(void *arg, const PGresult *res)
{
	(void) arg;
	fact("jumps from", PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
	jumps++;
	longjmp(home, 1);
}

static void
processor(void *arg, const char *message)
{
	(void) arg;
	fact("jumps from the text", message);
	jumps++;
	longjmp(home, 1);
}

static int	jumps_at = -1;

static int
event(PGEventId id, void *info, void *arg)
{
	(void) info, (void) arg;
	if ((int) id == jumps_at)
	{
		printf("jumps from event %d\n", id);
		jumps_at = -1;
		jumps++;
		longjmp(home, 1);
	}
	return 1;
}

/* Collects the results of the interrupted call, then runs another query. */
static void
check_connection(PGconn *conn)
{
	PGresult   *res;

	if (setjmp(home) != 0)
		printf("again\n");
	while ((res = PQgetResult(conn)) != NULL)
		show(res);
	jumps = 0;
	show_exec(conn, "SELECT 'the connection still works'");
	fact_int("transaction", PQtransactionStatus(conn));
	fact_int("jumps", jumps);
}

static void
query(PGconn *conn, const char *sql)
{
	heading(sql);
	if (setjmp(home) == 0)
	{
		show(PQexec(conn, sql));
		printf("returned\n");
	}
	check_connection(conn);
}

static void
old_copy(PGconn *conn)
{
	heading("PQendcopy");
	show(PQexec(conn, "COPY t FROM STDIN"));
	PQputline(conn, "not a number\n\\.\n");
	if (setjmp(home) == 0)
		fact_int("returned", PQendcopy(conn));
	check_connection(conn);
}

static void
accessors(PGconn *conn)
{
	PGresult   *res = PQexec(conn, "SELECT 1");

	heading("a row out of range");
	if (setjmp(home) == 0)
		fact("returned", PQgetvalue(res, 7, 7));
	fact("still there", PQgetvalue(res, 0, 0));
	PQclear(res);
	check_connection(conn);
}

static void
events(PGconn *conn)
{
	PGresult   *volatile res = NULL;

	heading("events");
	fact_int("registered", PQregisterEventProc(conn, event, "event", NULL));
	jumps_at = PGEVT_RESULTCREATE;
	query(conn, "SELECT 'created'");
	res = PQexec(conn, "SELECT 'copied'");
	jumps_at = PGEVT_RESULTCOPY;
	if (setjmp(home) == 0)
		PQclear(PQcopyResult(res, PG_COPYRES_EVENTS));
	PQclear(res);
	jumps_at = PGEVT_CONNRESET;
	if (setjmp(home) == 0)
		PQreset(conn);
	check_connection(conn);
}

int
main(int argc, char **argv)
{
	PGconn	   *conn;

	if (argc < 2)
		return 2;
	conn = connect_or_die(argv[1]);
	must(conn, "CREATE TEMP TABLE t (a int)");
	PQsetNoticeReceiver(conn, receiver, NULL);
	query(conn, "DO $$ BEGIN RAISE NOTICE 'a notice'; END $$");
	query(conn, "DO $$ BEGIN RAISE NOTICE 'a notice'; RAISE EXCEPTION 'an error'; END $$; SELECT 1");
	query(conn, "DO $$ BEGIN FOR i IN 1..3 LOOP RAISE NOTICE '%', repeat('long', 5000); END LOOP; END $$");
	query(conn, "BEGIN; COMMIT; COMMIT; SELECT 'more'");
	accessors(conn);
	old_copy(conn);
	PQsetNoticeReceiver(conn, NULL, NULL);
	PQfinish(conn);

	conn = connect_or_die(argv[1]);
	must(conn, "CREATE TEMP TABLE t (a int)");
	PQsetNoticeProcessor(conn, processor, NULL);
	query(conn, "DO $$ BEGIN RAISE NOTICE 'a notice'; END $$");
	accessors(conn);
	events(conn);
	PQfinish(conn);
	return 0;
}
