/*
 * threads PART CONNINFO: threads that use the library at the same time. Prints after each part how many failures there were until then. The parts
 * "planted in the program" and "planted in the library" do what is not allowed, for a checker of data races to report.
 */
#include <poll.h>

#include "threads.h"

const char *conninfo;
static int	failures;

void
report(int condition, const char *file, int line)
{
	if (condition)
		return;
	file = strrchr(file, '/') == NULL ? file : strrchr(file, '/') + 1;
	if (__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED) < 10)
		printf("%s:%d failed\n", file, line);
}

typedef struct
{
	pthread_t	thread;
	pthread_barrier_t *barrier;
	void		(*work) (int number);
	int			number;
} Worker;

static void *
run(void *arg)
{
	Worker	   *worker = arg;

	pthread_barrier_wait(worker->barrier);
	worker->work(worker->number);
	return NULL;
}

void
in_threads(int count, void (*work) (int number))
{
	Worker	   *workers = calloc((size_t) count, sizeof *workers);
	pthread_barrier_t barrier;

	pthread_barrier_init(&barrier, NULL, (unsigned) count);
	for (int i = 0; i < count; i++)
	{
		workers[i].barrier = &barrier;
		workers[i].work = work;
		workers[i].number = i;
		pthread_create(&workers[i].thread, NULL, run, &workers[i]);
	}
	for (int i = 0; i < count; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_barrier_destroy(&barrier);
	free(workers);
}

PGconn *
connect_once(void)
{
	PGconn	   *conn = PQconnectdb(conninfo);

	if (PQstatus(conn) == CONNECTION_OK)
		return conn;
	printf("no connection: %s", PQerrorMessage(conn));
	check(0);
	PQfinish(conn);
	return NULL;
}

void
expect(PGconn *conn, const char *sql, const char *expected)
{
	PGresult   *res = PQexec(conn, sql);

	check(PQntuples(res) == 1 && strcmp(PQgetvalue(res, 0, 0), expected) == 0);
	PQclear(res);
}

int
drain(PGconn *conn)
{
	PGresult   *res;
	int			rows = 0;

	while ((res = PQgetResult(conn)) != NULL)
	{
		rows += PQntuples(res);
		PQclear(res);
	}
	return rows;
}

void
wait_for(int sock, PostgresPollingStatusType wanted)
{
	struct pollfd pollfd = {sock, wanted == PGRES_POLLING_WRITING ? POLLOUT : POLLIN, 0};

	poll(&pollfd, 1, 60000);
}

static const struct
{
	const char *name;
	void		(*run) (void);
	int			by_name;		/* only if it is named */
}			parts[] = {
	/* The first: nothing is initialized yet. */
	{"first", first_use, 0},
	{"sessions", sessions, 0},
	{"moved", moved_connections, 0},
	{"shared", shared_connection, 0},
	{"ends", thread_ends, 0},
	{"cancels", cancels, 0},
	{"results", shared_results, 0},
	{"elsewhere", results_elsewhere, 0},
	{"freed", freed_elsewhere, 0},
	{"hooks", hooks, 0},
	{"process", process_wide, 0},
	{"planted in the library", result_changed_while_read, 1},
	{"planted in the program", race_in_the_program, 1},
};

int
main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	conninfo = argv[2];
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		if (strcmp(argv[1], parts[i].name) == 0 || (strcmp(argv[1], "all") == 0 && !parts[i].by_name))
		{
			parts[i].run();
			printf("%s: %d failures\n", parts[i].name, failures);
		}
	return failures != 0;
}
