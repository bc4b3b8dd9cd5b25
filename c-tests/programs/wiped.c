/*
 * wiped HOW CONNINFO SECRET...: connects, and prints how many parts of the secrets are in the process' memory after
 * PQfinish, and in the vector registers whenever a function of libpq returns. The dynamic linker writes these registers to
 * the stack at the program's next first call of a function. HOW has letters: p passes the options in arrays, r resets the
 * connection, s connects step by step, c asks for its options and its password, h hashes its password, k also searches
 * before PQfinish, and plants a secret in a register, to show that the search finds what is there. With e, it only parses
 * CONNINFO, which is malformed, and looks into the registers.
 *
 * CONNINFO and the secrets are in hexadecimal with all bits inverted, so that the program itself has no copy of them.
 * The first bytes of a secret are not searched for, because the allocator overwrites them in freed memory.
 */
#include <ctype.h>
#include <poll.h>

#include "common.h"

#define OVERWRITTEN 16
#define PART 10
#define MOST 8

static struct
{
	unsigned char bytes[4096];
	size_t		length;
}			secrets[MOST];
static int	count;
/* Whether a part begins with a byte. */
static char begins[256];

static size_t
from_hex(const char *text, unsigned char *to, size_t room)
{
	size_t		length = strlen(text) / 2;

	if (length >= room)
		exit(2);
	for (size_t i = 0; i < length; i++)
		to[i] = (unsigned char) strtol((char[]) {text[2 * i], text[2 * i + 1], '\0'}, NULL, 16);
	return length;
}

/* The number of the secret of which a part is at this place: PART bytes of it from any of its bytes on. 0 if none is. */
static int
secret_at(const volatile unsigned char *at)
{
	unsigned char first = (unsigned char) ~*at;

	if (!begins[first])
		return 0;
	for (int s = 0; s < count; s++)
		for (size_t from = OVERWRITTEN; from + PART <= secrets[s].length; from++)
		{
			size_t		i = 0;

			if (secrets[s].bytes[from] != first)
				continue;
			while (i < PART && secrets[s].bytes[from + i] == (unsigned char) ~at[i])
				i++;
			if (i == PART)
				return s + 1;
		}
	return 0;
}

/* The vector registers, as they were when a function returned. Nothing else is called in between. */
static unsigned char registers[32][64];
static int	in_registers;

#if defined(__x86_64__)
#define SAVE(instruction, register, number) \
	__asm__ volatile (instruction " %%" register #number ", %0" : "=m" (registers[number]));
#define SIXTEEN(instruction, register) \
	SAVE(instruction, register, 0) SAVE(instruction, register, 1) SAVE(instruction, register, 2) \
	SAVE(instruction, register, 3) SAVE(instruction, register, 4) SAVE(instruction, register, 5) \
	SAVE(instruction, register, 6) SAVE(instruction, register, 7) SAVE(instruction, register, 8) \
	SAVE(instruction, register, 9) SAVE(instruction, register, 10) SAVE(instruction, register, 11) \
	SAVE(instruction, register, 12) SAVE(instruction, register, 13) SAVE(instruction, register, 14) \
	SAVE(instruction, register, 15)
#define SIXTEEN_MORE(instruction, register) \
	SAVE(instruction, register, 16) SAVE(instruction, register, 17) SAVE(instruction, register, 18) \
	SAVE(instruction, register, 19) SAVE(instruction, register, 20) SAVE(instruction, register, 21) \
	SAVE(instruction, register, 22) SAVE(instruction, register, 23) SAVE(instruction, register, 24) \
	SAVE(instruction, register, 25) SAVE(instruction, register, 26) SAVE(instruction, register, 27) \
	SAVE(instruction, register, 28) SAVE(instruction, register, 29) SAVE(instruction, register, 30) \
	SAVE(instruction, register, 31)

static void
save_registers(void)
{
	if (__builtin_cpu_supports("avx512f"))
	{
		SIXTEEN("vmovdqu64", "zmm")
		SIXTEEN_MORE("vmovdqu64", "zmm")
	}
	else if (__builtin_cpu_supports("avx"))
	{
		SIXTEEN("vmovdqu", "ymm")
	}
	else
	{
		SIXTEEN("movdqu", "xmm")
	}
}

static void
plant(const unsigned char *bytes)
{
	__asm__ volatile ("movdqu %0, %%xmm5" : : "m" (*(const unsigned char (*)[16]) bytes) : "xmm5");
}
#elif defined(__aarch64__)
#define SAVE(number) __asm__ volatile ("str q" #number ", %0" : "=Q" (registers[number]));

/* Those that a function may change and the dynamic linker saves. */
static void
save_registers(void)
{
	SAVE(0) SAVE(1) SAVE(2) SAVE(3) SAVE(4) SAVE(5) SAVE(6) SAVE(7)
}

static void
plant(const unsigned char *bytes)
{
	__asm__ volatile ("ldr q5, %0" : : "Q" (*(const unsigned char (*)[16]) bytes) : "v5");
}
#endif

/* The number of saved registers with a part of a secret. */
static int
count_registers(void)
{
	int			found = 0;

	for (int i = 0; i < 32; i++)
		for (size_t from = 0; from + PART <= sizeof registers[i]; from++)
			if (secret_at(&registers[i][from]) != 0)
			{
				found++;
				break;
			}
	explicit_bzero(registers, sizeof registers);
	return found;
}

/* To be called at once when a function of libpq has returned. */
static void
search_registers(const char *where)
{
	int			found;

	save_registers();
	found = count_registers();
	if (found > 0)
		fprintf(stderr, "in %d registers after %s\n", found, where);
	in_registers += found;
}

/* Finds what is in a register. */
static int
plant_and_search(void)
{
	unsigned char part[16];

	for (int i = 0; i < 16; i++)
		part[i] = (unsigned char) ~secrets[0].bytes[OVERWRITTEN + i];
	plant(part);
	save_registers();
	/* A call would have the dynamic linker copy the register. */
	for (int i = 0; i < 16; i++)
		((volatile unsigned char *) part)[i] = 0;
	plant(part);
	return count_registers();
}

/* Searches all memory that can be written. */
static void
search(const char *when)
{
	FILE	   *maps = fopen("/proc/self/maps", "r");
	char		line[512];
	int			found = 0,
				secret;

	while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
	{
		unsigned long start,
					end;
		char		mode[8],
					name[300] = "";

		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %299s", &start, &end, mode, name) < 3 || mode[0] != 'r' || mode[1] != 'w')
			continue;
		for (unsigned long at = start; at + PART <= end; at++)
			if ((secret = secret_at((const volatile unsigned char *) at)) != 0)
			{
				if (found++ < 5)
					fprintf(stderr, "%s: secret %d, %lu after the start of %s\n", when, secret, at - start, name);
				at += PART;
			}
	}
	if (maps != NULL)
		fclose(maps);
	fact_int(when, found);
}

static PGconn *
connect_with_arrays(const char *conninfo)
{
	PQconninfoOption *options;
	const char *keywords[100],
			   *values[100];
	int			used = 0;
	PGconn	   *conn;

	options = PQconninfoParse(conninfo, NULL);
	search_registers("PQconninfoParse");
	for (PQconninfoOption *option = options; option->keyword != NULL; option++)
	{
		keywords[used] = option->keyword;
		values[used++] = option->val;
	}
	keywords[used] = NULL;
	conn = PQconnectdbParams(keywords, values, 0);
	search_registers("PQconnectdbParams");
	PQconninfoFree(options);
	search_registers("PQconninfoFree");
	return conn;
}

static PGconn *
connect_in_steps(const char *conninfo)
{
	PGconn	   *conn = PQconnectStart(conninfo);
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	search_registers("PQconnectStart");
	while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING)
	{
		struct pollfd pollfd = {PQsocket(conn), status == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0};

		poll(&pollfd, 1, 10000);
		status = PQconnectPoll(conn);
		search_registers("PQconnectPoll");
	}
	return conn;
}

static PGconn *
connect_as(const char *how, const char *conninfo)
{
	PGconn	   *conn;

	if (strchr(how, 'p') != NULL)
		return connect_with_arrays(conninfo);
	if (strchr(how, 's') != NULL)
		return connect_in_steps(conninfo);
	conn = PQconnectdb(conninfo);
	search_registers("PQconnectdb");
	return conn;
}

/* Asks for what was passed. */
static void
ask(PGconn *conn)
{
	PQconninfoOption *options;
	PGcancelConn *cancel;
	const char *password = PQpass(conn);

	search_registers("PQpass");
	fact_int("length", (long long) strlen(password));
	options = PQconninfo(conn);
	search_registers("PQconninfo");
	PQconninfoFree(options);
	cancel = PQcancelCreate(conn);
	search_registers("PQcancelCreate");
	fact_int("cancelled", PQcancelBlocking(cancel));
	search_registers("PQcancelBlocking");
	PQcancelFinish(cancel);
}

static void
hash(PGconn *conn)
{
	const char *password = PQpass(conn);
	char	   *hashed = PQencryptPassword(password, "user");

	search_registers("PQencryptPassword");
	PQfreemem(hashed);
	hashed = PQencryptPasswordConn(conn, password, "user", NULL);
	search_registers("PQencryptPasswordConn");
	fact_int("hashed", hashed != NULL);
	PQfreemem(hashed);
}

static int
parse_what_is_malformed(const char *conninfo)
{
	char	   *message;
	PQconninfoOption *options = PQconninfoParse(conninfo, &message);

	search_registers("PQconninfoParse");
	fact_int("malformed", options == NULL && message != NULL);
	fact_int("in registers", in_registers);
	PQfreemem(message);
	return 0;
}

int
main(int argc, char **argv)
{
	static unsigned char conninfo[4096];
	const char *how = argv[1];
	PGconn	   *conn;
	size_t		length;

	if (argc < 4 || argc > 3 + MOST)
		return 2;
	for (count = 0; count < argc - 3; count++)
	{
		secrets[count].length = from_hex(argv[3 + count], secrets[count].bytes, sizeof secrets[count].bytes);
		for (size_t i = OVERWRITTEN; i < secrets[count].length; i++)
			begins[secrets[count].bytes[i]] = 1;
	}
	length = from_hex(argv[2], conninfo, sizeof conninfo);
	for (size_t i = 0; i < length; i++)
		conninfo[i] = (unsigned char) ~conninfo[i];
	if (strchr(how, 'e') != NULL)
		return parse_what_is_malformed((char *) conninfo);
	conn = connect_as(how, (char *) conninfo);
	explicit_bzero(conninfo, sizeof conninfo);
	fact_int("status", PQstatus(conn));
	fact("error", PQerrorMessage(conn));
	if (strchr(how, 'r') != NULL)
	{
		PQreset(conn);
		search_registers("PQreset");
		fact_int("status", PQstatus(conn));
	}
	if (strchr(how, 'c') != NULL)
		ask(conn);
	if (strchr(how, 'h') != NULL)
		hash(conn);
	if (PQstatus(conn) == CONNECTION_OK)
		show_exec(conn, "SELECT 1");
	if (strchr(how, 'k') != NULL)
		search("kept");
	PQfinish(conn);
	search_registers("PQfinish");
	fact_int("in registers", in_registers);
	if (strchr(how, 'k') != NULL)
		fact_int("planted", plant_and_search());
	search("left");
	return 0;
}
