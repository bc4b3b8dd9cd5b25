/*
 * postgres_ext.h
 *     Types and constants that all client interfaces of PostgreSQL use.
 */

#ifndef POSTGRES_EXT_H
#define POSTGRES_EXT_H

#include <stdint.h>

/* The identifier of an object of the server. */
typedef unsigned int Oid;

#ifdef __cplusplus
#define InvalidOid (Oid(0))
#else
#define InvalidOid ((Oid) 0)
#endif

/* The largest Oid; needs <limits.h>. */
#define OID_MAX UINT_MAX

/* Parses a decimal Oid; needs <stdlib.h>. */
#define atooid(x) ((Oid) strtoul((x), NULL, 10))

/* Old name of int64_t. */
typedef int64_t pg_int64;

/* The fields of an error or notice, for PQresultErrorField. */
#define PG_DIAG_SEVERITY 'S'
#define PG_DIAG_SEVERITY_NONLOCALIZED 'V'
#define PG_DIAG_SQLSTATE 'C'
#define PG_DIAG_MESSAGE_PRIMARY 'M'
#define PG_DIAG_MESSAGE_DETAIL 'D'
#define PG_DIAG_MESSAGE_HINT 'H'
#define PG_DIAG_STATEMENT_POSITION 'P'
#define PG_DIAG_INTERNAL_POSITION 'p'
#define PG_DIAG_INTERNAL_QUERY 'q'
#define PG_DIAG_CONTEXT 'W'
#define PG_DIAG_SCHEMA_NAME 's'
#define PG_DIAG_TABLE_NAME 't'
#define PG_DIAG_COLUMN_NAME 'c'
#define PG_DIAG_DATATYPE_NAME 'd'
#define PG_DIAG_CONSTRAINT_NAME 'n'
#define PG_DIAG_SOURCE_FILE 'F'
#define PG_DIAG_SOURCE_LINE 'L'
#define PG_DIAG_SOURCE_FUNCTION 'R'

#endif /* POSTGRES_EXT_H */
