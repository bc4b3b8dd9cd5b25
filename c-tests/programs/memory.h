/*
 * How much memory the process has used. getrusage would count what its parent had when it forked.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdio.h>
#include <stdlib.h>

/*
 * The most that was resident, in kB. It never grows where asking makes no sense: under memcheck, which has much of its
 * own, and with a malloc that fills what nobody has used.
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
