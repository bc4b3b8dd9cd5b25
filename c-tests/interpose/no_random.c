/*
 * For LD_PRELOAD: the system returns no random bytes. At exit it prints how often it was asked, so that a test can
 * check that it was called at all.
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
	/* A check whether the system call exists. */
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
