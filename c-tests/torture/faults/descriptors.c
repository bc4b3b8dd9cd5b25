/* Descriptors: the standard ones closed, few left, and large numbers. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "faults.h"

static int
open_descriptors(void)
{
	DIR		   *directory = opendir("/proc/self/fd");
	int			count = 0;

	while (directory != NULL && readdir(directory) != NULL)
		count++;
	if (directory != NULL)
		closedir(directory);
	return count;
}

/* The bits of `mask` say which of the descriptors 0 to 2 are closed. */
static int
without_standard(int mask)
{
	PGconn	   *conn;
	int			result;

	for (int i = 0; i < 3; i++)
		if ((mask & 1 << i) != 0)
			close(i);
	if ((conn = connected()) == NULL)
		return 1;
	result = work(conn);
	PQreset(conn);
	result |= !answers(conn, "SELECT 'reset'", "reset");
	PQfinish(conn);
	return result;
}

static void
run_without_standard(void)
{
	for (int mask = 1; mask < 8; mask++)
		attempt("closed standard descriptors", without_standard, mask, 20);
}

static void
allow(rlim_t count)
{
	struct rlimit limit = {count, count};

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = count;
	if (limit.rlim_max < count)
		limit.rlim_max = count;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Opens descriptors until none is left, and closes `left` of them. Returns the first that was opened. */
static int
use_up(int left)
{
	int			first = open("/dev/null", O_RDONLY),
				last = first;

	for (int next = first; next >= 0; next = dup(first))
		last = next;
	for (int i = 0; i < left; i++)
		close(last - i);
	return first;
}

static int
has_text(PGconn *conn)
{
	return *PQerrorMessage(conn) != '\0' ? 0 : bad("failed without an error text");
}

/* With few descriptors a connection works or fails with a text; afterwards it can be reset, and none is lost. */
static int
few_left(int left)
{
	int			before,
				first,
				result = 0;
	PGconn	   *conn;

	/* The first connection loads what stays loaded. */
	if ((conn = connected()) == NULL)
		return 1;
	PQfinish(conn);
	before = open_descriptors();
	allow(64);
	first = use_up(left);
	conn = PQconnectdb(conninfo);
	if (PQstatus(conn) == CONNECTION_OK)
	{
		PGcancelConn *cancel = PQcancelCreate(conn);

		result |= !answers(conn, "SELECT 'few'", "few");
		if (!PQcancelBlocking(cancel) && *PQcancelErrorMessage(cancel) == '\0')
			result |= bad("cancelling failed without an error text");
		PQcancelFinish(cancel);
		PQclear(PQexec(conn, "SELECT 1"));
	}
	else
		result |= has_text(conn);
	for (int i = first; i < 64; i++)
		if (i != PQsocket(conn))
			close(i);
	PQreset(conn);
	if (PQstatus(conn) != CONNECTION_OK)
		result |= bad("reset: %s", PQerrorMessage(conn));
	else
		result |= work(conn);
	PQfinish(conn);
	if (open_descriptors() != before)
		result |= bad("%d descriptors before, %d after", before, open_descriptors());
	return result;
}

static void
run_few_left(void)
{
	for (int left = 0; left <= 10; left++)
		attempt("few descriptors left", few_left, left, 30);
}

static int
large_numbers(int least)
{
	int			fd = open("/dev/null", O_RDONLY);
	PGconn	   *conn;
	PGcancelConn *cancel;
	PGcancel   *old;
	char		text[256];
	int			result;

	allow((rlim_t) least + 200);
	while (fd >= 0 && fd < least)
		fd = dup(fd);
	if (fd < 0)
		return bad("no descriptor %d", least);
	if ((conn = connected()) == NULL)
		return 1;
	result = PQsocket(conn) <= least ? bad("the socket is %d", PQsocket(conn)) : work(conn);
	send_and_wait(conn, "SELECT pg_sleep(100)");
	cancel = PQcancelCreate(conn);
	if (!PQcancelBlocking(cancel))
		result |= bad("cancel: %s", PQcancelErrorMessage(cancel));
	PQcancelFinish(cancel);
	PQclear(PQgetResult(conn));
	PQclear(PQgetResult(conn));
	send_and_wait(conn, "SELECT pg_sleep(100)");
	old = PQgetCancel(conn);
	if (!PQcancel(old, text, sizeof text))
		result |= bad("PQcancel: %s", text);
	PQfreeCancel(old);
	PQclear(PQgetResult(conn));
	PQclear(PQgetResult(conn));
	PQreset(conn);
	result |= work(conn);
	PQfinish(conn);
	return result;
}

static void
run_large_numbers(void)
{
	struct rlimit limit;

	attempt("descriptors over", large_numbers, 1024, 30);
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < 65536 + 200)
		printf("  skipped: descriptors over 65536, because the hard limit is %ld; own_kernel.sh has a higher one\n",
			   (long) limit.rlim_max);
	else
		attempt("descriptors over", large_numbers, 65536, 60);
}

const Fault descriptor_faults[] = {
	{"standard_descriptors_closed", run_without_standard},
	{"few_descriptors_left", run_few_left},
	{"large_descriptors", run_large_numbers},
	{NULL, NULL},
};
