/* What belongs to the whole process: hooks, locks, and the encoding that PQescapeString uses. Then misuse. */
#include "threads.h"

static int	connecting;

static void
lock_for_test(int acquire)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	if (acquire)
		pthread_mutex_lock(&mutex);
	else
		pthread_mutex_unlock(&mutex);
}

static int
auth_data(PGauthData type, PGconn *conn, void *data)
{
	(void) type;
	(void) conn;
	(void) data;
	return 0;
}

static int
key_password(char *buffer, int size, PGconn *conn)
{
	return PQdefaultSSLKeyPassHook_OpenSSL(buffer, size, conn);
}

static void
connect_often(void)
{
	for (int i = 0; i < 10; i++)
	{
		PGconn	   *conn = connect_once();

		if (conn != NULL)
			expect(conn, "SELECT 'hooks'", "hooks");
		PQfinish(conn);
	}
	__atomic_fetch_add(&connecting, -1, __ATOMIC_RELAXED);
}

static void
set_hooks(void)
{
	while (__atomic_load_n(&connecting, __ATOMIC_RELAXED) > 0)
	{
		PQsetAuthDataHook(auth_data);
		check(PQgetAuthDataHook() != NULL);
		PQsetAuthDataHook(NULL);
		PQsetSSLKeyPassHook_OpenSSL(key_password);
		PQgetSSLKeyPassHook_OpenSSL();
		PQsetSSLKeyPassHook_OpenSSL(NULL);
		PQinitSSL(0);
		PQinitOpenSSL(0, 0);
		usleep(1000);
	}
}

static void
connect_or_set_hooks(int number)
{
	if (number < 4)
		connect_often();
	else
		set_hooks();
}

/* The lock may not change while a thread holds it. Another library would not be called. */
static void
set_lock(int number)
{
	for (int i = 0; i < 100; i++)
		check(PQregisterThreadLock(number % 2 ? lock_for_test : NULL) != NULL);
}

static void
connect_with_lock(int number)
{
	(void) number;
	connect_often();
}

void
hooks(void)
{
	connecting = 4;
	in_threads(6, connect_or_set_hooks);
	in_threads(THREADS, set_lock);
	PQregisterThreadLock(lock_for_test);
	in_threads(6, connect_with_lock);
	PQregisterThreadLock(NULL);
}

/* ---- the encoding that PQescapeString uses ---- */

static void
change_encoding(void)
{
	PGconn	   *conn = connect_once();

	if (conn == NULL)
		return;
	for (int i = 0; i < 30; i++)
	{
		check(PQsetClientEncoding(conn, i % 2 ? "LATIN1" : "UTF8") == 0);
		PQclear(PQexec(conn, "SET standard_conforming_strings = on"));
	}
	PQfinish(conn);
	__atomic_fetch_add(&connecting, -1, __ATOMIC_RELAXED);
}

static void
escape(void)
{
	while (__atomic_load_n(&connecting, __ATOMIC_RELAXED) > 0)
	{
		char		escaped[20];
		size_t		length;
		unsigned char *bytes;

		check(PQescapeString(escaped, "it's", 4) == 5 && strcmp(escaped, "it''s") == 0);
		bytes = PQescapeBytea((const unsigned char *) "abc", 3, &length);
		check(length == 4);
		PQfreemem(bytes);
		usleep(100);
	}
}

static void
change_or_escape(int number)
{
	if (number < 3)
		change_encoding();
	else
		escape();
}

void
process_wide(void)
{
	connecting = 3;
	in_threads(6, change_or_escape);
}

/* ---- what is not allowed ---- */

static PGresult *misused;

static void
change_or_read(int number)
{
	for (int i = 0; i < 1000; i++)
		if (number)
			PQsetvalue(misused, 0, 0, (char *) "value", i % 5);
		else
			check(PQgetlength(misused, 0, 0) < 5);
}

/* One thread changes a result while another reads it: a race inside the library. */
void
result_changed_while_read(void)
{
	PGresAttDesc column = {.name = (char *) "a"};

	misused = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PQsetResultAttrs(misused, 1, &column);
	PQsetvalue(misused, 0, 0, (char *) "value", 4);
	in_threads(2, change_or_read);
	PQclear(misused);
}

static int	unprotected;

static void
count(int number)
{
	for (int i = 0; i < 1000; i++)
		unprotected += number;
}

void
race_in_the_program(void)
{
	in_threads(2, count);
}
