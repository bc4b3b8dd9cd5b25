/* For LD_PRELOAD: makes a given range of the allocations between arm_failures(1) and arm_failures(0) fail. */
#include <errno.h>
#include <stddef.h>

/* glibc's own functions, which need no dlsym. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static volatile int armed;
static volatile long seen,
			first,
			beyond;

/*
 * Starts to count armed allocations from 1 again. `count` of them fail, beginning with number `from`; none if `from` is 0.
 */
void
fail_allocations(long from, long count)
{
	seen = 0;
	first = from;
	beyond = from + count;
}

void
arm_failures(int yes)
{
	armed = yes;
}

/* The number of armed allocations so far. */
long
armed_allocations(void)
{
	return seen;
}

static int
fails(void)
{
	long		number;

	if (!armed)
		return 0;
	number = __atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED);
	if (first == 0 || number < first || number >= beyond)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *block, size_t size)
{
	return fails() ? NULL : __libc_realloc(block, size);
}

int
posix_memalign(void **block, size_t alignment, size_t size)
{
	void	   *memory = fails() ? NULL : __libc_memalign(alignment, size);

	if (memory == NULL)
		return ENOMEM;
	*block = memory;
	return 0;
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : __libc_memalign(alignment, size);
}

void *
memalign(size_t alignment, size_t size)
{
	return fails() ? NULL : __libc_memalign(alignment, size);
}
