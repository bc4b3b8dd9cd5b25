/*
 * Calls with NULL and with numbers out of range, each in a child of its own, so that a crash is an answer too. What a call
 * leaves behind is printed with it: the connection's error text, its status, and the notices that came.
 */
#ifndef NULL_H
#define NULL_H

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "common.h"

/* A connection in every state that matters. It is made in the child, which may spoil it. */
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
/* What else the calls of a program need, made in the child after the connection. */
static void (*prepare) (void);
/* What stands before every line. */
static const char *subject = "";

static char notices[2048];

/* Told apart from constants, so that the compiler does not judge the calls. */
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

/* Whether this is the child, which makes the call; the parent waits for it. */
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

/* A new connection, which becomes the one whose state is told. */
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

/* What every program begins with: the arguments, the table for COPY, no core files. */
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
