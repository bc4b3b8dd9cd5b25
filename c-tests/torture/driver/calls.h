/* The calls of the library in every style: the programs in work.c are written once and run in each. */
#ifndef CALLS_H
#define CALLS_H

#include "libpq-fe.h"

typedef enum
{
	/* PQexec and its relatives. */
	EXEC,
	/* The same, with PQtrace. */
	TRACED,
	/* PQsendQuery and PQgetResult. */
	SEND,
	/* PQconnectPoll, PQconsumeInput, PQisBusy. */
	ASYNC,
	/* The same with PQsetnonblocking and PQflush. */
	NONBLOCKING,
	SINGLE,
	CHUNKED,
	/* Queries in a pipeline. */
	PIPELINE,
	STYLES
} Style;

extern const char *const style_names[STYLES];
extern Style style;
extern PGconn *conn;

/* Connects and returns whether that worked. */
int			open_connection(const char *conninfo);
void		close_connection(void);
void		reset_connection(void);

/* Each sends a command and, except in a pipeline, collects its results. */
void		query(const char *sql);
void		query_with(const char *sql, int count, const char *const *values, int binary);
void		prepare(const char *name, const char *sql);
void		execute(const char *name, int count, const char *const *values, int binary);
void		describe(const char *name);
void		describe_portal(const char *name);
void		close_statement(const char *name);

/* Sends a query without collecting its results. */
void		send_only(const char *sql);

/* Collects results up to the end of the command, or of the pipeline if it has this many syncs. */
void		collect(int syncs);

void		enter_pipeline(void);
void		leave_pipeline(int syncs);

/* Waits until the socket is ready. */
void		await_socket(short events);

void		note_state(void);

/* What copy_in sends; an error text to end it with. */
extern const char *copy_error;
extern int	copy_rows;

#endif
