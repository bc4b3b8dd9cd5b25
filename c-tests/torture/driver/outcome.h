/* The outcome of a session: what the application saw, in a form that two libraries can be compared by. */
#ifndef OUTCOME_H
#define OUTCOME_H

#include <stddef.h>

#include "libpq-fe.h"

/* Forgets the last session and starts to measure memory and CPU time. */
void		outcome_begin(void);

/* Appends a token. Equal tokens in a row are printed once, with their number. */
void		note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Adds bytes to the digest of everything that was received. */
void		digest(const void *bytes, size_t length);
void		digest_text(const char *text);

/* Appends the digest up to now, if TORTURE_VALUES is set: then tokens that are equal stand for equal values. */
void		note_values(void);

/* Remembers the first error text of the session. */
void		first_error(const char *text);

void		count_notice(void *arg, const char *message);

/* Prints the line of the session; see sessions.py for its fields. `last` is the connection's last error text. */
void		outcome_print(const char *last);

#endif
