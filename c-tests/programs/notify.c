/* notify CONNINFO: notifications and notices, for channels with and without LISTEN. */
#include <poll.h>

#include "common.h"

static void
drain(PGconn *conn, int own_pid)
{
	PGnotify   *notify;

	while ((notify = PQnotifies(conn)) != NULL)
	{
		printf("notification %s ", notify->be_pid == own_pid ? "own" : "other");
		fact(notify->relname, notify->extra);
		fact_int("next", notify->next != NULL);
		PQfreemem(notify);
	}
	printf("no more\n");
}

static void
wait_for_one(PGconn *conn)
{
	struct pollfd pollfd = {.fd = PQsocket(conn), .events = POLLIN};

	fact_int("came", poll(&pollfd, 1, 30000));
	fact_int("consume", PQconsumeInput(conn));
}

static void
quiet(void *arg, const PGresult *res)
{
	(*(int *) arg)++;
	fact("in the receiver", PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
}

int
main(int argc, char **argv)
{
	PGconn	   *conn,
			   *other;
	PQnoticeProcessor processor;
	PQnoticeReceiver receiver;
	int			count = 0;

	if (argc < 2)
		return 2;
	conn = connect_or_die(argv[1]);
	other = connect_or_die(argv[1]);
	heading("own");
	drain(conn, PQbackendPID(conn));
	must(conn, "LISTEN channel_a; LISTEN \"Channel B\"");
	must(conn, "NOTIFY channel_a, 'payload'");
	drain(conn, PQbackendPID(conn));
	must(conn, "BEGIN; NOTIFY channel_a; NOTIFY \"Channel B\", '\xc3\xa9'; NOTIFY channel_a; COMMIT");
	drain(conn, PQbackendPID(conn));
	heading("another session's, while idle");
	must(other, "NOTIFY channel_a, 'from the other'");
	wait_for_one(conn);
	drain(conn, PQbackendPID(conn));
	drain(other, PQbackendPID(other));
	heading("in a query");
	must(other, "SELECT pg_notify('channel_a', repeat('x', 7999))");
	show_exec(conn, "SELECT 1");
	drain(conn, PQbackendPID(conn));
	must(conn, "UNLISTEN *");
	must(other, "NOTIFY channel_a");
	must(conn, "SELECT 1");
	drain(conn, PQbackendPID(conn));
	print_result(NULL);
	fact_int("NULL", PQnotifies(NULL) == NULL);

	heading("notices");
	processor = PQsetNoticeProcessor(conn, NULL, NULL);
	fact_int("mine", processor == notice_printer);
	receiver = PQsetNoticeReceiver(conn, quiet, &count);
	fact_int("not mine", receiver != quiet && receiver != NULL);
	show_exec(conn, "DO $$ BEGIN FOR i IN 1..3 LOOP RAISE NOTICE 'notice %', i; END LOOP; END $$");
	fact_int("count", count);
	fact_int("mine", PQsetNoticeReceiver(conn, NULL, NULL) == quiet);
	fact_int("NULL", PQsetNoticeProcessor(NULL, notice_printer, NULL) == NULL);
	fact_int("NULL", PQsetNoticeReceiver(NULL, quiet, NULL) == NULL);
	PQsetNoticeReceiver(conn, receiver, NULL);
	show_exec(conn, "DO $$ BEGIN RAISE NOTICE 'processed' USING DETAIL = 'd', HINT = 'h'; END $$");
	show_exec(conn, "SET client_min_messages = debug5; SELECT 1; RESET client_min_messages; ROLLBACK");
	heading("the default goes to stderr");
	PQfinish(other);
	other = PQconnectdb(argv[1]);
	must(other, "DO $$ BEGIN RAISE NOTICE 'to stderr' USING HINT = 'h'; RAISE WARNING 'two'; END $$");
	PQfinish(other);
	PQfinish(conn);
	return 0;
}
