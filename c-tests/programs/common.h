/*
 * Helpers for the test programs. A program prints facts, one a line, and nothing that differs between two correct
 * runs (no process ids, addresses or times). The runner compares the outputs for two libraries.
 */
#ifndef COMMON_H
#define COMMON_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "libpq-fe.h"

/* Output before a crash must not be lost. */
__attribute__((constructor)) static void
print_lines(void)
{
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
}

/* Prints a text with unprintable bytes escaped; NULL is printed as NULL. */
static inline void
print_bytes(const char *text, size_t length)
{
	putchar('"');
	for (size_t i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (c == '\n')
			printf("\\n");
		else if (c == '\t')
			printf("\\t");
		else if (c < 32 || c > 126 || c == '\\')
			printf("\\x%02x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static inline void
print_text(const char *text)
{
	if (text == NULL)
		printf("NULL");
	else
		print_bytes(text, strlen(text));
}

/* Prints a line "label: text". */
static inline void
fact(const char *label, const char *text)
{
	printf("%s: ", label);
	print_text(text);
	putchar('\n');
}

static inline void
fact_int(const char *label, long long value)
{
	printf("%s: %lld\n", label, value);
}

static inline void
heading(const char *text)
{
	printf("== %s\n", text);
	fflush(stdout);
}

/* Prints all attributes of a result and every value. */
static inline void
print_result(const PGresult *res)
{
	if (res == NULL)
	{
		printf("result: NULL\n");
		return;
	}
	printf("result: %s ntuples=%d nfields=%d nparams=%d binary=%d status=", PQresStatus(PQresultStatus(res)),
		   PQntuples(res), PQnfields(res), PQnparams(res), PQbinaryTuples(res));
	print_text(PQcmdStatus((PGresult *) res));
	printf(" tuples=");
	print_text(PQcmdTuples((PGresult *) res));
	putchar('\n');
	for (int column = 0; column < PQnfields(res); column++)
	{
		printf("  column %d: ", column);
		print_text(PQfname(res, column));
		printf(" type=%u size=%d mod=%d format=%d table=%d.%d\n", PQftype(res, column), PQfsize(res, column),
			   PQfmod(res, column), PQfformat(res, column), PQftable(res, column) != 0, PQftablecol(res, column));
	}
	for (int row = 0; row < PQntuples(res); row++)
	{
		printf("  row %d:", row);
		for (int column = 0; column < PQnfields(res); column++)
		{
			putchar(' ');
			if (PQgetisnull(res, row, column))
				printf("NULL(%d)", PQgetlength(res, row, column));
			else
				print_bytes(PQgetvalue(res, row, column), (size_t) PQgetlength(res, row, column));
		}
		putchar('\n');
	}
	if (*PQresultErrorMessage(res) != '\0')
	{
		fact("  message", PQresultErrorMessage(res));
		for (const char *code = "SVCMDHPpqWstcdnR"; *code != '\0'; code++)
			if (PQresultErrorField(res, *code) != NULL)
			{
				printf("  field %c", *code);
				fact("", PQresultErrorField(res, *code));
			}
	}
}

/* Prints a result and frees it. */
static inline void
show(PGresult *res)
{
	print_result(res);
	PQclear(res);
}

static inline void
show_exec(PGconn *conn, const char *sql)
{
	printf("-- ");
	print_text(sql);
	putchar('\n');
	show(PQexec(conn, sql));
	if (*PQerrorMessage(conn) != '\0')
		fact("  connection", PQerrorMessage(conn));
}

/* Runs a query that must succeed. */
static inline void
must(PGconn *conn, const char *sql)
{
	PGresult   *res = PQexec(conn, sql);
	ExecStatusType status = PQresultStatus(res);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
	{
		printf("FAILED %s: %s\n", sql, PQerrorMessage(conn));
		exit(2);
	}
	PQclear(res);
}

static inline void
notice_printer(void *arg, const char *message)
{
	(void) arg;
	fact("notice", message);
}

/* Connects and prints notices as facts; ends the program if the connection fails. */
static inline PGconn *
connect_or_die(const char *conninfo)
{
	PGconn	   *conn = PQconnectdb(conninfo);

	if (PQstatus(conn) != CONNECTION_OK)
	{
		fact("no connection", PQerrorMessage(conn));
		PQfinish(conn);
		exit(2);
	}
	PQsetNoticeProcessor(conn, notice_printer, NULL);
	return conn;
}

#endif
