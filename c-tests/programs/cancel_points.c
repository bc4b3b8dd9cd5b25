/*
 * cancel_points CONNINFO: run with c-tests/interpose/cancel_points.c preloaded. Each operation runs in threads that
 * are cancelled at their first cancellation point, their second, and so on to the last. Each thread must end, whether
 * it was cancelled or not, and PQfinish must work in its cleanup handler.
 */
#include <pthread.h>

#include "common.h"

extern void arm_cancel(int n) __attribute__((weak));
extern int	points_passed(void) __attribute__((weak));

static const char *conninfo;
static PGconn *conn;
static int	passed;

static void
work_connecting(void)
{
	PQfinish(PQconnectdb(conninfo));
}

static void
work_queries(void)
{
	const char *values[] = {"1"};
	char	   *row;

	PQclear(PQexec(conn, "SELECT generate_series(1, 1000), repeat('x', 200)"));
	PQclear(PQexec(conn, "SELECT 1; SELECT 2; SELEC"));
	PQclear(PQexecParams(conn, "SELECT $1::int", 1, NULL, values, NULL, NULL, 1));
	PQclear(PQexec(conn, "CREATE TEMP TABLE t (a text)"));
	PQclear(PQexec(conn, "COPY t FROM STDIN"));
	for (int i = 0; i < 2000; i++)
		PQputCopyData(conn, "some forty bytes of text for each a row\n", 40);
	PQputCopyEnd(conn, NULL);
	PQclear(PQgetResult(conn));
	PQclear(PQgetResult(conn));
	PQclear(PQexec(conn, "COPY t TO STDOUT"));
	while (PQgetCopyData(conn, &row, 0) > 0)
		PQfreemem(row);
	PQclear(PQgetResult(conn));
	PQclear(PQgetResult(conn));
	PQclear(PQexec(conn, "DROP TABLE t"));
}

static void
work_without_waiting(void)
{
	PGresult   *res;

	PQsetnonblocking(conn, 1);
	PQsendQuery(conn, "SELECT generate_series(1, 1000)");
	while (PQflush(conn) == 1)
		;
	while (PQisBusy(conn) && PQconsumeInput(conn))
		usleep(1000);
	while ((res = PQgetResult(conn)) != NULL)
		PQclear(res);
	PQsetnonblocking(conn, 0);
	PQenterPipelineMode(conn);
	for (int i = 0; i < 5; i++)
		PQsendQueryParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(conn);
	for (int i = 0; i < 11; i++)
		PQclear(PQgetResult(conn));
	PQexitPipelineMode(conn);
}

static void
work_others(void)
{
	Oid			object;
	char		text[256];
	PGcancel   *cancel;
	PGcancelConn *cancelling;

	PQclear(PQexec(conn, "BEGIN"));
	object = lo_import(conn, "/etc/passwd");
	lo_export(conn, object, "/dev/null");
	PQclear(PQexec(conn, "ROLLBACK"));
	PQfreemem(PQencryptPasswordConn(conn, "secret", "me", NULL));
	cancel = PQgetCancel(conn);
	pthread_cleanup_push((void (*) (void *)) PQfreeCancel, cancel);
	PQcancel(cancel, text, sizeof text);
	pthread_cleanup_pop(1);
	cancelling = PQcancelCreate(conn);
	pthread_cleanup_push((void (*) (void *)) PQcancelFinish, cancelling);
	PQcancelBlocking(cancelling);
	pthread_cleanup_pop(1);
	PQconninfoFree(PQconndefaults());
}

static void
work_tracing(void)
{
	FILE	   *file = fopen("/dev/null", "w");

	PQtrace(conn, file);
	PQclear(PQexec(conn, "SELECT 1"));
	PQuntrace(conn);
}

static void
work_printing(void)
{
	PQprintOpt	options = {.header = 1, .align = 1, .fieldSep = "|"};
	PGresult   *res = PQexec(conn, "SELECT 1");
	FILE	   *file = fopen("/dev/null", "w");

	pthread_cleanup_push((void (*) (void *)) PQclear, res);
	PQprint(file, res, &options);
	pthread_cleanup_pop(1);
}

static void
work_resetting(void)
{
	PQreset(conn);
}

static void
work_finishing(void)
{
	PGconn	   *mine = conn;

	conn = NULL;
	PQfinish(mine);
}

struct job
{
	void		(*work) (void);
	int			point;
};

static void
clean_up(void *arg)
{
	(void) arg;
	passed = points_passed();
	arm_cancel(0);
	PQfinish(conn);
	conn = NULL;
}

static void *
run(void *arg)
{
	struct job *job = arg;

	pthread_cleanup_push(clean_up, NULL);
	arm_cancel(job->point);
	job->work();
	pthread_cleanup_pop(1);
	return NULL;
}

static void
sweep(const char *name, void (*work) (void))
{
	struct job	job = {.work = work, .point = 1};
	int			cancelled = 0;

	do
	{
		pthread_t	thread;
		void	   *outcome;

		conn = work == work_connecting ? NULL : connect_or_die(conninfo);
		passed = 0;
		pthread_create(&thread, NULL, run, &job);
		pthread_join(thread, &outcome);
		cancelled += outcome == PTHREAD_CANCELED;
	} while (passed >= job.point++);
	/* The last number was beyond all cancellation points. */
	printf("%s: some cancelled %d, the last one %s\n", name, cancelled > 0, conn == NULL ? "ended" : "did not end");
	fprintf(stderr, "%s: %d points, %d cancelled\n", name, job.point - 2, cancelled);
}

#define SWEEP(work) sweep(#work, work_##work)

int
main(int argc, char **argv)
{
	if (argc < 2 || arm_cancel == NULL)
		return 2;
	conninfo = argv[1];
	SWEEP(connecting);
	SWEEP(queries);
	SWEEP(without_waiting);
	SWEEP(others);
	SWEEP(tracing);
	SWEEP(printing);
	SWEEP(resetting);
	SWEEP(finishing);
	return 0;
}
