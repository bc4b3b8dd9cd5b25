/* Signals: interrupted system calls, and SIGPIPE. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "faults.h"

static volatile sig_atomic_t alarms,
			pipes;

static void
on_alarm(int number)
{
	(void) number;
	alarms++;
}

static void
on_pipe(int number)
{
	(void) number;
	pipes++;
}

static void
handle(int number, void (*handler) (int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	sigemptyset(&action.sa_mask);
	sigaction(number, &action, NULL);
}

static void
every(long microseconds)
{
	struct itimerval timer = {{0, microseconds}, {0, microseconds}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

/* A signal in nearly every system call. */
static int
storm(int flags)
{
	PGconn	   *conn;
	PGcancelConn *cancel;
	int			result;

	handle(SIGALRM, on_alarm, flags);
	every(150);
	conn = connected();
	if (conn == NULL)
		return 1;
	result = work(conn);
	PQreset(conn);
	result |= !answers(conn, "SELECT 'reset'", "reset");
	send_and_wait(conn, "SELECT pg_sleep(100)");
	cancel = PQcancelCreate(conn);
	if (!PQcancelBlocking(cancel))
		result |= bad("cancel: %s", PQcancelErrorMessage(cancel));
	PQcancelFinish(cancel);
	PQclear(PQgetResult(conn));
	PQclear(PQgetResult(conn));
	PQfinish(conn);
	every(0);
	if (alarms < 20)
		result |= bad("only %d signals", (int) alarms);
	return result;
}

static void
run_storm(void)
{
	for (int i = 0; i < rounds; i++)
	{
		attempt("with SA_RESTART", storm, SA_RESTART, 60);
		attempt("without SA_RESTART", storm, 0, 60);
	}
}

/* Whether the handler, the mask and the pending signals are as before. */
static int
is_untouched(const char *after)
{
	struct sigaction action;
	sigset_t	mask,
				waiting;

	sigaction(SIGPIPE, NULL, &action);
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	sigpending(&waiting);
	if (pipes > 0 || action.sa_handler != on_pipe || sigismember(&mask, SIGPIPE) || sigismember(&waiting, SIGPIPE))
	{
		bad("%s: SIGPIPE %d times, handler %s, blocked %d, pending %d", after, (int) pipes,
			action.sa_handler == on_pipe ? "kept" : "changed", sigismember(&mask, SIGPIPE), sigismember(&waiting, SIGPIPE));
		return 0;
	}
	return 1;
}

/* Ends the session of `conn` from another connection, and waits until the server has closed the socket. */
static void
end_session(PGconn *conn)
{
	PGconn	   *other = connected();
	char		sql[100];

	snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 5000)", PQbackendPID(conn));
	PQclear(PQexec(other, sql));
	PQfinish(other);
	usleep(20000);
}

/* Writes to a connection that the server has closed, in every way. */
static int
broken_pipe(int way)
{
	static char megabyte[1 << 20];
	PGconn	   *conn = connected();
	int			fine = 1;

	handle(SIGPIPE, on_pipe, 0);
	if (conn == NULL)
		return 1;
	if (way >= 4)
		PQclear(PQexec(conn, "CREATE TEMP TABLE t (a text); COPY t FROM STDIN"));
	if (way == 3)
		PQenterPipelineMode(conn);
	end_session(conn);
	/* Several times: the first write to a closed socket succeeds. */
	for (int i = 0; i < 4; i++)
	{
		if (way == 0)
			PQclear(PQexec(conn, "SELECT 1"));
		else if (way == 1)
			PQsendQuery(conn, "SELECT 1");
		else if (way == 2)
			PQclear(PQprepare(conn, "s", "SELECT 1", 0, NULL));
		else if (way == 3)
			PQsendQueryParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0), PQpipelineSync(conn);
		else if (way == 4)
			PQputCopyData(conn, megabyte, sizeof megabyte);
		else if (way == 5)
			PQputCopyEnd(conn, NULL);
		else if (way == 6)
			PQsetnonblocking(conn, 1), PQputCopyData(conn, megabyte, sizeof megabyte), PQflush(conn);
		fine &= is_untouched("call");
	}
	PQfinish(conn);
	return !(fine && is_untouched("PQfinish"));
}

static void
run_broken_pipe(void)
{
	for (int way = 0; way <= 7; way++)
		attempt("write to a closed connection", broken_pipe, way, 20);
}

const Fault signal_faults[] = {
	{"storm_of_signals", run_storm},
	{"sigpipe", run_broken_pipe},
	{NULL, NULL},
};
