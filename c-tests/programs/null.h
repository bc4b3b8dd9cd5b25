/*
 * Calls with NULL and with numbers out of range. Each runs in a child process, so that a crash is a result too. The
 * program also prints the state after the call: the connection's error text, its status, and notices.
 */
#ifndef NULL_H
#define NULL_H

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "common.h"

/* A connection in every relevant state. The child makes it, because the call may damage it. */
enum state
{
	NO_CONNECTION,
	UNPARSED,
	REFUSED,
	GOOD,
	PIPELINE,
	COPYING,
	STATES
};

static const char *const state_names[] = {"NULL", "unparsed", "refused", "good", "pipeline", "copying in"};

static const char *good_conninfo;
static enum state state;
static PGconn *conn;
/* Other objects that the calls of a program need. The child makes them after the connection. */
static void (*prepare) (void);
/* The prefix of every line. */
static const char *subject = "";

static char notices[2048];

/* Variables instead of constants, so that the compiler does not warn about the calls. */
static char *const volatile nothing = NULL;
#define NO_TEXT ((char *) nothing)

static void
take_notice(void *arg, const char *message)
{
	size_t		length = strlen(notices);

	(void) arg;
	snprintf(notices + length, sizeof notices - length, "%s", message);
}

static inline void
make_connection(void)
{
	conn = NULL;
	if (state == UNPARSED)
		conn = PQconnectdb("nonsense");
	if (state == REFUSED)
		conn = PQconnectdb("host=127.0.0.1 port=1 user=u dbname=d options=o");
	if (state >= GOOD)
	{
		conn = PQconnectdb(good_conninfo);
		if (PQstatus(conn) != CONNECTION_OK)
			exit(9);
	}
	if (state == PIPELINE && PQenterPipelineMode(conn) != 1)
		exit(9);
	if (state == COPYING)
		PQclear(PQexec(conn, "COPY copied FROM STDIN"));
	PQsetNoticeProcessor(conn, take_notice, NULL);
}

/* Forks; returns true in the child, which makes the call. The parent waits for the child. */
static inline int
child(const char *call)
{
	int			status;
	pid_t		pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
	{
		alarm(20);
		make_connection();
		if (prepare != NULL)
			prepare();
		return 1;
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("* %s%s => %s\n", subject, call, WTERMSIG(status) == SIGALRM ? "hangs" : "crashes");
	else if (WEXITSTATUS(status) != 0)
		printf("* %s%s => exits with %d\n", subject, call, WEXITSTATUS(status));
	return 0;
}

static inline void
done(void)
{
	if (conn != NULL)
	{
		printf(" / ");
		print_text(PQerrorMessage(conn));
		printf(" / %d %d", PQstatus(conn), PQtransactionStatus(conn));
	}
	if (notices[0] != '\0')
	{
		printf(" / notice ");
		print_text(notices);
	}
	printf("\n");
	fflush(stdout);
	_exit(0);
}

#define ANSWER(text, call, type, print) \
	do { \
		if (child(text)) \
		{ \
			type answer_ = (call); \
			printf("* %s%s => ", subject, text); \
			print; \
			done(); \
		} \
	} while (0)

#define INT(call) ANSWER(#call, call, long long, printf("%lld", answer_))
#define STR(call) ANSWER(#call, call, const char *, print_text(answer_))
#define PTR(call) ANSWER(#call, call, const void *, printf(answer_ == NULL ? "NULL" : "not NULL"))
#define FUNCTION(call) \
	do { \
		if (child(#call)) \
		{ \
			int is_null_ = (call) == NULL; \
			printf("* %s%s => %s", subject, #call, is_null_ ? "NULL" : "a function"); \
			done(); \
		} \
	} while (0)
#define VOID(call) \
	do { \
		if (child(#call)) \
		{ \
			call; \
			printf("* %s%s => returns", subject, #call); \
			done(); \
		} \
	} while (0)

static inline void
print_outcome(PGresult *res)
{
	if (res == NULL)
		printf("NULL");
	else
	{
		printf("%s %d/%d/%d ", PQresStatus(PQresultStatus(res)), PQntuples(res), PQnfields(res), PQnparams(res));
		print_text(PQresultErrorMessage(res));
	}
}

#define RESULT(call) ANSWER(#call, call, PGresult *, print_outcome(answer_))

/* Replaces the connection whose state is printed with a new one. */
#define CONNECTION(call) ANSWER(#call, call, PGconn *, (printf(answer_ == NULL ? "NULL" : "a connection"), conn = answer_))

/* Runs calls on a connection in every state. */
static inline void
on_every_connection(void (*calls) (void))
{
	static char text[64];

	for (state = 0; state < STATES; state++)
	{
		snprintf(text, sizeof text, "%s: ", state_names[state]);
		subject = text;
		calls();
	}
	state = NO_CONNECTION;
	subject = "";
}

/* The start of every program: reads the arguments, creates the table for COPY, disables core files. */
static inline void
begin(int argc, char **argv)
{
	struct rlimit none = {0, 0};

	if (argc < 2)
		exit(2);
	setrlimit(RLIMIT_CORE, &none);
	good_conninfo = argv[1];
}

#endif
