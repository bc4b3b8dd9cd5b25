/* Results that several threads read, and memory that another thread frees. */
#include "threads.h"

#define MANY 2000

/* ---- one result, read by all threads ---- */

static PGresult *read_by_all;

static void
ignore(void *arg, const PGresult *res)
{
	(void) arg;
	(void) res;
}

static unsigned long
sum_of(const PGresult *res)
{
	unsigned long sum = 5381;

	for (int row = 0; row < PQntuples(res); row++)
		for (int column = 0; column < PQnfields(res); column++)
		{
			const char *value = PQgetvalue(res, row, column);

			for (int i = 0; i < PQgetlength(res, row, column); i += 1 + i / 64)
				sum = sum * 33 + (unsigned char) value[i];
			sum = sum * 33 + (unsigned) PQgetisnull(res, row, column);
		}
	return sum;
}

static unsigned long expected_sum;

static void
read_all(int number)
{
	PGresult   *res = read_by_all,
			   *copy;
	char	   *message;

	check(sum_of(res) == expected_sum);
	for (int column = 0; column < PQnfields(res); column++)
	{
		check(PQfnumber(res, PQfname(res, column)) == column);
		check(PQftype(res, column) != 0 && PQfformat(res, column) == PQbinaryTuples(res));
		check(PQfsize(res, column) != 0 && PQfmod(res, column) != 0 && PQftable(res, column) == 0);
		check(PQftablecol(res, column) == 0);
	}
	/* With notices about what does not exist. */
	check(PQgetvalue(res, 1000000, 0) == NULL && PQgetlength(res, 0, -1) == 0 && PQfname(res, 99) == NULL);
	check(PQcmdStatus(res) != NULL && PQcmdTuples(res) != NULL && PQoidValue(res) == 0);
	check(*PQoidStatus(res) == '\0' && PQresultMemorySize(res) > 0 && PQnparams(res) == 0);
	check(PQresultErrorMessage(res) != NULL);
	if (PQresultStatus(res) == PGRES_FATAL_ERROR)
		check(strcmp(PQresultErrorField(res, PG_DIAG_SQLSTATE), "42703") == 0);
	message = PQresultVerboseErrorMessage(res, (PGVerbosity) (number % 4), PQSHOW_CONTEXT_ALWAYS);
	check(message != NULL);
	PQfreemem(message);
	copy = PQcopyResult(res, PG_COPYRES_ATTRS | PG_COPYRES_TUPLES | PG_COPYRES_NOTICEHOOKS);
	check(PQresultStatus(res) == PGRES_FATAL_ERROR || sum_of(copy) == expected_sum);
	PQclear(copy);
}

static void
read_by_many(PGresult *res)
{
	read_by_all = res;
	expected_sum = sum_of(res);
	in_threads(THREADS, read_all);
	PQclear(res);
}

/* All threads begin at once with a result that no thread has read. */
static void
read_first(int number)
{
	int			row = number * 7 % PQntuples(read_by_all);

	check(atoi(PQgetvalue(read_by_all, row, 0)) == row + 1 && PQgetlength(read_by_all, row, 0) > 0);
}

void
shared_results(void)
{
	const char *queries[] = {
		"SELECT i, NULL::text AS none, repeat('x', i % 50) AS text, i::numeric / 7 AS number FROM generate_series(1, 500) AS i",
		"SELECT 1 AS one", "SELECT WHERE false", "SELECT i AS long, repeat('long', 40000) AS text FROM generate_series(1, 15) AS i",
		"SELECT no_such_column", "SELECT 1 AS a, 2 AS b, '' AS empty",
	};
	PGconn	   *conn = connect_once();

	if (conn == NULL)
		return;
	PQsetNoticeReceiver(conn, ignore, NULL);
	for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
		for (int format = 0; format < 2; format++)
			read_by_many(PQexecParams(conn, queries[i], 0, NULL, NULL, NULL, NULL, format));
	read_by_all = PQexec(conn, queries[0]);
	in_threads(THREADS, read_first);
	PQclear(read_by_all);
	PQfinish(conn);
}

/* ---- results that another thread reads and frees while the connection goes on ---- */

static PGconn *source;
static PGresult *waiting[MANY];
static int	produced;
static int	taken;

static void
produce(void)
{
	int			mode = 0;
	PGresult   *res;

	while (produced < MANY)
	{
		check(PQsendQuery(source, "SELECT i, repeat('v', 40) AS text FROM generate_series(1, 90) AS i; SELECT 'x'"));
		if (mode % 3 == 0)
			PQsetSingleRowMode(source);
		else if (mode % 3 == 1)
			PQsetChunkedRowsMode(source, 4);
		mode++;
		while ((res = PQgetResult(source)) != NULL)
		{
			if (produced == MANY)
			{
				PQclear(res);
				continue;
			}
			waiting[produced] = res;
			__atomic_store_n(&produced, produced + 1, __ATOMIC_RELEASE);
		}
	}
}

static void
consume(void)
{
	int			mine;

	while ((mine = __atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED)) < MANY)
	{
		PGresult   *copy;

		while (__atomic_load_n(&produced, __ATOMIC_ACQUIRE) <= mine)
			usleep(100);
		copy = PQcopyResult(waiting[mine], PG_COPYRES_ATTRS | PG_COPYRES_TUPLES);
		PQclear(waiting[mine]);
		check(PQntuples(copy) == 0 || (PQfname(copy, 0) != NULL && *PQgetvalue(copy, 0, 0) != '\0'));
		PQclear(copy);
	}
}

static void
produce_or_consume(int number)
{
	if (number == 0)
		produce();
	else
		consume();
}

void
results_elsewhere(void)
{
	source = connect_once();
	if (source == NULL)
		return;
	produced = taken = 0;
	in_threads(5, produce_or_consume);
	PQfinish(source);
}

/* ---- memory that another thread frees ---- */

static struct
{
	pthread_mutex_t lock;
	void	   *memory[50];
	int			count;
}			heap = {PTHREAD_MUTEX_INITIALIZER, {NULL}, 0};
static int	readers;

/* Exchanges `memory` for another piece; the caller frees that one. */
static void *
exchanged(void *memory)
{
	void	   *other = NULL;

	pthread_mutex_lock(&heap.lock);
	if (heap.count < 50)
		heap.memory[heap.count++] = memory;
	else
	{
		int			place = rand() % 50;

		other = heap.memory[place];
		heap.memory[place] = memory;
	}
	pthread_mutex_unlock(&heap.lock);
	return other;
}

static void
copy_rows(int number)
{
	PGconn	   *conn = connect_once();
	char	   *row;
	int			rows = 0;

	if (conn == NULL)
		return;
	for (int round = 0; round < 3; round++)
	{
		PQclear(PQexec(conn, "COPY (SELECT i, repeat('c', i % 90) FROM generate_series(1, 1000) AS i) TO STDOUT"));
		while (PQgetCopyData(conn, &row, 0) > 0)
		{
			check(atoi(row) == rows++ % 1000 + 1);
			if (rows % 3 == number % 3)
				PQfreemem(exchanged(row));
			else
				PQfreemem(row);
		}
		drain(conn);
	}
	check(rows == 3000);
	PQfinish(conn);
	__atomic_fetch_add(&readers, -1, __ATOMIC_RELAXED);
}

static void
make_texts(void)
{
	while (__atomic_load_n(&readers, __ATOMIC_RELAXED) > 0)
	{
		size_t		length;
		unsigned char *bytes = PQunescapeBytea((const unsigned char *) "\\x616263", &length);

		check(length == 3 && memcmp(bytes, "abc", 3) == 0);
		PQfreemem(exchanged(bytes));
	}
}

static void
copy_or_make(int number)
{
	if (number < 4)
		copy_rows(number);
	else
		make_texts();
}

void
freed_elsewhere(void)
{
	readers = 4;
	in_threads(6, copy_or_make);
	for (int i = 0; i < heap.count; i++)
		PQfreemem(heap.memory[i]);
	heap.count = 0;
}
