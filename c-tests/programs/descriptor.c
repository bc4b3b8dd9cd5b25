/*
 * descriptor CONNINFO WAY: connects without blocking, like programs that call PQsocket only once, and prints what
 * happened to the descriptor.
 *
 * WAY is "poll": uses the number with poll; "epoll": registers it again after the kernel dropped it; "once":
 * registers it once; "limit": no further descriptor is available; "blocking": uses PQconnectdb.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "common.h"

#define PATIENCE 20000

static PGconn *conn;
static int	set;

static int
descriptors(void)
{
	DIR		   *directory = opendir("/proc/self/fd");
	int			count = 0;

	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

static void
print_end(int number)
{
	int			now = PQsocket(conn);

	printf("status=%d same=%d close-on-exec=%d nonblocking=%d\n", PQstatus(conn), now == number,
		   (fcntl(now, F_GETFD) & FD_CLOEXEC) != 0, PQisnonblocking(conn));
	fact("error", PQerrorMessage(conn));
	show(PQexec(conn, "SELECT 1"));
}

/* Polls one descriptor number until the end. */
static void
by_number(int number)
{
	PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;

	while (wanted == PGRES_POLLING_WRITING || wanted == PGRES_POLLING_READING)
	{
		struct pollfd pollfd = {.fd = number, .events = wanted == PGRES_POLLING_WRITING ? POLLOUT : POLLIN};

		if (poll(&pollfd, 1, PATIENCE) != 1 || (pollfd.revents & POLLNVAL) != 0)
		{
			printf("nothing comes\n");
			return;
		}
		wanted = PQconnectPoll(conn);
	}
}

/* Waits for one descriptor number with epoll. With `again`, it is registered again after the kernel dropped it. */
static void
by_epoll(int number, int again)
{
	PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT};
	int			forgotten = 0;

	epoll_ctl(set, EPOLL_CTL_ADD, number, &event);
	while (wanted == PGRES_POLLING_WRITING || wanted == PGRES_POLLING_READING)
	{
		if (again)
		{
			event.events = wanted == PGRES_POLLING_WRITING ? EPOLLOUT : EPOLLIN;
			if (epoll_ctl(set, EPOLL_CTL_MOD, number, &event) != 0)
			{
				forgotten++;
				printf("forgotten: %s\n", errno == ENOENT ? "ENOENT" : strerror(errno));
				epoll_ctl(set, EPOLL_CTL_ADD, number, &event);
			}
		}
		if (epoll_wait(set, &event, 1, again ? PATIENCE : 1000) != 1)
		{
			printf("nothing comes\n");
			break;
		}
		wanted = PQconnectPoll(conn);
	}
	fact_int("times", forgotten);
}

int
main(int argc, char **argv)
{
	const char *way = argv[argc - 1];
	int			low,
				number,
				before;

	if (argc != 3)
		return 2;
	set = epoll_create1(EPOLL_CLOEXEC);
	/* A number below the socket's that becomes free before there is a second socket. */
	low = open("/dev/null", O_RDONLY | O_CLOEXEC);
	before = descriptors();
	if (strcmp(way, "blocking") == 0)
		conn = PQconnectdb(argv[1]);
	else
		conn = PQconnectStart(argv[1]);
	number = PQsocket(conn);
	if (strcmp(way, "limit") == 0)
	{
		struct rlimit limit = {number + 1, number + 1};

		setrlimit(RLIMIT_NOFILE, &limit);
	}
	else
		close(low);
	if (strcmp(way, "epoll") == 0)
		by_epoll(number, 1);
	else if (strcmp(way, "once") == 0)
		by_epoll(number, 0);
	else if (strcmp(way, "blocking") != 0)
		by_number(number);
	if (PQstatus(conn) == CONNECTION_OK)
		print_end(number);
	else
		printf("not connected\n");
	PQfinish(conn);
	if (strcmp(way, "limit") == 0)
		close(low);
	fact_int("descriptors left open", descriptors() - (before - 1));
	return 0;
}
