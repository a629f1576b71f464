/* yajl takes five blocks to read a text without escapes, the largest of which has a byte for each open level: they are
 * cut from one room one after the other, and none is used again. */
#include "common/json_memory.h"

#include "common/mem.h"

#include <string.h>

struct block {
    size_t size;
    _Alignas(16) char bytes[];
};

static bool is_within(const struct json_memory *memory, const struct block *block) {
    return (uintptr_t)block - (uintptr_t)memory->room < sizeof memory->room;
}

static struct block *take(struct json_memory *memory, size_t size) {
    size_t room = (size + 15) & ~(size_t)15;
    if (room > sizeof memory->room - memory->used)
        return mem_alloc(size);
    memory->used += room;
    return (void *)(memory->room + memory->used - room);
}

static void *allocate(void *arg, size_t size) {
    struct block *made = take(arg, sizeof *made + size);
    made->size = size;
    return made->bytes;
}

static void release(void *arg, void *bytes) {
    if (bytes == NULL)
        return;
    struct block *gone = CONTAINER_OF(bytes, struct block, bytes);
    if (is_within(arg, gone))
        return;
    mem_wipe(gone->bytes, gone->size);
    mem_free(gone);
}

static void *resize(void *arg, void *bytes, size_t size) {
    void *moved = allocate(arg, size);
    if (bytes == NULL)
        return moved;
    size_t had = CONTAINER_OF(bytes, struct block, bytes)->size;
    memcpy(moved, bytes, had < size ? had : size);
    release(arg, bytes);
    return moved;
}

void json_memory_begin(struct json_memory *memory, yajl_alloc_funcs *functions) {
    memory->used = 0;
    *functions = (yajl_alloc_funcs){.malloc = allocate, .realloc = resize, .free = release, .ctx = memory};
}

void json_memory_end(struct json_memory *memory) {
    mem_wipe(memory->room, memory->used);
}
