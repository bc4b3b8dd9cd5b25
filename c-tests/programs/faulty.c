/* faulty FAULT: misuses the memory of a result, to check that a memory checker reports it. */
#include <sys/wait.h>

#include "common.h"

/* volatile, so that the compiler does not remove the accesses. */
static volatile char seen;

static char *
value_of(PGresult *res)
{
	PGresAttDesc column = {.name = (char *) "a"};

	PQsetResultAttrs(res, 1, &column);
	PQsetvalue(res, 0, 0, (char *) "value", 5);
	return PQgetvalue(res, 0, 0);
}

static void
read_freed(void)
{
	PGresult   *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	const char *value = value_of(res);

	PQclear(res);
	seen = *value;
}

static void
read_past_end(void)
{
	PGresult   *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	const char *memory = PQresultAlloc(res, 5000);

	seen = memory[5000];
	PQclear(res);
}

static void
in_a_child(void)
{
	int			status;
	pid_t		pid = fork();

	if (pid == 0)
	{
		read_freed();
		exit(0);
	}
	waitpid(pid, &status, 0);
	exit(WEXITSTATUS(status));
}

int
main(int argc, char **argv)
{
	const char *fault = argc > 1 ? argv[1] : "";

	if (strcmp(fault, "leak") == 0)
		value_of(PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK));
	else if (strcmp(fault, "read freed") == 0)
		read_freed();
	else if (strcmp(fault, "read past the end") == 0)
		read_past_end();
	else if (strcmp(fault, "in a child") == 0)
		in_a_child();
	return 0;
}
