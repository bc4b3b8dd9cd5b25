/*
 * unload CONNINFO ROUNDS: like a host of plugins. Each round loads libpq, connects in a new thread, unloads libpq and
 * only then lets the thread end. The program is not linked with libpq, because that would keep it loaded.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>

#include "common.h"

static const char *conninfo;
static void *library;
static sem_t connected;
static sem_t unloaded;

static void *
connecting(void *arg)
{
	PGconn	   *(*connectdb) (const char *) = (PGconn * (*) (const char *)) dlsym(library, "PQconnectdb");
	ConnStatusType (*status) (const PGconn *) = (ConnStatusType (*) (const PGconn *)) dlsym(library, "PQstatus");
	int			(*encrypted) (PGconn *) = (int (*) (PGconn *)) dlsym(library, "PQsslInUse");
	void		(*finish) (PGconn *) = (void (*) (PGconn *)) dlsym(library, "PQfinish");
	PGconn	   *conn = connectdb(conninfo);

	*(int *) arg = status(conn) == CONNECTION_OK && encrypted(conn);
	finish(conn);
	sem_post(&connected);
	sem_wait(&unloaded);
	return NULL;
}

/* The number of keys for thread-specific data that are still available. */
static int
free_keys(void)
{
	static pthread_key_t keys[4096];
	int			count = 0;

	while (count < 4096 && pthread_key_create(&keys[count], NULL) == 0)
		count++;
	for (int i = 0; i < count; i++)
		pthread_key_delete(keys[i]);
	return count;
}

static int
one_round(void)
{
	pthread_t	thread;
	int			encrypted = 0;

	library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
	if (library == NULL)
		return 0;
	pthread_create(&thread, NULL, connecting, &encrypted);
	sem_wait(&connected);
	if (dlclose(library) != 0)
		return 0;
	sem_post(&unloaded);
	pthread_join(thread, NULL);
	return encrypted;
}

int
main(int argc, char **argv)
{
	int			rounds,
				good = 0,
				keys;

	if (argc < 3)
		return 2;
	conninfo = argv[1];
	rounds = atoi(argv[2]);
	fact_int("loaded before", dlopen("libpq.so.5", RTLD_NOW | RTLD_NOLOAD) != NULL);
	sem_init(&connected, 0, 0);
	sem_init(&unloaded, 0, 0);
	/* The first round may allocate keys permanently. */
	fact_int("first round", one_round());
	keys = free_keys();
	for (int i = 1; i < rounds; i++)
		good += one_round();
	fact("the others", good == rounds - 1 ? "encrypted" : "not encrypted");
	fact_int("keys lost", keys - free_keys());
	return 0;
}
