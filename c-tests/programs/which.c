/* Prints which libpq it runs with; it can also hang, print without end or abort, for the tests of the runner. */
#define _GNU_SOURCE
#include <dlfcn.h>

#include "common.h"

int
main(int argc, char **argv)
{
	Dl_info		info;
	char		path[4096];

	if (argc > 1 && strcmp(argv[1], "hang") == 0)
		for (;;)
			pause();
	if (argc > 1 && strcmp(argv[1], "chatter") == 0)
		for (;;)
			puts("and so on, and so on, and so on, and so on, and so on, and so on, and so on, and so on");
	if (argc > 1 && strcmp(argv[1], "abort") == 0)
		abort();
	if (dladdr(dlsym(RTLD_DEFAULT, "PQlibVersion"), &info) == 0 || realpath(info.dli_fname, path) == NULL)
		return 1;
	printf("%s\nversion %d\n", path, PQlibVersion());
	return 0;
}
