/*
 * Loaded before a program: the system has no random bytes for it. It says so at the end, with the number of those who
 * asked, so that a test can tell that it was asked at all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/types.h>

static int	asked;

ssize_t
getrandom(void *buffer, size_t length, unsigned int flags)
{
	(void) buffer;
	(void) flags;
	/* A question whether there is such a call at all. */
	if (length == 0)
		return 0;
	asked++;
	errno = EIO;
	return -1;
}

__attribute__((destructor)) static void
tell(void)
{
	fprintf(stderr, "asked: %s\n", asked > 0 ? "yes" : "no");
}
