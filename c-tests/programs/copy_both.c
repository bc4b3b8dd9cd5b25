/* copy_both CONNINFO: COPY in both directions, as in logical replication. CONNINFO has replication=database. */
#include <poll.h>
#include <stdint.h>

#include "common.h"

/* Returns the next message; in async mode it waits by itself. */
static int
receive(PGconn *conn, char **row, int async)
{
	int			length;

	while ((length = PQgetCopyData(conn, row, async)) == 0)
	{
		struct pollfd pollfd = {.fd = PQsocket(conn), .events = POLLIN};

		if (poll(&pollfd, 1, 30000) != 1 || !PQconsumeInput(conn))
			return -9;
	}
	return length;
}

/* Sends a status update: everything so far was received; optionally asks for a reply. */
static int
send_status(PGconn *conn, const char *position, char wants_answer)
{
	char		status[34] = {'r'};

	memcpy(status + 1, position, 8);
	memcpy(status + 9, position, 8);
	memcpy(status + 17, position, 8);
	status[33] = wants_answer;
	return PQputCopyData(conn, status, sizeof status);
}

/* Reads changes up to a COMMIT, and keepalives up to the requested one. */
static void
read_changes(PGconn *conn, int async)
{
	char		position[8] = {0};
	char	   *row;
	int			length,
				is_answered = 0,
				is_committed = 0;

	while (!is_committed && (length = receive(conn, &row, async)) > 0)
	{
		if (row[0] == 'w')
		{
			memcpy(position, row + 9, 8);
			printf("change: ");
			print_bytes(row + 25, (size_t) length - 25);
			printf(", terminated %d\n", row[length] == '\0');
			is_committed = strncmp(row + 25, "COMMIT", 6) == 0;
		}
		PQfreemem(row);
	}
	fact_int("status sent", send_status(conn, position, 1));
	fact_int("flushed", PQflush(conn));
	while (!is_answered && (length = receive(conn, &row, async)) > 0)
	{
		is_answered = row[0] == 'k';
		PQfreemem(row);
	}
	fact_int("answered", is_answered);
}

static void
start(PGconn *conn)
{
	PGresult   *res = PQexec(conn, "START_REPLICATION SLOT copy_both LOGICAL 0/0 (\"include-xids\" '0')");

	print_result(res);
	PQclear(res);
	fact_int("transaction", PQtransactionStatus(conn));
	fact_int("busy", PQisBusy(conn));
}

static void
finish(PGconn *conn)
{
	PGresult   *res;
	char	   *row;
	int			length;

	while ((length = PQgetCopyData(conn, &row, 0)) > 0)
		PQfreemem(row);
	fact_int("end", length);
	while ((res = PQgetResult(conn)) != NULL)
		show(res);
	fact("error", PQerrorMessage(conn));
	fact_int("transaction", PQtransactionStatus(conn));
}

int
main(int argc, char **argv)
{
	PGconn	   *conn,
			   *other;
	char		line[16];
	PGresult   *res;

	if (argc < 3)
		return 2;
	conn = connect_or_die(argv[1]);
	other = connect_or_die(argv[2]);
	must(other, "CREATE TABLE changed (a int, b text)");
	res = PQexec(conn, "IDENTIFY_SYSTEM");
	fact_int("columns", PQnfields(res));
	fact("database", PQgetvalue(res, 0, 3));
	PQclear(res);
	res = PQexec(conn, "CREATE_REPLICATION_SLOT copy_both TEMPORARY LOGICAL test_decoding");
	fact("slot", PQgetvalue(res, 0, 0));
	PQclear(res);
	for (int async = 0; async < 2; async++)
	{
		heading(async ? "without waiting" : "waiting");
		must(other, "INSERT INTO changed SELECT i, repeat('x', i * 1000) FROM generate_series(0, 20, 4) AS i");
		start(conn);
		read_changes(conn, async);
		must(other, "BEGIN; UPDATE changed SET b = '\xc3\xa9' WHERE a = 0; DELETE FROM changed; COMMIT");
		read_changes(conn, async);
		heading("what is not allowed now");
		show(PQexec(conn, "SELECT 1"));
		fact("error", PQerrorMessage(conn));
		fact_int("send", PQsendQuery(conn, "SELECT 1"));
		fact("error", PQerrorMessage(conn));
		fact_int("line", PQgetline(conn, line, sizeof line));
		fact_int("pipeline", PQenterPipelineMode(conn));
		show(PQgetResult(conn));
		show(PQgetResult(conn));
		heading("our end");
		fact_int("end", PQputCopyEnd(conn, NULL));
		fact_int("end again", PQputCopyEnd(conn, NULL));
		fact("error", PQerrorMessage(conn));
		fact_int("put", PQputCopyData(conn, "x", 1));
		fact("error", PQerrorMessage(conn));
		finish(conn);
		show_exec(conn, "SELECT 'a query again'");
	}
	heading("an end that is a failure");
	start(conn);
	fact_int("end", PQputCopyEnd(conn, "our failure"));
	finish(conn);
	fact_int("status", PQstatus(conn));
	PQfinish(conn);
	PQfinish(other);
	return 0;
}
