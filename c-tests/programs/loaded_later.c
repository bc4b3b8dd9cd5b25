/*
 * loaded_later CONNINFO: a program that loads libpq with dlopen, as language runtimes do. In a separate thread, the
 * Nth allocation of the first call fails, for each N, each in its own process.
 *
 * It is not linked with libpq, and runs with interpose/failing_malloc.c preloaded.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern void fail_allocations(long from, long count) __attribute__((weak));
extern void arm_failures(int yes) __attribute__((weak));
extern long armed_allocations(void) __attribute__((weak));

#define MOST 400

static void *library;
static const char *conninfo;
static long number;

static void *
function(const char *name)
{
	void	   *found = dlsym(library, name);

	if (found == NULL)
		exit(2);
	return found;
}

static void *
thread(void *unused)
{
	void	   *(*connect) (const char *),
			   *conn;
	void		(*finish) (void *);

	*(void **) &connect = function("PQconnectdb");
	*(void **) &finish = function("PQfinish");
	fail_allocations(number, 1);
	arm_failures(1);
	conn = connect(conninfo);
	arm_failures(0);
	finish(conn);
	return unused;
}

/* Returns 1 if there are more numbers to try, and 0 after the last. */
static int
attempt(void)
{
	pthread_t	one;
	int			before,
				status;
	pid_t		child = fork();

	if (child == 0)
	{
		alarm(20);
		if (pthread_create(&one, NULL, thread, NULL) != 0)
			_exit(2);
		pthread_join(one, NULL);
		before = armed_allocations() >= number;
		_exit(before ? 0 : 77);
	}
	waitpid(child, &status, 0);
	if (status != 0 && status != 77 << 8)
		printf("allocation %ld: ended by %x\n", number, status);
	return status != 77 << 8;
}

int
main(int argc, char **argv)
{
	if (argc < 2 || fail_allocations == NULL)
		return 2;
	conninfo = argv[1];
	/* glibc ends the process if it has no memory when it reads nsswitch.conf. */
	getpwuid(geteuid());
	library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
	if (library == NULL)
	{
		printf("%s\n", dlerror());
		return 2;
	}
	for (number = 1; number < MOST && attempt(); number++)
		;
	printf("tried some: %d\n", number > 10);
	return 0;
}
