/*
 * Runs one workload of the benchmark with the libpq.so.5 that is loaded.
 *
 *     client WORKLOAD CONNINFO SETUP SQL REPEATS
 *
 * Executes SQL REPEATS times in the mode WORKLOAD. Prints the CPU time (user and system, in microseconds, without
 * connecting but including child processes), the page faults (without those that read from a disk), the peak memory
 * of the process (kB), and a sum over all data read, which must not depend on the library. SETUP, if not empty, is
 * executed before the clock starts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libpq-fe.h"

/* From libpq 17. Debian's 15 runs all workloads but the one that needs it. */
extern int	PQsetChunkedRowsMode(PGconn *conn, int chunkSize) __attribute__((weak));

#define CHUNK 100
#define QUERIES_A_SYNC 500
#define COPY_LINE 61
#define ESCAPED 1024

typedef unsigned long long Sum;
typedef struct
{
	PGconn	   *conn;
	const char *conninfo;
	const char *sql;
	long		repeats;
} Run;

static void
die(const char *what, PGconn *conn)
{
	fprintf(stderr, "%s: %s\n", what, conn ? PQerrorMessage(conn) : "");
	exit(1);
}

static PGconn *
connect_or_die(const char *conninfo)
{
	PGconn	   *conn = PQconnectdb(conninfo);

	if (PQstatus(conn) != CONNECTION_OK)
		die("connect", conn);
	return conn;
}

/* Reads every cell with the three functions that programs use. */
static Sum
read_cells(PGresult *res)
{
	int			rows = PQntuples(res);
	int			columns = PQnfields(res);
	Sum			sum = 0;

	for (int row = 0; row < rows; row++)
		for (int column = 0; column < columns; column++)
		{
			if (PQgetisnull(res, row, column))
				sum += 1;
			else
			{
				const char *value = PQgetvalue(res, row, column);

				sum += (unsigned char) value[0] + (Sum) PQgetlength(res, row, column);
			}
		}
	return sum;
}

/* Reads and frees the result of a query that must succeed. */
static Sum
take(Run *run, PGresult *res)
{
	ExecStatusType status = PQresultStatus(res);
	Sum			sum;

	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		die("query", run->conn);
	sum = read_cells(res);
	PQclear(res);
	return sum;
}

static Sum
exec(Run *run)
{
	return take(run, PQexec(run->conn, run->sql));
}

static Sum
binary(Run *run)
{
	return take(run, PQexecParams(run->conn, run->sql, 0, NULL, NULL, NULL, NULL, 1));
}

/* Reads the results of a query in single-row or chunked mode. */
static Sum
portions(Run *run)
{
	Sum			sum = 0;
	PGresult   *res;

	while ((res = PQgetResult(run->conn)) != NULL)
	{
		ExecStatusType status = PQresultStatus(res);

		if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK && status != PGRES_TUPLES_CHUNK)
			die("portion", run->conn);
		sum += read_cells(res);
		PQclear(res);
	}
	return sum;
}

static Sum
single(Run *run)
{
	if (!PQsendQuery(run->conn, run->sql) || !PQsetSingleRowMode(run->conn))
		die("single", run->conn);
	return portions(run);
}

static Sum
chunked(Run *run)
{
	if (!PQsendQuery(run->conn, run->sql) || !PQsetChunkedRowsMode(run->conn, CHUNK))
		die("chunked", run->conn);
	return portions(run);
}

static const char *const parameters[2] = {"12345", "some text"};

static void
prepare(Run *run)
{
	PGresult   *res = PQprepare(run->conn, "statement", run->sql, 2, NULL);

	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		die("prepare", run->conn);
	PQclear(res);
}

static Sum
prepared(Run *run)
{
	return take(run, PQexecPrepared(run->conn, "statement", 2, parameters, NULL, NULL, 0));
}

static Sum
pipeline(Run *run)
{
	Sum			sum = 0;
	PGresult   *res;

	for (int query = 0; query < QUERIES_A_SYNC; query++)
		if (!PQsendQueryPrepared(run->conn, "statement", 2, parameters, NULL, NULL, 0))
			die("pipeline", run->conn);
	if (!PQpipelineSync(run->conn))
		die("sync", run->conn);
	for (int query = 0; query < QUERIES_A_SYNC; query++)
	{
		sum += take(run, PQgetResult(run->conn));
		if (PQgetResult(run->conn) != NULL)
			die("no end of the query", run->conn);
	}
	res = PQgetResult(run->conn);
	if (PQresultStatus(res) != PGRES_PIPELINE_SYNC)
		die("no sync", run->conn);
	PQclear(res);
	return sum;
}

static Sum
finish_copy(Run *run)
{
	PGresult   *res = PQgetResult(run->conn);

	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		die("end of copy", run->conn);
	PQclear(res);
	if (PQgetResult(run->conn) != NULL)
		die("a result after the end of the COPY", run->conn);
	return 1;
}

static Sum
copy_out(Run *run)
{
	PGresult   *res = PQexec(run->conn, run->sql);
	char	   *line;
	int			length;
	Sum			sum = 0;

	if (PQresultStatus(res) != PGRES_COPY_OUT)
		die("copy out", run->conn);
	PQclear(res);
	while ((length = PQgetCopyData(run->conn, &line, 0)) > 0)
	{
		sum += (unsigned char) line[0] + (Sum) length;
		PQfreemem(line);
	}
	if (length != -1)
		die("copy data", run->conn);
	return sum + finish_copy(run);
}

/* SQL ends with a comment that has the number of lines. */
static Sum
copy_in(Run *run)
{
	const char *comment = strstr(run->sql, "--");
	long		lines = comment ? atol(comment + 2) : 0;
	PGresult   *res = PQexec(run->conn, run->sql);
	char		line[COPY_LINE];

	if (PQresultStatus(res) != PGRES_COPY_IN)
		die("copy in", run->conn);
	PQclear(res);
	memset(line, 'x', sizeof(line));
	line[COPY_LINE - 1] = '\n';
	for (long i = 0; i < lines; i++)
		if (PQputCopyData(run->conn, line, COPY_LINE) != 1)
			die("copy data", run->conn);
	if (PQputCopyEnd(run->conn, NULL) != 1)
		die("end", run->conn);
	return finish_copy(run);
}

static Sum
reconnect(Run *run)
{
	PGconn	   *conn = connect_or_die(run->conninfo);
	Sum			sum = (Sum) PQserverVersion(conn);

	PQfinish(conn);
	return sum;
}

/* Runs in a process in which the library has done nothing yet. */
static Sum
connect_first(Run *run)
{
	pid_t		child = fork();
	int			status;

	if (child == 0)
	{
		reconnect(run);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		die("child", NULL);
	return 1;
}

static char text[ESCAPED + 1];
static char escaped[2 * ESCAPED + 1];

/* Fills it with UTF-8 prose that has a few quotes. */
static void
write_prose(Run *run)
{
	static const char words[] = "Der Weg f\xc3\xbchrt \xc3\xbc" "ber die Br\xc3\xbc" "cke, it's a long way to go from here; ";

	(void) run;
	for (size_t i = 0; i < ESCAPED; i++)
		text[i] = words[i % (sizeof(words) - 1)];
	/* The text must not end within a character. */
	text[ESCAPED - 1] = text[ESCAPED - 2] = '.';
}

static void
write_quotes(Run *run)
{
	(void) run;
	for (size_t i = 0; i < ESCAPED; i++)
		text[i] = i % 4 == 3 ? 'x' : '\'';
}

static Sum
escape(Run *run)
{
	int			error;
	size_t		length = PQescapeStringConn(run->conn, escaped, text, ESCAPED, &error);

	if (error)
		die("escape", run->conn);
	return length + (unsigned char) escaped[length / 2];
}

static void
enter_pipeline(Run *run)
{
	prepare(run);
	if (!PQenterPipelineMode(run->conn))
		die("pipeline mode", run->conn);
}

static const struct
{
	const char *name;
	void		(*before) (Run *);
	Sum			(*once) (Run *);
}			workloads[] = {
	{"exec", NULL, exec},
	{"binary", NULL, binary},
	{"single", NULL, single},
	{"chunked", NULL, chunked},
	{"prepared", prepare, prepared},
	{"pipeline", enter_pipeline, pipeline},
	{"copy_out", NULL, copy_out},
	{"copy_in", NULL, copy_in},
	{"connect", NULL, reconnect},
	{"first", NULL, connect_first},
	{"escape", write_prose, escape},
	{"quotes", write_quotes, escape},
};

static long long
microseconds(struct timeval time)
{
	return time.tv_sec * 1000000LL + time.tv_usec;
}

typedef struct
{
	long long	user,
				system;
	long		faults;
} Used;

/* Used by this process and its children. */
static Used
used(void)
{
	struct rusage own,
				children;

	getrusage(RUSAGE_SELF, &own);
	getrusage(RUSAGE_CHILDREN, &children);
	return (Used) {
		microseconds(own.ru_utime) + microseconds(children.ru_utime),
		microseconds(own.ru_stime) + microseconds(children.ru_stime),
		own.ru_minflt + children.ru_minflt
	};
}

/* Peak memory of this program alone: the figure of getrusage includes the process that started it. */
static long
peak_memory(void)
{
	FILE	   *status = fopen("/proc/self/status", "r");
	char		line[256];
	long		kilobytes = 0;

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmHWM: %ld", &kilobytes) == 1)
			break;
	if (status)
		fclose(status);
	return kilobytes;
}

int
main(int argc, char **argv)
{
	Used		start,
				end;
	Sum			sum = 0;
	Run			run;

	if (argc != 6)
		return 2;
	run.conninfo = argv[2];
	run.sql = argv[4];
	run.repeats = atol(argv[5]);
	if (strcmp(argv[1], "chunked") == 0 && PQsetChunkedRowsMode == NULL)
		return 3;
	run.conn = strcmp(argv[1], "first") == 0 ? NULL : connect_or_die(run.conninfo);
	if (*argv[3] != '\0')
	{
		PGresult   *res = PQexec(run.conn, argv[3]);

		if (PQresultStatus(res) != PGRES_COMMAND_OK)
			die("setup", run.conn);
		PQclear(res);
	}
	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
	{
		if (strcmp(workloads[i].name, argv[1]) != 0)
			continue;
		if (workloads[i].before)
			workloads[i].before(&run);
		start = used();
		for (long repeat = 0; repeat < run.repeats; repeat++)
			sum += workloads[i].once(&run);
		end = used();
		printf("%lld %lld %ld %ld %llu\n", end.user - start.user, end.system - start.system, end.faults - start.faults,
			   peak_memory(), sum);
		PQfinish(run.conn);
		return 0;
	}
	return 2;
}
