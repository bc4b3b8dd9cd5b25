/*
 * copy_memory CONNINFO: keeps rows of COPY TO and frees them in various orders, some with PQfreemem and some with
 * free, on two connections and in two threads. Each row must keep its bytes until it is freed.
 */
#include <pthread.h>

#include "common.h"

#define ROWS 3000
#define KEPT 7
#define LONGEST 6000

static int
row_length(int number)
{
	return 1 + number * 37 % (number % 50 == 0 ? LONGEST : 300);
}

static int
row_letter(int number)
{
	return 'a' + number % 26;
}

static void
start(PGconn *conn)
{
	char		sql[300];

	snprintf(sql, sizeof sql,
			 "COPY (SELECT repeat(chr(97 + i %% 26), i * 37 %% CASE WHEN i %% 50 = 0 THEN %d ELSE 300 END) "
			 "FROM generate_series(0, %d) AS i) TO STDOUT", LONGEST, ROWS - 1);
	PQclear(PQexec(conn, sql));
}

/* Whether the row with this number has the bytes that were sent. */
static int
is_whole(const char *row, int number)
{
	int			length = row_length(number);

	for (int i = 0; i < length - 1; i++)
		if (row[i] != row_letter(number))
			return 0;
	return row[length - 1] == '\n' && row[length] == '\0';
}

typedef struct
{
	PGconn	   *conn;
	char	   *kept[KEPT];
	int			numbers[KEPT];
	int			next,
				whole,
				ended;
} Reader;

static void
give_back(Reader *reader, int place)
{
	char	   *row = reader->kept[place];

	if (row == NULL)
		return;
	reader->whole += is_whole(row, reader->numbers[place]);
	reader->kept[place] = NULL;
	if (reader->numbers[place] % 5 == 0)
		free(row);
	else
		PQfreemem(row);
}

/* Frees one row and reads another. */
static void
step(Reader *reader)
{
	int			place = reader->next * reader->next % KEPT;
	char	   *row;
	int			length;

	give_back(reader, place);
	if (reader->next % 3 == 0)
	{
		/* The memory may be used for something else in between. */
		char	   *literal = PQescapeLiteral(reader->conn, "it's", 4);

		reader->ended += strcmp(literal, "'it''s'") != 0;
		PQfreemem(literal);
	}
	length = PQgetCopyData(reader->conn, &row, 0);
	if (length < 0)
	{
		reader->ended = 1;
		return;
	}
	reader->kept[place] = row;
	reader->numbers[place] = reader->next;
	if (length != row_length(reader->next++))
		printf("row %d has %d bytes\n", reader->next - 1, length);
}

static void
finish(const char *name, Reader *reader)
{
	PGresult   *res;

	for (int place = 0; place < KEPT; place++)
		give_back(reader, place);
	while ((res = PQgetResult(reader->conn)) != NULL)
		PQclear(res);
	printf("%s: %d rows, %d whole\n", name, reader->next, reader->whole);
	PQfinish(reader->conn);
}

static void *
read_rest(void *arg)
{
	Reader	   *reader = arg;

	while (!reader->ended)
		step(reader);
	return NULL;
}

int
main(int argc, char **argv)
{
	Reader		one = {0};
	Reader		other = {0};
	Reader		beside = {0};
	Reader		moved = {0};
	pthread_t	thread;

	if (argc < 2)
		return 2;
	one.conn = connect_or_die(argv[1]);
	other.conn = connect_or_die(argv[1]);
	beside.conn = connect_or_die(argv[1]);
	moved.conn = connect_or_die(argv[1]);
	start(beside.conn);
	pthread_create(&thread, NULL, read_rest, &beside);
	start(one.conn);
	start(other.conn);
	while (!one.ended || !other.ended)
	{
		if (!one.ended)
			step(&one);
		if (!other.ended && (one.ended || one.next % 2 == 0))
			step(&other);
	}
	pthread_join(thread, NULL);
	/* Started in one thread and finished in another. */
	start(moved.conn);
	for (int i = 0; i < 100; i++)
		step(&moved);
	pthread_create(&thread, NULL, read_rest, &moved);
	pthread_join(thread, NULL);
	finish("one", &one);
	finish("other", &other);
	finish("beside", &beside);
	finish("moved", &moved);
	return 0;
}
