/* Function calls and large objects. */
#include "operations.h"
#include "libpq/libpq-fs.h"

int
function_call(void)
{
	PQArgBlock	argument = {4, 1, {.integer = 7}};
	int			value = 0,
				length;
	PGresult   *res;

	/* int4 negation */
	ARMED(res = PQfn(conn, 212, &value, &length, 1, &argument, 1));
	if (!has_status(res, PGRES_COMMAND_OK))
		return unexpected(res);
	PQclear(res);
	return wrong_if(value != -7, "a wrong value");
}

int
large_objects(void)
{
	static char block[20000],
				back[sizeof block];
	PGresult   *res = armed_exec("BEGIN");
	Oid			object;
	int			descriptor,
				count;

	if (!has_status(res, PGRES_COMMAND_OK))
		return unexpected(res);
	PQclear(res);
	memset(block, 'b', sizeof block);
	ARMED(object = lo_create(conn, 0));
	if (object == 0)
		return failed(PQerrorMessage(conn));
	ARMED(descriptor = lo_open(conn, object, INV_READ | INV_WRITE));
	if (descriptor < 0)
		return failed(PQerrorMessage(conn));
	ARMED(count = lo_write(conn, descriptor, block, sizeof block));
	if (count != sizeof block)
		return failed(PQerrorMessage(conn));
	ARMED(count = lo_lseek(conn, descriptor, 0, SEEK_SET));
	if (count != 0)
		return failed(PQerrorMessage(conn));
	ARMED(count = lo_read(conn, descriptor, back, sizeof back));
	if (count < 0)
		return failed(PQerrorMessage(conn));
	if (count != sizeof back || memcmp(block, back, sizeof back) != 0)
		return wrong("wrong bytes");
	ARMED(count = lo_close(conn, descriptor));
	if (count < 0)
		return failed(PQerrorMessage(conn));
	ARMED(count = lo_export(conn, object, "/dev/null"));
	if (count < 0)
		return failed(PQerrorMessage(conn));
	ARMED(object = lo_import(conn, "/proc/self/exe"));
	return object != 0 ? FINE : failed(PQerrorMessage(conn));
}
