#include "common/mem.h"

#include "common/fatal.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL = 1024 };

static void *checked(void *block, size_t size) {
    if (block == NULL && size != 0) {
        fatal_say("hookshift: out of memory asking for %zu bytes", size);
        abort();
    }
    return block;
}

void *mem_alloc(size_t size) {
    return checked(malloc(size), size);
}

/* calloc() does not look at the blocks that malloc() keeps at hand for the thread, and takes a lock. */
void *mem_zalloc(size_t size) {
    if (size > SMALL)
        return checked(calloc(1, size), size);
    void *block = mem_alloc(size);
    return size == 0 ? block : memset(block, 0, size);
}

void *mem_array(size_t count, size_t size) {
    return checked(calloc(count, size), count == 0 ? 0 : size);
}

void *mem_resize(void *block, size_t size) {
    return checked(realloc(block, size), size);
}

void *mem_copy(const void *from, size_t size) {
    void *copy = mem_alloc(size == 0 ? 1 : size);
    if (size != 0)
        memcpy(copy, from, size);
    return copy;
}

char *mem_strdup(const char *text) {
    return mem_copy(text, strlen(text) + 1);
}

void mem_free(void *block) {
    free(block);
}

void mem_wipe(void *block, size_t size) {
    explicit_bzero(block, size);
}

/* Each of these ends the allocator's own search for a threshold, hence all of them. */
void mem_use_one_heap(void) {
    enum { MIB = 1024 * 1024 };
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TOP_PAD, MIB);
    mallopt(M_TRIM_THRESHOLD, 4 * MIB);
    mallopt(M_MMAP_THRESHOLD, MIB);
}

void mem_return_unused(void) {
    malloc_trim(0);
}
