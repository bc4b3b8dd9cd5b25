/* null_functions CONNINFO: function calls, large objects and passwords; see null.h. */
#include "null.h"
#include "libpq/libpq-fs.h"

enum
{
	INT4PL = 177,
	NO_FUNCTION = 1
};

static int	answer[4];
static int	length;
static char buffer[16];
static PQArgBlock both[] = {{.len = 4, .isint = 1, .u.integer = 20}, {.len = 4, .isint = 1, .u.integer = 3}};
static PQArgBlock nulls[] = {{.len = -1, .isint = 0, .u.ptr = NULL}, {.len = 4, .isint = 1, .u.integer = 3}};
static PQArgBlock missing[] = {{.len = 4, .isint = 0, .u.ptr = NULL}, {.len = 4, .isint = 1, .u.integer = 3}};
static PQArgBlock odd[] = {{.len = 3, .isint = 1, .u.integer = 3}, {.len = 4, .isint = 1, .u.integer = 3}};
static PQArgBlock negative[] = {{.len = -2, .isint = 0, .u.ptr = answer}, {.len = 4, .isint = 1, .u.integer = 3}};

static void
fastpath(void)
{
	RESULT(PQfn(conn, INT4PL, answer, &length, 1, both, 2));
	INT((PQfn(conn, INT4PL, answer, &length, 1, both, 2), answer[0]));
	INT((PQfn(conn, INT4PL, answer, &length, 1, both, 2), length));
	INT((PQfn(conn, INT4PL, answer, &length, 1, nulls, 2), length));
	RESULT(PQfn(conn, INT4PL, NULL, &length, 1, both, 2));
	RESULT(PQfn(conn, INT4PL, answer, NULL, 1, both, 2));
	RESULT(PQfn(conn, INT4PL, answer, &length, 1, NULL, 0));
	RESULT(PQfn(conn, INT4PL, answer, &length, 1, NULL, 2));
	RESULT(PQfn(conn, INT4PL, answer, &length, 1, both, 1));
	RESULT(PQfn(conn, INT4PL, answer, &length, 1, both, -1));
	RESULT(PQfn(conn, INT4PL, answer, &length, 1, nulls, 2));
	RESULT(PQfn(conn, INT4PL, answer, &length, 1, missing, 2));
	RESULT(PQfn(conn, INT4PL, answer, &length, 1, odd, 2));
	RESULT(PQfn(conn, INT4PL, answer, &length, 1, negative, 2));
	RESULT(PQfn(conn, NO_FUNCTION, answer, &length, 1, both, 2));
	RESULT(PQfn(conn, -1, answer, &length, 1, both, 2));
}

static void
large_objects(void)
{
	if (conn != NULL && state == GOOD)
		PQclear(PQexec(conn, "BEGIN"));
	INT(lo_creat(conn, 0) > 0);
	INT(lo_creat(conn, -1) > 0);
	INT(lo_create(conn, 0) > 0);
	INT(lo_open(conn, 0, 0));
	INT(lo_open(conn, 4294967295u, INV_READ));
	INT(lo_open(conn, 1, -1));
	INT(lo_close(conn, -1));
	INT(lo_close(conn, 99));
	INT(lo_read(conn, -1, buffer, 4));
	INT(lo_read(conn, 0, NULL, 4));
	INT(lo_read(conn, 0, NULL, 0));
	INT(lo_read(conn, 0, buffer, (size_t) 2147483648u));
	INT(lo_read(conn, 0, buffer, (size_t) -1));
	INT(lo_write(conn, -1, "data", 4));
	INT(lo_write(conn, 0, NULL, 4));
	INT(lo_write(conn, 0, NULL, 0));
	INT(lo_write(conn, 0, "data", (size_t) 2147483648u));
	INT(lo_write(conn, 0, "data", (size_t) -1));
	INT(lo_lseek(conn, -1, 0, 0));
	INT(lo_lseek(conn, 0, 0, 99));
	INT(lo_lseek64(conn, -1, 0, 0));
	INT(lo_lseek64(conn, 0, -9223372036854775807, -1));
	INT(lo_tell(conn, -1));
	INT(lo_tell64(conn, -1));
	INT(lo_truncate(conn, -1, 0));
	INT(lo_truncate(conn, 0, (size_t) 2147483648u));
	INT(lo_truncate64(conn, -1, 0));
	INT(lo_truncate64(conn, 0, -1));
	INT(lo_unlink(conn, 0));
	INT(lo_import(conn, NULL));
	INT(lo_import(conn, ""));
	INT(lo_import(conn, "/nonexistent/file"));
	INT(lo_import(conn, "/"));
	INT(lo_import_with_oid(conn, NULL, 1));
	INT(lo_import_with_oid(conn, "/nonexistent/file", 1));
	INT(lo_export(conn, 0, NULL));
	INT(lo_export(conn, 0, ""));
	INT(lo_export(conn, 0, "/nonexistent/file"));
	INT(lo_export(conn, 1, "/nonexistent/file"));
}

static void
passwords(void)
{
	RESULT(PQchangePassword(conn, NULL, "secret"));
	RESULT(PQchangePassword(conn, "nobody", NULL));
	RESULT(PQchangePassword(conn, "nobody", "secret"));
	PTR(PQencryptPasswordConn(conn, NULL, "u", "md5"));
	PTR(PQencryptPasswordConn(conn, "secret", NULL, "md5"));
	PTR(PQencryptPasswordConn(conn, NULL, "u", "scram-sha-256"));
	PTR(PQencryptPasswordConn(conn, "secret", NULL, "scram-sha-256"));
	PTR(PQencryptPasswordConn(conn, "secret", "u", NULL));
	PTR(PQencryptPasswordConn(conn, "secret", "u", ""));
	PTR(PQencryptPasswordConn(conn, "secret", "u", "nonsense"));
	STR(PQencryptPasswordConn(conn, "secret", "u", "md5"));
	STR(PQencryptPasswordConn(conn, "", "", "md5"));
}

static void
passwords_without(void)
{
	STR(PQencryptPassword(NULL, "u"));
	STR(PQencryptPassword("secret", NULL));
	STR(PQencryptPassword("", ""));
}

int
main(int argc, char **argv)
{
	begin(argc, argv);
	on_every_connection(fastpath);
	on_every_connection(large_objects);
	on_every_connection(passwords);
	passwords_without();
	return 0;
}
