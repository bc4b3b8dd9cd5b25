/* escape CONNINFO: escaping of strings, identifiers and bytea. */
#include "common.h"

/* Exported, but not in an installed header. */
extern int	pg_valid_server_encoding(const char *name);

static const char *const texts[] = {
	"", "plain", "it's", "back\\slash", "\\'", "\"quoted\"", "new\nline", "''", "caf\xc3\xa9", "\xe6\xbc\xa2'\xe5\xad\x97",
	"cut \xc3", "cut \xe6\xbc", "bad \xff byte", "bad \xc3' quote", "a\xe9'b\xc3", "\xf0\x9f\x98\x80'", "\xed\xa0\x80", "\xc0\x80",
	"\x95\x5c", "\x83\x5c'", "\xa4\xa2\\",
};

static void
with(PGconn *conn)
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
	{
		char		to[256];
		int			error = 77;
		size_t		length;
		char	   *text;

		memset(to, '#', sizeof to);
		fact("text", texts[i]);
		length = PQescapeStringConn(conn, to, texts[i], strlen(texts[i]), &error);
		printf("  string %zu error %d ", length, error);
		print_bytes(to, length + 1);
		putchar('\n');
		if (error)
			fact("  message", PQerrorMessage(conn));
		/* Must not read more than the given length. */
		length = PQescapeStringConn(conn, to, texts[i], strlen(texts[i]) / 2, NULL);
		printf("  half %zu ", length);
		print_bytes(to, length + 1);
		putchar('\n');
		text = PQescapeLiteral(conn, texts[i], strlen(texts[i]));
		fact("  literal", text);
		if (text == NULL)
			fact("  message", PQerrorMessage(conn));
		PQfreemem(text);
		text = PQescapeIdentifier(conn, texts[i], strlen(texts[i]));
		fact("  identifier", text);
		if (text == NULL)
			fact("  message", PQerrorMessage(conn));
		PQfreemem(text);
	}
}

static void
bytes(PGconn *conn)
{
	static const unsigned char all[] = "\0\1 '\\\x7f\x80\xff az";
	static const char *const escaped[] = {"", "\\x", "\\x00ff41", "\\x0", "\\xzz41", "\\x 41 42", "\\000\\377a", "\\\\", "\\'",
	"\\08", "plain", "\\x4", "a\\", "\\X41"};
	size_t		length = 0;
	unsigned char *text = PQescapeByteaConn(conn, all, sizeof all - 1, &length);

	fact("bytea", (char *) text);
	fact_int("length", (long long) length);
	PQfreemem(text);
	text = PQescapeBytea(all, sizeof all - 1, &length);
	fact("old bytea", (char *) text);
	fact_int("length", (long long) length);
	PQfreemem(text);
	for (size_t i = 0; i < sizeof escaped / sizeof *escaped; i++)
	{
		text = PQunescapeBytea((const unsigned char *) escaped[i], &length);
		fact("unescape", escaped[i]);
		print_bytes((char *) text, length);
		printf(" %zu\n", length);
		PQfreemem(text);
	}
	fact_int("NULL", PQunescapeBytea(NULL, &length) == NULL);
}

static void
old(void)
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
	{
		char		to[256];
		size_t		length = PQescapeString(to, texts[i], strlen(texts[i]));

		printf("old %zu ", length);
		print_bytes(to, length + 1);
		putchar('\n');
	}
}

static void
encodings(void)
{
	static const char *const names[] = {"SQL_ASCII", "utf8", "UTF-8", "unicode", "latin1", "ISO 8859-1", "iso8859_15", "SJIS", "KOI8",
	"win1252", "EUC_JIS_2004", "abc", "nonsense", ""};

	heading("encodings");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		fact_int(names[i], pg_char_to_encoding(names[i]));
	for (int id = -1; id < 45; id++)
	{
		/* MULE_INTERNAL, which libpq 19 no longer supports */
		if (id == 7)
			continue;
		printf("%d %s server=%d lengths", id, pg_encoding_to_char(id), pg_valid_server_encoding_id(id));
		for (size_t i = 1; i < sizeof texts / sizeof *texts; i++)
			printf(" %d", PQmblen(texts[i], id));
		for (int byte = 0x80; byte < 0x100; byte++)
		{
			char		text[5] = {(char) byte, (char) 0xa1, (char) 0xa1, (char) 0xa1, 0};

			printf(" %d/%d/%d", PQmblen(text, id), PQdsplen(text, id), PQmblenBounded(text, id));
		}
		putchar('\n');
	}
	fact_int("server", pg_valid_server_encoding("UTF8"));
	fact_int("server", pg_valid_server_encoding("SJIS"));
	unsetenv("PGCLIENTENCODING");
	fact_int("env", PQenv2encoding());
	setenv("PGCLIENTENCODING", "latin1", 1);
	fact_int("env", PQenv2encoding());
	setenv("PGCLIENTENCODING", "nonsense", 1);
	fact_int("env", PQenv2encoding());
	unsetenv("PGCLIENTENCODING");
	for (unsigned int c = 0x300; c < 0x20000; c += 0x2b)
	{
		char		text[5];
		int			n = 0;

		if (c >= 0x10000)
			text[n++] = (char) (0xf0 | c >> 18);
		if (c >= 0x800)
			text[n++] = (char) ((c >= 0x10000 ? 0x80 : 0xe0) | (c >> 12 & (c >= 0x10000 ? 0x3f : 0xf)));
		text[n++] = (char) ((c >= 0x800 ? 0x80 : 0xc0) | (c >> 6 & (c >= 0x800 ? 0x3f : 0x1f)));
		text[n++] = (char) (0x80 | (c & 0x3f));
		text[n] = '\0';
		printf("%d%s", PQdsplen(text, 6), c % 0x2b00 == 0x300 % 0x2b00 ? "\n" : "");
	}
	putchar('\n');
}

int
main(int argc, char **argv)
{
	static const char *const clients[] = {"UTF8", "LATIN1", "SJIS", "EUC_JP", "BIG5", "GBK", "GB18030", "UHC", "JOHAB", "SQL_ASCII"};
	PGconn	   *conn;

	if (argc < 2)
		return 2;
	heading("before any connection");
	old();
	bytes(NULL);
	heading("a connection that never was");
	conn = PQconnectdb("hots=x");
	with(conn);
	PQfinish(conn);
	heading("NULL");
	{
		char		to[8] = "#######";
		int			error = 77;

		fact_int("string", (long long) PQescapeStringConn(NULL, to, "x", 1, &error));
		fact("to", to);
		fact_int("error", error);
		fact("literal", PQescapeLiteral(NULL, "x", 1));
		fact("identifier", PQescapeIdentifier(NULL, "x", 1));
	}
	conn = connect_or_die(argv[1]);
	for (size_t i = 0; i < sizeof clients / sizeof *clients; i++)
	{
		heading(clients[i]);
		fact_int("set", PQsetClientEncoding(conn, clients[i]));
		with(conn);
	}
	bytes(conn);
	heading("not standard_conforming_strings");
	must(conn, "SET standard_conforming_strings = off");
	with(conn);
	bytes(conn);
	old();
	PQfinish(conn);
	encodings();
	return 0;
}
