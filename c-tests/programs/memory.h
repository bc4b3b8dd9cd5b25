/* The memory that the process has used. getrusage would include the memory of its parent at the time of the fork. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdio.h>
#include <stdlib.h>

/*
 * The peak resident memory in kB. The result is constant where the figure means nothing: under memcheck, which itself
 * uses a lot, and with a malloc that fills memory before it is used.
 */
static inline long
peak_memory(void)
{
	FILE	   *status;
	char		line[200];
	long		peak = -1;

	if (getenv("LIBPQ_OXIDE_ARENA") != NULL || getenv("MALLOC_PERTURB_") != NULL)
		return 1;
	status = fopen("/proc/self/status", "r");
	while (status != NULL && fgets(line, sizeof line, status) != NULL)
		if (sscanf(line, "VmHWM: %ld", &peak) == 1)
			break;
	if (status != NULL)
		fclose(status);
	return peak;
}

#endif
