/*
 * Rows of PQgetCopyData that the program frees in the ways that a program may, or does: the next rows must not be written
 * over other memory.
 */
#include <pthread.h>

#include "common.h"

#define NEIGHBOURS 8
#define NEIGHBOUR_SIZE 400

static void *
free_row(void *row)
{
	PQfreemem(row);
	return NULL;
}

/* Something smaller than the row, at its address if malloc returns that again. */
static char *
smaller(size_t length)
{
	return malloc(length / 3 + 1);
}

static void
free_one_way(char *row, size_t length, int way)
{
	pthread_t	thread;

	switch (way)
	{
		case 0:
			PQfreemem(row);
			break;
		case 1:
			free(row);
			break;
		case 2:
			PQfreemem(realloc(row, length / 3 + 1));
			break;
		case 3:
			free(row);
			PQfreemem(smaller(length));
			break;
		default:
			pthread_create(&thread, NULL, free_row, row);
			pthread_join(thread, NULL);
			PQfreemem(smaller(length));
	}
}

static void
copy_rows(PGconn *conn, int row_size, int way)
{
	char	   *neighbours[4000];
	char		sql[200];
	char	   *row;
	int			length;
	int			count = 0;
	int			damaged = 0;

	snprintf(sql, sizeof(sql), "COPY (SELECT repeat('r', %d + i %% 3) FROM generate_series(1, 40) AS i) TO STDOUT", row_size);
	PQclear(PQexec(conn, sql));
	while ((length = PQgetCopyData(conn, &row, 0)) > 0)
	{
		for (int i = 0; i < length - 1; i++)
			damaged += row[i] != 'r';
		free_one_way(row, length, way);
		for (int i = 0; i < NEIGHBOURS; i++)
		{
			neighbours[count] = malloc(NEIGHBOUR_SIZE);
			memset(neighbours[count++], 'n', NEIGHBOUR_SIZE);
		}
	}
	while (count > 0)
	{
		char	   *neighbour = neighbours[--count];

		for (int i = 0; i < NEIGHBOUR_SIZE; i++)
			damaged += neighbour[i] != 'n';
		free(neighbour);
	}
	if (damaged > 0)
		printf("way %d, rows of %d bytes: %d bytes damaged\n", way, row_size, damaged);
	PQclear(PQgetResult(conn));
	PQclear(PQgetResult(conn));
}

int
main(int argc, char **argv)
{
	PGconn	   *conn = PQconnectdb(argc > 1 ? argv[1] : "");

	for (int way = 0; way < 5; way++)
	{
		for (int row_size = 4; row_size < 20000; row_size = row_size * 5 / 4 + 3)
			copy_rows(conn, row_size, way);
		printf("way %d: %s", way, PQerrorMessage(conn));
		puts("done");
	}
	PQfinish(conn);
	return 0;
}
