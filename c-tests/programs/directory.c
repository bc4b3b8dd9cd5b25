/*
 * For each service named as an argument: the error text of the connection attempt, and the parameters that the
 * service set.
 */
#include "common.h"

static void
show_service(const char *service)
{
	const char *keywords[] = {"service", NULL};
	const char *values[] = {service, NULL};
	PGconn	   *conn = PQconnectdbParams(keywords, values, 0);
	PQconninfoOption *options = PQconninfo(conn);

	printf("%s: ", service);
	print_bytes(PQerrorMessage(conn), strlen(PQerrorMessage(conn)));
	for (PQconninfoOption *option = options; option && option->keyword; option++)
		if (option->val && (!strcmp(option->keyword, "host") || !strcmp(option->keyword, "port") ||
							!strcmp(option->keyword, "user")))
			printf(" %s=%s", option->keyword, option->val);
	printf("\n");
	PQconninfoFree(options);
	PQfinish(conn);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		show_service(argv[i]);
	return 0;
}
