/* null_result CONNINFO: results that are NULL, empty, an error, or have rows; see null.h. */
#include "null.h"
#include "libpq-events.h"

static PGresult *res;

static PGresult *
no_result(void)
{
	return NULL;
}

static PGresult *
from(const char *sql)
{
	PGconn	   *maker = PQconnectdb(good_conninfo);
	PGresult   *made;

	PQsetNoticeProcessor(maker, take_notice, NULL);
	made = PQexec(maker, sql);
	PQfinish(maker);
	return made;
}

static PGresult *
empty(void)
{
	return PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
}

static PGresult *
rows(void)
{
	return from("SELECT 'one' AS a, NULL AS b UNION ALL SELECT 'two', 'x'");
}

static PGresult *
an_error(void)
{
	return from("SELECT 1/0");
}

static PGresult *
described(void)
{
	PGconn	   *maker = PQconnectdb(good_conninfo);
	PGresult   *made;

	PQsetNoticeProcessor(maker, take_notice, NULL);
	PQclear(PQprepare(maker, "s", "SELECT $1::int", 0, NULL));
	made = PQdescribePrepared(maker, "s");
	PQfinish(maker);
	return made;
}

static PGresult *(*make) (void);

static void
make_result(void)
{
	res = make();
}

static char text[] = "text";
static PGresAttDesc column[] = {{.name = text}, {.name = text}};
static PGresAttDesc nameless[] = {{.name = NULL}};

static int
event(PGEventId id, void *info, void *arg)
{
	(void) id, (void) info, (void) arg;
	return 1;
}

static void
reading(void)
{
	INT(PQresultStatus(res));
	STR(PQresultErrorMessage(res));
	STR(PQresultVerboseErrorMessage(res, PQERRORS_DEFAULT, PQSHOW_CONTEXT_ERRORS));
	STR(PQresultVerboseErrorMessage(res, (PGVerbosity) -1, (PGContextVisibility) -1));
	STR(PQresultVerboseErrorMessage(res, (PGVerbosity) 99, (PGContextVisibility) 99));
	STR(PQresultErrorField(res, 0));
	STR(PQresultErrorField(res, -1));
	STR(PQresultErrorField(res, 'C'));
	STR(PQresultErrorField(res, 'C' + 256));
	STR(PQresultErrorField(res, 2147483647));
	INT(PQntuples(res));
	INT(PQnfields(res));
	INT(PQbinaryTuples(res));
	STR(PQfname(res, -1));
	STR(PQfname(res, 0));
	STR(PQfname(res, 2));
	STR(PQfname(res, 2147483647));
	STR(PQfname(res, -2147483647 - 1));
	INT(PQfnumber(res, NULL));
	INT(PQfnumber(res, ""));
	INT(PQfnumber(res, "B"));
	INT(PQftable(res, -1));
	INT(PQftable(res, 2));
	INT(PQftablecol(res, -1));
	INT(PQftablecol(res, 2));
	INT(PQfformat(res, -1));
	INT(PQfformat(res, 2));
	INT(PQftype(res, -1));
	INT(PQftype(res, 2147483647));
	INT(PQfsize(res, -1));
	INT(PQfsize(res, 2));
	INT(PQfmod(res, -1));
	INT(PQfmod(res, 2));
	STR(PQcmdStatus(res));
	STR(PQoidStatus(res));
	INT(PQoidValue(res));
	STR(PQcmdTuples(res));
	STR(PQgetvalue(res, -1, 0));
	STR(PQgetvalue(res, 0, -1));
	STR(PQgetvalue(res, 0, 1));
	STR(PQgetvalue(res, 2, 0));
	STR(PQgetvalue(res, 0, 2));
	STR(PQgetvalue(res, 2147483647, 2147483647));
	STR(PQgetvalue(res, -2147483647 - 1, -2147483647 - 1));
	INT(PQgetlength(res, -1, 0));
	INT(PQgetlength(res, 0, 0));
	INT(PQgetlength(res, 0, 2));
	INT(PQgetlength(res, 2147483647, 0));
	INT(PQgetisnull(res, -1, 0));
	INT(PQgetisnull(res, 0, 0));
	INT(PQgetisnull(res, 0, 2));
	INT(PQgetisnull(res, 2147483647, 0));
	INT(PQnparams(res));
	INT(PQparamtype(res, -1));
	INT(PQparamtype(res, 0));
	INT(PQparamtype(res, 1));
	INT(PQparamtype(res, 2147483647));
	INT(PQresultMemorySize(res) > 0);
}

static void
changing(void)
{
	VOID(PQclear(res));
	PTR(PQresultAlloc(res, 0));
	PTR(PQresultAlloc(res, 1));
	PTR(PQresultAlloc(res, 100000));
	PTR(PQresultAlloc(res, (size_t) -1));
	PTR(PQresultAlloc(res, (size_t) -1 / 2));
	INT(PQsetResultAttrs(res, 1, NULL));
	INT(PQsetResultAttrs(res, 0, column));
	INT(PQsetResultAttrs(res, -1, column));
	INT(PQsetResultAttrs(res, 2, column));
	STR((PQsetResultAttrs(res, 1, nameless), PQfname(res, 0)));
	INT(PQsetvalue(res, 0, 0, text, 4));
	INT(PQsetvalue(res, 0, 0, NULL, 0));
	INT(PQsetvalue(res, 0, 0, NULL, 5));
	INT(PQsetvalue(res, 0, 0, text, -1));
	INT(PQsetvalue(res, 0, 0, text, 0));
	INT(PQsetvalue(res, -1, 0, text, 4));
	INT(PQsetvalue(res, 99, 0, text, 4));
	INT(PQsetvalue(res, 2147483647, 0, text, 4));
	INT(PQsetvalue(res, 0, -1, text, 4));
	INT(PQsetvalue(res, 0, 99, text, 4));
	RESULT(PQcopyResult(res, 0));
	RESULT(PQcopyResult(res, -1));
	RESULT(PQcopyResult(res, 15));
	RESULT(PQcopyResult(res, 1 << 30));
	INT(PQfireResultCreateEvents(NULL, res));
	INT(PQresultSetInstanceData(res, NULL, NULL));
	INT(PQresultSetInstanceData(res, event, NULL));
	PTR(PQresultInstanceData(res, NULL));
	PTR(PQresultInstanceData(res, event));
}

static PQprintOpt separated = {.header = 1, .fieldSep = text};
static PQprintOpt aligned = {.header = 1, .align = 1, .fieldSep = text};
static PQprintOpt bare = {0};
static PQprintOpt bare_aligned = {.align = 1, .header = 1};
static PQprintOpt html = {.html3 = 1, .header = 1, .fieldSep = text};

static void
printing(void)
{
	VOID(PQprint(stdout, res, NULL));
	VOID(PQprint(NULL, res, &separated));
	VOID(PQprint(stdout, res, &separated));
	VOID(PQprint(stdout, res, &aligned));
	VOID(PQprint(stdout, res, &html));
	VOID(PQprint(stdout, res, &bare));
	VOID(PQprint(stdout, res, &bare_aligned));
	VOID(PQdisplayTuples(res, NULL, 1, NULL, 1, 0));
	VOID(PQdisplayTuples(res, stdout, 0, NULL, 0, 1));
	VOID(PQdisplayTuples(res, stdout, -1, "|", -1, 0));
	VOID(PQprintTuples(res, NULL, 1, 0, 0));
	VOID(PQprintTuples(res, stdout, 1, 0, -1));
	VOID(PQprintTuples(res, stdout, 0, 1, 5));
}

static void
statuses(void)
{
	STR(PQresStatus((ExecStatusType) -1));
	STR(PQresStatus((ExecStatusType) 12));
	STR(PQresStatus((ExecStatusType) 13));
	STR(PQresStatus((ExecStatusType) 2147483647));
	STR(PQresStatus((ExecStatusType) (-2147483647 - 1)));
}

int
main(int argc, char **argv)
{
	static const struct
	{
		const char *name;
		PGresult   *(*make) (void);
	}			results[] = {
		{"NULL: ", no_result},
		{"empty: ", empty},
		{"rows: ", rows},
		{"error: ", an_error},
		{"described: ", described},
	};

	begin(argc, argv);
	statuses();
	prepare = make_result;
	for (size_t i = 0; i < sizeof results / sizeof *results; i++)
	{
		subject = results[i].name;
		make = results[i].make;
		reading();
		changing();
		printing();
	}
	return 0;
}
