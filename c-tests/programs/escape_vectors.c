/*
 * escape_vectors CONNINFO [STEP]: every escaping function, in every client encoding, with texts that try to break out
 * of quotes. With STEP, only every STEPth lead byte of an encoding is used, different ones for each encoding.
 *
 * Each text ends where the next page is not readable. The results are printed for some texts and hashed for all
 * others. Number 7, which is MULE_INTERNAL up to libpq 18 and unused since, is left out.
 */
#include <sys/mman.h>

#include "common.h"

#define RETIRED 7
#define LAST_ENCODING 41
#define LONGEST 64

typedef struct
{
	const char *bytes;
	size_t		length;
} Text;

#define TEXT(s) {s, sizeof(s) - 1}

static const Text before[] = {TEXT(""), TEXT("1"), TEXT("\\"), TEXT("'"), TEXT("some\\'")};

static const Text behind[] = {
	TEXT(""), TEXT(" "), TEXT("  "), TEXT("   "), TEXT("'"), TEXT("\""), TEXT("\\"), TEXT("\\'"), TEXT("\\\""),
	TEXT("';"), TEXT("\";"), TEXT("';;;;"), TEXT("  ';;;;"), TEXT("  \";;;;"), TEXT("'; \\l ; "),
	TEXT("\"; \\l ; "), TEXT("\0"), TEXT("\0'"), TEXT("'\0"), TEXT("'\0'"), TEXT("ab\0'"), TEXT("\0;"), TEXT("0"),
	TEXT("00"), TEXT("000"), TEXT("0\0"), TEXT("0\x81'"), TEXT("0\x81\x30'"), TEXT("\x40;"), TEXT("\x5c'"),
	TEXT("\x7e"), TEXT("\x7f"), TEXT("\x80"), TEXT("\x8f'"), TEXT("\xa0'"), TEXT("\xa1'"), TEXT("\xa1\xa1'"),
	TEXT("\xa1\xa1\xa1'"), TEXT("\xbf\xbf\xbf"), TEXT("\xdf"), TEXT("\xe0'"), TEXT("\xfe"), TEXT("\xff"),
};

/* Printed in full. */
static const Text shown[] = {
	TEXT(""), TEXT("plain"), TEXT("it's"), TEXT("a\\b"), TEXT("\"id\""), TEXT("a\xE9'b\xC3"), TEXT("\xC3\xB6"),
	TEXT("\x81'"), TEXT("\x81\x5c'"), TEXT("\x90\x31"), TEXT("\x8d "), TEXT("\xf0'; drop"), TEXT("some\0thing"),
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char *page_end;
static unsigned sum;

static void
mix(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum = (sum ^ (unsigned char) bytes[i]) * 16777619u;
	sum = (sum ^ (unsigned) length) * 16777619u;
}

/* Prints a text, or only adds it to the hash. */
static void
answer(int aloud, const char *label, const char *bytes, size_t length)
{
	mix(bytes, length);
	if (aloud)
	{
		printf("  %s ", label);
		print_bytes(bytes, length);
		putchar('\n');
	}
}

static void
answer_quoted(int aloud, PGconn *conn, const char *label, char *quoted)
{
	const char *text = quoted ? quoted : PQerrorMessage(conn);

	answer(aloud, label, text, strlen(text));
	mix(quoted ? "1" : "0", 1);
	PQfreemem(quoted);
}

static void
escape_all(int aloud, PGconn *conn, const char *from, size_t length)
{
	char		to[2 * LONGEST + 2];
	int			error = -1;
	size_t		size;

	memset(to, '#', sizeof(to));
	size = PQescapeStringConn(conn, to, from, length, &error);
	answer(aloud, "conn", to, size + 2);
	answer(aloud, "message", PQerrorMessage(conn), strlen(PQerrorMessage(conn)));
	mix(error == 0 ? "0" : error == 1 ? "1" : "?", 1);
	memset(to, '#', sizeof(to));
	size = PQescapeString(to, from, length);
	answer(aloud, "string", to, size + 2);
	answer_quoted(aloud, conn, "literal", PQescapeLiteral(conn, from, length));
	answer_quoted(aloud, conn, "identifier", PQescapeIdentifier(conn, from, length));
}

/* Moves a text to the end of the page. */
static const char *
at_page_end(const Text *parts, size_t count, size_t *length)
{
	char	   *start = page_end;

	for (size_t i = count; i-- > 0;)
	{
		start -= parts[i].length;
		memcpy(start, parts[i].bytes, parts[i].length);
	}
	*length = (size_t) (page_end - start);
	return start;
}

static void
show_vectors(PGconn *conn, int first, int step)
{
	size_t		length;
	const char *from;

	for (size_t i = 0; i < COUNT(shown); i++)
	{
		from = at_page_end(&shown[i], 1, &length);
		print_bytes(from, length);
		putchar('\n');
		escape_all(1, conn, from, length);
	}
	for (int lead = first; lead < 0x100; lead += step)
	{
		char		byte = (char) lead;

		sum = 2166136261u;
		for (size_t i = 0; i < COUNT(before); i++)
			for (size_t j = 0; j < COUNT(behind); j++)
			{
				Text		parts[] = {before[i], {&byte, 1}, behind[j]};

				from = at_page_end(parts, 3, &length);
				escape_all(0, conn, from, length);
			}
		printf("%02x %08x%s", lead, sum, (lead - first) / step % 8 == 6 ? "\n" : "  ");
	}
}

static void
show_encodings(PGconn *conn, int step)
{
	static const char *const settings[] = {"on", "off"};

	for (size_t i = 0; i < COUNT(settings); i++)
	{
		char		sql[64];

		snprintf(sql, sizeof(sql), "set standard_conforming_strings = %s", settings[i]);
		show_exec(conn, sql);
		for (int id = 0; id <= LAST_ENCODING; id++)
		{
			if (id == RETIRED)
				continue;
			heading(pg_encoding_to_char(id));
			if (PQsetClientEncoding(conn, pg_encoding_to_char(id)) != 0)
				fact("refused", PQerrorMessage(conn));
			else
				show_vectors(conn, 1 + id % step, step);
		}
	}
}

static void
show_bytea(PGconn *conn)
{
	static const char *const texts[] = {
		"", "\\", "a\\", "\\\\", "\\\\\\", "\\x", "\\x4", "\\x41", "\\x4142", "\\x41 42\n43", "\\x4 142", "\\xaBg4Zcd",
		"\\X41", "\\101\\377\\000", "\\400", "\\10", "\\1\\\\", "\\q\\'", "\\x\xFF" "41", "plain", "\\8", "\\08",
	};
	unsigned char bytes[256];
	size_t		length;

	heading("bytea");
	for (int i = 0; i < 256; i++)
		bytes[i] = (unsigned char) i;
	for (int conforming = 1; conforming >= 0; conforming--)
	{
		unsigned char *text;

		show_exec(conn, conforming ? "set standard_conforming_strings = on" : "set standard_conforming_strings = off");
		for (size_t size = 0; size <= 256; size += 64)
		{
			text = PQescapeByteaConn(conn, bytes, size, &length);
			answer(1, "conn", (char *) text, length);
			PQfreemem(text);
			text = PQescapeBytea(bytes, size, &length);
			answer(1, "bytea", (char *) text, length);
			PQfreemem(text);
		}
	}
	for (size_t i = 0; i < COUNT(texts); i++)
	{
		unsigned char *binary = PQunescapeBytea((const unsigned char *) texts[i], &length);

		print_text(texts[i]);
		answer(1, "is", (char *) binary, length);
		PQfreemem(binary);
	}
	printf("NULL %s\n", PQunescapeBytea(NULL, &length) == NULL ? "NULL" : "something");
}

static void
show_null(void)
{
	char		to[8] = "#######";
	int			error = 0;
	size_t		length = 0;

	heading("no connection");
	fact_int("size", (long long) PQescapeStringConn(NULL, to, "it's", 4, &error));
	fact("to", to);
	fact_int("error", error);
	fact("literal", PQescapeLiteral(NULL, "a", 1));
	fact("identifier", PQescapeIdentifier(NULL, "a", 1));
	fact("bytea", (char *) PQescapeByteaConn(NULL, (const unsigned char *) "a", 1, &length));
}

int
main(int argc, char **argv)
{
	size_t		page = (size_t) sysconf(_SC_PAGESIZE);
	char	   *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	PGconn	   *conn;

	if (memory == MAP_FAILED || mprotect(memory + page, page, PROT_NONE) != 0)
		return 2;
	page_end = memory + page;
	conn = connect_or_die(argc > 1 ? argv[1] : "");
	show_encodings(conn, argc > 2 ? atoi(argv[2]) : 1);
	show_bytea(conn);
	show_null();
	PQfinish(conn);
	return 0;
}
