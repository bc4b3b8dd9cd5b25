/*
 * out_of_memory CONNINFO one|all|everything MOST [OPERATION...]: operations with failing allocations. Run it with
 * interpose/failing_malloc.c preloaded.
 *
 * Each operation runs once for each N up to MOST, in its own process. Its Nth allocation fails alone ("one"), or
 * together with all later ones ("all"). Afterwards allocations succeed again: then an open connection must answer a
 * query, and a closed one must do so after PQreset. If an operation succeeded, its results are verified.
 *
 * Prints a line for each operation with the number of runs that ended in each way. With "everything" instead of "one",
 * all allocations fail during many calls, until the library's reserve of memory is used up.
 */
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>

#include "operations.h"

static const struct
{
	const char *name;
	int			(*run) (void);
}			operations[] = {
	{"connect", connect_directly},
	{"connect by steps", connect_by_polling},
	{"reset", reset_connection},
	{"simple query", simple_query},
	{"large result", large_result},
	{"single rows", single_rows},
	{"chunks of rows", chunked_rows},
	{"nonblocking query", nonblocking_query},
	{"prepared statement", prepared_statement},
	{"COPY in", copy_in},
	{"COPY in by lines", copy_in_by_lines},
	{"COPY out", copy_out},
	{"pipeline", pipeline},
	{"large objects", large_objects},
	{"conninfo parse", parse_conninfo},
	{"conninfo of a connection", conninfo_of_connection},
	{"escape", escape_text},
	{"encrypt password", encrypt_password},
	{"notify", notify},
	{"results", results},
	{"events", events},
	{"cancel", cancel},
	{"error", server_error},
	{"notices", raise_notices},
	{"function call", function_call},
	{"trace", trace},
	{"print", print_rows},
	{"client encoding", client_encoding},
};

#define OPERATIONS (sizeof operations / sizeof *operations)

/*
 * Runs one operation; `count` allocations fail, beginning with the `number`th. Returns its outcome, and writes to
 * `report` whether it made that many allocations.
 */
static int
attempt(size_t operation, long number, long count, int report)
{
	int			outcome,
				reached;

	if (operations[operation].run != parse_conninfo)
		conn = connect_or_die(conninfo);
	fail_allocations(number, count);
	outcome = operations[operation].run();
	reached = armed_allocations() >= number;
	fail_allocations(0, 0);
	if (operations[operation].run != parse_conninfo && outcome != WRONG && !still_works())
		outcome = STUCK;
	PQfinish(conn);
	if (getenv("OOM_SHOW") != NULL && outcome != FINE)
		fprintf(stderr, "%s %ld: %s\n", operations[operation].name, number, reason);
	if (write(report, &reached, sizeof reached) != sizeof reached)
		_exit(LAST_EXIT);
	if (outcome >= WRONG)
		fprintf(stderr, "%s, allocation %ld: %s\n", operations[operation].name, number, reason);
	return outcome;
}

/* Runs it in its own process, which SIGALRM ends if it hangs. Returns 0 if it makes fewer than `number` allocations. */
static int
attempt_in_child(size_t operation, long number, long count, int *status)
{
	int			ends[2],
				reached = 1;
	pid_t		child;

	if (pipe(ends) != 0 || (child = fork()) < 0)
		exit(2);
	if (child == 0)
	{
		alarm(20);
		_exit(attempt(operation, number, count, ends[1]));
	}
	close(ends[1]);
	if (read(ends[0], &reached, sizeof reached) != sizeof reached)
		reached = 1;
	close(ends[0]);
	waitpid(child, status, 0);
	return reached;
}

/* Runs an operation for each of its allocations, at most `most`, and prints its line of the table. */
static void
table_row(size_t operation, long count, long most)
{
	int			tried = 0,
				ends[LAST_EXIT] = {0},
				aborted = 0,
				hung = 0;

	for (long number = 1; number <= most; number++)
	{
		int			status;

		if (!attempt_in_child(operation, number, count, &status))
			break;
		tried++;
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
			hung++;
		else if (!WIFEXITED(status) || WEXITSTATUS(status) >= LAST_EXIT)
			aborted++;
		else
			ends[WEXITSTATUS(status)]++;
		if ((!WIFEXITED(status) || WEXITSTATUS(status) >= LAST_EXIT))
			fprintf(stderr, "%s, allocation %ld: status %x\n", operations[operation].name, number, status);
	}
	printf("%-25s %5d %5d %5d %5d %5d %5d %5d\n", operations[operation].name, tried, ends[FINE], ends[FAILED], aborted,
		   hung, ends[WRONG], ends[STUCK]);
}

int
main(int argc, char **argv)
{
	long		count;

	if (argc < 4 || fail_allocations == NULL)
	{
		fprintf(stderr, "arguments are missing, or failing_malloc.so is not preloaded\n");
		return 2;
	}
	conninfo = argv[1];
	/* glibc ends the process if an allocation fails while it reads nsswitch.conf, so it reads the file now. */
	getpwuid(geteuid());
	count = strcmp(argv[2], "all") == 0 ? 1L << 40 : 1;
	if (strcmp(argv[2], "everything") == 0)
	{
		/* More than once, because memory taken from the reserve must be returned to it. */
		for (int i = 0; i < 3; i++)
			run_without_memory();
		return 0;
	}
	printf("%-25s %5s %5s %5s %5s %5s %5s %5s\n", "operation", "tried", "ok", "error", "abort", "hang", "wrong", "stuck");
	for (size_t i = 0; i < OPERATIONS; i++)
	{
		int			wanted = argc <= 4;

		for (int a = 4; a < argc; a++)
			wanted |= strcmp(argv[a], operations[i].name) == 0;
		if (wanted)
			table_row(i, count, atol(argv[3]));
	}
	return 0;
}
