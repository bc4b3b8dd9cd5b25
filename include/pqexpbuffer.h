/*
 * pqexpbuffer.h
 *     Buffers for text or binary data that grow when data is appended.
 *
 * All functions accept a NULL buffer and do nothing.
 */

#ifndef PQEXPBUFFER_H
#define PQEXPBUFFER_H

#include <stdarg.h>
#include <stddef.h>
#ifndef __cplusplus
#include <stdbool.h>
#endif

#ifdef __GNUC__
#define PQ_LIKE_PRINTF(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))
#else
#define PQ_LIKE_PRINTF(fmt_at, args_at)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * data is from malloc and has a NUL byte at data[len]. maxlen is its size in bytes, greater than
 * len and at most INT_MAX. If memory runs out, or the size would exceed INT_MAX, the buffer is
 * "broken": it is empty, maxlen is 0, and data is a constant. Appending to a broken buffer does
 * nothing. It can be freed, or reset, which repairs it if memory is available.
 */
typedef struct PQExpBufferData {
    char *data;
    size_t len;
    size_t maxlen;
} PQExpBufferData;

typedef PQExpBufferData *PQExpBuffer;

/* True if a buffer is NULL or broken. */
#define PQExpBufferBroken(str) ((str) == NULL || (str)->maxlen == 0)

/* The same for the struct. */
#define PQExpBufferDataBroken(buf) ((buf).maxlen == 0)

/* The size of a new buffer in bytes. */
#define INITIAL_EXPBUFFER_SIZE 256

/* Creates an empty buffer; free it with destroyPQExpBuffer. Returns NULL if memory ran out. */
PQExpBuffer createPQExpBuffer(void);

/* Initializes a struct as an empty buffer; free its data with termPQExpBuffer. */
void initPQExpBuffer(PQExpBuffer str);

/* Frees a buffer of createPQExpBuffer. */
void destroyPQExpBuffer(PQExpBuffer str);

/* Frees the data of a buffer, not the struct. Leaves the buffer broken. */
void termPQExpBuffer(PQExpBuffer str);

/* Empties a buffer. Repairs a broken one if memory is available. */
void resetPQExpBuffer(PQExpBuffer str);

/*
 * Makes room for needed more bytes and a NUL byte. Returns 1, or 0 if the buffer was broken or is
 * broken now.
 */
int enlargePQExpBuffer(PQExpBuffer str, size_t needed);

/* Replaces the data with formatted text, like printf. %m means strerror(errno). */
void printfPQExpBuffer(PQExpBuffer str, const char *fmt, ...) PQ_LIKE_PRINTF(2, 3);

/* Appends formatted text, like printf. %m means strerror(errno). */
void appendPQExpBuffer(PQExpBuffer str, const char *fmt, ...) PQ_LIKE_PRINTF(2, 3);

/*
 * Appends formatted text, like vprintf. Returns true if it is done or the buffer is broken. Returns
 * false if it only enlarged the buffer: call it again with a new args and the original errno.
 */
bool appendPQExpBufferVA(PQExpBuffer str, const char *fmt, va_list args) PQ_LIKE_PRINTF(2, 0);

/* Appends a string. */
void appendPQExpBufferStr(PQExpBuffer str, const char *data);

/* Appends one byte. */
void appendPQExpBufferChar(PQExpBuffer str, char ch);

/* Appends datalen bytes. */
void appendBinaryPQExpBuffer(PQExpBuffer str, const char *data, size_t datalen);

#ifdef __cplusplus
}
#endif

#endif /* PQEXPBUFFER_H */
