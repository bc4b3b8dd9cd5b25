/* The system around the process: file systems, locales, clocks, random bytes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "../../programs/forbid_getrandom.h"
#include "faults.h"

/* The clock of the day jumps between calls if this is set. These take the place of libc's functions in the library, too. */
static int	jumps;

static long
jump(void)
{
	static unsigned int state = 12345;

	if (!jumps)
		return 0;
	state = state * 1103515245 + 12345;
	/* Up to ten years in either direction. */
	return (long) (state >> 4) % 315360000 * ((state & 1) != 0 ? 1 : -1);
}

int
clock_gettime(clockid_t clock, struct timespec *time)
{
	int			result = (int) syscall(SYS_clock_gettime, clock, time);

	if (result == 0 && clock == CLOCK_REALTIME)
		time->tv_sec += jump();
	return result;
}

int
gettimeofday(struct timeval *restrict time, void *restrict zone)
{
	struct timespec precise;
	int			result = clock_gettime(CLOCK_REALTIME, &precise);

	(void) zone;
	time->tv_sec = precise.tv_sec;
	time->tv_usec = precise.tv_nsec / 1000;
	return result;
}

time_t
time(time_t *place)
{
	struct timespec precise;

	clock_gettime(CLOCK_REALTIME, &precise);
	if (place != NULL)
		*place = precise.tv_sec;
	return precise.tv_sec;
}

static int
connect_and_work(void)
{
	PGconn	   *conn = connected();
	int			result;

	if (conn == NULL)
		return 1;
	result = work(conn);
	PQreset(conn);
	result |= !answers(conn, "SELECT 'reset'", "reset");
	PQfinish(conn);
	return result;
}

static int
clock_that_jumps(int number)
{
	(void) number;
	jumps = 1;
	return connect_and_work();
}

/* A listener that never answers: connect_timeout must end the attempt, whatever the clock says. */
static int
timeout_with_jumps(int number)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t	length = sizeof address;
	int			listener = socket(AF_INET, SOCK_STREAM, 0);
	struct timespec begin,
				end;
	char		line[200];
	PGconn	   *conn;
	double		seconds;

	(void) number;
	bind(listener, (struct sockaddr *) &address, length);
	listen(listener, 5);
	getsockname(listener, (struct sockaddr *) &address, &length);
	snprintf(line, sizeof line, "host=127.0.0.1 port=%d user=u connect_timeout=2", ntohs(address.sin_port));
	jumps = 1;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	conn = PQconnectdb(line);
	clock_gettime(CLOCK_MONOTONIC, &end);
	seconds = (double) (end.tv_sec - begin.tv_sec) + (double) (end.tv_nsec - begin.tv_nsec) / 1e9;
	if (PQstatus(conn) != CONNECTION_BAD || seconds < 1.5 || seconds > 5)
		return bad("status %d after %.1f s", PQstatus(conn), seconds);
	PQfinish(conn);
	return 0;
}

static void
run_clocks(void)
{
	for (int i = 0; i < 3; i++)
		attempt("a clock that jumps", clock_that_jumps, i, 30);
	attempt("connect_timeout with a clock that jumps", timeout_with_jumps, 0, 20);
}

/* An empty directory, which this process removes: a child that has it as its root cannot. */
static char empty_root[32];

static void
attempt_in_an_empty_root(const char *what, int (*function) (int), int number)
{
	strcpy(empty_root, "/tmp/pq-torture-root-XXXXXX");
	if (mkdtemp(empty_root) == NULL)
		empty_root[0] = '\0';
	attempt(what, function, number, 20);
	rmdir(empty_root);
}

static int
in_an_empty_root(int number)
{
	(void) number;
	if (chroot(empty_root) != 0 || chdir("/") != 0)
		return bad("no chroot: %s", strerror(errno));
	return connect_and_work();
}

static void
run_chroot(void)
{
	if (geteuid() != 0)
	{
		printf("  skipped: chroot needs root\n");
		return;
	}
	attempt_in_an_empty_root("chroot", in_an_empty_root, 0);
}

static int
read_only(int number)
{
	(void) number;
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0)
		return bad("no read-only file system: %s", strerror(errno));
	if (open("/tmp/pq-torture-file", O_CREAT | O_WRONLY, 0600) >= 0 && open("/pq-torture-file", O_CREAT | O_WRONLY, 0600) >= 0)
		return bad("the file system can be written");
	return connect_and_work();
}

static void
run_read_only(void)
{
	if (geteuid() != 0)
	{
		printf("  skipped: mounting needs root\n");
		return;
	}
	attempt("a read-only file system", read_only, 0, 20);
}

static const char *const locales[] = {"C", "de_DE.UTF-8", "tr_TR.UTF-8", "C.UTF-8"};

/* LOCPATH has the locales. */
static int
locale_changes(int number)
{
	PGconn	   *conn;
	int			result = 0;

	if (setlocale(LC_ALL, locales[number]) == NULL)
		return bad("no locale %s", locales[number]);
	if ((conn = connected()) == NULL)
		return 1;
	for (int i = 0; i < 8; i++)
	{
		PQconninfoOption *options = PQconninfoParse("connect_timeout=7 application_name=I tcp_user_timeout=1000", NULL);

		setlocale(LC_ALL, locales[(number + i) % 4]);
		result |= options == NULL ? bad("options") : work(conn);
		result |= !answers(conn, "SELECT '1.5'::numeric", "1.5");
		PQconninfoFree(options);
	}
	PQfinish(conn);
	return result;
}

static void
run_locales(void)
{
	for (int i = 0; i < 4; i++)
		attempt("locale", locale_changes, i, 30);
}

/* A connection may fail, with an error text. */
static int
works_or_fails(const char *what)
{
	PGconn	   *conn = PQconnectdb(conninfo);
	int			result = PQstatus(conn) != CONNECTION_OK && *PQerrorMessage(conn) == '\0';

	if (PQstatus(conn) != CONNECTION_OK)
		printf("  %s: %s", what, PQerrorMessage(conn));
	PQfinish(conn);
	return result;
}

static int
without_getrandom(int error)
{
	if (!forbid_getrandom(error))
		return bad("getrandom still works: %s", strerror(errno));
	return error == ENOSYS ? connect_and_work() : works_or_fails("getrandom forbidden");
}

/* Neither getrandom nor /dev/urandom. */
static int
without_random_bytes(int error)
{
	if (chroot(empty_root) != 0 || chdir("/") != 0 || !forbid_getrandom(error))
		return bad("no chroot: %s", strerror(errno));
	return works_or_fails("no random bytes");
}

static void
run_getrandom(void)
{
	attempt("getrandom forbidden", without_getrandom, ENOSYS, 20);
	attempt("getrandom forbidden", without_getrandom, EPERM, 20);
	if (geteuid() != 0)
		return;
	attempt_in_an_empty_root("no random bytes", without_random_bytes, ENOSYS);
	attempt_in_an_empty_root("no random bytes", without_random_bytes, EPERM);
}

const Fault environment_faults[] = {
	{"clock_jumps", run_clocks},
	{"chroot", run_chroot},
	{"read_only_file_system", run_read_only},
	{"locale_changes", run_locales},
	{"getrandom_forbidden", run_getrandom},
	{NULL, NULL},
};
