/* Results that the program makes, copies or prints; events; traces. */
#include "operations.h"
#include "libpq-events.h"

int
results(void)
{
	static PGresAttDesc columns[] = {{"one", 0, 0, 0, 25, -1, -1}, {"two", 0, 0, 0, 23, 4, -1}};
	PGresult   *res,
			   *copy;
	int			done;

	ARMED(res = PQmakeEmptyPGresult(conn, PGRES_TUPLES_OK));
	if (res == NULL)
		return FAILED;
	ARMED(done = PQsetResultAttrs(res, 2, columns));
	for (int i = 0; done && i < 300; i++)
		for (int column = 0; done && column < 2; column++)
			ARMED(done = PQsetvalue(res, i, column, "a value of some length", 22));
	if (done)
	{
		void	   *memory;

		ARMED(memory = PQresultAlloc(res, 5000));
		done = memory != NULL;
	}
	if (!done)
	{
		PQclear(res);
		return FAILED;
	}
	ARMED(copy = PQcopyResult(res, PG_COPYRES_TUPLES | PG_COPYRES_NOTICEHOOKS | PG_COPYRES_EVENTS));
	PQclear(res);
	if (copy == NULL)
		return FAILED;
	done = PQntuples(copy) == 300 && equal(copy, 299, 1, "a value of some length") && strcmp(PQfname(copy, 1), "two") == 0;
	PQclear(copy);
	return wrong_if(!done, "a wrong copy");
}

static int	created,
			destroyed;

static int
on_event(PGEventId id, void *event, void *data)
{
	(void) data;
	if (id == PGEVT_RESULTCREATE)
	{
		created++;
		return PQresultSetInstanceData(((PGEventResultCreate *) event)->result, on_event, &created);
	}
	if (id == PGEVT_RESULTCOPY)
		created++;
	if (id == PGEVT_RESULTDESTROY)
		destroyed++;
	return 1;
}

int
events(void)
{
	PGresult   *res,
			   *copy;
	int			done;

	ARMED(done = PQregisterEventProc(conn, on_event, "name", NULL));
	if (!done)
		return FAILED;
	res = armed_exec("SELECT 1");
	if (!has_status(res, PGRES_TUPLES_OK))
		return unexpected(res);
	if (PQresultInstanceData(res, on_event) != &created)
		return wrong("no instance data");
	ARMED(copy = PQcopyResult(res, PG_COPYRES_TUPLES | PG_COPYRES_EVENTS));
	PQclear(res);
	if (copy == NULL)
		return FAILED;
	done = equal(copy, 0, 0, "1");
	PQclear(copy);
	return wrong_if(!done || created != destroyed, "a wrong copy");
}

int
trace(void)
{
	FILE	   *file = fopen("/dev/null", "w");
	PGresult   *res;
	int			outcome;

	ARMED(PQtrace(conn, file));
	res = armed_exec("SELECT 1, 'traced' FROM generate_series(1, 50)");
	ARMED(PQuntrace(conn));
	fclose(file);
	if (!has_status(res, PGRES_TUPLES_OK))
		return unexpected(res);
	outcome = wrong_if(PQntuples(res) != 50 || !equal(res, 49, 1, "traced"), "wrong rows");
	PQclear(res);
	return outcome;
}

int
print_rows(void)
{
	FILE	   *file = fopen("/dev/null", "w");
	PQprintOpt	wanted = {.header = 1, .align = 1, .fieldSep = "|"};
	PGresult   *res = PQexec(conn, "SELECT i, 'printed' AS b FROM generate_series(1, 50) AS i");

	ARMED(PQprint(file, res, &wanted));
	ARMED(PQdisplayTuples(res, file, 1, "|", 1, 0));
	fclose(file);
	PQclear(res);
	return FINE;
}
