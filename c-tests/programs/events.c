/* events CONNINFO: event procedures and instance data of connections and results, in the order they are called. */
#include "common.h"
#include "libpq-events.h"

typedef struct
{
	const char *name;
	/* The number of the RESULTCREATE and RESULTCOPY event that it refuses, counted from 1; -1 refuses all. */
	int			refused_create,
				refused_copy;
	int			creates,
				copies;
	/* Runs a query when the connection is reset. */
	int			asks;
} Watcher;

static int	numbers[64];
static int	next_number;

/* Returns a new pointer with a number that identifies it. */
static void *
mark(void)
{
	numbers[next_number] = next_number;
	return &numbers[next_number++];
}

static int
number(void *marked)
{
	return marked == NULL ? -1 : *(int *) marked;
}

static int	handle(Watcher *watcher, PGEventProc self, PGEventId id, void *info);

static int
first(PGEventId id, void *info, void *arg)
{
	return handle(arg, first, id, info);
}

static int
second(PGEventId id, void *info, void *arg)
{
	return handle(arg, second, id, info);
}

static int
third(PGEventId id, void *info, void *arg)
{
	return handle(arg, third, id, info);
}

static int
created(Watcher *watcher, PGEventProc self, PGEventResultCreate *event)
{
	int			refuses = ++watcher->creates == watcher->refused_create || watcher->refused_create < 0;
	int			set;

	printf("create %s, connection data %d, data before %d", PQresStatus(PQresultStatus(event->result)),
		   event->conn == NULL ? -2 : number(PQinstanceData(event->conn, self)),
		   number(PQresultInstanceData(event->result, self)));
	/* Apart, because C does not say in which order arguments are computed. */
	set = PQresultSetInstanceData(event->result, self, mark());
	printf(", set %d -> %d%s\n", set, number(PQresultInstanceData(event->result, self)), refuses ? ", refused" : "");
	return !refuses;
}

static int
copied(Watcher *watcher, PGEventProc self, PGEventResultCopy *event)
{
	int			refuses = ++watcher->copies == watcher->refused_copy || watcher->refused_copy < 0;
	int			set;

	printf("copy of %d, data before %d", number(PQresultInstanceData(event->src, self)),
		   number(PQresultInstanceData(event->dest, self)));
	set = PQresultSetInstanceData(event->dest, self, mark());
	printf(", set %d -> %d%s\n", set, number(PQresultInstanceData(event->dest, self)), refuses ? ", refused" : "");
	return !refuses;
}

static int
handle(Watcher *watcher, PGEventProc self, PGEventId id, void *info)
{
	printf("  %s: ", watcher->name);
	switch (id)
	{
		case PGEVT_REGISTER:
			printf("register %d\n", PQsetInstanceData(((PGEventRegister *) info)->conn, self, mark()));
			return 1;
		case PGEVT_CONNRESET:
			printf("reset, status %d, data %d\n", PQstatus(((PGEventConnReset *) info)->conn),
				   number(PQinstanceData(((PGEventConnReset *) info)->conn, self)));
			if (watcher->asks)
				show(PQexec(((PGEventConnReset *) info)->conn, "SELECT 'in the event'"));
			return 1;
		case PGEVT_CONNDESTROY:
			printf("end of the connection, status %d, data %d\n", PQstatus(((PGEventConnDestroy *) info)->conn),
				   number(PQinstanceData(((PGEventConnDestroy *) info)->conn, self)));
			return 1;
		case PGEVT_RESULTCREATE:
			return created(watcher, self, info);
		case PGEVT_RESULTCOPY:
			return copied(watcher, self, info);
		case PGEVT_RESULTDESTROY:
			printf("end of the result, data %d\n",
				   number(PQresultInstanceData(((PGEventResultDestroy *) info)->result, self)));
			return 1;
	}
	printf("unknown\n");
	return 0;
}

static int
refuse(PGEventId id, void *info, void *arg)
{
	(void) info;
	printf("  refuses event %d, argument %s\n", id, (const char *) arg);
	return 0;
}

/* Registers another event procedure during its own registration. */
static Watcher nested = {.name = "nested"};

static int
registers(PGEventId id, void *info, void *arg)
{
	(void) arg;
	if (id == PGEVT_REGISTER)
		printf("  registers another: %d\n",
			   PQregisterEventProc(((PGEventRegister *) info)->conn, third, "nested", &nested));
	return 1;
}

static void
registration(PGconn *conn, Watcher *one, Watcher *two)
{
	char		name[] = "changes later";

	heading("registration");
	fact_int("refused", PQregisterEventProc(conn, refuse, "refuses", (void *) "its own"));
	fact_int("has data", PQsetInstanceData(conn, refuse, mark()));
	fact_int("first", PQregisterEventProc(conn, first, name, one));
	memset(name, 'x', sizeof name - 1);
	fact_int("first again", PQregisterEventProc(conn, first, "other name", one));
	fact_int("second", PQregisterEventProc(conn, second, "the second", two));
	fact_int("unknown", PQinstanceData(conn, third) == NULL);
	fact_int("first's", number(PQinstanceData(conn, first)));
	fact_int("second's", number(PQinstanceData(conn, second)));
	fact_int("set to NULL", PQsetInstanceData(conn, second, NULL));
	fact_int("second's", number(PQinstanceData(conn, second)));
}

static void
queries(PGconn *conn)
{
	PGresult   *res;

	heading("queries");
	show(PQexec(conn, "SELECT 1"));
	show(PQexec(conn, "SELECT 1; SELECT 2"));
	show(PQexec(conn, "nonsense"));
	show(PQexec(conn, NULL));
	show(PQexec(conn, ""));
	show(PQexecParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 1));
	show(PQprepare(conn, "p", "SELECT $1::int", 0, NULL));
	show(PQdescribePrepared(conn, "p"));
	show(PQexec(conn, "DO $$ BEGIN RAISE NOTICE 'a notice is a result too'; END $$"));
	heading("rows one by one");
	PQsendQuery(conn, "SELECT 1 UNION ALL SELECT 2");
	PQsetSingleRowMode(conn);
	while ((res = PQgetResult(conn)) != NULL)
		show(res);
	heading("pipeline");
	PQenterPipelineMode(conn);
	PQsendQueryParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0);
	PQsendQueryParams(conn, "nonsense", 0, NULL, NULL, NULL, NULL, 0);
	PQsendQueryParams(conn, "SELECT 3", 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(conn);
	for (int i = 0; i < 7; i++)
		show(PQgetResult(conn));
	PQexitPipelineMode(conn);
	heading("copy");
	show(PQexec(conn, "COPY (SELECT 1) TO STDOUT"));
	show(PQgetResult(conn));
	show(PQexec(conn, "SELECT 'on'"));
}

static void
copies(PGconn *conn)
{
	PGresult   *res = PQexec(conn, "SELECT 1"),
			   *copy,
			   *copy_of_copy;

	heading("copies");
	copy = PQcopyResult(res, 0);
	fact_int("without events", number(PQresultInstanceData(copy, first)));
	fact_int("set", PQresultSetInstanceData(copy, first, mark()));
	PQclear(copy);
	copy = PQcopyResult(res, PG_COPYRES_EVENTS | PG_COPYRES_TUPLES);
	PQclear(res);
	copy_of_copy = PQcopyResult(copy, PG_COPYRES_EVENTS);
	fact_int("data", number(PQresultInstanceData(copy, first)));
	fact_int("data", number(PQresultInstanceData(copy_of_copy, first)));
	fact_int("data", number(PQresultInstanceData(copy, third)));
	PQclear(copy);
	PQclear(copy_of_copy);
}

static void
made(PGconn *conn)
{
	PGresult   *res;

	heading("made by hand");
	res = PQmakeEmptyPGresult(conn, PGRES_COMMAND_OK);
	fact_int("data", number(PQresultInstanceData(res, first)));
	fact_int("fired", PQfireResultCreateEvents(conn, res));
	fact_int("fired again", PQfireResultCreateEvents(conn, res));
	PQclear(res);
	res = PQmakeEmptyPGresult(conn, PGRES_FATAL_ERROR);
	heading("never fired");
	PQclear(res);
	res = PQmakeEmptyPGresult(conn, PGRES_TUPLES_OK);
	fact_int("without the connection", PQfireResultCreateEvents(NULL, res));
	PQclear(res);
	res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	fact_int("without events", PQfireResultCreateEvents(conn, res));
	PQclear(res);
}

static void
resets(PGconn *conn, Watcher *two)
{
	heading("resets");
	PQreset(conn);
	two->asks = 1;
	PQreset(conn);
	two->asks = 0;
	if (PQresetStart(conn))
		while (PQresetPoll(conn) != PGRES_POLLING_OK)
			if (PQstatus(conn) == CONNECTION_BAD)
				break;
	fact_int("status", PQstatus(conn));
	show(PQexec(conn, "SELECT 'on'"));
}

int
main(int argc, char **argv)
{
	Watcher		one = {.name = "first"},
				two = {.name = "second", .refused_create = 3, .refused_copy = 1};
	PGconn	   *conn;
	PGresult   *res;

	if (argc < 2)
		return 2;
	conn = connect_or_die(argv[1]);
	registration(conn, &one, &two);
	queries(conn);
	copies(conn);
	made(conn);
	resets(conn, &two);
	heading("refusing everything");
	two.refused_create = two.refused_copy = -1;
	res = PQexec(conn, "SELECT 1");
	PQclear(PQcopyResult(res, PG_COPYRES_EVENTS));
	PQclear(res);
	heading("from inside");
	fact_int("registered", PQregisterEventProc(conn, registers, "registers", NULL));
	res = PQexec(conn, "SELECT 1");
	heading("the end");
	PQfinish(conn);
	heading("a result lives on");
	fact_int("data", number(PQresultInstanceData(res, first)));
	PQclear(res);
	heading("a connection that never was");
	conn = PQconnectdb("nonsense");
	one.creates = 0;
	fact_int("first", PQregisterEventProc(conn, first, "first", &one));
	show(PQexec(conn, "SELECT 1"));
	PQreset(conn);
	PQfinish(conn);
	return 0;
}
