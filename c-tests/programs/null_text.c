/* null_text CONNINFO: escaping, encodings and expandable buffers; see null.h. */
#include <stdbool.h>

#include "null.h"

/* C libpq installs this header with its internal ones, which need this macro from its build. */
#define pg_attribute_printf(f, a) __attribute__((format(printf, f, a)))
#include "internal/pqexpbuffer.h"

/* Exported for old programs, but not in a header. */
extern int	pg_char_to_encoding(const char *name);
extern const char *pg_encoding_to_char(int encoding);
extern int	pg_valid_server_encoding(const char *name);
extern int	pg_valid_server_encoding_id(int encoding);
extern int	pg_utf_mblen(const unsigned char *s);

static char to[64];
static int	error;
static size_t length;

static void
escaping(void)
{
	STR(PQescapeLiteral(conn, NULL, 0));
	STR(PQescapeLiteral(conn, NULL, 5));
	STR(PQescapeLiteral(conn, "a'b\\c", 0));
	STR(PQescapeLiteral(conn, "a'b\\c", 99));
	STR(PQescapeLiteral(conn, "a'b\\c", (size_t) -1));
	STR(PQescapeIdentifier(conn, NULL, 0));
	STR(PQescapeIdentifier(conn, NULL, 5));
	STR(PQescapeIdentifier(conn, "a\"b", 99));
	INT(PQescapeStringConn(conn, NULL, "x", 1, &error));
	INT(PQescapeStringConn(conn, NULL, "x", 1, NULL));
	INT(PQescapeStringConn(conn, to, NULL, 0, &error));
	INT(PQescapeStringConn(conn, to, NULL, 5, &error));
	INT(PQescapeStringConn(conn, to, "x'", 2, NULL));
	STR((strcpy(to, "unset"), PQescapeStringConn(conn, to, "x'", 99, &error), to));
	STR((strcpy(to, "unset"), PQescapeStringConn(conn, to, "x'", 0, NULL), to));
	INT((error = 7, PQescapeStringConn(conn, to, "x'", 2, &error), error));
	STR((const char *) PQescapeByteaConn(conn, NULL, 0, &length));
	STR((const char *) PQescapeByteaConn(conn, NULL, 5, &length));
	STR((const char *) PQescapeByteaConn(conn, (const unsigned char *) "x", 1, NULL));
	STR((const char *) PQescapeByteaConn(conn, (const unsigned char *) "x", 1, &length));
}

static void
escaping_without(void)
{
	INT(PQescapeString(NULL, "x", 1));
	INT(PQescapeString(to, NULL, 0));
	INT(PQescapeString(to, NULL, 5));
	INT(PQescapeString(to, "x'", 0));
	INT(PQescapeString(to, "x'", 99));
	STR((const char *) PQescapeBytea(NULL, 0, &length));
	STR((const char *) PQescapeBytea(NULL, 5, &length));
	STR((const char *) PQescapeBytea((const unsigned char *) "x", 1, NULL));
	STR((const char *) PQunescapeBytea(NULL, &length));
	STR((const char *) PQunescapeBytea((const unsigned char *) "x", NULL));
	INT((PQunescapeBytea((const unsigned char *) "", &length), length));
}

static void
encodings(void)
{
	INT(PQmblen(NULL, 6));
	INT(PQmblen(NULL, 0));
	INT(PQmblen("", 6));
	INT(PQmblen("x", -1));
	INT(PQmblen("\xe6", 99));
	INT(PQmblen("\xe6", 2147483647));
	INT(PQmblenBounded(NULL, 6));
	INT(PQmblenBounded("", 6));
	INT(PQmblenBounded("\xe6", 6));
	INT(PQmblenBounded("\xe6", -1));
	INT(PQdsplen(NULL, 6));
	INT(PQdsplen(NULL, 0));
	INT(PQdsplen("", 6));
	INT(PQdsplen("x", -1));
	INT(PQdsplen("x", 2147483647));
	INT(PQenv2encoding());
	INT(pg_char_to_encoding(NULL));
	INT(pg_char_to_encoding(""));
	INT(pg_char_to_encoding("nonsense"));
	INT(pg_char_to_encoding("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	STR(pg_encoding_to_char(-1));
	STR(pg_encoding_to_char(99));
	STR(pg_encoding_to_char(2147483647));
	INT(pg_valid_server_encoding(NULL));
	INT(pg_valid_server_encoding(""));
	INT(pg_valid_server_encoding_id(-1));
	INT(pg_valid_server_encoding_id(99));
	INT(pg_utf_mblen(NULL));
	INT(pg_utf_mblen((const unsigned char *) ""));
}

static void
client_encoding(void)
{
	INT(PQsetClientEncoding(conn, NULL));
	INT(PQsetClientEncoding(conn, ""));
	INT(PQsetClientEncoding(conn, "nonsense"));
	INT(PQsetClientEncoding(conn, "x'; SELECT 1"));
	INT(PQsetClientEncoding(conn, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
							"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	INT(PQsetClientEncoding(conn, "auto"));
	INT(PQsetClientEncoding(conn, "LATIN1"));
}

static PQExpBufferData live,
			broken;

static void
make_buffers(void)
{
	initPQExpBuffer(&live);
	initPQExpBuffer(&broken);
	enlargePQExpBuffer(&broken, (size_t) -1);
}

static bool
append_list(PQExpBuffer str, const char *format,...)
{
	va_list		list;
	bool		answer;

	va_start(list, format);
	answer = appendPQExpBufferVA(str, format, list);
	va_end(list);
	return answer;
}

static void
growing_strings(void)
{
	STR((PQExpBufferDataBroken(broken) ? "broken" : "whole"));
	VOID(initPQExpBuffer(NULL));
	VOID(termPQExpBuffer(NULL));
	VOID(termPQExpBuffer(&broken));
	STR((termPQExpBuffer(&live), live.data));
	VOID(destroyPQExpBuffer(NULL));
	VOID(resetPQExpBuffer(NULL));
	INT((resetPQExpBuffer(&broken), PQExpBufferDataBroken(broken)));
	INT(enlargePQExpBuffer(NULL, 1));
	INT(enlargePQExpBuffer(&live, 0));
	INT(enlargePQExpBuffer(&live, 2147483647));
	INT(enlargePQExpBuffer(&live, (size_t) -1));
	INT(enlargePQExpBuffer(&broken, 1));
	VOID(printfPQExpBuffer(NULL, "%d", 1));
	VOID(printfPQExpBuffer(&live, NO_TEXT, 1));
	STR((printfPQExpBuffer(&broken, "%d", 1), broken.data));
	VOID(appendPQExpBuffer(NULL, "%d", 1));
	VOID(appendPQExpBuffer(&live, NO_TEXT, 1));
	STR((appendPQExpBuffer(&broken, "%d", 1), broken.data));
	STR((appendPQExpBuffer(&live, "%s", NO_TEXT), live.data));
	INT(append_list(NULL, "%d", 1));
	INT(append_list(&live, "%d", 1));
	INT(append_list(&live, NO_TEXT, 1));
	INT(append_list(&broken, "%d", 1));
	VOID(appendPQExpBufferStr(NULL, "x"));
	VOID(appendPQExpBufferStr(&live, NULL));
	STR((appendPQExpBufferStr(&broken, "x"), broken.data));
	VOID(appendPQExpBufferChar(NULL, 'x'));
	STR((appendPQExpBufferChar(&broken, 'x'), broken.data));
	INT((appendPQExpBufferChar(&live, '\0'), live.len));
	VOID(appendBinaryPQExpBuffer(NULL, "x", 1));
	STR((appendBinaryPQExpBuffer(&live, NULL, 0), live.data));
	VOID(appendBinaryPQExpBuffer(&live, NULL, 1));
	STR((appendBinaryPQExpBuffer(&broken, "x", 1), broken.data));
	STR((appendBinaryPQExpBuffer(&live, "x", (size_t) -1), live.data));
	PTR(createPQExpBuffer());
}

int
main(int argc, char **argv)
{
	begin(argc, argv);
	on_every_connection(escaping);
	on_every_connection(client_encoding);
	escaping_without();
	encodings();
	prepare = make_buffers;
	growing_strings();
	return 0;
}
