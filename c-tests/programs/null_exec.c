/* null_exec CONNINFO: commands, pending results, pipelines and COPY; see null.h. */
#include "null.h"

static const char *const one_value[] = {"1"};
static const char *const one_null[] = {NULL};
static const int wrong_format[] = {7};
static const int text_format[] = {0};
static const int binary_format[] = {1};
static const int lengths[] = {-1};
static const Oid wrong_type[] = {4294967295u};

static void
executing(void)
{
	RESULT(PQexec(conn, NULL));
	RESULT(PQexec(conn, ""));
	RESULT(PQexec(conn, "SELECT 1"));
	RESULT(PQexecParams(conn, NULL, 0, NULL, NULL, NULL, NULL, 0));
	RESULT(PQexecParams(conn, "SELECT $1::int", 1, NULL, NULL, NULL, NULL, 0));
	RESULT(PQexecParams(conn, "SELECT $1::int", 1, wrong_type, one_value, NULL, NULL, 0));
	RESULT(PQexecParams(conn, "SELECT $1::int", 1, NULL, one_null, NULL, NULL, 0));
	RESULT(PQexecParams(conn, "SELECT $1::int", 1, NULL, one_value, lengths, text_format, 0));
	RESULT(PQexecParams(conn, "SELECT $1::int", 1, NULL, one_value, NULL, wrong_format, 0));
	RESULT(PQexecParams(conn, "SELECT $1::int", 1, NULL, one_value, lengths, wrong_format, 0));
	RESULT(PQexecParams(conn, "SELECT $1::int", 1, NULL, one_null, NULL, binary_format, 0));
	RESULT(PQexecParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 7));
	RESULT(PQexecParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, -1));
	RESULT(PQexecParams(conn, "SELECT 1", -1, NULL, NULL, NULL, NULL, 0));
	RESULT(PQexecParams(conn, "SELECT 1", 65536, NULL, NULL, NULL, NULL, 0));
	RESULT(PQexecParams(conn, "SELECT 1", 2147483647, NULL, NULL, NULL, NULL, 0));
	RESULT(PQexecParams(conn, "SELECT 1", 65535, NULL, NULL, NULL, NULL, 0));
	RESULT(PQprepare(conn, NULL, "SELECT 1", 0, NULL));
	RESULT(PQprepare(conn, "s", NULL, 0, NULL));
	RESULT(PQprepare(conn, "s", "SELECT 1", -1, NULL));
	RESULT(PQprepare(conn, "s", "SELECT 1", 65536, NULL));
	RESULT(PQprepare(conn, "s", "SELECT $1::int", 1, NULL));
	RESULT(PQexecPrepared(conn, NULL, 0, NULL, NULL, NULL, 0));
	RESULT(PQexecPrepared(conn, "none", 0, NULL, NULL, NULL, 0));
	RESULT(PQexecPrepared(conn, "none", -1, NULL, NULL, NULL, 0));
	RESULT(PQexecPrepared(conn, "none", 65536, NULL, NULL, NULL, 0));
	RESULT(PQexecPrepared(conn, "none", 1, NULL, NULL, NULL, 0));
	RESULT(PQexecPrepared(conn, "none", 1, one_value, NULL, binary_format, 0));
	RESULT(PQdescribePrepared(conn, NULL));
	RESULT(PQdescribePrepared(conn, "none"));
	RESULT(PQdescribePortal(conn, NULL));
	RESULT(PQdescribePortal(conn, "none"));
	RESULT(PQclosePrepared(conn, NULL));
	RESULT(PQclosePrepared(conn, "none"));
	RESULT(PQclosePortal(conn, NULL));
	RESULT(PQclosePortal(conn, "none"));
	RESULT(PQmakeEmptyPGresult(conn, PGRES_FATAL_ERROR));
	RESULT(PQmakeEmptyPGresult(conn, PGRES_TUPLES_OK));
	INT((int) PQresultStatus(PQmakeEmptyPGresult(conn, (ExecStatusType) -1)));
	INT((int) PQresultStatus(PQmakeEmptyPGresult(conn, (ExecStatusType) 99)));
	STR(PQresultErrorMessage(PQmakeEmptyPGresult(conn, (ExecStatusType) 99)));
}

static void
sending(void)
{
	INT(PQsendQuery(conn, NULL));
	INT(PQsendQuery(conn, ""));
	INT(PQsendQueryParams(conn, NULL, 0, NULL, NULL, NULL, NULL, 0));
	INT(PQsendQueryParams(conn, "SELECT 1", -1, NULL, NULL, NULL, NULL, 0));
	INT(PQsendQueryParams(conn, "SELECT 1", 65536, NULL, NULL, NULL, NULL, 0));
	INT(PQsendQueryParams(conn, "SELECT $1", 1, NULL, one_value, NULL, binary_format, 0));
	INT(PQsendQueryParams(conn, "SELECT $1", 1, NULL, NULL, NULL, NULL, 0));
	INT(PQsendPrepare(conn, NULL, "SELECT 1", 0, NULL));
	INT(PQsendPrepare(conn, "s", NULL, 0, NULL));
	INT(PQsendPrepare(conn, "s", "SELECT 1", -1, NULL));
	INT(PQsendPrepare(conn, "s", "SELECT 1", 65536, NULL));
	INT(PQsendQueryPrepared(conn, NULL, 0, NULL, NULL, NULL, 0));
	INT(PQsendQueryPrepared(conn, "s", -1, NULL, NULL, NULL, 0));
	INT(PQsendQueryPrepared(conn, "s", 65536, NULL, NULL, NULL, 0));
	INT(PQsendQueryPrepared(conn, "s", 1, one_value, NULL, binary_format, 0));
	INT(PQsendDescribePrepared(conn, NULL));
	INT(PQsendDescribePortal(conn, NULL));
	INT(PQsendClosePrepared(conn, NULL));
	INT(PQsendClosePortal(conn, NULL));
	INT(PQsetSingleRowMode(conn));
	INT(PQsetChunkedRowsMode(conn, 0));
	INT(PQsetChunkedRowsMode(conn, -1));
	INT(PQsetChunkedRowsMode(conn, 1));
	INT((PQsendQueryParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0), PQsetChunkedRowsMode(conn, 0)));
	INT((PQsendQueryParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0), PQsetChunkedRowsMode(conn, -2147483647)));
	INT((PQsendQueryParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0), PQsetChunkedRowsMode(conn, 2147483647)));
	INT((PQsendQueryParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0), PQsetSingleRowMode(conn)));
	INT(PQisBusy(conn));
	INT(PQconsumeInput(conn));
	PTR(PQnotifies(conn));
	INT(PQflush(conn));
	INT(PQsetnonblocking(conn, 1));
	INT(PQsetnonblocking(conn, -7));
	INT(PQsetnonblocking(conn, 0));
	INT((PQsetnonblocking(conn, -7), PQisnonblocking(conn)));
	INT(PQenterPipelineMode(conn));
	INT(PQexitPipelineMode(conn));
	INT(PQpipelineSync(conn));
	INT(PQsendPipelineSync(conn));
	INT(PQsendFlushRequest(conn));
}

/* During the COPY, PQgetResult would return the same result forever. */
static void
collecting(void)
{
	if (state != COPYING)
		RESULT(PQgetResult(conn));
}

static char buffer[64];
static char *row;

static void
copying(void)
{
	INT(PQputCopyData(conn, NULL, 0));
	INT(PQputCopyData(conn, NULL, 5));
	INT(PQputCopyData(conn, "row\n", -1));
	INT(PQputCopyData(conn, "row\n", 4));
	INT(PQputCopyEnd(conn, NULL));
	INT(PQputCopyEnd(conn, ""));
	INT(PQputCopyEnd(conn, "not wanted"));
	INT(PQgetCopyData(conn, NULL, 0));
	INT(PQgetCopyData(conn, &row, 0));
	INT(PQgetCopyData(conn, &row, 99));
	INT((row = buffer, PQgetCopyData(conn, &row, 0), row == NULL));
	INT(PQgetline(conn, NULL, 10));
	INT(PQgetline(conn, NULL, 0));
	INT(PQgetline(conn, buffer, 0));
	INT(PQgetline(conn, buffer, -1));
	INT(PQgetline(conn, buffer, 1));
	INT(PQgetline(conn, buffer, 2));
	INT(PQgetline(conn, buffer, 3));
	STR((strcpy(buffer, "unset"), PQgetline(conn, buffer, 64), buffer));
	STR((strcpy(buffer, "unset"), PQgetline(conn, buffer, 2), buffer));
	INT(PQgetlineAsync(conn, NULL, 10));
	INT(PQgetlineAsync(conn, buffer, 0));
	INT(PQgetlineAsync(conn, buffer, -1));
	INT(PQgetlineAsync(conn, buffer, 64));
	INT(PQputline(conn, NULL));
	INT(PQputline(conn, ""));
	INT(PQputline(conn, "row\n"));
	INT(PQputnbytes(conn, NULL, 0));
	INT(PQputnbytes(conn, NULL, 3));
	INT(PQputnbytes(conn, "row\n", -3));
	INT(PQputnbytes(conn, "row\n", 4));
	INT(PQendcopy(conn));
}

int
main(int argc, char **argv)
{
	begin(argc, argv);
	on_every_connection(executing);
	on_every_connection(sending);
	on_every_connection(collecting);
	on_every_connection(copying);
	return 0;
}
