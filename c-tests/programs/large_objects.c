/* large_objects CONNINFO DIRECTORY: every lo_ function and PQfn; DIRECTORY is empty and writable. */
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common.h"
#include "libpq/libpq-fs.h"

#define OID 77001

static PGconn *conn;
static const char *directory;

static void
number(const char *label, long long value)
{
	fact_int(label, value);
	if (*PQerrorMessage(conn) != '\0')
		fact("  connection", PQerrorMessage(conn));
}

/* The path of a file, valid until the next call. */
static const char *
in_directory(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	return path;
}

/* Error texts without the directory, which differs from run to run. */
static void
file_number(const char *label, long long value)
{
	const char *text = PQerrorMessage(conn);
	const char *found = strstr(text, directory);

	fact_int(label, value);
	if (found != NULL)
	{
		printf("  connection: ");
		print_bytes(text, (size_t) (found - text));
		print_text(found + strlen(directory));
		putchar('\n');
	}
	else if (*text != '\0')
		fact("  connection", text);
}

static void
make_file(const char *name, size_t size)
{
	FILE	   *file = fopen(in_directory(name), "w");

	for (size_t i = 0; i < size; i++)
		putc((int) (i * 7 % 251), file);
	fclose(file);
}

static void
look_at_file(const char *name)
{
	FILE	   *file = fopen(in_directory(name), "r");
	unsigned long sum = 0;
	long		size = 0;
	int			c;
	struct stat status;

	if (file == NULL)
	{
		printf("%s: none\n", name);
		return;
	}
	for (; (c = getc(file)) != EOF; size++)
		sum = sum * 31 + (unsigned long) c;
	fstat(fileno(file), &status);
	fclose(file);
	printf("%s: %ld bytes, sum %lu, mode %o\n", name, size, sum, (unsigned) status.st_mode & 0777);
}

static void
operations(void)
{
	char		buffer[100];
	Oid			made;
	int			fd;

	heading("operations");
	must(conn, "BEGIN");
	number("lo_create", lo_create(conn, OID));
	made = lo_creat(conn, INV_READ | INV_WRITE);
	number("lo_creat", made != 0);
	number("unlink it", lo_unlink(conn, made));
	fd = lo_open(conn, OID, INV_READ | INV_WRITE);
	number("lo_open", fd);
	number("lo_write", lo_write(conn, fd, "hello, large object", 19));
	number("write nothing", lo_write(conn, fd, "", 0));
	number("lo_tell", lo_tell(conn, fd));
	number("lo_tell64", lo_tell64(conn, fd));
	number("lo_lseek", lo_lseek(conn, fd, 7, SEEK_SET));
	memset(buffer, '#', sizeof buffer);
	number("lo_read", lo_read(conn, fd, buffer, 5));
	print_bytes(buffer, 8);
	putchar('\n');
	number("read on", lo_read(conn, fd, buffer, sizeof buffer));
	print_bytes(buffer, 8);
	putchar('\n');
	number("at the end", lo_read(conn, fd, buffer, sizeof buffer));
	number("from the end", lo_lseek(conn, fd, -6, SEEK_END));
	number("on", lo_lseek64(conn, fd, 1, SEEK_CUR));
	number("far", lo_lseek64(conn, fd, INT64_C(5000000000), SEEK_SET));
	number("lo_tell64", lo_tell64(conn, fd));
	number("lo_truncate", lo_truncate(conn, fd, 5));
	number("size", lo_lseek(conn, fd, 0, SEEK_END));
	number("lo_truncate64", lo_truncate64(conn, fd, INT64_C(3000000000)));
	number("size", lo_lseek64(conn, fd, 0, SEEK_END));
	number("lo_close", lo_close(conn, fd));
	number("lo_unlink", lo_unlink(conn, OID));
	must(conn, "COMMIT");
}

static void
one_error(const char *label, long long (*operation) (void))
{
	must(conn, "BEGIN");
	lo_create(conn, OID);
	number(label, operation());
	must(conn, "ROLLBACK");
}

static long long
open_nothing(void)
{
	return lo_open(conn, 4, INV_READ);
}

static long long
unlink_nothing(void)
{
	return lo_unlink(conn, 4);
}

static long long
close_nothing(void)
{
	return lo_close(conn, 99);
}

static long long
create_twice(void)
{
	return lo_create(conn, OID);
}

static long long
read_nothing(void)
{
	char		buffer[10];

	return lo_read(conn, 99, buffer, sizeof buffer);
}

static long long
write_read_only(void)
{
	int			fd = lo_open(conn, OID, INV_READ);

	return lo_write(conn, fd, "x", 1);
}

static long long
tell_far(void)
{
	int			fd = lo_open(conn, OID, INV_WRITE | INV_READ);

	lo_lseek64(conn, fd, INT64_C(5000000000), SEEK_SET);
	return lo_tell(conn, fd);
}

static long long
seek_oddly(void)
{
	int			fd = lo_open(conn, OID, INV_READ);

	return lo_lseek64(conn, fd, 0, 77);
}

static long long
truncate_below(void)
{
	int			fd = lo_open(conn, OID, INV_WRITE);

	return lo_truncate64(conn, fd, -1);
}

static long long
read_too_much(void)
{
	return lo_read(conn, 0, NULL, (size_t) INT_MAX + 1);
}

static long long
write_too_much(void)
{
	return lo_write(conn, 0, NULL, (size_t) -1);
}

static long long
truncate_too_far(void)
{
	return lo_truncate(conn, 0, (size_t) INT_MAX + 1);
}

static long long
in_pipeline(void)
{
	long long	answer;

	PQenterPipelineMode(conn);
	answer = lo_open(conn, OID, INV_READ);
	PQexitPipelineMode(conn);
	return answer;
}

static void
errors(void)
{
	heading("errors");
	one_error("open nothing", open_nothing);
	one_error("unlink nothing", unlink_nothing);
	one_error("close nothing", close_nothing);
	one_error("create twice", create_twice);
	one_error("read nothing", read_nothing);
	one_error("write read-only", write_read_only);
	one_error("tell far", tell_far);
	one_error("seek oddly", seek_oddly);
	one_error("truncate below", truncate_below);
	one_error("read too much", read_too_much);
	one_error("write too much", write_too_much);
	one_error("truncate too far", truncate_too_far);
	one_error("in a pipeline", in_pipeline);
	number("outside of a transaction", lo_open(conn, 4, INV_READ));
	must(conn, "BEGIN");
	show_exec(conn, "SELECT 1/0");
	number("in an aborted transaction", lo_creat(conn, 0));
	must(conn, "ROLLBACK");
}

static void
files(void)
{
	Oid			made;

	heading("files");
	umask(022);
	make_file("chunks", 8192 * 3 + 5);
	make_file("exact", 8192 * 2);
	make_file("empty", 0);
	must(conn, "BEGIN");
	file_number("lo_import_with_oid", lo_import_with_oid(conn, in_directory("chunks"), OID));
	file_number("lo_export", lo_export(conn, OID, in_directory("back")));
	look_at_file("chunks");
	look_at_file("back");
	made = lo_import(conn, in_directory("exact"));
	file_number("lo_import", made != 0);
	file_number("over it", lo_export(conn, made, in_directory("back")));
	look_at_file("back");
	made = lo_import_with_oid(conn, in_directory("empty"), 0);
	file_number("empty", made != 0);
	file_number("over it", lo_export(conn, made, in_directory("back")));
	look_at_file("back");
	file_number("no file", lo_import(conn, in_directory("nothing")));
	file_number("no name", lo_import(conn, ""));
	file_number("a directory", lo_import(conn, in_directory("")));
	file_number("no directory", lo_export(conn, OID, in_directory("no/file")));
	file_number("still well", lo_export(conn, OID, in_directory("back")));
	file_number("full", lo_export(conn, OID, "/dev/full"));
	must(conn, "ROLLBACK");
	must(conn, "BEGIN");
	file_number("import", lo_import_with_oid(conn, in_directory("empty"), OID));
	file_number("import again", lo_import_with_oid(conn, in_directory("empty"), OID));
	must(conn, "ROLLBACK");
	must(conn, "BEGIN");
	file_number("export nothing", lo_export(conn, 4, in_directory("never")));
	look_at_file("never");
	must(conn, "ROLLBACK");
	file_number("outside of a transaction", lo_import(conn, in_directory("chunks")));
}

static PQArgBlock
integer(int size, int value)
{
	PQArgBlock	arg = {size, 1, {NULL}};

	arg.u.integer = value;
	return arg;
}

static PQArgBlock
bytes(const char *value, int size)
{
	PQArgBlock	arg = {size, 0, {NULL}};

	arg.u.ptr = (int *) (void *) value;
	return arg;
}

static Oid
function(const char *signature)
{
	const char *values[] = {signature};
	PGresult   *res = PQexecParams(conn, "SELECT $1::regprocedure::oid", 1, NULL, values, NULL, NULL, 0);
	Oid			oid = (Oid) strtoul(PQgetvalue(res, 0, 0), NULL, 10);

	PQclear(res);
	return oid;
}

static void
fast_path(const char *signature, int is_int, const PQArgBlock *args, int nargs)
{
	int			buffer[8];
	int			length = 12345;

	memset(buffer, '#', sizeof buffer);
	printf("-- %s\n", signature);
	show(PQfn(conn, (int) function(signature), buffer, &length, is_int, args, nargs));
	fact_int("length", length);
	if (is_int)
		fact_int("integer", buffer[0]);
	print_bytes((char *) buffer, sizeof buffer);
	putchar('\n');
	if (*PQerrorMessage(conn) != '\0')
		fact("  connection", PQerrorMessage(conn));
}

static void
functions(void)
{
	PQArgBlock	args[3];
	int			place = 0;
	int			length = 0;

	heading("PQfn");
	args[0] = integer(4, 40);
	args[1] = integer(4, 2);
	fast_path("int4pl(int,int)", 1, args, 2);
	fast_path("int4pl(int,int)", 0, args, 2);
	args[1] = integer(4, -41);
	fast_path("int4pl(int,int)", 1, args, 2);
	args[1] = integer(-1, 0);
	fast_path("int4pl(int,int)", 1, args, 2);
	args[0] = integer(2, -3);
	args[1] = integer(2, 1);
	fast_path("int2pl(int2,int2)", 1, args, 2);
	args[0] = bytes("one ", 4);
	args[1] = bytes("two", 3);
	fast_path("textcat(text,text)", 0, args, 2);
	args[1] = bytes("", 0);
	fast_path("textcat(text,text)", 0, args, 2);
	args[1] = bytes(NULL, -1);
	fast_path("textcat(text,text)", 0, args, 2);
	args[0] = integer(4, 1);
	args[1] = integer(4, 0);
	fast_path("int4div(int,int)", 1, args, 2);
	fast_path("int4pl(int,int)", 1, args, 1);
	args[0] = integer(3, 1);
	fast_path("int4pl(int,int)", 1, args, 2);
	args[0] = bytes("{}", 2);
	fast_path("pg_notify(text,text)", 0, args, 1);
	must(conn, "CREATE FUNCTION warn(int) RETURNS int LANGUAGE plpgsql AS "
		 "$$ BEGIN RAISE NOTICE 'got %', $1; RETURN $1 + 1; END $$");
	args[0] = integer(4, 1);
	fast_path("warn(int)", 1, args, 1);
	show(PQfn(conn, 1, &place, &length, 1, NULL, 0));
	fact("connection", PQerrorMessage(conn));
	PQsendQuery(conn, "SELECT 1");
	show(PQfn(conn, 1, &place, &length, 1, NULL, 0));
	fact("connection", PQerrorMessage(conn));
	show(PQgetResult(conn));
	show(PQgetResult(conn));
	PQenterPipelineMode(conn);
	show(PQfn(conn, 1, &place, &length, 1, NULL, 0));
	fact("connection", PQerrorMessage(conn));
	PQexitPipelineMode(conn);
	length = 9;
	show(PQfn(NULL, 1, &place, &length, 1, NULL, 0));
	fact_int("length", length);
}

static void
lost(const char *conninfo)
{
	char		buffer[4];

	heading("no connection");
	fact_int("NULL", lo_open(NULL, 1, INV_READ));
	fact_int("NULL", lo_create(NULL, 1));
	fact_int("NULL", lo_read(NULL, 1, buffer, 1));
	fact_int("NULL", lo_tell64(NULL, 1));
	fact_int("NULL", lo_import(NULL, "/nonexistent"));
	fact_int("NULL", lo_export(NULL, 1, "/nonexistent"));
	must(conn, "BEGIN");
	number("before", lo_create(conn, 0) != 0);
	PQreset(conn);
	must(conn, "BEGIN");
	number("after a reset", lo_create(conn, 0) != 0);
	must(conn, "ROLLBACK");
	show_exec(conn, "SELECT pg_terminate_backend(pg_backend_pid())");
	number("terminated", lo_open(conn, 1, INV_READ));
	number("import", lo_import(conn, "/dev/null"));
	PQfinish(conn);
	conn = connect_or_die(conninfo);
}

int
main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	directory = argv[2];
	conn = connect_or_die(argv[1]);
	operations();
	errors();
	files();
	functions();
	lost(argv[1]);
	PQfinish(conn);
	return 0;
}
