/*
 * socket_poll CONNINFO: PQsocketPoll with sockets that are ready, not ready and closed, and a connection whose
 * parameters are read back.
 */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common.h"

static int
polled(const char *what, int fd, int for_read, int for_write, pg_usec_time_t end)
{
	pg_usec_time_t begun = PQgetCurrentTimeUSec();
	int			answer;

	errno = 0;
	answer = PQsocketPoll(fd, for_read, for_write, end);
	printf("%s (%d, %d): %d, errno %d, %s\n", what, for_read, for_write, answer, answer < 0 ? errno : 0,
		   PQgetCurrentTimeUSec() - begun > 10 * 1000 * 1000 ? "late" : "in time");
	return answer;
}

static void
every_direction(const char *what, int fd)
{
	for (int directions = 0; directions < 4; directions++)
		polled(what, fd, directions & 1, directions >> 1, 0);
}

static void
interrupted(int number)
{
	(void) number;
}

static void
timing(int fd)
{
	pg_usec_time_t begun = PQgetCurrentTimeUSec();
	struct sigaction action = {.sa_handler = interrupted};
	struct itimerval timer = {.it_value = {.tv_usec = 50000}, .it_interval = {.tv_usec = 50000}};

	polled("the past", fd, 1, 0, 1);
	polled("long ago", fd, 1, 0, -2);
	polled("now", fd, 1, 0, begun);
	polled("in a moment", fd, 1, 0, begun + 100000);
	/* Timeouts are in whole milliseconds, rounded down. */
	fact_int("waited", PQgetCurrentTimeUSec() - begun >= 98000);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	polled("interrupted", fd, 1, 0, -1);
	polled("interrupted", fd, 1, 0, PQgetCurrentTimeUSec() + 30000000);
	timer = (struct itimerval) {0};
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* A second connection with the parameters of the first; its parameters must be the same. */
static void
round_trip(const char *conninfo)
{
	PGconn	   *conn = connect_or_die(conninfo),
			   *again;
	PQconninfoOption *options = PQconninfo(conn),
			   *copies;
	const char *keywords[80],
			   *values[80];
	int			count = 0,
				same = 0;

	heading("round trip");
	for (PQconninfoOption *option = options; option->keyword != NULL; option++)
	{
		keywords[count] = option->keyword;
		values[count++] = option->val;
	}
	keywords[count] = values[count] = NULL;
	again = PQconnectdbParams(keywords, values, 0);
	fact_int("status", PQstatus(again));
	fact("error", PQerrorMessage(again));
	copies = PQconninfo(again);
	for (int i = 0; i < count; i++)
	{
		const char *copy = copies[i].val == NULL ? "unset" : copies[i].val;
		const char *original = values[i] == NULL ? "unset" : values[i];

		same += strcmp(copy, original) == 0;
		if (strcmp(copy, original) != 0)
			printf("%s was %s, is %s\n", keywords[i], original, copy);
	}
	fact_int("all the same", same == count);
	PQconninfoFree(options);
	PQconninfoFree(copies);
	show_exec(again, "SELECT current_setting('application_name'), current_setting('geqo')");
	PQfinish(again);
	PQfinish(conn);
}

int
main(int argc, char **argv)
{
	int			ends[2],
				pair[2];
	char		parameters[1024];

	if (argc < 2 || pipe(ends) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return 2;
	every_direction("an empty pipe", ends[0]);
	every_direction("its other end", ends[1]);
	timing(ends[0]);
	if (write(ends[1], "x", 1) != 1)
		return 2;
	every_direction("a pipe with data", ends[0]);
	polled("forever", ends[0], 1, 0, -1);
	close(ends[1]);
	every_direction("a pipe with data, closed", ends[0]);
	if (read(ends[0], parameters, 1) != 1)
		return 2;
	every_direction("an empty pipe, closed", ends[0]);
	close(ends[0]);
	every_direction("no file", ends[0]);
	every_direction("a socket", pair[0]);
	shutdown(pair[1], SHUT_WR);
	every_direction("a socket half closed", pair[0]);
	close(pair[1]);
	every_direction("a socket whose peer has gone", pair[0]);
	polled("minus one", -1, 1, 1, 0);
	snprintf(parameters, sizeof parameters,
			 "%s application_name='it\\'s \\\\ mine' options='-c geqo=off' connect_timeout=30 keepalives_idle=77"
			 " target_session_attrs=read-write fallback_application_name=f", argv[1]);
	round_trip(argv[1]);
	round_trip(parameters);
	return 0;
}
