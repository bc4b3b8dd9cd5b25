/*
 * pqexpbuffer.h
 *     Strings, of text or of any bytes, that grow as they are appended to.
 *
 * NULL for a buffer is allowed everywhere: nothing happens.
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
 * data comes from malloc and has a NUL at data[len]; maxlen is its size in bytes, more than len
 * and at most INT_MAX. A buffer for which memory ran out, or that would have to be larger, is
 * "broken": empty, maxlen 0, data a constant. Appending to it does nothing; it can be reset,
 * which repairs it if there is memory again, and freed.
 */
typedef struct PQExpBufferData {
    char *data;
    size_t len;
    size_t maxlen;
} PQExpBufferData;

typedef PQExpBufferData *PQExpBuffer;

/* Whether a buffer is NULL or broken. */
#define PQExpBufferBroken(str) ((str) == NULL || (str)->maxlen == 0)

/* The same for the struct itself. */
#define PQExpBufferDataBroken(buf) ((buf).maxlen == 0)

/* Bytes of a new buffer. */
#define INITIAL_EXPBUFFER_SIZE 256

/* A new, empty buffer for destroyPQExpBuffer; NULL when memory ran out. */
PQExpBuffer createPQExpBuffer(void);

/* Makes an empty buffer of a struct, whatever it holds, for termPQExpBuffer. */
void initPQExpBuffer(PQExpBuffer str);

/* Frees a buffer of createPQExpBuffer. */
void destroyPQExpBuffer(PQExpBuffer str);

/* Frees the data, not the struct, and leaves the buffer broken. */
void termPQExpBuffer(PQExpBuffer str);

/* Empties a buffer, and tries to repair a broken one. */
void resetPQExpBuffer(PQExpBuffer str);

/*
 * Makes room for needed more bytes and a NUL. Answers 1; 0 if the buffer is, or thereby became,
 * broken.
 */
int enlargePQExpBuffer(PQExpBuffer str, size_t needed);

/* Replaces the text by a formatted one, as printf does; %m stands for strerror(errno). */
void printfPQExpBuffer(PQExpBuffer str, const char *fmt, ...) PQ_LIKE_PRINTF(2, 3);

/* Appends formatted text. */
void appendPQExpBuffer(PQExpBuffer str, const char *fmt, ...) PQ_LIKE_PRINTF(2, 3);

/*
 * Appends formatted text. Answers true when it is done or the buffer is broken; false when the
 * buffer was only made larger: call again, with a fresh args and the errno of before.
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
