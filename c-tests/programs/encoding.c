/*
 * Encodings without a connection: names, lengths and widths, printed as lines and as hashes.
 *
 * Number 7, which is MULE_INTERNAL up to libpq 18 and unused since, is left out.
 */
#include "common.h"

#define RETIRED 7
#define BLOCK 4096

#define START 2166136261u

/* Exported, but not in an installed header. */
extern int	pg_utf_mblen(const unsigned char *s);
extern int	pg_valid_server_encoding(const char *name);

static const char *const names[] = {
	"", "-", " ", "utf", "utf8", "UTF-8", "Utf_8", "unicode", "U N I C O D E", "sql_ascii", "SQL-ASCII", "ascii",
	"euc_jp", "EUC-JP", "eucjp", "euc_cn", "euc_kr", "euc_tw", "euc_jis_2004", "euc-jis-2004", "latin1", "LATIN2",
	"latin3", "latin4", "latin5", "latin6", "latin7", "latin8", "latin9", "latin10", "latin11", "iso-8859-1",
	"ISO_8859_2", "iso88593", "iso-8859-4", "iso-8859-5", "iso-8859-6", "iso-8859-7", "iso-8859-8", "iso-8859-9",
	"iso-8859-10", "iso-8859-11", "iso-8859-12", "iso-8859-13", "iso-8859-14", "iso-8859-15", "iso-8859-16",
	"win", "win1250", "win1251", "win1252", "win1253", "win1254", "win1255", "win1256", "win1257", "win1258",
	"win866", "win874", "win932", "win936", "win949", "win950", "windows-1250", "windows-1251", "windows-1252",
	"windows-1253", "windows-1254", "windows-1255", "windows-1256", "windows-1257", "windows-1258", "windows-866",
	"windows-874", "windows-932", "windows-936", "windows-949", "windows-950", "windows-951", "abc", "alt", "tcvn",
	"tcvn5712", "vscii", "koi8", "koi8-r", "koi8-u", "koi8-t", "sjis", "shift_jis", "mskanji", "shift_jis_2004",
	"big5", "big-5", "gbk", "uhc", "gb18030", "gb-18030", "johab", "cp1252", "\xC3\xBCutf8", "utf8\xFF",
	"utf8-----------------------------------------------------------",
	"utf8------------------------------------------------------------",
};

static unsigned
hash(unsigned so_far, int value)
{
	return (so_far ^ (unsigned) (value & 0xFF)) * 16777619u;
}

static void
show_names(void)
{
	heading("names");
	for (int id = -2; id < 50; id++)
		if (id != RETIRED)
			printf("%d \"%s\" server=%d\n", id, pg_encoding_to_char(id), pg_valid_server_encoding_id(id));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		print_text(names[i]);
		printf(" %d server=%d\n", pg_char_to_encoding(names[i]), pg_valid_server_encoding(names[i]));
	}
	printf("NULL %d server=%d\n", pg_char_to_encoding(NULL), pg_valid_server_encoding(NULL));
}

static void
show_environment(void)
{
	static const char *const values[] = {"", "utf8", "EUC-JP", "sjis", "nonsense"};

	heading("PGCLIENTENCODING");
	unsetenv("PGCLIENTENCODING");
	fact_int("unset", PQenv2encoding());
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
	{
		setenv("PGCLIENTENCODING", values[i], 1);
		fact_int(values[i], PQenv2encoding());
	}
}

/* All pairs of first bytes, with several kinds of endings. NULs follow, so that no function reads past the text. */
static void
show_encoding(int id)
{
	static const char *const ends[] = {"", "\xA1", "\xA1\xA1", "\x30", "\x81\x30", "AAA"};
	unsigned	length = START,
				bounded = START,
				width = START;

	for (int pair = 0; pair < 65536; pair++)
		for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		{
			char		text[16] = {(char) (pair >> 8), (char) pair};

			strcpy(text + 2, ends[i]);
			length = hash(length, PQmblen(text, id));
			bounded = hash(bounded, PQmblenBounded(text, id));
			/* C libpq reads past a NUL that cuts a UTF-8 character short. */
			if (text[0] == '\0' || text[1] != '\0')
				width = hash(width, PQdsplen(text, id));
		}
	printf("%d mblen=%08x bounded=%08x dsplen=%08x\n", id, length, bounded, width);
}

static void
show_lengths(void)
{
	heading("lengths and widths");
	for (int id = -1; id < 43; id++)
		if (id != RETIRED)
			show_encoding(id);
	printf("pg_utf_mblen");
	for (int byte = 0; byte < 256; byte++)
	{
		unsigned char text[4] = {(unsigned char) byte};

		printf("%s%d", byte % 64 == 0 ? "\n" : "", pg_utf_mblen(text));
	}
	putchar('\n');
}

static void
to_utf8(unsigned code, char *to)
{
	if (code < 0x80)
		sprintf(to, "%c", (int) code);
	else if (code < 0x800)
		sprintf(to, "%c%c", 0xC0 | code >> 6, 0x80 | (code & 63));
	else if (code < 0x10000)
		sprintf(to, "%c%c%c", 0xE0 | code >> 12, 0x80 | (code >> 6 & 63), 0x80 | (code & 63));
	else
		sprintf(to, "%c%c%c%c", 0xF0 | code >> 18, 0x80 | (code >> 12 & 63), 0x80 | (code >> 6 & 63),
				0x80 | (code & 63));
}

/* Every code point, and larger numbers that UTF-8's lead bytes can still express. */
static void
show_code_points(void)
{
	int			utf8 = pg_char_to_encoding("UTF8");

	heading("widths of code points");
	for (unsigned start = 0; start < 0x200000; start += BLOCK)
	{
		unsigned	all = START,
					columns = 0;

		for (unsigned code = start; code < start + BLOCK; code++)
		{
			char		text[8];
			int			width;

			to_utf8(code, text);
			width = PQdsplen(text, utf8);
			all = hash(all, width);
			columns += (unsigned) (width + 1);
		}
		printf("U+%06X %08x sum=%u\n", start, all, columns - BLOCK);
	}
}

int
main(void)
{
	show_names();
	show_environment();
	show_lengths();
	show_code_points();
	return 0;
}
