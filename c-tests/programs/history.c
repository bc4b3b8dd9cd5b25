/*
 * history PART [CONNINFO]: what libpq's security fixes are about, one part for each. Prints no sizes of memory and no
 * addresses, so that the output of two libraries can be compared.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "common.h"

#define RETIRED 7				/* MULE_INTERNAL up to libpq 18, unused since */
#define LAST_ENCODING 41
#define ROUNDS 3000
#define LONGEST 24

static char *page_end;

/* Two pages, of which the second is not readable. */
static void
make_page(void)
{
	size_t		page = (size_t) sysconf(_SC_PAGESIZE);
	char	   *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || mprotect(memory + page, page, PROT_NONE) != 0)
		exit(2);
	page_end = memory + page;
}

/* Copies bytes so that they end where the next page begins. */
static char *
at_page_end(const char *bytes, size_t length)
{
	return memcpy(page_end - length, bytes, length);
}

static unsigned seed = 1;

static unsigned
chance(unsigned below)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % below;
}

/* Bytes that matter to scanners of quoted text, and any others. */
static size_t
random_text(char *text)
{
	static const char special[] = "''\"\"\\\\\x81\x8f\xa1\xe3\xf0\x5c\x27";
	size_t		length = 1 + chance(LONGEST - 1);

	for (size_t i = 0; i < length; i++)
		text[i] = chance(2) ? special[chance(sizeof special - 1)] : (char) (1 + chance(255));
	return length;
}

/* The length of the character at `at`, which cannot reach beyond the end of the text. */
static size_t
character(const char *at, int encoding, int by_characters)
{
	size_t		length = by_characters ? (size_t) PQmblenBounded(at, encoding) : 1;

	return length == 0 ? 1 : length;
}

/* Whether a quoted text ends at its last byte, for a scanner that reads bytes or characters. */
static int
is_closed(const char *text, int encoding, int by_characters)
{
	int			escapes = 0;
	const char *at = text;
	char		quote;

	while (*at == ' ')
		at++;
	if (*at == 'E')
	{
		escapes = 1;
		at++;
	}
	/* A scanner of bytes takes the second byte of some characters for a backslash. */
	if (escapes && !by_characters)
		return 1;
	quote = *at++;
	while (*at != '\0')
	{
		size_t		length = character(at, encoding, by_characters);

		if (length == 1 && escapes && *at == '\\' && at[1] != '\0')
			at += 2;
		else if (length == 1 && *at == quote && at[1] == quote)
			at += 2;
		else if (length == 1 && *at == quote)
			return at[1] == '\0';
		else
			at += length;
	}
	return 0;
}

/* How many texts were refused, and how many end elsewhere for a scanner of characters, or of bytes only. */
static struct
{
	int			refused,
				open,
				open_in_bytes;
	/* Of all quoted texts. */
	unsigned	checksum;
}			counts;

static void
check_closed(const char *quoted, int encoding)
{
	counts.open += !is_closed(quoted, encoding, 1);
	counts.open_in_bytes += !is_closed(quoted, encoding, 0);
	for (const char *at = quoted; *at != '\0'; at++)
		counts.checksum = (counts.checksum ^ (unsigned char) *at) * 16777619u;
}

static void
check_quoted(char *quoted, int encoding)
{
	if (quoted == NULL)
		counts.refused++;
	else
		check_closed(quoted, encoding);
	PQfreemem(quoted);
}

/* CVE-2025-1094: a quoted text must end where its last quote is, however it is scanned. */
static void
quotes(PGconn *conn)
{
	for (int encoding = 0; encoding <= LAST_ENCODING; encoding++)
	{
		int			disagree = 0;

		memset(&counts, 0, sizeof counts);
		if (encoding == RETIRED || PQsetClientEncoding(conn, pg_encoding_to_char(encoding)) != 0)
			continue;
		for (int round = 0; round < ROUNDS; round++)
		{
			char		bytes[LONGEST],
						to[2 * LONGEST + 3] = "'";
			size_t		length = random_text(bytes),
						size;
			const char *text = at_page_end(bytes, length);
			int			before = counts.refused,
						error = 0;

			check_quoted(PQescapeLiteral(conn, text, length), encoding);
			check_quoted(PQescapeIdentifier(conn, text, length), encoding);
			size = PQescapeStringConn(conn, to + 1, text, length, &error);
			strcpy(to + 1 + size, "'");
			check_closed(to, encoding);
			/* All three must agree on whether the text is valid. */
			disagree += counts.refused - before != 2 * (error != 0);
		}
		printf("%s checksum=%x refused=%d open=%d open_in_bytes=%d disagree=%d\n", pg_encoding_to_char(encoding), counts.checksum,
			   counts.refused, counts.open, counts.open_in_bytes, disagree);
	}
}

/* CVE-2026-2006: a character that is cut off at the end of a text. */
static void
multibyte(void)
{
	for (int encoding = 0; encoding <= LAST_ENCODING; encoding++)
	{
		long		sum = 0;

		if (encoding == RETIRED)
			continue;
		for (int lead = 1; lead < 256; lead++)
			for (int second = 0; second < 256; second += 15)
			{
				char		bytes[4] = {'a', (char) lead, (char) second, '\0'};
				size_t		length = second == 0 ? 3 : 4;
				const char *text = at_page_end(bytes, length);

				for (const char *at = text; *at != '\0'; at += character(at, encoding, 1))
					sum += at - text + 1;
			}
		printf("%s %ld\n", pg_encoding_to_char(encoding), sum);
	}
}

/* The same for the pointer in an error message: the server names a position near the end of the query. */
static void
positions(PGconn *conn)
{
	PGresult   *res;

	while ((res = PQexec(conn, "next encoding")) != NULL && PQresultStatus(res) == PGRES_COMMAND_OK)
	{
		heading(pg_encoding_to_char(PQclientEncoding(conn)));
		PQclear(res);
		for (int lead = 0x80; lead < 0x100; lead++)
		{
			char		query[] = {'S', 'E', 'L', 'E', 'C', 'T', ' ', (char) 0xe3, (char) 0x81, (char) 0x82, ' ', (char) lead, '\0'};

			res = PQexec(conn, query);
			fact("", PQresultErrorMessage(res));
			PQclear(res);
		}
	}
	PQclear(res);
}

/* CVE-2026-16241: text that is too short for what it begins with. */
static void
bytea(void)
{
	static const char *const texts[] = {"", "\\", "x", "\\x", "\\x4", "\\4", "\\41", "\\\\", "a\\"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
	{
		size_t		length = 77;
		unsigned char *bytes = PQunescapeBytea((unsigned char *) at_page_end(texts[i], strlen(texts[i]) + 1), &length);

		fact("text", texts[i]);
		if (bytes != NULL)
			print_bytes((char *) bytes, length);
		printf(" %zu\n", length);
		PQfreemem(bytes);
	}
}

/* Address space filled with one byte; it uses two megabytes of memory, whatever its size. */
static char *
filled(size_t size, char byte)
{
	const size_t part = 2 << 20;
	int			fd = memfd_create("part", 0);
	char	   *memory = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (fd < 0 || memory == MAP_FAILED || ftruncate(fd, (off_t) part) != 0)
		exit(2);
	for (size_t at = 0; at < size; at += part)
		if (mmap(memory + at, part, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
			exit(2);
	memset(memory, byte, part);
	close(fd);
	return memory;
}

static void
limit_memory(void)
{
	long		pages = 0;
	FILE	   *file = fopen("/proc/self/statm", "r");
	struct rlimit limit;

	if (file == NULL || fscanf(file, "%ld", &pages) != 1)
		exit(2);
	fclose(file);
	getrlimit(RLIMIT_AS, &limit);
	limit.rlim_cur = (rlim_t) pages * (rlim_t) sysconf(_SC_PAGESIZE) + (64 << 20);
	setrlimit(RLIMIT_AS, &limit);
}

static void
answer(PGconn *conn, const char *label, long value)
{
	fact_int(label, value);
	fact("  text", PQerrorMessage(conn));
}

/* CVE-2025-12818: sizes that do not fit into the numbers that count them. */
static void
lengths(PGconn *conn)
{
	const size_t longest = (size_t) INT_MAX + 1,
				many = 1200u << 20;
	char	   *text = filled(longest, '\''),
			   *quoted,
				to[16];
	const char *values[] = {"1", text};
	int			sizes[] = {1, INT_MAX},
				formats[] = {1, 1},
				error = 0;
	size_t		size = 0;
	PGresult   *res;

	must(conn, "CREATE TEMPORARY TABLE copied (line text)");
	limit_memory();
	/* The length is only a limit: the text ends at its NUL. */
	fact_int("string", (long long) PQescapeStringConn(conn, to, "it's", SIZE_MAX / 2, &error));
	quoted = PQescapeLiteral(conn, "it's", SIZE_MAX / 2);
	fact("literal", quoted);
	PQfreemem(quoted);
	quoted = PQescapeIdentifier(conn, "it's", SIZE_MAX / 2);
	fact("identifier", quoted);
	PQfreemem(quoted);
	/* Twice the length is too large for 31 bits, or for 32, where it leaves a small number. */
	answer(conn, "long literal", PQescapeLiteral(conn, text, longest) != NULL);
	answer(conn, "long identifier", PQescapeIdentifier(conn, text, many) != NULL);
	answer(conn, "long bytea", PQescapeByteaConn(conn, (unsigned char *) text, many, &size) != NULL);
	answer(conn, "longest bytea", PQescapeByteaConn(conn, (unsigned char *) text, longest, &size) != NULL);
	answer(conn, "parameters", PQsendQueryParams(conn, "SELECT $1, $2", 2, NULL, values, sizes, formats, 0));
	answer(conn, "prepared", PQsendQueryPrepared(conn, "s", 2, values, sizes, formats, 0));
	show_exec(conn, "SELECT 'still in step'");
	res = PQexec(conn, "COPY copied FROM STDIN");
	fact("copy", PQresStatus(PQresultStatus(res)));
	PQclear(res);
	answer(conn, "data", PQputCopyData(conn, text, INT_MAX));
	answer(conn, "end", PQputCopyEnd(conn, NULL));
	while ((res = PQgetResult(conn)) != NULL)
		show(res);
	show_exec(conn, "SELECT * FROM copied");
	res = PQmakeEmptyPGresult(conn, PGRES_TUPLES_OK);
	/* The next piece needs padding. */
	fact_int("one byte", PQresultAlloc(res, 1) != NULL);
	fact_int("allocated", PQresultAlloc(res, SIZE_MAX) != NULL);
	fact_int("allocated", PQresultAlloc(res, ((size_t) UINT_MAX + 1) + 100) != NULL);
	fact_int("allocated", PQresultAlloc(res, SIZE_MAX - 16) != NULL);
	fact_int("allocated", PQresultAlloc(res, SIZE_MAX / 2) != NULL);
	PQclear(res);
}

/* CVE-2020-25694: PQconninfo returns all that is needed to connect in the same way again. */
static void
reconnect(const char *conninfo)
{
	PGconn	   *conn = connect_or_die(conninfo),
			   *again;
	PQconninfoOption *options = PQconninfo(conn),
			   *others;
	const char *keywords[100],
			   *values[100];
	int			count = 0,
				different = 0;

	for (PQconninfoOption *option = options; option->keyword != NULL; option++)
		if (option->val != NULL)
		{
			keywords[count] = option->keyword;
			values[count++] = option->val;
		}
	keywords[count] = values[count] = NULL;
	again = PQconnectdbParams(keywords, values, 0);
	fact_int("status", PQstatus(again));
	fact("error", PQerrorMessage(again));
	others = PQconninfo(again);
	for (int i = 0; options[i].keyword != NULL; i++)
	{
		const char *one = options[i].val,
				   *two = others[i].val;

		if (one == NULL ? two == NULL : two != NULL && strcmp(one, two) == 0)
		{
			/* libpq 18 has no option servicefile. */
			if (one != NULL && strcmp(options[i].keyword, "port") != 0 && strcmp(options[i].keyword, "servicefile") != 0)
				fact(options[i].keyword, one);
		}
		else
		{
			different++;
			fact("differs", options[i].keyword);
		}
	}
	fact_int("different", different);
	PQconninfoFree(options);
	PQconninfoFree(others);
	PQfinish(conn);
	PQfinish(again);
}

int
main(int argc, char **argv)
{
	const char *part = argc > 1 ? argv[1] : "",
			   *conninfo = argc > 2 ? argv[2] : "";
	PGconn	   *conn;

	make_page();
	if (strcmp(part, "multibyte") == 0)
		multibyte();
	else if (strcmp(part, "bytea") == 0)
		bytea();
	else if (strcmp(part, "reconnect") == 0)
		reconnect(conninfo);
	else
	{
		conn = connect_or_die(conninfo);
		if (strcmp(part, "quotes") == 0)
			quotes(conn);
		else if (strcmp(part, "positions") == 0)
			positions(conn);
		else if (strcmp(part, "lengths") == 0)
			lengths(conn);
		else
			return 2;
		PQfinish(conn);
	}
	return 0;
}
