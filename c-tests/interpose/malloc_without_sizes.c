/*
 * A malloc replacement without malloc_usable_size. libc's function of that name does not know these blocks: it would read
 * the number in front of each block, and return a size of almost 4,000 bytes.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

typedef struct Header
{
	void	   *block;
	size_t		size;
	size_t		unused;
	size_t		wrong_size;		/* where libc keeps the size of its own blocks */
} Header;

static void *
allocate(size_t alignment, size_t size)
{
	size_t		space = alignment < sizeof(Header) ? sizeof(Header) : alignment;
	char	   *block;
	Header	   *header;

	if (size > PTRDIFF_MAX - space)
	{
		errno = ENOMEM;
		return NULL;
	}
	block = __libc_memalign(alignment, space + size);
	if (block == NULL)
		return NULL;
	header = (Header *) (block + space) - 1;
	*header = (Header) {.block = block, .size = size, .wrong_size = 0xfa2};
	return block + space;
}

void *
malloc(size_t size)
{
	return allocate(16, size);
}

void
free(void *memory)
{
	if (memory != NULL)
		__libc_free(((Header *) memory)[-1].block);
}

void *
calloc(size_t count, size_t size)
{
	void	   *memory;

	if (size != 0 && count > SIZE_MAX / size)
	{
		errno = ENOMEM;
		return NULL;
	}
	memory = malloc(count * size);
	return memory == NULL ? NULL : memset(memory, 0, count * size);
}

void *
realloc(void *memory, size_t size)
{
	void	   *moved = malloc(size);
	size_t		old;

	if (moved == NULL || memory == NULL)
		return moved;
	old = ((Header *) memory)[-1].size;
	memcpy(moved, memory, old < size ? old : size);
	free(memory);
	return moved;
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	return allocate(alignment, size);
}

void *
memalign(size_t alignment, size_t size)
{
	return allocate(alignment, size);
}

int
posix_memalign(void **memory, size_t alignment, size_t size)
{
	*memory = allocate(alignment, size);
	return *memory == NULL ? ENOMEM : 0;
}
