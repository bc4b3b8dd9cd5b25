/*
 * For LD_PRELOAD: the name two.test resolves to the addresses in TWO_TEST, which are separated by commas, in this
 * order.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
	lookup	   *real = (lookup *) dlsym(RTLD_NEXT, "getaddrinfo");
	struct addrinfo **end = result;
	char	   *addresses,
			   *rest;

	if (node == NULL || strcmp(node, "two.test") != 0)
		return real(node, service, hints, result);
	rest = addresses = strdup(getenv("TWO_TEST"));
	for (char *address; (address = strsep(&rest, ",")) != NULL;)
	{
		int			failed = real(address, service, hints, end);

		if (failed)
			return failed;
		while (*end != NULL)
			end = &(*end)->ai_next;
	}
	free(addresses);
	return 0;
}
