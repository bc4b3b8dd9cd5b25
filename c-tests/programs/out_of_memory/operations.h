/* Shared by the files of out_of_memory; main.c describes the program. */
#ifndef OPERATIONS_H
#define OPERATIONS_H

#include "../common.h"

/* interpose/failing_malloc.c defines these; they are weak so that the program links without it. */
extern void fail_allocations(long from, long count) __attribute__((weak));
extern void arm_failures(int yes) __attribute__((weak));
extern long armed_allocations(void) __attribute__((weak));

/* Makes a library call. Only allocations during such a call can fail. */
#define ARMED(call) do { arm_failures(1); call; arm_failures(0); } while (0)

/*
 * How an operation ended: it succeeded; it failed with an error text; it returned wrong data; or the connection does
 * not work afterwards, although allocations succeed again. These are also exit statuses.
 */
enum
{
	FINE, FAILED, WRONG, STUCK, LAST_EXIT
};

extern const char *conninfo;
/* The connection that the current operation uses. */
extern PGconn *conn;
/* Why the operation did not succeed. */
extern char reason[400];

/* check.c: these return an outcome, */
extern int	wrong(const char *text);
extern int	wrong_if(int so, const char *text);
extern int	failed(const char *message);
extern int	unexpected(PGresult *res);

/* and these return whether something is true. */
extern int	has_status(PGresult *res, ExecStatusType status);
extern int	equal(PGresult *res, int row, int column, const char *text);
extern int	is_long_row(PGresult *res, int row, int number);
extern int	answers(const char *sql, const char *expected);
extern int	still_works(void);

extern PGresult *armed_exec(const char *sql);

/* A query whose rows is_long_row accepts. */
#define LONG_ROWS(count) "SELECT i, repeat('x', 100) FROM generate_series(1, " count ") AS i"

/* connections.c */
extern int	connect_directly(void);
extern int	connect_by_polling(void);
extern int	reset_connection(void);
extern int	cancel(void);
extern int	parse_conninfo(void);
extern int	conninfo_of_connection(void);

/* queries.c */
extern int	simple_query(void);
extern int	large_result(void);
extern int	single_rows(void);
extern int	chunked_rows(void);
extern int	nonblocking_query(void);
extern int	prepared_statement(void);
extern int	pipeline(void);

/* copy.c */
extern int	copy_in(void);
extern int	copy_in_by_lines(void);
extern int	copy_out(void);

/* messages.c */
extern void count_notice(void *arg, const char *text);
extern int	server_error(void);
extern int	raise_notices(void);
extern int	notify(void);

/* functions.c */
extern int	function_call(void);
extern int	large_objects(void);

/* results.c */
extern int	results(void);
extern int	events(void);
extern int	trace(void);
extern int	print_rows(void);

/* text.c */
extern int	escape_text(void);
extern int	encrypt_password(void);
extern int	client_encoding(void);

/* no_memory.c */
extern void run_without_memory(void);

#endif
