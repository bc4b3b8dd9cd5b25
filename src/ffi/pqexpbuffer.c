/*
 * Two functions that stable Rust cannot define: they convert `...` to a va_list.
 * The exported functions are in Rust and jump here (see pqexpbuffer.rs).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>

struct PQExpBufferData;

bool appendPQExpBufferVA(struct PQExpBufferData *str, const char *fmt, va_list args);
void resetPQExpBuffer(struct PQExpBufferData *str);

/* Repeats until the text fits. %m needs the caller's errno each time. */
#define APPEND_WITH_ERRNO(str, fmt, saved) \
	do { \
		va_list args; \
		bool done; \
		do { \
			errno = (saved); \
			va_start(args, fmt); \
			done = appendPQExpBufferVA(str, fmt, args); \
			va_end(args); \
		} while (!done); \
	} while (0)

void pq_oxide_append_format(struct PQExpBufferData *str, const char *fmt, ...)
{
	int saved = errno;

	APPEND_WITH_ERRNO(str, fmt, saved);
}

void pq_oxide_print_format(struct PQExpBufferData *str, const char *fmt, ...)
{
	int saved = errno;

	resetPQExpBuffer(str);
	APPEND_WITH_ERRNO(str, fmt, saved);
}
