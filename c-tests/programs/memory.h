/*
 * How much memory the process has used. getrusage would count what its parent had when it forked.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdio.h>

/* The most that was resident, in kB. */
static inline long
peak_memory(void)
{
	FILE	   *status = fopen("/proc/self/status", "r");
	char		line[200];
	long		peak = -1;

	while (status != NULL && fgets(line, sizeof line, status) != NULL)
		if (sscanf(line, "VmHWM: %ld", &peak) == 1)
			break;
	if (status != NULL)
		fclose(status);
	return peak;
}

#endif
