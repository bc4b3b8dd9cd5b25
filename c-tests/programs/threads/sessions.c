/* Connections in many threads: one in each, one for all, and connections that move. */
#include "threads.h"

/* ---- everything at once, before anything is initialized ---- */

static void
use_defaults(void)
{
	PQconninfoOption *options = PQconndefaults();

	check(options != NULL);
	PQconninfoFree(options);
	options = PQconninfoParse("host=a dbname='b c'", NULL);
	check(options != NULL);
	PQconninfoFree(options);
}

static void
use_texts(void)
{
	size_t		length;
	char		escaped[20];
	unsigned char *bytes = PQescapeBytea((const unsigned char *) "a\\b", 3, &length);

	PQfreemem(bytes);
	bytes = PQunescapeBytea((const unsigned char *) "\\x616263", &length);
	check(length == 3 && memcmp(bytes, "abc", 3) == 0);
	PQfreemem(bytes);
	check(PQescapeString(escaped, "it's", 4) == 5);
	check(PQisthreadsafe() == 1 && PQlibVersion() >= 180000);
	check(strcmp(PQresStatus(PGRES_TUPLES_OK), "PGRES_TUPLES_OK") == 0);
	check(PQenv2encoding() >= 0 && pg_char_to_encoding("utf8") == 6);
}

static void
use_passwords(void)
{
	char	   *hashed = PQencryptPasswordConn(NULL, "secret", "me", "md5");

	check(hashed == NULL);
	hashed = PQencryptPassword("secret", "me");
	check(hashed != NULL && strlen(hashed) == 35);
	PQfreemem(hashed);
}

static void
use_results(void)
{
	PGresult   *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc column = {.name = (char *) "a"};

	check(PQsetResultAttrs(res, 1, &column) && PQsetvalue(res, 0, 0, (char *) "value", 5));
	check(strcmp(PQgetvalue(res, 0, 0), "value") == 0 && PQresultAlloc(res, 3000000) != NULL);
	PQclear(res);
}

static void
use_connection(void)
{
	PGconn	   *conn = connect_once();
	char	   *hashed;

	if (conn == NULL)
		return;
	expect(conn, "SELECT 'first'", "first");
	hashed = PQencryptPasswordConn(conn, "secret", "me", "scram-sha-256");
	check(hashed != NULL && strncmp(hashed, "SCRAM-SHA-256$", 14) == 0);
	PQfreemem(hashed);
	PQfinish(conn);
}

static void
use_failing_connection(void)
{
	PGconn	   *conn = PQconnectdb("host=/nonexistent dbname=a client_encoding=auto");

	check(PQstatus(conn) == CONNECTION_BAD && *PQerrorMessage(conn) != '\0');
	PQfinish(conn);
	check(PQping("host=/nonexistent") == PQPING_NO_RESPONSE);
}

static void (*const uses[]) (void) = {
	use_connection, use_defaults, use_texts, use_passwords, use_results, use_failing_connection
};

/* Threads begin with different functions, and each first use is in several threads at once. */
static void
use_everything(int number)
{
	const int	count = sizeof uses / sizeof uses[0];

	for (int i = 0; i < count; i++)
		uses[(number / 2 + i) % count] ();
}

void
first_use(void)
{
	in_threads(THREADS, use_everything);
}

/* ---- sessions that use everything ---- */

typedef struct
{
	int			notices,
				events;
} Seen;

static void
count_notice(void *arg, const char *message)
{
	((Seen *) arg)->notices += *message != '\0';
}

static void
count_notice_result(void *arg, const PGresult *res)
{
	((Seen *) arg)->notices += *PQresultErrorMessage(res) != '\0';
}

static int
count_event(PGEventId id, void *info, void *arg)
{
	(void) id;
	(void) info;
	((Seen *) arg)->events++;
	return 1;
}

static void
query(PGconn *conn, int number)
{
	char		text[20];
	const char *values[1] = {text};
	PGresult   *res;

	snprintf(text, sizeof text, "%d", number);
	res = PQexecParams(conn, "SELECT $1::int + 1, NULL, repeat('x', 100)", 1, NULL, values, NULL, NULL, number % 2);
	check(PQntuples(res) == 1 && PQgetisnull(res, 0, 1) && PQgetlength(res, 0, 2) == 100);
	PQclear(res);
	PQclear(PQprepare(conn, "p", "SELECT i FROM generate_series(1, $1::int) AS i", 0, NULL));
	PQclear(PQdescribePrepared(conn, "p"));
	snprintf(text, sizeof text, "%d", 500);
	res = PQexecPrepared(conn, "p", 1, values, NULL, NULL, 0);
	check(PQntuples(res) == 500);
	PQclear(res);
	res = PQexec(conn, "SELECT * FROM no_such_table");
	check(strcmp(PQresultErrorField(res, PG_DIAG_SQLSTATE), "42P01") == 0);
	PQclear(res);
	check(PQsendQuery(conn, "SELECT generate_series(1, 300)") && PQsetSingleRowMode(conn));
	check(drain(conn) == 300);
	check(PQsendQuery(conn, "SELECT generate_series(1, 300)") && PQsetChunkedRowsMode(conn, 7));
	check(drain(conn) == 300);
}

static void
pipeline(PGconn *conn)
{
	PGresult   *res;
	int			synced = 0,
				rows = 0;

	check(PQenterPipelineMode(conn));
	for (int i = 0; i < 20; i++)
		check(PQsendQueryParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0));
	check(PQpipelineSync(conn));
	while (!synced && PQstatus(conn) == CONNECTION_OK)
	{
		res = PQgetResult(conn);
		synced = PQresultStatus(res) == PGRES_PIPELINE_SYNC;
		rows += PQntuples(res);
		PQclear(res);
	}
	check(rows == 20 && PQexitPipelineMode(conn));
}

static void
copy(PGconn *conn)
{
	char	   *row;
	int			rows = 0;

	PQclear(PQexec(conn, "CREATE TEMP TABLE t (a text); COPY t FROM STDIN"));
	for (int i = 0; i < 200; i++)
		check(PQputCopyData(conn, "some text\n", 10) == 1);
	check(PQputCopyEnd(conn, NULL) == 1);
	drain(conn);
	PQclear(PQexec(conn, "COPY t TO STDOUT"));
	while (PQgetCopyData(conn, &row, 0) > 0)
	{
		rows++;
		PQfreemem(row);
	}
	check(rows == 200);
	drain(conn);
}

static void
notify(PGconn *conn, int number)
{
	char		sql[60];
	PGnotify   *notification;

	snprintf(sql, sizeof sql, "LISTEN c%d; NOTIFY c%d, 'payload'", number, number);
	PQclear(PQexec(conn, sql));
	PQconsumeInput(conn);
	notification = PQnotifies(conn);
	check(notification != NULL && strcmp(notification->extra, "payload") == 0);
	PQfreemem(notification);
}

static void
ask(PGconn *conn)
{
	PQconninfoOption *options = PQconninfo(conn);
	char	   *literal = PQescapeLiteral(conn, "it's", 4);

	check(options != NULL && strcmp(literal, "'it''s'") == 0);
	PQconninfoFree(options);
	PQfreemem(literal);
	check(PQserverVersion(conn) > 0 && PQbackendPID(conn) > 0 && PQsocket(conn) >= 0);
	check(strcmp(PQparameterStatus(conn, "integer_datetimes"), "on") == 0);
	PQsslAttribute(conn, "protocol");
	PQsslAttributeNames(conn);
}

static void
use_all(PGconn *conn, int number)
{
	Seen		seen = {0};
	FILE	   *trace = tmpfile();

	PQregisterEventProc(conn, count_event, "counter", &seen);
	if (number % 2)
		PQsetNoticeProcessor(conn, count_notice, &seen);
	else
		PQsetNoticeReceiver(conn, count_notice_result, &seen);
	PQtrace(conn, trace);
	PQclear(PQexec(conn, "DO $$BEGIN RAISE NOTICE 'a notice'; END$$"));
	query(conn, number);
	PQuntrace(conn);
	check(ftell(trace) > 0);
	fclose(trace);
	pipeline(conn);
	copy(conn);
	notify(conn, number);
	ask(conn);
	PQreset(conn);
	query(conn, number);
	PQfinish(conn);
	check(seen.notices == 1 && seen.events > 5);
}

static void
session(int number)
{
	PGconn	   *conn = connect_once();

	if (conn != NULL)
		use_all(conn, number);
}

void
sessions(void)
{
	in_threads(8, session);
}

/* ---- connections that move from thread to thread ---- */

static PGconn *moving[4];
static PostgresPollingStatusType wanted[4];

static void
begin(int number)
{
	moving[number] = PQconnectStart(conninfo);
	wanted[number] = PGRES_POLLING_WRITING;
}

/* One step of PQconnectPoll. */
static void
advance(int number)
{
	if (wanted[number] == PGRES_POLLING_OK)
		return;
	wait_for(PQsocket(moving[number]), wanted[number]);
	wanted[number] = PQconnectPoll(moving[number]);
	check(wanted[number] != PGRES_POLLING_FAILED);
}

static void
use_moved(int number)
{
	check(PQstatus(moving[number]) == CONNECTION_OK);
	use_all(moving[(number + 1) % 4], number);
}

void
moved_connections(void)
{
	in_threads(4, begin);
	/* Each round is a new thread. */
	for (int round = 0; round < 200; round++)
	{
		int			done = 0;

		for (int i = 0; i < 4; i++)
			done += wanted[i] == PGRES_POLLING_OK || wanted[i] == PGRES_POLLING_FAILED;
		if (done == 4)
			break;
		in_threads(4, advance);
	}
	for (int i = 0; i < 4; i++)
		check(PQstatus(moving[i]) == CONNECTION_OK);
	for (int i = 0; i < 4; i++)
		if (PQstatus(moving[i]) != CONNECTION_OK)
			return;
	in_threads(4, use_moved);
}

/* ---- one connection that threads use in turn ---- */

static PGconn *common;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void
use_in_turn(int number)
{
	for (int i = 0; i < 10; i++)
	{
		pthread_mutex_lock(&turn);
		query(common, number);
		PQclear(PQexec(common, "DEALLOCATE p"));
		pthread_mutex_unlock(&turn);
	}
}

void
shared_connection(void)
{
	common = connect_once();
	if (common == NULL)
		return;
	in_threads(6, use_in_turn);
	PQfinish(common);
}

/* ---- threads that end, one after the other, while others connect ---- */

static PGconn *left[THREADS];

static void
leave(int number)
{
	left[number] = connect_once();
	if (number % 3 == 0)
		pthread_exit(NULL);
}

static void
take_over(int number)
{
	PGconn	   *conn = left[(number + 5) % THREADS];

	if (conn == NULL)
		return;
	expect(conn, "SELECT 'left'", "left");
	PQfinish(conn);
}

void
thread_ends(void)
{
	for (int round = 0; round < 3; round++)
	{
		in_threads(THREADS, leave);
		in_threads(THREADS, take_over);
	}
}
