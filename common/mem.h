/* Heap memory. Running out of it is not an error that a caller could mend: the process says so and aborts, and
 * what was acknowledged is in the store. Sizes that come from outside are bounded before they get here. */
#ifndef COMMON_MEM_H
#define COMMON_MEM_H

#include "common/base.h"

void *mem_alloc(size_t size) MUST_USE;               /* not cleared */
void *mem_zalloc(size_t size) MUST_USE;              /* cleared */
void *mem_array(size_t count, size_t size) MUST_USE; /* cleared; aborts on overflow of count * size */
void *mem_resize(void *block, size_t size) MUST_USE; /* realloc */
void *mem_copy(const void *from, size_t size) MUST_USE;
char *mem_strdup(const char *text) MUST_USE;
void mem_free(void *block);

/* Once, before there are threads: one heap for all of them, which grows and shrinks by a mebibyte. A heap of a thread's
 * own grows page by page, with a system call for each. */
void mem_use_one_heap(void);

/* Gives memory that is free back to the system, which the allocator does by itself only where it is at the end of a
 * heap. Milliseconds: for when much was freed. */
void mem_return_unused(void);

/* Overwrites with zeros in a way that the compiler may not leave out: for secrets. */
void mem_wipe(void *block, size_t size);

#define MEM_NEW(type)          ((type *)mem_zalloc(sizeof(type)))
#define MEM_ARRAY(count, type) ((type *)mem_array((count), sizeof(type)))

#endif
