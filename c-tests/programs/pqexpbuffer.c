/* Expandable buffers: sizes, limits, formats, and the broken state. Needs no server. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "common.h"

/* C libpq installs this header with its internal ones, which need this macro from its build. */
#if __has_include("pqexpbuffer.h")
#include "pqexpbuffer.h"
#else
#define pg_attribute_printf(f, a) __attribute__((format(printf, f, a)))
#include "internal/pqexpbuffer.h"
#endif

static void
show_buffer(const char *label, PQExpBuffer buffer)
{
	printf("%s: len=%zu maxlen=%zu broken=%d terminated=%d ", label, buffer->len, buffer->maxlen,
		   PQExpBufferBroken(buffer), buffer->data[buffer->len] == '\0');
	if (buffer->len > 80)
		printf("...");
	print_bytes(buffer->data + (buffer->len > 80 ? buffer->len - 80 : 0), buffer->len > 80 ? 80 : buffer->len);
	putchar('\n');
}

static void
lives(void)
{
	PQExpBuffer on_heap = createPQExpBuffer();
	PQExpBufferData own;

	heading("creating and freeing");
	show_buffer("created", on_heap);
	destroyPQExpBuffer(on_heap);
	destroyPQExpBuffer(NULL);
	memset(&own, 0x55, sizeof(own));
	initPQExpBuffer(&own);
	show_buffer("initialized", &own);
	appendPQExpBufferStr(&own, "text");
	termPQExpBuffer(&own);
	show_buffer("terminated", &own);
	termPQExpBuffer(&own);
	appendPQExpBufferStr(&own, "more");
	appendPQExpBufferChar(&own, 'c');
	appendBinaryPQExpBuffer(&own, "bytes", 5);
	appendPQExpBuffer(&own, "%d", 5);
	fact_int("enlarge a broken one", enlargePQExpBuffer(&own, 1));
	show_buffer("still broken", &own);
	printfPQExpBuffer(&own, "%s", "printf resets");
	show_buffer("repaired", &own);
	resetPQExpBuffer(&own);
	show_buffer("reset", &own);
	resetPQExpBuffer(NULL);
	fact_int("enlarge NULL", enlargePQExpBuffer(NULL, 1));
	appendPQExpBufferStr(NULL, "x");
	appendPQExpBufferChar(NULL, 'x');
	appendBinaryPQExpBuffer(NULL, "x", 1);
	appendPQExpBuffer(NULL, "%d", 1);
	printfPQExpBuffer(NULL, "%d", 1);
	termPQExpBuffer(&own);
}

static void
taken_data(void)
{
	PQExpBuffer buffer = createPQExpBuffer();
	char	   *data;

	heading("the data is from malloc");
	appendPQExpBufferStr(buffer, "taken");
	data = buffer->data;
	free(buffer);
	data = realloc(data, 1000);
	fact("data", data);
	free(data);
}

static void
growth(void)
{
	PQExpBufferData buffer;
	size_t		maxlen = 0;

	heading("growth");
	initPQExpBuffer(&buffer);
	for (int i = 0; i < 100000; i++)
	{
		appendPQExpBufferChar(&buffer, (char) ('a' + i % 26));
		if (buffer.maxlen != maxlen)
			printf("at %zu: %zu\n", buffer.len, maxlen = buffer.maxlen);
	}
	show_buffer("characters", &buffer);
	resetPQExpBuffer(&buffer);
	show_buffer("reset keeps the memory", &buffer);
	termPQExpBuffer(&buffer);

	for (size_t needed = 200; needed < 300000000; needed = needed * 3 + 55)
	{
		initPQExpBuffer(&buffer);
		appendPQExpBufferStr(&buffer, "start");
		printf("enlarge by %zu: %d ", needed, enlargePQExpBuffer(&buffer, needed));
		show_buffer("then", &buffer);
		termPQExpBuffer(&buffer);
	}
}

static void
limits(void)
{
	size_t		too_much[] = {(size_t) INT_MAX - 5, INT_MAX, (size_t) INT_MAX + 1, UINT_MAX, SIZE_MAX / 2, SIZE_MAX - 6,
							  SIZE_MAX};
	PQExpBufferData buffer;

	heading("limits");
	for (size_t i = 0; i < sizeof(too_much) / sizeof(*too_much); i++)
	{
		initPQExpBuffer(&buffer);
		appendPQExpBufferStr(&buffer, "start");
		printf("enlarge by %zu: %d ", too_much[i], enlargePQExpBuffer(&buffer, too_much[i]));
		show_buffer("then", &buffer);
		resetPQExpBuffer(&buffer);
		appendPQExpBufferStr(&buffer, "after");
		show_buffer("after reset", &buffer);
		appendBinaryPQExpBuffer(&buffer, "x", too_much[i]);
		show_buffer("appending as much", &buffer);
		termPQExpBuffer(&buffer);
	}
	initPQExpBuffer(&buffer);
	appendPQExpBufferStr(&buffer, "start");
	fact_int("the most that fits", enlargePQExpBuffer(&buffer, (size_t) INT_MAX - 6));
	show_buffer("clamped to INT_MAX", &buffer);
	termPQExpBuffer(&buffer);
}

static void
bytes(void)
{
	PQExpBufferData buffer;

	heading("bytes");
	initPQExpBuffer(&buffer);
	appendBinaryPQExpBuffer(&buffer, "a\0b\xff", 4);
	appendBinaryPQExpBuffer(&buffer, "", 0);
	appendPQExpBufferStr(&buffer, "");
	appendPQExpBufferChar(&buffer, '\0');
	appendPQExpBufferChar(&buffer, (char) 0xe9);
	appendPQExpBufferStr(&buffer, "\xc3\xa9");
	show_buffer("bytes", &buffer);
	termPQExpBuffer(&buffer);
}

static void
formats(void)
{
	PQExpBuffer buffer = createPQExpBuffer();
	const char *volatile no_text = NULL;

	heading("formats");
	appendPQExpBuffer(buffer, "%d %u %ld %lu %lld %zu %hd|", -1, 2u, -3L, 4UL, -5LL, (size_t) 6, (short) -7);
	appendPQExpBuffer(buffer, "%x %X %o|%c%c|%%|", 255, 255, 8, 'a', 'b');
	show_buffer("integers", buffer);
	printfPQExpBuffer(buffer, "%f %.3f %e %g %10.2f|%-10.1f|%+d|%05d", 1.5, 2.0 / 3, 12345.678, 1e20,
					  3.14159, 2.5, 7, 42);
	show_buffer("floats", buffer);
	printfPQExpBuffer(buffer, "%s|%10s|%-10s|%.2s|%*s|%.*s|%-*s|", "text", "right", "left", "cut", 6, "star", 3, "starred",
					  5, "l");
	show_buffer("strings", buffer);
	printfPQExpBuffer(buffer, "%2$s %1$d %2$s", 5, "five");
	show_buffer("positions", buffer);
	printfPQExpBuffer(buffer, "%s", no_text);
	show_buffer("NULL", buffer);
	printfPQExpBuffer(buffer, "%s", "%s %n is not a format");
	show_buffer("per cent in a value", buffer);
	printfPQExpBuffer(buffer, "%d %d %d %d %d %d %d %d %s %g %g %g %g %g %g %g %g %g %g %s", 1, 2, 3, 4, 5, 6, 7, 8, "nine",
					  1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, "end");
	show_buffer("more than registers hold", buffer);
	errno = EACCES;
	printfPQExpBuffer(buffer, "%s: %m", "file");
	show_buffer("%m", buffer);
	errno = ENOENT;
	appendPQExpBuffer(buffer, "; %300d %m", 1);
	show_buffer("%m after the buffer grew", buffer);
	errno = 0;
	printfPQExpBuffer(buffer, "%m");
	show_buffer("%m of 0", buffer);
	destroyPQExpBuffer(buffer);

	buffer = createPQExpBuffer();
	termPQExpBuffer(buffer);
	errno = EPERM;
	printfPQExpBuffer(buffer, "%m");
	show_buffer("%m in a repaired buffer", buffer);
	destroyPQExpBuffer(buffer);
}

/* Every length around the sizes at which a buffer grows. */
static void
lengths(void)
{
	heading("lengths");
	for (int length = 0; length < 1100; length += length < 200 ? 40 : 1)
	{
		PQExpBufferData buffer;

		initPQExpBuffer(&buffer);
		appendPQExpBuffer(&buffer, "%*s", length, "x");
		printf("%d: %zu of %zu;", length, buffer.len, buffer.maxlen);
		appendPQExpBuffer(&buffer, "%d", length);
		printf(" %zu of %zu;", buffer.len, buffer.maxlen);
		appendPQExpBufferStr(&buffer, "string");
		printf(" %zu of %zu\n", buffer.len, buffer.maxlen);
		termPQExpBuffer(&buffer);
	}
}

static void __attribute__((format(printf, 2, 3)))
by_va_list(PQExpBuffer buffer, const char *fmt,...)
{
	int			saved_errno = errno;
	bool		done;
	va_list		args;

	do
	{
		errno = saved_errno;
		va_start(args, fmt);
		done = appendPQExpBufferVA(buffer, fmt, args);
		va_end(args);
		printf("done=%d ", done);
		show_buffer("so far", buffer);
	} while (!done);
}

static void
va_lists(void)
{
	PQExpBuffer buffer = createPQExpBuffer();

	heading("va_list");
	by_va_list(buffer, "%s %d %.1f;", "short", 1, 2.5);
	errno = ENOMEM;
	by_va_list(buffer, "%s %500d %m %.1f", "long", 1, 2.5);
	resetPQExpBuffer(buffer);
	for (int i = 0; i < 999; i++)
		appendPQExpBufferChar(buffer, '.');
	by_va_list(buffer, "%d", 1);
	while (buffer->len + 10 < buffer->maxlen)
		appendPQExpBufferChar(buffer, '.');
	by_va_list(buffer, "%d", 2);
	destroyPQExpBuffer(buffer);
}

int
main(void)
{
	lives();
	taken_data();
	growth();
	limits();
	bytes();
	formats();
	lengths();
	va_lists();
	return 0;
}
