/* exec CONNINFO: the blocking query functions. */
#include "common.h"

static void
simple(PGconn *conn)
{
	heading("PQexec");
	show_exec(conn, "SELECT 1 AS a, NULL AS b, '' AS c, 'x y' AS \"D d\"");
	show_exec(conn, "");
	show_exec(conn, "  ; ;");
	show_exec(conn, "-- nothing");
	show_exec(conn, "SELECT");
	show_exec(conn, "SELECT FROM generate_series(1, 3)");
	show_exec(conn, "SELECT 1 WHERE false");
	show_exec(conn, "CREATE TABLE t (id int PRIMARY KEY CHECK (id > 0), name varchar(12), amount numeric(8,2))");
	show_exec(conn, "INSERT INTO t VALUES (1, 'one', 1.5), (2, NULL, -2), (3, E'\\u00e9\\u6f22', NULL)");
	show_exec(conn, "SELECT * FROM t ORDER BY id");
	show_exec(conn, "UPDATE t SET amount = 7 WHERE id < 3");
	show_exec(conn, "DELETE FROM t WHERE id = 2");
	show_exec(conn, "MERGE INTO t USING (VALUES (9)) AS v (i) ON id = i WHEN NOT MATCHED THEN INSERT VALUES (i)");
	show_exec(conn, "SELECT * INTO TEMP u FROM t");
	show_exec(conn, "BEGIN; DECLARE c CURSOR FOR SELECT * FROM t");
	show_exec(conn, "FETCH 1 FROM c");
	show_exec(conn, "MOVE 1 FROM c");
	fact_int("transaction", PQtransactionStatus(conn));
	show_exec(conn, "SELECT 1/0");
	fact_int("transaction", PQtransactionStatus(conn));
	show_exec(conn, "SELECT 1");
	show_exec(conn, "COMMIT");
	fact_int("transaction", PQtransactionStatus(conn));
	show_exec(conn, "SHOW client_encoding");
	show_exec(conn, "EXPLAIN (COSTS off) SELECT 1");
}

static void
several(PGconn *conn)
{
	heading("several statements");
	show_exec(conn, "SELECT 1; SELECT 2, 3; SELECT 'last'");
	show_exec(conn, "SELECT 1; SELECT 1/0; SELECT 3");
	show_exec(conn, "SELECT 1; ; CREATE TEMP TABLE several ()");
	show_exec(conn, "SELECT 1;");
	show_exec(conn, "SELECT 1; COPY t TO STDOUT");
	show_exec(conn, "SELECT 'after an abandoned COPY TO'");
	show_exec(conn, "COPY t FROM STDIN");
	show_exec(conn, "SELECT 'after an abandoned COPY FROM'");
	show_exec(conn, "DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two' USING DETAIL = 'd', HINT = 'h'; END $$; SELECT 5");
}

static void
parameters(PGconn *conn)
{
	const char *values[] = {"12", NULL, "text"};
	Oid			types[] = {23, 0, 25};
	char		binary[] = {0, 0, 1, 0};
	const char *mixed[] = {binary, "3"};
	int			lengths[] = {4, 0};
	int			formats[] = {1, 0};

	heading("PQexecParams");
	show(PQexecParams(conn, "SELECT $1, $2::int8, $3", 3, types, values, NULL, NULL, 0));
	show(PQexecParams(conn, "SELECT $1::int, $2::int8, $3::bool IS NULL", 3, NULL, values, NULL, NULL, 0));
	fact("error", PQerrorMessage(conn));
	show(PQexecParams(conn, "SELECT $1::int4 + $2::int4, 'b'::bytea", 2, NULL, mixed, lengths, formats, 1));
	show(PQexecParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0));
	show(PQexecParams(conn, "SELECT 1; SELECT 2", 0, NULL, NULL, NULL, NULL, 0));
	show(PQexecParams(conn, "", 0, NULL, NULL, NULL, NULL, 0));
	show(PQexecParams(conn, "SELECT $1", 0, NULL, NULL, NULL, NULL, 0));
	show(PQexecParams(conn, "SELECT $1::int4", 1, NULL, mixed, NULL, formats, 0));
	fact("error", PQerrorMessage(conn));
	show(PQexecParams(conn, "SELECT 1", -1, NULL, NULL, NULL, NULL, 0));
	fact("error", PQerrorMessage(conn));
	show(PQexecParams(conn, "SELECT 1", 65536, NULL, NULL, NULL, NULL, 0));
	fact("error", PQerrorMessage(conn));
	show(PQexecParams(conn, NULL, 0, NULL, NULL, NULL, NULL, 0));
	fact("error", PQerrorMessage(conn));
	show(PQexecParams(NULL, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0));
	show(PQexec(conn, NULL));
	fact("error", PQerrorMessage(conn));
}

static void
prepared(PGconn *conn)
{
	const char *values[] = {"12", "x"};
	Oid			types[] = {21, 0};

	heading("prepared statements");
	show(PQprepare(conn, "s", "SELECT $1, $2::text || '!' AS shout", 2, types));
	show(PQexecPrepared(conn, "s", 2, values, NULL, NULL, 0));
	show(PQexecPrepared(conn, "s", 2, values, NULL, NULL, 1));
	show(PQexecPrepared(conn, "s", 1, values, NULL, NULL, 0));
	show(PQexecPrepared(conn, "nosuch", 0, NULL, NULL, NULL, 0));
	show(PQprepare(conn, "s", "SELECT 1", 0, NULL));
	show(PQprepare(conn, "bad", "SELEC 1", 0, NULL));
	show(PQprepare(conn, "", "SELECT 'unnamed'", 0, NULL));
	show(PQexecPrepared(conn, "", 0, NULL, NULL, NULL, 0));
	show(PQdescribePrepared(conn, "s"));
	for (int i = -1; i < 3; i++)
	{
		PGresult   *res = PQdescribePrepared(conn, "s");

		fact_int("parameter type", PQparamtype(res, i));
		PQclear(res);
	}
	show(PQdescribePrepared(conn, "nosuch"));
	show(PQdescribePrepared(conn, NULL));
	must(conn, "BEGIN; DECLARE portal CURSOR FOR SELECT 1 AS x, 'y'::name");
	show(PQdescribePortal(conn, "portal"));
	show(PQdescribePortal(conn, "nosuch"));
	must(conn, "ROLLBACK");
	show(PQclosePrepared(conn, "s"));
	show(PQclosePrepared(conn, "s"));
	show(PQexecPrepared(conn, "s", 2, values, NULL, NULL, 0));
	must(conn, "BEGIN; DECLARE portal CURSOR FOR SELECT 1");
	show(PQclosePortal(conn, "portal"));
	show(PQclosePortal(conn, "portal"));
	must(conn, "ROLLBACK");
	show(PQprepare(conn, NULL, "SELECT 1", 0, NULL));
	fact("error", PQerrorMessage(conn));
	show(PQprepare(conn, "x", NULL, 0, NULL));
	fact("error", PQerrorMessage(conn));
	show(PQexecPrepared(conn, NULL, 0, NULL, NULL, NULL, 0));
	fact("error", PQerrorMessage(conn));
}

/* Error texts with every verbosity, context setting and form of the caret line. */
static void
messages(PGconn *conn)
{
	static const char *const texts[] = {
		"SELECT nothing",
		"SELECT 1,\n       nothing,\n       3",
		"SELECT\r\n\tnothing\r\n",
		"SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', nothing",
		"SELECT nothing, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
		"SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', nothing, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
		"SELECT '\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97', 'e\xcc\x81', nothing",
		"SELECT '\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2"
		"\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97', nothing",
		"SELECT '\xe6\xbc\xa2\xff'",
		"SELECT 1 +",
		"SELEC 1",
		"INSERT INTO t VALUES (1, 'twice', 0)",
		"INSERT INTO t VALUES (-1, 'negative', 0)",
		"INSERT INTO t VALUES (NULL)",
		"SELECT 'x'::int",
		"DO $$ BEGIN PERFORM 1/0; END $$",
		"DO $$ BEGIN EXECUTE 'SELECT 1,\n\tnothing'; END $$",
		"DO $$ BEGIN RAISE EXCEPTION 'msg\nof two lines' USING DETAIL = 'd1\nd2', HINT = 'h', ERRCODE = 'P1234', "
		"COLUMN = 'col', CONSTRAINT = 'con', DATATYPE = 'typ', TABLE = 'tab', SCHEMA = 'sch'; END $$",
		"DO $$ BEGIN RAISE NOTICE 'noted' USING HINT = 'hint'; END $$",
	};

	for (int verbosity = PQERRORS_TERSE; verbosity <= PQERRORS_SQLSTATE; verbosity++)
		for (int context = PQSHOW_CONTEXT_NEVER; context <= PQSHOW_CONTEXT_ALWAYS; context++)
		{
			printf("== verbosity %d, context %d\n", verbosity, context);
			PQsetErrorVerbosity(conn, verbosity);
			PQsetErrorContextVisibility(conn, context);
			for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
			{
				PGresult   *res = PQexec(conn, texts[i]);
				char	   *verbose = PQresultVerboseErrorMessage(res, PQERRORS_VERBOSE, PQSHOW_CONTEXT_ALWAYS);

				fact("query", texts[i]);
				fact("message", PQresultErrorMessage(res));
				fact("connection", PQerrorMessage(conn));
				if (verbosity == PQERRORS_TERSE)
					fact("verbose", verbose);
				PQfreemem(verbose);
				PQclear(res);
			}
		}
	fact_int("was", PQsetErrorVerbosity(conn, PQERRORS_DEFAULT));
	fact_int("was", PQsetErrorContextVisibility(conn, PQSHOW_CONTEXT_ERRORS));
	fact_int("NULL", PQsetErrorVerbosity(NULL, PQERRORS_TERSE));
	fact_int("NULL", PQsetErrorContextVisibility(NULL, PQSHOW_CONTEXT_NEVER));
}

static void
encodings(PGconn *conn)
{
	static const char *const names[] = {"LATIN1", "SJIS", "EUC_JP", "BIG5", "GB18030", "UTF8"};

	heading("encodings");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
	{
		int			set = PQsetClientEncoding(conn, names[i]);

		printf("%s: %d, id %d\n", names[i], set, PQclientEncoding(conn));
		show_exec(conn, "SELECT chr(164), chr(28450) WHERE false");
		show_exec(conn, "SELECT chr(233), nothing");
	}
	fact_int("nonsense", PQsetClientEncoding(conn, "nonsense"));
	fact("error", PQerrorMessage(conn));
	fact_int("still", PQclientEncoding(conn));
	must(conn, "SET client_encoding = 'LATIN2'");
	fact_int("by SET", PQclientEncoding(conn));
	must(conn, "RESET client_encoding");
}

static void
broken(const char *conninfo, PGconn *conn)
{
	PGconn	   *victim = connect_or_die(conninfo);
	char		kill[64];

	heading("a killed session");
	snprintf(kill, sizeof kill, "SELECT pg_terminate_backend(%d, 10000)", PQbackendPID(victim));
	must(conn, kill);
	show_exec(victim, "SELECT 1");
	fact_int("status", PQstatus(victim));
	fact_int("socket", PQsocket(victim));
	show_exec(victim, "SELECT 1");
	fact_int("encoding", PQclientEncoding(victim));
	fact_int("transaction", PQtransactionStatus(victim));
	PQreset(victim);
	show_exec(victim, "SELECT 'healthy again'");
	PQfinish(victim);
}

/* Texts that were asked for before other calls, as compilers do that evaluate a function's last argument first. */
static void
kept_pointers(const char *conninfo)
{
	PGconn	   *conn = connect_or_die(conninfo);
	const char *error = PQerrorMessage(conn),
			   *texts[] = {PQdb(conn), PQuser(conn), PQhost(conn), PQport(conn), PQoptions(conn)},
			   *version = PQparameterStatus(conn, "server_version");
	int			major = PQserverVersion(conn) / 10000;

	heading("pointers kept over other calls");
	fact("error", error);
	show_exec(conn, "SELECT nothing");
	fact("error", error);
	show_exec(conn, "SET application_name = 'another name'");
	fact("error", error);
	fact_int("sent", PQsendQuery(conn, "SELECT 1"));
	fact_int("sent", PQsendQuery(conn, "SELECT 1"));
	fact("error", error);
	show(PQgetResult(conn));
	show(PQgetResult(conn));
	fact_int("put", PQputCopyData(conn, "x", 1));
	fact("error", error);
	fact_int("version", strtol(version, NULL, 10) == major);
	show_exec(conn, "DO $$ BEGIN RAISE EXCEPTION '%', repeat('long ', 300); END $$");
	error = PQerrorMessage(conn);
	show_exec(conn, "DO $$ BEGIN RAISE EXCEPTION '%', repeat('less ', 200); END $$");
	fact("error", error);
	PQreset(conn);
	fact("error", error);
	fact_int("the same", strcmp(texts[0], PQdb(conn)) == 0 && strcmp(texts[1], PQuser(conn)) == 0 &&
			 strcmp(texts[2], PQhost(conn)) == 0 && strcmp(texts[3], PQport(conn)) == 0 &&
			 strcmp(texts[4], PQoptions(conn)) == 0);
	PQfinish(conn);
}

int
main(int argc, char **argv)
{
	PGconn	   *conn;

	if (argc < 2)
		return 2;
	conn = connect_or_die(argv[1]);
	/* Not a temporary table, because the name of its schema would depend on the session. */
	must(conn, "SET client_min_messages = warning; DROP TABLE IF EXISTS t; RESET client_min_messages");
	simple(conn);
	several(conn);
	parameters(conn);
	prepared(conn);
	messages(conn);
	encodings(conn);
	broken(argv[1], conn);
	kept_pointers(argv[1]);
	PQfinish(conn);
	return 0;
}
