#include "outcome.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* More tokens are counted in the digest, but not printed. */
static char tokens[6000];
static size_t used;
static char last_token[200];
static int	repeated;

static uint64_t hash;
static char error[600];
static int	notices;
static long start_memory;
static struct rusage start_usage;

/* A line of /proc/self/status, in kB. */
static long
status_line(const char *name)
{
	FILE	   *status = fopen("/proc/self/status", "r");
	char		line[200];
	long		value = -1;
	size_t		length = strlen(name);

	while (status != NULL && value < 0 && fgets(line, sizeof line, status) != NULL)
		if (strncmp(line, name, length) == 0)
			sscanf(line + length, ": %ld", &value);
	if (status != NULL)
		fclose(status);
	return value;
}

/* Sets the peak of the resident memory to its present value. */
static void
reset_peak(void)
{
	FILE	   *file = fopen("/proc/self/clear_refs", "w");

	if (file != NULL)
	{
		fputs("5", file);
		fclose(file);
	}
}

void
outcome_begin(void)
{
	used = 0;
	last_token[0] = error[0] = '\0';
	repeated = notices = 0;
	hash = 14695981039346656037u;
	/* Without this the memory of an earlier session would hide the growth of this one. */
	malloc_trim(0);
	reset_peak();
	start_memory = status_line("VmRSS");
	getrusage(RUSAGE_SELF, &start_usage);
}

static void
flush_token(void)
{
	int			length;

	if (repeated == 0)
		return;
	length = snprintf(tokens + used, sizeof tokens - used, repeated > 1 ? "%s*%d " : "%s ", last_token, repeated);
	if (length > 0 && (size_t) length < sizeof tokens - used)
		used += (size_t) length;
	repeated = 0;
}

void
note(const char *format, ...)
{
	char		token[sizeof last_token];
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(token, sizeof token, format, arguments);
	va_end(arguments);
	/* A damaged SQLSTATE can have any characters. */
	for (char *c = token; *c != '\0'; c++)
		if ((unsigned char) *c < ' ' || (unsigned char) *c > '~')
			*c = '?';
	if (repeated > 0 && strcmp(token, last_token) == 0)
	{
		repeated++;
		return;
	}
	flush_token();
	digest_text(last_token);
	strcpy(last_token, token);
	repeated = 1;
}

/* FNV-1a. */
void
digest(const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ at[i]) * 1099511628211u;
	/* The end of the value. */
	hash = (hash ^ 0x100) * 1099511628211u;
}

void
digest_text(const char *text)
{
	if (text != NULL)
		digest(text, strlen(text));
}

void
note_values(void)
{
	if (getenv("TORTURE_VALUES") != NULL)
		note("=%016llx", (unsigned long long) hash);
}

void
first_error(const char *text)
{
	if (error[0] == '\0' && text != NULL)
		snprintf(error, sizeof error, "%s", text);
}

void
count_notice(void *arg, const char *message)
{
	(void) arg;
	notices++;
	digest_text(message);
}

/* One line without tabs. */
static void
print_escaped(const char *text)
{
	for (int i = 0; text[i] != '\0' && i < 400; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (c == '\n')
			printf("|");
		else if (c < 32 || c > 126)
			printf("\\x%02x", c);
		else
			putchar(c);
	}
	putchar('\t');
}

static long
microseconds(const struct rusage *usage)
{
	return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 + usage->ru_utime.tv_usec +
		usage->ru_stime.tv_usec;
}

void
outcome_print(const char *last)
{
	struct rusage usage;
	long		peak = status_line("VmHWM");

	getrusage(RUSAGE_SELF, &usage);
	if (notices > 0)
		note("notices:%d", notices);
	flush_token();
	digest_text(last_token);
	tokens[used] = '\0';
	printf("%s\t%016llx\t", tokens, (unsigned long long) hash);
	print_escaped(error);
	print_escaped(last);
	malloc_trim(0);
	printf("%ld\t%ld\t%ld\n", peak - start_memory, microseconds(&usage) - microseconds(&start_usage),
		   status_line("VmRSS"));
	fflush(stdout);
}
