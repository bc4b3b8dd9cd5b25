/*
 * Touches memory in huge pages where the kernel grants them, and ends.
 *
 *     warm MEGABYTES
 *
 * A virtual machine may hand free blocks back to its host; whoever is given such a block next waits for the host, up to
 * ten times as long as the kernel takes to clear it. The run that follows finds blocks that are there, as it would on a
 * machine of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE 4096

int
main(int argc, char **argv)
{
	size_t		size = argc == 2 ? (size_t) atol(argv[1]) << 20 : 0;
	char	   *memory;

	if (size == 0)
		return 2;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
	{
		perror("mmap");
		return 1;
	}
	/* A kernel without huge pages refuses, and small ones do. */
	(void) madvise(memory, size, MADV_HUGEPAGE);
	for (size_t at = 0; at < size; at += PAGE)
		memory[at] = 1;
	return 0;
}
