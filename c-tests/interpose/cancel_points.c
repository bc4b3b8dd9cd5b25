/*
 * For LD_PRELOAD: numbers the cancellation points of a thread. arm_cancel(n) cancels the thread at its nth point, so
 * that it ends there unless cancellation is disabled. points_passed() returns the number of points so far.
 *
 * arm_late_cancel(n) cancels it when the nth send or recv has succeeded, before it returns. In glibc before version
 * 2.41 a thread can be cancelled there.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

static __thread int passed;
static __thread int wanted;
static __thread int wanted_late;

void
arm_cancel(int n)
{
	passed = 0;
	wanted = n;
	wanted_late = 0;
}

void
arm_late_cancel(int n)
{
	passed = 0;
	wanted = 0;
	wanted_late = n;
}

int
points_passed(void)
{
	return passed;
}

static void
point(void)
{
	if (wanted_late == 0 && ++passed == wanted)
		pthread_cancel(pthread_self());
}

static ssize_t
late_point(ssize_t result)
{
	if (wanted_late > 0 && result > 0)
	{
		if (++passed == wanted_late)
			pthread_cancel(pthread_self());
		pthread_testcancel();
	}
	return result;
}

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

int
connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
	point();
	return ((int (*) (int, __CONST_SOCKADDR_ARG, socklen_t)) dlsym(RTLD_NEXT, "connect")) (fd, address, length);
}

ssize_t
send(int fd, const void *data, size_t length, int flags)
{
	point();
	return late_point(REAL(send) (fd, data, length, flags));
}

ssize_t
recv(int fd, void *data, size_t length, int flags)
{
	point();
	return late_point(REAL(recv) (fd, data, length, flags));
}

int
poll(struct pollfd *entries, nfds_t count, int timeout)
{
	point();
	return REAL(poll) (entries, count, timeout);
}

ssize_t
read(int fd, void *data, size_t length)
{
	point();
	return REAL(read) (fd, data, length);
}

ssize_t
write(int fd, const void *data, size_t length)
{
	point();
	return REAL(write) (fd, data, length);
}

int
close(int fd)
{
	point();
	return REAL(close) (fd);
}

static int
opened(const char *name, const char *path, int flags, int mode)
{
	point();
	return ((int (*) (const char *, int,...)) dlsym(RTLD_NEXT, name)) (path, flags, mode);
}

int
open(const char *path, int flags,...)
{
	va_list		list;
	int			mode;

	va_start(list, flags);
	mode = va_arg(list, int);
	va_end(list);
	return opened("open", path, flags, mode);
}

int
open64(const char *path, int flags,...)
{
	va_list		list;
	int			mode;

	va_start(list, flags);
	mode = va_arg(list, int);
	va_end(list);
	return opened("open64", path, flags, mode);
}

ssize_t
getrandom(void *data, size_t length, unsigned int flags)
{
	point();
	return REAL(getrandom) (data, length, flags);
}

size_t
fwrite(const void *data, size_t size, size_t count, FILE *stream)
{
	point();
	/* The real function may be a cancellation point; this line always is one. */
	pthread_testcancel();
	return REAL(fwrite) (data, size, count, stream);
}

int
fflush(FILE *stream)
{
	point();
	pthread_testcancel();
	return REAL(fflush) (stream);
}
