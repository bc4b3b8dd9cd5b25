/* Many threads that use the library at the same time, as its documentation allows. */
#ifndef THREADS_H
#define THREADS_H

#include <pthread.h>

#include "../common.h"
#include "libpq-events.h"

#define THREADS 16

extern const char *conninfo;

/* Reports a failure if `condition` is false. */
#define check(condition) report(condition, __FILE__, __LINE__)

void		report(int condition, const char *file, int line);

/* Starts `count` threads, lets all of them run `work` at once, and waits for them. Each gets its number, from 0 on. */
void		in_threads(int count, void (*work) (int number));

/* A connection, or NULL after a report. */
PGconn	   *connect_once(void);

/* Runs a query with one value; the value must be `expected`. */
void		expect(PGconn *conn, const char *sql, const char *expected);

/* Fetches all results and frees them; returns the number of rows. */
int			drain(PGconn *conn);

/* Waits until `conn` is readable or writable, as the function that returned `wanted` asked. */
void		wait_for(int sock, PostgresPollingStatusType wanted);

/* ---- the parts ---- */

void		first_use(void);
void		sessions(void);
void		moved_connections(void);
void		shared_connection(void);
void		thread_ends(void);
void		cancels(void);
void		shared_results(void);
void		results_elsewhere(void);
void		freed_elsewhere(void);
void		hooks(void);
void		process_wide(void);
void		result_changed_while_read(void);
void		race_in_the_program(void);

#endif
