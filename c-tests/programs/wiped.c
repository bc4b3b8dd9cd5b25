/*
 * wiped HOW CONNINFO SECRET...: connects, and prints how many parts of the secrets are in the process' memory after
 * PQfinish. HOW has letters: p passes the options in arrays, r resets the connection, c asks for its options and its
 * password, k also searches before PQfinish, to show that the search finds what is there.
 *
 * CONNINFO and the secrets are in hexadecimal with all bits inverted, so that the program itself has no copy of them.
 * The first bytes of a secret are not searched for, because the allocator overwrites them in freed memory.
 */
#include <ctype.h>

#include "common.h"

#define OVERWRITTEN 16
#define PART 10
#define MOST 8

static struct
{
	unsigned char bytes[4096];
	size_t		length;
}			secrets[MOST];
static int	count;
/* Whether a part begins with a byte. */
static char begins[256];

static size_t
from_hex(const char *text, unsigned char *to, size_t room)
{
	size_t		length = strlen(text) / 2;

	if (length >= room)
		exit(2);
	for (size_t i = 0; i < length; i++)
		to[i] = (unsigned char) strtol((char[]) {text[2 * i], text[2 * i + 1], '\0'}, NULL, 16);
	return length;
}

/* The number of the secret of which a part is at this place: PART bytes of it from any of its bytes on. 0 if none is. */
static int
secret_at(const volatile unsigned char *at)
{
	unsigned char first = (unsigned char) ~*at;

	if (!begins[first])
		return 0;
	for (int s = 0; s < count; s++)
		for (size_t from = OVERWRITTEN; from + PART <= secrets[s].length; from++)
		{
			size_t		i = 0;

			if (secrets[s].bytes[from] != first)
				continue;
			while (i < PART && secrets[s].bytes[from + i] == (unsigned char) ~at[i])
				i++;
			if (i == PART)
				return s + 1;
		}
	return 0;
}

/* Searches all memory that can be written. */
static void
search(const char *when)
{
	FILE	   *maps = fopen("/proc/self/maps", "r");
	char		line[512];
	int			found = 0,
				secret;

	while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
	{
		unsigned long start,
					end;
		char		mode[8],
					name[300] = "";

		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %299s", &start, &end, mode, name) < 3 || mode[0] != 'r' || mode[1] != 'w')
			continue;
		for (unsigned long at = start; at + PART <= end; at++)
			if ((secret = secret_at((const volatile unsigned char *) at)) != 0)
			{
				if (found++ < 5)
					fprintf(stderr, "%s: secret %d, %lu after the start of %s\n", when, secret, at - start, name);
				at += PART;
			}
	}
	if (maps != NULL)
		fclose(maps);
	fact_int(when, found);
}

static PGconn *
connect_with(const char *conninfo, int in_arrays)
{
	PQconninfoOption *options;
	const char *keywords[100],
			   *values[100];
	int			used = 0;
	PGconn	   *conn;

	if (!in_arrays)
		return PQconnectdb(conninfo);
	options = PQconninfoParse(conninfo, NULL);
	for (PQconninfoOption *option = options; option->keyword != NULL; option++)
	{
		keywords[used] = option->keyword;
		values[used++] = option->val;
	}
	keywords[used] = NULL;
	conn = PQconnectdbParams(keywords, values, 0);
	PQconninfoFree(options);
	return conn;
}

int
main(int argc, char **argv)
{
	static unsigned char conninfo[4096];
	PGconn	   *conn;
	size_t		length;

	if (argc < 4 || argc > 3 + MOST)
		return 2;
	for (count = 0; count < argc - 3; count++)
	{
		secrets[count].length = from_hex(argv[3 + count], secrets[count].bytes, sizeof secrets[count].bytes);
		for (size_t i = OVERWRITTEN; i < secrets[count].length; i++)
			begins[secrets[count].bytes[i]] = 1;
	}
	length = from_hex(argv[2], conninfo, sizeof conninfo);
	for (size_t i = 0; i < length; i++)
		conninfo[i] = (unsigned char) ~conninfo[i];
	conn = connect_with((char *) conninfo, strchr(argv[1], 'p') != NULL);
	explicit_bzero(conninfo, sizeof conninfo);
	fact_int("status", PQstatus(conn));
	fact("error", PQerrorMessage(conn));
	if (strchr(argv[1], 'r') != NULL)
	{
		PQreset(conn);
		fact_int("status", PQstatus(conn));
	}
	if (strchr(argv[1], 'c') != NULL)
	{
		fact_int("length", (long long) strlen(PQpass(conn)));
		PQconninfoFree(PQconninfo(conn));
	}
	if (PQstatus(conn) == CONNECTION_OK)
		show_exec(conn, "SELECT 1");
	if (strchr(argv[1], 'k') != NULL)
		search("kept");
	PQfinish(conn);
	search("left");
	return 0;
}
