/*
 * cancel_signal CONNINFO [FAULT]: calls PQcancel in a signal handler, during a query and inside the memory allocator.
 * With interpose/signal_safe.c preloaded, the handler may call only async-signal-safe functions; FAULT makes it call
 * another one.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "common.h"

enum
{
	ERRNO_BEFORE = EXDEV,
	TEXT_SIZE = 256
};

static PGcancel *volatile request;
static volatile sig_atomic_t calls,
			answer,
			errno_after;
static char text[TEXT_SIZE];

static void (*forbid) (int);
static const char *fault = "";

static void
commit_fault(void)
{
	void	   *volatile block = request;
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	if (strcmp(fault, "malloc") == 0)
		block = malloc(10);
	else if (strcmp(fault, "free") == 0)
		free(block);
	else if (strcmp(fault, "lock") == 0)
		pthread_mutex_lock(&mutex);
	else if (strcmp(fault, "getenv") == 0)
		block = getenv("HOME");
	else if (strcmp(fault, "stream") == 0)
		fputs(fault, stdout);
}

static void
cancel_now(int signal_number)
{
	int			saved = errno;

	(void) signal_number;
	if (forbid != NULL)
		forbid(1);
	commit_fault();
	errno = ERRNO_BEFORE;
	answer = PQcancel(request, text, TEXT_SIZE);
	errno_after = errno;
	if (forbid != NULL)
		forbid(0);
	calls++;
	errno = saved;
}

/* Does nothing; the signal only interrupts system calls. */
static void
count_only(int signal_number)
{
	(void) signal_number;
	calls++;
}

/* Without SA_RESTART, so that system calls are really interrupted. */
static void
handle_alarm(void (*handler) (int))
{
	struct sigaction action = {.sa_handler = handler};

	sigemptyset(&action.sa_mask);
	sigaction(SIGALRM, &action, NULL);
	calls = 0;
}

static void
alarm_in(long first_usec, long every_usec)
{
	struct itimerval timer = {
		.it_value = {.tv_usec = first_usec},
		.it_interval = {.tv_usec = every_usec},
	};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

static void
in_mid_query(PGconn *conn)
{
	double		begun = now();

	heading("in the middle of a query");
	handle_alarm(cancel_now);
	alarm_in(200000, 0);
	show(PQexec(conn, "select pg_sleep(30)"));
	fact_int("ended early", now() - begun < 20);
	fact_int("answer", answer);
	fact_int("calls", calls);
	fact_int("errno is kept", errno_after == ERRNO_BEFORE);
	fact("text is untouched", text);
	show_exec(conn, "select 'the connection still works'");
}

/* If the handler took the allocator's locks, this would hang sooner or later. */
static void
in_the_allocator(PGconn *conn)
{
	double		begun = now();
	int			armed = 0,
				bad = 0;

	heading("in the middle of malloc");
	handle_alarm(cancel_now);
	for (size_t i = 0; calls < 20 && now() - begun < 20; i++)
	{
		char	   *block = malloc(64 + i % 100000);

		/* Set again each time, because a request may take longer than any interval. */
		if (armed == calls)
			alarm_in(1000 + 137 * armed++, 0);
		if (block == NULL || memset(block, 1, 64) != block)
			bad++;
		free(block);
	}
	alarm_in(0, 0);
	fact_int("was called", calls > 0);
	fact_int("failed allocations", bad);
	fact_int("last answer", answer);

	/* A request that arrives while the session is idle has no effect; one may still be on its way. */
	for (int i = 0; i < 5; i++)
		PQclear(PQexec(conn, "select pg_sleep(0.05)"));
	show_exec(conn, "select 'the connection still works'");
}

/* Signals that do not concern the library must have no effect. */
static void
through_interruptions(PGconn *conn)
{
	heading("through interruptions");
	handle_alarm(count_only);
	alarm_in(1000, 1000);
	show_exec(conn, "select pg_sleep(0.3)");
	show_exec(conn, "select length(string_agg(repeat('x', 1000), '')) from generate_series(1, 10000)");
	alarm_in(0, 0);
	fact_int("was interrupted", calls > 50);
}

static void
without_a_connection(PGconn *conn)
{
	char		small[8];

	heading("without a connection");
	PQfinish(conn);
	fact_int("the object outlives it", PQcancel(request, text, TEXT_SIZE));
	errno = ERRNO_BEFORE;
	fact_int("no object", PQcancel(NULL, text, TEXT_SIZE));
	fact_int("errno is kept", errno == ERRNO_BEFORE);
	fact("text", text);
	fact_int("small buffer", PQcancel(NULL, small, sizeof small));
	fact("text", small);
	fact_int("no connection", PQgetCancel(NULL) != NULL);
	fact_int("request without a connection", PQrequestCancel(NULL));
	PQfreeCancel(request);
	PQfreeCancel(NULL);
}

int
main(int argc, char **argv)
{
	PGconn	   *conn;

	if (argc < 2)
		return 1;
	fault = argc > 2 ? argv[2] : fault;
	*(void **) &forbid = dlsym(RTLD_DEFAULT, "forbid");
	fprintf(stderr, "watched: %d\n", forbid != NULL);
	conn = connect_or_die(argv[1]);
	request = PQgetCancel(conn);
	fact_int("object", request != NULL);
	in_mid_query(conn);
	in_the_allocator(conn);
	through_interruptions(conn);
	without_a_connection(conn);
	return 0;
}
