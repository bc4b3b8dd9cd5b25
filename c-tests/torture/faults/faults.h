/* Faults in the process that uses the library. Each attempt runs in a child process with a deadline. */
#ifndef FAULTS_H
#define FAULTS_H

#include "libpq-fe.h"

typedef struct
{
	const char *name;
	/* Makes attempts and counts them with `attempt`. */
	void		(*run) (void);
} Fault;

extern const Fault signal_faults[];
extern const Fault process_faults[];
extern const Fault descriptor_faults[];
extern const Fault environment_faults[];

/* The connection string, and how often to repeat what is random. */
extern const char *conninfo;
extern int	rounds;

/* Runs `body` in a child process, which must return 0 within the deadline (in seconds). */
void		attempt(const char *what, int (*body) (int), int argument, int deadline);

/* As `attempt`, without counting it: returns the child's status, or -1 if it was killed at the deadline. */
int			outcome_of(int (*body) (int), int argument, int deadline);

/* Says why an attempt fails; returns 1. */
int			bad(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Connects; returns NULL and says why if that fails. */
PGconn	   *connected(void);

/* Runs a query that must return this value. */
int			answers(PGconn *conn, const char *sql, const char *expected);

/* Sends a query and waits until the server runs it: a cancel request that comes earlier does nothing. */
void		send_and_wait(PGconn *conn, const char *sql);

/* Queries of all kinds, 8,000 rows and COPY both ways, with checks of what arrives; 0 if all is right. */
int			work(PGconn *conn);

#endif
