/*
 * Touches memory, in huge pages if possible, and exits.
 *
 *     warm MEGABYTES
 *
 * A virtual machine may return free memory to its host. The next process that gets this memory then waits for the
 * host, up to ten times as long as the kernel needs to clear it. After this program the memory is present, as it
 * would be on a physical machine.
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
	/* A kernel without huge pages returns an error; small pages are used then. */
	(void) madvise(memory, size, MADV_HUGEPAGE);
	for (size_t at = 0; at < size; at += PAGE)
		memory[at] = 1;
	return 0;
}
