/* forked CONNINFO [finish]: a child that finishes its copy of a connection must not end the parent's session. */
#include <sys/wait.h>

#include "common.h"

static void
child(PGconn *conn, int how)
{
	switch (how)
	{
		case 0:
			PQfinish(conn);
			break;
		case 1:
			PQreset(conn);
			printf("child: status %d\n", PQstatus(conn));
			show_exec(conn, "SELECT 'a session of its own'");
			PQfinish(conn);
			break;
		case 2:
			/* The child exits without PQfinish. */
			break;
	}
	fflush(stdout);
	_exit(0);
}

static void
fork_and_check(PGconn *conn, int how)
{
	pid_t		pid;
	int			status,
				backend = PQbackendPID(conn);

	heading(how == 0 ? "PQfinish" : how == 1 ? "PQreset" : "exit");
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		child(conn, how);
	waitpid(pid, &status, 0);
	fact_int("child", status);
	show_exec(conn, "SELECT 'the parent still works'");
	fact_int("the same session", PQbackendPID(conn) == backend);
}

int
main(int argc, char **argv)
{
	PGconn	   *conn;

	if (argc < 2)
		return 2;
	conn = connect_or_die(argv[1]);
	for (int how = 0; how < (argc > 2 ? 1 : 3); how++)
		fork_and_check(conn, how);
	if (argc > 2)
	{
		show_exec(conn, "SELECT 'it still works'");
		PQfinish(conn);
		return 0;
	}
	heading("in the middle of a query");
	PQsendQuery(conn, "SELECT pg_sleep(0.2), 'not disturbed'");
	fork_and_check(conn, 0);
	PQfinish(conn);
	return 0;
}
