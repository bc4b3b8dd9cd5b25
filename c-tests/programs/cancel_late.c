/*
 * cancel_late CONNINFO: run with c-tests/interpose/cancel_points.c preloaded. A thread that stores numbers is cancelled
 * when its first send or recv has succeeded, its second, and so on to the last. Each number must be stored at most
 * once, and the next command must get its own result. The connection is used by the next thread, too, or finished in
 * the thread's cleanup handler.
 */
#include <pthread.h>

#include "common.h"
#include "libpq/libpq-fs.h"

extern void arm_late_cancel(int n) __attribute__((weak));
extern int	points_passed(void) __attribute__((weak));

static const char *conninfo;
static PGconn *conn;
static int	number;
static int	passed;
static int	finishes;
static int	wrong_values;

static const char *
next_number(void)
{
	static char text[16];

	snprintf(text, sizeof text, "%d", ++number);
	return text;
}

static void
work_simple(void)
{
	char		text[64];

	for (int i = 0; i < 3; i++)
	{
		snprintf(text, sizeof text, "INSERT INTO late VALUES (%s)", next_number());
		PQclear(PQexec(conn, text));
	}
}

static void
work_extended(void)
{
	const char *value;

	for (int i = 0; i < 3; i++)
	{
		value = next_number();
		PQclear(PQexecParams(conn, "INSERT INTO late VALUES ($1::int)", 1, NULL, &value, NULL, NULL, 0));
	}
}

static void
work_large(void)
{
	char	   *text = calloc(1, 150000);

	snprintf(text, 64, "INSERT INTO late VALUES (%s) --", next_number());
	memset(text + strlen(text), 'x', 100000);
	pthread_cleanup_push(free, text);
	PQclear(PQexec(conn, text));
	pthread_cleanup_pop(1);
}

static void
work_without_waiting(void)
{
	char		text[64];
	PGresult   *res;

	PQsetnonblocking(conn, 1);
	snprintf(text, sizeof text, "INSERT INTO late VALUES (%s)", next_number());
	PQsendQuery(conn, text);
	while (PQflush(conn) == 1)
		;
	while (PQisBusy(conn) && PQconsumeInput(conn))
		usleep(1000);
	while ((res = PQgetResult(conn)) != NULL)
		PQclear(res);
}

static void
work_copy(void)
{
	char		row[16];

	PQclear(PQexec(conn, "COPY late FROM STDIN"));
	for (int i = 0; i < 5000; i++)
	{
		snprintf(row, sizeof row, "%s\n", next_number());
		PQputCopyData(conn, row, strlen(row));
	}
	PQputCopyEnd(conn, NULL);
	PQclear(PQgetResult(conn));
	PQclear(PQgetResult(conn));
}

static void
work_pipeline(void)
{
	const char *value;

	PQenterPipelineMode(conn);
	for (int i = 0; i < 3; i++)
	{
		value = next_number();
		PQsendQueryParams(conn, "INSERT INTO late VALUES ($1::int)", 1, NULL, &value, NULL, NULL, 0);
		PQpipelineSync(conn);
	}
	for (int i = 0; i < 9; i++)
		PQclear(PQgetResult(conn));
	PQexitPipelineMode(conn);
}

/* In every server, 1397 is the OID of int4abs. */
static void
work_functions(void)
{
	PQArgBlock	argument = {.isint = 1, .len = 4};
	int			value;
	int			length;
	PGresult   *res;

	for (int i = 1; i <= 3; i++)
	{
		argument.u.integer = -i;
		res = PQfn(conn, 1397, &value, &length, 1, &argument, 1);
		if (PQresultStatus(res) != PGRES_COMMAND_OK || value != i)
			wrong_values++;
		PQclear(res);
	}
}

static void
work_large_objects(void)
{
	char		text[4];
	int			fd;

	PQclear(PQexec(conn, "BEGIN"));
	fd = lo_open(conn, lo_creat(conn, INV_READ | INV_WRITE), INV_READ | INV_WRITE);
	if (lo_write(conn, fd, "abcdefgh", 8) != 8 || lo_lseek(conn, fd, 2, SEEK_SET) != 2)
		wrong_values++;
	if (lo_read(conn, fd, text, 4) != 4 || memcmp(text, "cdef", 4) != 0)
		wrong_values++;
	PQclear(PQexec(conn, "ROLLBACK"));
}

static void
work_large_results(void)
{
	PQclear(PQexec(conn, "SELECT generate_series(1, 5000), repeat('x', 20)"));
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
	arm_late_cancel(0);
	if (!finishes)
		return;
	PQfinish(conn);
	conn = NULL;
}

static void *
run(void *arg)
{
	struct job *job = arg;

	pthread_cleanup_push(clean_up, NULL);
	arm_late_cancel(job->point);
	job->work();
	pthread_cleanup_pop(1);
	return NULL;
}

/* Ends what the thread began. */
static void
drain(void)
{
	PGresult   *res;
	int			nulls = 0;

	PQsetnonblocking(conn, 0);
	if (PQpipelineStatus(conn) != PQ_PIPELINE_OFF)
		PQpipelineSync(conn);
	while (nulls < 2)
	{
		res = PQgetResult(conn);
		nulls = res == NULL ? nulls + 1 : 0;
		if (PQresultStatus(res) == PGRES_COPY_IN)
			PQputCopyEnd(conn, NULL);
		if (nulls == 0 && (PQisBusy(conn) < 0 || PQresultStatus(res) == PGRES_FATAL_ERROR))
			wrong_values++;
		PQclear(res);
	}
	if (PQpipelineStatus(conn) != PQ_PIPELINE_OFF)
		PQexitPipelineMode(conn);
}

static int
is_in_step(void)
{
	char		text[64];
	PGresult   *res;
	int			good;

	snprintf(text, sizeof text, "SELECT 'now %d'", number);
	res = PQexec(conn, text);
	good = PQresultStatus(res) == PGRES_TUPLES_OK && strncmp(PQgetvalue(res, 0, 0), text + 8, strlen(text) - 9) == 0;
	if (!good)
		printf("%s: %s %s\n", text, PQresStatus(PQresultStatus(res)), PQerrorMessage(conn));
	PQclear(res);
	return good;
}

static void
sweep(const char *name, void (*work) (void))
{
	struct job	job = {.work = work, .point = 1};
	int			cancelled = 0;
	int			good = 1;

	do
	{
		pthread_t	thread;
		void	   *outcome;

		if (conn == NULL)
			conn = connect_or_die(conninfo);
		passed = 0;
		pthread_create(&thread, NULL, run, &job);
		pthread_join(thread, &outcome);
		cancelled += outcome == PTHREAD_CANCELED;
		if (conn != NULL)
		{
			/* Every second time, PQexec drops what is left, unless a pipeline or COPY is open. */
			if (job.point % 2 == 1 || PQpipelineStatus(conn) != PQ_PIPELINE_OFF || work == work_copy)
				drain();
			good &= is_in_step();
			if (PQtransactionStatus(conn) != PQTRANS_IDLE)
				must(conn, "ROLLBACK");
		}
	} while (passed >= job.point++ && good);
	printf("%s: in step %d\n", name, good);
	fprintf(stderr, "%s: %d points, %d cancelled\n", name, job.point - 2, cancelled);
}

static void
count_numbers(void)
{
	PGconn	   *counting = connect_or_die(conninfo);
	PGresult   *res;

	/* Waits for sessions that still store their numbers. */
	must(counting, "BEGIN; LOCK late");
	res = PQexec(counting, "SELECT count(*) > 5000, count(*) - count(DISTINCT i) FROM late");
	printf("stored: %s, twice: %s\n", PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1));
	PQclear(res);
	must(counting, "DROP TABLE late; COMMIT");
	PQfinish(counting);
}

#define SWEEP(work) sweep(#work, work_##work)

int
main(int argc, char **argv)
{
	if (argc < 2 || arm_late_cancel == NULL)
		return 2;
	conninfo = argv[1];
	for (finishes = 0; finishes < 2; finishes++)
	{
		conn = connect_or_die(conninfo);
		must(conn, "CREATE TABLE late (i int)");
		SWEEP(simple);
		SWEEP(extended);
		SWEEP(large);
		SWEEP(without_waiting);
		SWEEP(copy);
		SWEEP(pipeline);
		SWEEP(large_results);
		SWEEP(functions);
		SWEEP(large_objects);
		fact_int("wrong values", wrong_values);
		PQfinish(conn);
		conn = NULL;
		count_numbers();
	}
	return 0;
}
