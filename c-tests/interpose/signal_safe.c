/*
 * For LD_PRELOAD: ends the program if, between forbid(1) and forbid(0), it calls a function that is not
 * async-signal-safe: the allocator, locks, the environment, streams, name resolution.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc's own functions, which need no dlsym. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

static volatile sig_atomic_t forbidden;

static struct
{
	int			(*mutex_lock) (pthread_mutex_t *);
	int			(*mutex_trylock) (pthread_mutex_t *);
	char	   *(*getenv) (const char *);
	size_t		(*fwrite) (const void *, size_t, size_t, FILE *);
	int			(*fputs) (const char *, FILE *);
	int			(*fputc) (int, FILE *);
	int			(*fflush) (FILE *);
	FILE	   *(*fopen) (const char *, const char *);
	int			(*vsnprintf) (char *, size_t, const char *, va_list);
	int			(*getaddrinfo) (const char *, const char *, const struct addrinfo *, struct addrinfo **);
	long		(*syscall) (long, ...);
}			real;

#define FIND(name) *(void **) &real.name = dlsym(RTLD_NEXT, #name)

static void
find(void)
{
	*(void **) &real.mutex_lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
	*(void **) &real.mutex_trylock = dlsym(RTLD_NEXT, "pthread_mutex_trylock");
	FIND(getenv);
	FIND(fwrite);
	FIND(fputs);
	FIND(fputc);
	FIND(fflush);
	FIND(fopen);
	FIND(vsnprintf);
	FIND(getaddrinfo);
	FIND(syscall);
}

/* Constructors of other libraries call these before our constructor runs. */
#define REAL(name) (real.name == NULL ? find() : (void) 0, real.name)

void
forbid(int yes)
{
	forbidden = yes;
}

static void
check(const char *name)
{
	static const char text[] = "called in the handler: ";

	if (!forbidden)
		return;
	forbidden = 0;
	if (write(2, text, sizeof text - 1) < 0 || write(2, name, strlen(name)) < 0 || write(2, "\n", 1) < 0)
		_exit(1);
	abort();
}

void *
malloc(size_t size)
{
	check("malloc");
	return __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	check("calloc");
	return __libc_calloc(count, size);
}

void *
realloc(void *block, size_t size)
{
	check("realloc");
	return __libc_realloc(block, size);
}

int
posix_memalign(void **block, size_t alignment, size_t size)
{
	check("posix_memalign");
	*block = __libc_memalign(alignment, size);
	return *block == NULL ? 12 : 0;
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	check("aligned_alloc");
	return __libc_memalign(alignment, size);
}

void
free(void *block)
{
	check("free");
	__libc_free(block);
}

int
pthread_mutex_lock(pthread_mutex_t *mutex)
{
	check("pthread_mutex_lock");
	return REAL(mutex_lock)(mutex);
}

int
pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	check("pthread_mutex_trylock");
	return REAL(mutex_trylock)(mutex);
}

/* Other lock implementations wait with futex. */
long
syscall(long number,...)
{
	long		a[6];
	va_list		list;

	if (number == SYS_futex)
		check("futex");
	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

char *
getenv(const char *name)
{
	check("getenv");
	return REAL(getenv)(name);
}

size_t
fwrite(const void *data, size_t size, size_t count, FILE *stream)
{
	check("fwrite");
	return REAL(fwrite)(data, size, count, stream);
}

int
fputs(const char *text, FILE *stream)
{
	check("fputs");
	return REAL(fputs)(text, stream);
}

int
fputc(int c, FILE *stream)
{
	check("fputc");
	return REAL(fputc)(c, stream);
}

int
fflush(FILE *stream)
{
	check("fflush");
	return REAL(fflush)(stream);
}

FILE *
fopen(const char *name, const char *mode)
{
	check("fopen");
	return REAL(fopen)(name, mode);
}

int
vsnprintf(char *text, size_t size, const char *format, va_list list)
{
	check("vsnprintf");
	return REAL(vsnprintf)(text, size, format, list);
}

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
	check("getaddrinfo");
	return REAL(getaddrinfo)(node, service, hints, found);
}
